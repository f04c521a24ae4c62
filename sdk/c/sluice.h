/* Write Sluice policies in C: the contract sluice:policy@0.1.0 as plain structs.
 *
 * A policy defines sluice_configure, and of sluice_session, sluice_decide and sluice_transform those
 * that it answers; what it does not define is denied. The structs are laid out as the contract passes
 * them, so nothing is converted. Compile sluice.c with the policy.
 *
 * Memory: what the facts return, what sluice_alloc gives and what is passed to a hook lives until the
 * hook has returned. What must live longer (the settings) comes from malloc or sluice_keep.
 */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of UTF-8, without a NUL at the end. */
typedef struct {
    const char *ptr;
    size_t len;
} sluice_text;

/* A text from a string constant. */
#define SLUICE_TEXT(constant) ((sluice_text){(constant), sizeof(constant) - 1})

typedef struct {
    const sluice_text *ptr;
    size_t len;
} sluice_texts;

/* ---- What is asked: see wit/policy.wit for the meaning of each field. ---- */

typedef struct {
    uint32_t relation_oid;
    int16_t attribute;
    sluice_text schema;
    sluice_text relation;
    sluice_text name;
    sluice_text type_name;
} sluice_column;

typedef struct {
    sluice_column column;
    sluice_text used;
    uint32_t statement;
} sluice_column_use;

typedef struct {
    bool has_oid;
    uint32_t oid;
    sluice_text schema;
    sluice_text name;
    sluice_text access;
    uint32_t statement;
} sluice_relation_use;

typedef struct {
    sluice_text kind;
    sluice_text class_name;
    sluice_text restriction;
} sluice_statement;

typedef struct {
    sluice_text schema;
    sluice_text name;
    uint32_t statement;
} sluice_function_use;

typedef struct {
    sluice_text reason;
    sluice_text detail;
    uint32_t statement;
} sluice_opaque_part;

typedef struct {
    bool is_some;
    sluice_text text;
} sluice_optional_text;

#define SLUICE_LIST(name, type)                                                                                       \
    typedef struct {                                                                                                  \
        const type *ptr;                                                                                              \
        size_t len;                                                                                                   \
    } name

SLUICE_LIST(sluice_columns, sluice_column);
SLUICE_LIST(sluice_column_uses, sluice_column_use);
SLUICE_LIST(sluice_relation_uses, sluice_relation_use);
SLUICE_LIST(sluice_statements, sluice_statement);
SLUICE_LIST(sluice_function_uses, sluice_function_use);
SLUICE_LIST(sluice_opaque_parts, sluice_opaque_part);
SLUICE_LIST(sluice_optional_texts, sluice_optional_text);

/* The facts. Each call asks the gateway: ask once and keep the answer. */
sluice_text sluice_subject(void);
sluice_text sluice_issuer(void);
sluice_optional_text sluice_email(void);
sluice_texts sluice_groups(void);
sluice_optional_text sluice_claim(sluice_text name);
sluice_texts sluice_actors(void);
sluice_text sluice_database(void);
sluice_text sluice_application(void);
/* In sluice_session only; empty elsewhere. */
sluice_columns sluice_catalog(void);
/* In sluice_decide only; empty elsewhere. */
sluice_statements sluice_statements_of_request(void);
sluice_relation_uses sluice_relations(void);
sluice_column_uses sluice_columns_used(void);
sluice_function_uses sluice_functions(void);
sluice_opaque_parts sluice_opaque(void);
sluice_text sluice_request_text(void);
sluice_optional_texts sluice_parameters(void);
/* False while the statement is only being prepared: it is decided again before it runs. */
bool sluice_executing(void);
/* For each statement what restricts the rows that the client gets of it; "" where it is no query. */
sluice_texts sluice_row_restrictions(void);
/* Those uses of columns whose column some policy protects from this session. */
sluice_column_uses sluice_protected_columns(void);
/* In sluice_session and sluice_decide: by which rule a column is transformed that is protected by custom, a number of your
 * own. A value that belongs to columns of several rules is NULL; where nothing is said of a column, its name stands for
 * the rule. */
void sluice_transform_by(const sluice_column *column, uint32_t rule);
/* In sluice_transform: the rule of the column at this position, if one was said. */
bool sluice_transformed_by(uint32_t position, uint32_t *rule);

/* Grants: a policy that calls one imports it, and the operator must grant it. A policy that calls sluice_granted is
 * loaded without them too; what is not granted then fails when it is called, and refuses. */
bool sluice_granted(sluice_text name);
/* Grant "log". */
void sluice_log(sluice_text level, sluice_text message);
/* Grant "clock": milliseconds since 1970. */
uint64_t sluice_now(void);
/* Grant "counters": the sum of the window; with an amount added; and added only where it stays within the limit. */
uint64_t sluice_count(sluice_text key, uint32_t window_seconds);
uint64_t sluice_count_add(sluice_text key, uint32_t window_seconds, uint64_t amount);
bool sluice_count_take(sluice_text key, uint32_t window_seconds, uint64_t amount, uint64_t limit);
/* Grant "counters": ends results in place of the first row beyond the limit; a window of 0 is this request alone. */
enum { SLUICE_COUNT_EVERY, SLUICE_COUNT_PROTECTED };
void sluice_limit_rows(sluice_text key, uint32_t window_seconds, uint64_t limit, uint8_t counted, sluice_text reason,
                       sluice_text hint);
/* Grant "keyed": what the mask keyed-hash makes of the text. */
sluice_text sluice_token(sluice_text key_name, sluice_text value);
/* Grant "tables". */
sluice_optional_text sluice_lookup(sluice_text table, sluice_text key);
bool sluice_contains(sluice_text table, sluice_text key);

/* True for a member of the group. */
bool sluice_is_member(sluice_text group);

/* ---- What is answered. ---- */

enum { SLUICE_MASK_NULL, SLUICE_MASK_FIXED, SLUICE_MASK_KEEP_FIRST, SLUICE_MASK_KEEP_LAST, SLUICE_MASK_KEYED_HASH,
       SLUICE_MASK_CUSTOM };

typedef struct {
    uint8_t kind;
    union {
        sluice_text text;    /* of fixed: the text; of keyed-hash: the name of the key */
        uint32_t characters; /* of keep-first and keep-last */
    } of;
} sluice_mask;

enum { SLUICE_DERIVED_DENY, SLUICE_DERIVED_HOLD, SLUICE_DERIVED_NULL };
enum { SLUICE_FILTER_DENY, SLUICE_FILTER_EQUALITY, SLUICE_FILTER_ALLOW };

typedef struct {
    uint32_t relation_oid;
    int16_t attribute;
    sluice_mask mask;
    uint8_t derived;
    uint8_t filter;
} sluice_protection;

SLUICE_LIST(sluice_protections, sluice_protection);

/* Zero denies. */
enum { SLUICE_DENY, SLUICE_ALLOW, SLUICE_HOLD };

typedef struct {
    uint8_t kind;
    union {
        struct {
            sluice_text reason;
            sluice_text hint;
        } denial;
        struct {
            sluice_text reason;
            sluice_texts approvers;
            uint32_t approvals;
            uint32_t ttl_seconds;
        } hold;
    } of;
} sluice_effect;

enum { SLUICE_RECORD_STATEMENT, SLUICE_RECORD_RESULTS };
enum { SLUICE_REUSE_ONCE, SLUICE_REUSE_TEXT, SLUICE_REUSE_SHAPE };

typedef struct {
    sluice_effect effect;
    sluice_protections protections;
    uint8_t recording;
    uint8_t reuse;
    sluice_text note;
} sluice_decision;

typedef struct {
    sluice_effect effect;
    sluice_protections protections;
    sluice_texts trusted;
} sluice_session_decision;

sluice_effect sluice_allow(void);
sluice_effect sluice_deny(sluice_text reason, sluice_text hint);
/* One approval within a quarter of an hour; change the fields for more. */
sluice_effect sluice_hold(sluice_text reason, sluice_texts approvers);

/* Masks the column; expressions, copies and filters over it are refused. */
sluice_protection sluice_protect(const sluice_column *column, sluice_mask mask);

/* ---- Values of a column of some rows. ---- */

typedef struct {
    uint32_t position;
    sluice_column column;
    uint32_t type_oid;
    bool binary;
} sluice_result_column;

/* Value i is data[offsets[i]] to data[offsets[i + 1]]; a bit of nulls a row, or none where no value is NULL. */
typedef struct {
    uint32_t *offsets;
    size_t offsets_len;
    uint8_t *nulls;
    size_t nulls_len;
    uint8_t *data;
    size_t data_len;
} sluice_chunk;

static inline size_t sluice_rows(const sluice_chunk *chunk) {
    return chunk->offsets_len - 1;
}

static inline bool sluice_is_null(const sluice_chunk *chunk, size_t row) {
    return chunk->nulls_len != 0 && (chunk->nulls[row / 8] >> (row % 8) & 1) != 0;
}

/* Memory until the hook has returned; never NULL. */
void *sluice_alloc(size_t bytes);

/* Writes what replaces a value to `to`, at most `len` bytes, and returns how many. */
typedef size_t (*sluice_replace)(const uint8_t *value, size_t len, uint8_t *to);

/* What follows is for each value of many rows, so it is inlined, and short values are written by stores that may
 * overlap: a call of memcpy or memset is dear in a component. */

/* Replaces each value that is not NULL. */
static inline void sluice_map(sluice_chunk *chunk, sluice_replace replace) {
    const uint8_t *from = chunk->data;
    uint8_t *replaced = sluice_alloc(chunk->data_len);
    uint8_t *to = replaced;
    /* What it writes might be the chunk itself, for all the compiler knows. */
    const sluice_chunk given = *chunk;
    for (size_t row = 0; row < sluice_rows(&given); row++) {
        const uint8_t *end = given.data + given.offsets[row + 1];
        if (!sluice_is_null(&given, row))
            to += replace(from, (size_t)(end - from), to);
        given.offsets[row + 1] = (uint32_t)(to - replaced);
        from = end;
    }
    chunk->data = replaced;
    chunk->data_len = (size_t)(to - replaced);
}

/* Writes those bytes and returns how many. */
static inline size_t sluice_copy(uint8_t *to, const uint8_t *from, size_t count) {
    if (count > 32) {
        memcpy(to, from, count);
    } else if (count >= 8) {
        if (count > 16) {
            memcpy(to + 8, from + 8, 8);
            memcpy(to + count - 16, from + count - 16, 8);
        }
        memcpy(to, from, 8);
        memcpy(to + count - 8, from + count - 8, 8);
    } else if (count >= 4) {
        memcpy(to, from, 4);
        memcpy(to + count - 4, from + count - 4, 4);
    } else if (count > 0) {
        to[0] = from[0];
        to[count / 2] = from[count / 2];
        to[count - 1] = from[count - 1];
    }
    return count;
}

/* Writes that many stars and returns how many. */
static inline size_t sluice_stars(uint8_t *to, size_t count) {
    if (count > 32)
        memset(to, '*', count);
    else
        sluice_copy(to, (const uint8_t *)"********************************", count);
    return count;
}

/* Up to eight bytes, the first one lowest, and zeros. */
static inline uint64_t sluice_word(const uint8_t *from, size_t count) {
    uint64_t word = 0;
    if (count >= 8) {
        memcpy(&word, from, 8);
    } else if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, from, 4);
        memcpy(&last, from + count - 4, 4);
        word = first | (uint64_t)last << 8 * (count - 4);
    } else if (count > 0) {
        word = from[0] | (uint64_t)from[count / 2] << 8 * (count / 2) | (uint64_t)from[count - 1] << 8 * (count - 1);
    }
    return word;
}

/* How many of eight bytes go on with a character of UTF-8: those that are 10xxxxxx. */
static inline size_t sluice_continued(uint64_t word) {
    const uint64_t each = 0x0101010101010101;
    return (size_t)((word >> 7 & ~word >> 6 & each) * each >> 56);
}

/* How many bytes of UTF-8 begin a character. */
static inline size_t sluice_characters(const uint8_t *value, size_t len) {
    if (len < 8)
        return len - sluice_continued(sluice_word(value, len));
    size_t others = 0;
    size_t i = 0;
    for (; i + 8 < len; i += 8)
        others += sluice_continued(sluice_word(value + i, 8));
    /* The last eight, without those that are counted. */
    return len - others - sluice_continued(sluice_word(value + len - 8, 8) >> 8 * (i + 8 - len));
}

/* ---- What a policy defines. ---- */

/* Reads the settings, JSON text. Returns an empty text, or what is wrong with them. */
sluice_text sluice_configure(sluice_text settings);
sluice_session_decision sluice_session(void);
sluice_decision sluice_decide(void);
/* Replaces the values of one column. Returns an empty text, or why the rows are withheld. */
sluice_text sluice_transform(const sluice_result_column *column, sluice_chunk *values);

/* ---- Texts, memory and settings. ---- */

static inline bool sluice_equal(sluice_text a, sluice_text b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

/* The texts, one after the other, until the hook has returned. */
sluice_text sluice_join(const sluice_text *parts, size_t count);
/* A copy that stays. */
sluice_text sluice_keep(sluice_text text);

/* Settings: a JSON object of texts and lists of texts. What is read from it stays. */
typedef struct {
    sluice_text json;
    sluice_text error; /* the first; empty where all is well so far */
} sluice_settings;

/* Reads settings that may have these names only. */
sluice_settings sluice_settings_of(sluice_text json, const char *const *names, size_t count);
/* A text that must be there. */
sluice_text sluice_setting_text(sluice_settings *settings, const char *name);
/* A list of texts; it must be there unless there is something in its place. */
sluice_texts sluice_setting_texts(sluice_settings *settings, const char *name, const sluice_texts *otherwise);

#endif
