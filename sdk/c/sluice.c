/* The contract's imports and exports, memory, and settings. See sluice.h. */
#include "sluice.h"

#include <stdlib.h>

#define FACT(name) __attribute__((import_module("sluice:policy/facts@0.1.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))
#define HOOKS "sluice:policy/hooks@0.1.0#"
#define TRANSFORM "sluice:policy/transform@0.1.0#"

/* The contract passes these structs as they lie in memory. */
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " is not laid out as the contract says")
SIZE(sluice_column, 40);
SIZE(sluice_column_use, 52);
SIZE(sluice_relation_use, 36);
SIZE(sluice_statement, 24);
SIZE(sluice_function_use, 20);
SIZE(sluice_opaque_part, 20);
SIZE(sluice_optional_text, 12);
SIZE(sluice_mask, 12);
SIZE(sluice_protection, 24);
SIZE(sluice_effect, 28);
SIZE(sluice_decision, 48);
SIZE(sluice_session_decision, 44);
SIZE(sluice_result_column, 52);
SIZE(sluice_chunk, 24);

/* ---- Memory until a hook has returned: blocks that are filled from the start and emptied at once. ---- */

typedef struct block {
    struct block *older;
    size_t size;
    size_t used;
    uint64_t bytes[];
} block;

static block *newest;

static void *take(size_t bytes) {
    bytes = (bytes + 7) & ~(size_t)7;
    if (newest == NULL || newest->size - newest->used < bytes) {
        size_t size = newest == NULL ? 16384 : newest->size * 2;
        if (size < bytes)
            size = bytes;
        block *made = malloc(sizeof(block) + size);
        if (made == NULL)
            __builtin_trap();
        *made = (block){newest, size, 0};
        newest = made;
    }
    void *memory = (char *)newest->bytes + newest->used;
    newest->used += bytes;
    return memory;
}

/* Keeps the newest block, which is the largest. */
static void release(void) {
    if (newest == NULL)
        return;
    while (newest->older != NULL) {
        block *older = newest->older;
        newest->older = older->older;
        free(older);
    }
    newest->used = 0;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
    (void)align;
    void *memory = take(bytes);
    if (old_bytes != 0)
        memcpy(memory, old, old_bytes < bytes ? old_bytes : bytes);
    return memory;
}

void *sluice_alloc(size_t bytes) {
    return take(bytes);
}

static sluice_text joined(char *to, const sluice_text *parts, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        memcpy(to + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    return (sluice_text){to, len};
}

sluice_text sluice_join(const sluice_text *parts, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    return joined(take(len), parts, count);
}

static void *keep(size_t bytes) {
    void *memory = malloc(bytes == 0 ? 1 : bytes);
    if (memory == NULL)
        __builtin_trap();
    return memory;
}

sluice_text sluice_keep(sluice_text text) {
    return joined(keep(text.len), &text, 1);
}

/* ---- Facts ---- */

#define ASKED(function, import, type)                                                                                 \
    FACT(import) void import_##function(type *answer);                                                                \
    type function(void) {                                                                                             \
        type answer;                                                                                                  \
        import_##function(&answer);                                                                                   \
        return answer;                                                                                                \
    }

ASKED(sluice_subject, "subject", sluice_text)
ASKED(sluice_issuer, "issuer", sluice_text)
ASKED(sluice_email, "email", sluice_optional_text)
ASKED(sluice_groups, "groups", sluice_texts)
ASKED(sluice_actors, "actors", sluice_texts)
ASKED(sluice_database, "database", sluice_text)
ASKED(sluice_application, "application", sluice_text)
ASKED(sluice_catalog, "catalog", sluice_columns)
ASKED(sluice_statements_of_request, "statements", sluice_statements)
ASKED(sluice_relations, "relations", sluice_relation_uses)
ASKED(sluice_columns_used, "columns", sluice_column_uses)
ASKED(sluice_functions, "functions", sluice_function_uses)
ASKED(sluice_opaque, "opaque", sluice_opaque_parts)
ASKED(sluice_request_text, "text", sluice_text)
ASKED(sluice_parameters, "parameters", sluice_optional_texts)
ASKED(sluice_row_restrictions, "row-restrictions", sluice_texts)
ASKED(sluice_protected_columns, "protected-columns", sluice_column_uses)

FACT("claim") void import_claim(const char *name, size_t len, sluice_optional_text *answer);
FACT("executing") int32_t import_executing(void);
FACT("transform-by") void import_transform_by(uint32_t relation_oid, int32_t attribute, uint32_t rule);
FACT("transformed-by") void import_transformed_by(uint32_t position, void *answer);

#define GRANT(interface, name)                                                                                        \
    __attribute__((import_module("sluice:policy/" interface "@0.1.0"), import_name(name)))

GRANT("grants", "granted") int32_t import_granted(const char *name, size_t len);
GRANT("log", "write") void import_log(const char *level, size_t level_len, const char *message, size_t message_len);
GRANT("clock", "now") uint64_t import_now(void);
GRANT("counters", "get") uint64_t import_count(const char *key, size_t len, uint32_t window);
GRANT("counters", "add") uint64_t import_add(const char *key, size_t len, uint32_t window, uint64_t amount);
GRANT("counters", "take")
int32_t import_take(const char *key, size_t len, uint32_t window, uint64_t amount, uint64_t limit);
GRANT("counters", "limit-rows")
void import_limit(const char *key, size_t len, uint32_t window, uint64_t limit, int32_t counted, const char *reason,
                  size_t reason_len, const char *hint, size_t hint_len);
GRANT("keyed", "token")
void import_token(const char *key_name, size_t key_len, const char *value, size_t value_len, sluice_text *answer);
GRANT("tables", "lookup")
void import_lookup(const char *table, size_t table_len, const char *key, size_t key_len, sluice_optional_text *answer);
GRANT("tables", "contains")
int32_t import_contains(const char *table, size_t table_len, const char *key, size_t key_len);

sluice_optional_text sluice_claim(sluice_text name) {
    sluice_optional_text answer;
    import_claim(name.ptr, name.len, &answer);
    return answer;
}

bool sluice_executing(void) {
    return import_executing() != 0;
}

void sluice_transform_by(const sluice_column *column, uint32_t rule) {
    import_transform_by(column->relation_oid, column->attribute, rule);
}

bool sluice_transformed_by(uint32_t position, uint32_t *rule) {
    struct {
        uint8_t is_said;
        uint32_t rule;
    } answer;
    import_transformed_by(position, &answer);
    *rule = answer.rule;
    return answer.is_said != 0;
}

void sluice_log(sluice_text level, sluice_text message) {
    import_log(level.ptr, level.len, message.ptr, message.len);
}

uint64_t sluice_now(void) {
    return import_now();
}

bool sluice_granted(sluice_text name) {
    return import_granted(name.ptr, name.len) != 0;
}

uint64_t sluice_count(sluice_text key, uint32_t window_seconds) {
    return import_count(key.ptr, key.len, window_seconds);
}

uint64_t sluice_count_add(sluice_text key, uint32_t window_seconds, uint64_t amount) {
    return import_add(key.ptr, key.len, window_seconds, amount);
}

bool sluice_count_take(sluice_text key, uint32_t window_seconds, uint64_t amount, uint64_t limit) {
    return import_take(key.ptr, key.len, window_seconds, amount, limit) != 0;
}

void sluice_limit_rows(sluice_text key, uint32_t window_seconds, uint64_t limit, uint8_t counted, sluice_text reason,
                       sluice_text hint) {
    import_limit(key.ptr, key.len, window_seconds, limit, counted, reason.ptr, reason.len, hint.ptr, hint.len);
}

sluice_text sluice_token(sluice_text key_name, sluice_text value) {
    sluice_text answer;
    import_token(key_name.ptr, key_name.len, value.ptr, value.len, &answer);
    return answer;
}

sluice_optional_text sluice_lookup(sluice_text table, sluice_text key) {
    sluice_optional_text answer;
    import_lookup(table.ptr, table.len, key.ptr, key.len, &answer);
    return answer;
}

bool sluice_contains(sluice_text table, sluice_text key) {
    return import_contains(table.ptr, table.len, key.ptr, key.len) != 0;
}

bool sluice_is_member(sluice_text group) {
    sluice_texts groups = sluice_groups();
    for (size_t i = 0; i < groups.len; i++)
        if (sluice_equal(groups.ptr[i], group))
            return true;
    return false;
}

/* ---- Answers ---- */

sluice_effect sluice_allow(void) {
    return (sluice_effect){.kind = SLUICE_ALLOW};
}

sluice_effect sluice_deny(sluice_text reason, sluice_text hint) {
    return (sluice_effect){.kind = SLUICE_DENY, .of.denial = {reason, hint}};
}

sluice_effect sluice_hold(sluice_text reason, sluice_texts approvers) {
    return (sluice_effect){.kind = SLUICE_HOLD, .of.hold = {reason, approvers, 1, 15 * 60}};
}

sluice_protection sluice_protect(const sluice_column *column, sluice_mask mask) {
    return (sluice_protection){column->relation_oid, column->attribute, mask, SLUICE_DERIVED_DENY, SLUICE_FILTER_DENY};
}

/* ---- Exports ---- */

static bool configured;

__attribute__((weak)) sluice_session_decision sluice_session(void) {
    return (sluice_session_decision){
        .effect = sluice_deny(SLUICE_TEXT("this policy admits no session"), SLUICE_TEXT(""))};
}

__attribute__((weak)) sluice_decision sluice_decide(void) {
    return (sluice_decision){
        .effect = sluice_deny(SLUICE_TEXT("this policy allows no request"), SLUICE_TEXT(""))};
}

__attribute__((weak)) sluice_text sluice_transform(const sluice_result_column *column, sluice_chunk *values) {
    (void)column;
    (void)values;
    return SLUICE_TEXT("this policy transforms nothing");
}

/* A result whose error is a text. */
typedef struct {
    uint8_t is_error;
    union {
        sluice_text error;
        struct {
            sluice_chunk *ptr;
            size_t len;
        } chunks;
    } of;
} result;

SIZE(result, 12);


static result answered;

EXPORT(HOOKS "configure") result *export_configure(char *settings, size_t len) {
    sluice_text error = sluice_configure((sluice_text){settings, len});
    configured = error.len == 0;
    answered = (result){.is_error = !configured, .of.error = error};
    return &answered;
}

/* Here zero denies; in the contract it allows. */
static void to_contract(sluice_effect *effect) {
    if (effect->kind < SLUICE_HOLD)
        effect->kind = effect->kind == SLUICE_ALLOW ? 0 : 1;
}

static sluice_effect unconfigured(void) {
    return sluice_deny(SLUICE_TEXT("the policy is not configured"), SLUICE_TEXT(""));
}

EXPORT(HOOKS "session") sluice_session_decision *export_session(void) {
    static sluice_session_decision decision;
    decision = configured ? sluice_session() : (sluice_session_decision){.effect = unconfigured()};
    to_contract(&decision.effect);
    return &decision;
}

EXPORT(HOOKS "decide") sluice_decision *export_decide(void) {
    static sluice_decision decision;
    decision = configured ? sluice_decide() : (sluice_decision){.effect = unconfigured()};
    to_contract(&decision.effect);
    return &decision;
}

EXPORT(TRANSFORM "batch")
result *export_batch(sluice_result_column *columns, size_t columns_len, sluice_chunk *chunks, size_t chunks_len) {
    sluice_text error = {0};
    if (!configured || columns_len != chunks_len)
        error = SLUICE_TEXT("the policy is not configured, or there are not as many chunks as columns");
    for (size_t i = 0; error.len == 0 && i < chunks_len; i++) {
        size_t offsets_len = chunks[i].offsets_len;
        error = sluice_transform(&columns[i], &chunks[i]);
        if (error.len == 0 && chunks[i].offsets_len != offsets_len)
            error = SLUICE_TEXT("the transform changed the number of rows");
    }
    if (error.len != 0)
        answered = (result){.is_error = 1, .of.error = error};
    else
        answered = (result){.is_error = 0, .of.chunks = {chunks, chunks_len}};
    return &answered;
}

EXPORT("cabi_post_" HOOKS "configure") void post_configure(void *answer) {
    (void)answer;
    release();
}

EXPORT("cabi_post_" HOOKS "session") void post_session(void *answer) {
    (void)answer;
    release();
}

EXPORT("cabi_post_" HOOKS "decide") void post_decide(void *answer) {
    (void)answer;
    release();
}

EXPORT("cabi_post_" TRANSFORM "batch") void post_batch(void *answer) {
    (void)answer;
    release();
}
