/* Uses all of the contract sluice:policy@0.1.0 as it was released: its note says what it was told. */
#include "sluice.h"

static sluice_text column_name;

sluice_text sluice_configure(sluice_text json) {
    static const char *const names[] = {"column"};
    sluice_settings read = sluice_settings_of(json, names, 1);
    column_name = sluice_setting_text(&read, "column");
    return read.error;
}

sluice_session_decision sluice_session(void) {
    static const sluice_text trusted[] = {SLUICE_TEXT("public.slugify")};
    sluice_session_decision decision = {.effect = sluice_allow(), .trusted = {trusted, 1}};
    sluice_columns catalog = sluice_catalog();
    sluice_protection *protections = sluice_alloc(catalog.len * sizeof(sluice_protection));
    for (size_t i = 0; i < catalog.len; i++)
        if (sluice_equal(catalog.ptr[i].name, column_name))
            protections[decision.protections.len++] =
                sluice_protect(&catalog.ptr[i], (sluice_mask){.kind = SLUICE_MASK_CUSTOM});
    decision.protections.ptr = protections;
    return decision;
}

static sluice_text note;

static void say(sluice_text text) {
    sluice_text parts[] = {note, text, SLUICE_TEXT(" ")};
    note = sluice_join(parts, 3);
}

static void say_optional(sluice_optional_text text) {
    say(text.is_some ? text.text : SLUICE_TEXT("-"));
}

static void say_texts(sluice_texts texts) {
    for (size_t i = 0; i < texts.len; i++)
        say(texts.ptr[i]);
}

static void say_session(void) {
    say(sluice_subject());
    say(sluice_issuer());
    say_optional(sluice_email());
    say_texts(sluice_groups());
    say_optional(sluice_claim(SLUICE_TEXT("team")));
    say_texts(sluice_actors());
    say(sluice_database());
    say(sluice_application());
}

static void say_request(void) {
    sluice_statements statements = sluice_statements_of_request();
    for (size_t i = 0; i < statements.len; i++) {
        say(statements.ptr[i].kind);
        say(statements.ptr[i].class_name);
        say(statements.ptr[i].restriction);
    }
    sluice_relation_uses relations = sluice_relations();
    for (size_t i = 0; i < relations.len; i++) {
        say(relations.ptr[i].schema);
        say(relations.ptr[i].name);
        say(relations.ptr[i].access);
    }
    sluice_column_uses columns = sluice_columns_used();
    for (size_t i = 0; i < columns.len; i++) {
        say(columns.ptr[i].column.relation);
        say(columns.ptr[i].column.name);
        say(columns.ptr[i].column.type_name);
        say(columns.ptr[i].used);
    }
    sluice_function_uses functions = sluice_functions();
    for (size_t i = 0; i < functions.len; i++)
        say(functions.ptr[i].name);
    sluice_opaque_parts opaque = sluice_opaque();
    for (size_t i = 0; i < opaque.len; i++) {
        say(opaque.ptr[i].reason);
        say(opaque.ptr[i].detail);
    }
    sluice_optional_texts parameters = sluice_parameters();
    for (size_t i = 0; i < parameters.len; i++)
        say_optional(parameters.ptr[i]);
    say(sluice_executing() ? SLUICE_TEXT("executing") : SLUICE_TEXT("preparing"));
}

sluice_decision sluice_decide(void) {
    static const sluice_text approvers[] = {SLUICE_TEXT("dba")};
    sluice_decision decision = {.effect = sluice_allow(), .recording = SLUICE_RECORD_RESULTS};
    sluice_text text = sluice_request_text();
    note = SLUICE_TEXT("");
    if (sluice_equal(text, SLUICE_TEXT("deny")))
        decision.effect = sluice_deny(SLUICE_TEXT("not this"), SLUICE_TEXT("but that"));
    if (sluice_equal(text, SLUICE_TEXT("hold")))
        decision.effect = sluice_hold(SLUICE_TEXT("wait"), (sluice_texts){approvers, 1});
    if (sluice_now() == 0)
        __builtin_trap();
    say_session();
    say_request();
    sluice_log(SLUICE_TEXT("info"), note);
    decision.note = note;
    return decision;
}

static size_t hide(const uint8_t *value, size_t len, uint8_t *to) {
    return sluice_stars(to, sluice_characters(value, len));
}

sluice_text sluice_transform(const sluice_result_column *column, sluice_chunk *values) {
    (void)column;
    sluice_map(values, hide);
    return SLUICE_TEXT("");
}
