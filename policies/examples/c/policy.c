/* Masks e-mail addresses for the members of a group; refuses UPDATE and DELETE of whole tables; holds DDL. */
#include "sluice.h"

static struct {
    sluice_texts columns;
    sluice_text group;
    sluice_texts approvers;
} settings;

sluice_text sluice_configure(sluice_text json) {
    static const char *const names[] = {"columns", "group", "approvers"};
    static const sluice_text dba = {"dba", 3};
    static const sluice_texts otherwise = {&dba, 1};
    sluice_settings read = sluice_settings_of(json, names, 3);
    settings.columns = sluice_setting_texts(&read, "columns", NULL);
    settings.group = sluice_setting_text(&read, "group");
    settings.approvers = sluice_setting_texts(&read, "approvers", &otherwise);
    return read.error;
}

static bool is_protected(const sluice_column *column) {
    for (size_t i = 0; i < settings.columns.len; i++)
        if (sluice_equal(settings.columns.ptr[i], column->name))
            return true;
    return false;
}

static bool begins(sluice_text text, sluice_text with) {
    return text.len >= with.len && memcmp(text.ptr, with.ptr, with.len) == 0;
}

/* Other types have no room for stars. */
static bool is_text(const sluice_column *column) {
    sluice_text type = column->type_name;
    if (type.len > 0 && type.ptr[type.len - 1] == ']')
        return false;
    return sluice_equal(type, SLUICE_TEXT("text")) || begins(type, SLUICE_TEXT("character varying"));
}

sluice_session_decision sluice_session(void) {
    sluice_session_decision decision = {.effect = sluice_allow()};
    if (!sluice_is_member(settings.group))
        return decision;
    sluice_columns catalog = sluice_catalog();
    sluice_protection *protections = sluice_alloc(catalog.len * sizeof(sluice_protection));
    for (size_t i = 0; i < catalog.len; i++) {
        const sluice_column *column = &catalog.ptr[i];
        sluice_mask mask = {.kind = is_text(column) ? SLUICE_MASK_CUSTOM : SLUICE_MASK_NULL};
        if (!is_protected(column))
            continue;
        sluice_transform_by(column, 0);
        protections[decision.protections.len++] = sluice_protect(column, mask);
    }
    decision.protections.ptr = protections;
    return decision;
}

/* "DELETE without a condition would change every row". */
static sluice_effect refuse(sluice_text kind) {
    bool deletes = sluice_equal(kind, SLUICE_TEXT("delete"));
    sluice_text parts[] = {deletes ? SLUICE_TEXT("DELETE") : SLUICE_TEXT("UPDATE"),
                           SLUICE_TEXT(" without a condition would change every row")};
    return sluice_deny(sluice_join(parts, 2), SLUICE_TEXT("Say which rows by WHERE."));
}

sluice_decision sluice_decide(void) {
    sluice_decision decision = {.effect = sluice_allow(), .reuse = SLUICE_REUSE_SHAPE};
    sluice_statements statements = sluice_statements_of_request();
    bool defines = false;
    for (size_t i = 0; i < statements.len; i++) {
        const sluice_statement *statement = &statements.ptr[i];
        if (sluice_equal(statement->restriction, SLUICE_TEXT("none")) ||
            sluice_equal(statement->restriction, SLUICE_TEXT("always-true"))) {
            decision.effect = refuse(statement->kind);
            return decision;
        }
        defines |= sluice_equal(statement->class_name, SLUICE_TEXT("define"));
    }
    /* It is held when it runs; preparing it changes nothing. */
    if (defines && sluice_executing())
        decision.effect = sluice_hold(SLUICE_TEXT("it changes the schema"), settings.approvers);
    return decision;
}

static const bool may_be_in_domain[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true};

/* Where the @ of an address is; the length where the value is none. */
static size_t find_at(const uint8_t *value, size_t len) {
    size_t at = len;
    /* Each round of a loop asks for the deadline. */
#pragma clang loop unroll_count(8)
    while (at > 0 && may_be_in_domain[value[at - 1]])
        at--;
    return at > 1 && at < len && value[at - 1] == '@' ? at - 1 : len;
}

/* ada@example.com -> a**@example.com; what is no address is all stars. */
static size_t mask_address(const uint8_t *value, size_t len, uint8_t *to) {
    size_t at = find_at(value, len);
    size_t characters = sluice_characters(value, at);
    size_t first = 0;
    if (at < len && characters > 1)
        do
            to[first] = value[first];
        while (++first < at && (value[first] & 0xc0) == 0x80);
    size_t written = first + sluice_stars(to + first, characters - (first != 0));
    return written + sluice_copy(to + written, value + at, len - at);
}

sluice_text sluice_transform(const sluice_result_column *column, sluice_chunk *values) {
    (void)column;
    sluice_map(values, mask_address);
    return SLUICE_TEXT("");
}
