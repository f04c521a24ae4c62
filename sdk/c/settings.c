/* Settings: a small reader of JSON that knows objects, lists and texts, and steps over the rest. */
#include "sluice.h"

#include <stdlib.h>

/* How deep values may be nested. */
#define DEPTH 32

typedef struct {
    const char *at;
    const char *end;
} cursor;

static bool next_is(cursor *c, char wanted) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    if (c->at >= c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool hex(cursor *c, uint32_t *code) {
    if (c->end - c->at < 4)
        return false;
    *code = 0;
    for (int i = 0; i < 4; i++) {
        char digit = *c->at++;
        if (digit >= '0' && digit <= '9')
            *code = *code * 16 + (uint32_t)(digit - '0');
        else if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
            *code = *code * 16 + (uint32_t)((digit | 32) - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* A character as UTF-8; it is never longer than its escape. */
static char *utf8(char *to, uint32_t code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 63));
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

static bool escape(cursor *c, char **to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (c->at >= c->end)
        return false;
    char kind = *c->at++;
    if (kind != 'u') {
        const char *known = kind == 0 ? NULL : strchr(from, kind);
        if (known == NULL)
            return false;
        *(*to)++ = into[known - from];
        return true;
    }
    uint32_t code, low;
    if (!hex(c, &code))
        return false;
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || c->end - c->at < 2 || c->at[0] != '\\' || c->at[1] != 'u')
            return false;
        c->at += 2;
        if (!hex(c, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = utf8(*to, code);
    return true;
}

/* A text; it stays. */
static bool text(cursor *c, sluice_text *read) {
    if (!next_is(c, '"'))
        return false;
    sluice_text kept = sluice_keep((sluice_text){c->at, (size_t)(c->end - c->at)});
    char *to = (char *)kept.ptr;
    while (c->at < c->end && *c->at != '"') {
        char byte = *c->at++;
        if (byte != '\\')
            *to++ = byte;
        else if (!escape(c, &to))
            return false;
    }
    *read = (sluice_text){kept.ptr, (size_t)(to - kept.ptr)};
    return next_is(c, '"');
}

static bool skip(cursor *c, unsigned depth);

static bool skip_members(cursor *c, char close, unsigned depth) {
    if (next_is(c, close))
        return true;
    do {
        sluice_text name;
        if (close == '}' && !(text(c, &name) && next_is(c, ':')))
            return false;
        if (!skip(c, depth))
            return false;
    } while (next_is(c, ','));
    return next_is(c, close);
}

static bool skip(cursor *c, unsigned depth) {
    sluice_text ignored;
    if (depth == 0)
        return false;
    if (next_is(c, '{'))
        return skip_members(c, '}', depth - 1);
    if (next_is(c, '['))
        return skip_members(c, ']', depth - 1);
    if (c->at < c->end && *c->at == '"')
        return text(c, &ignored);
    const char *start = c->at;
    while (c->at < c->end && strchr("+-.0123456789Eaeflnrstu", *c->at) != NULL)
        c->at++;
    return c->at > start;
}

static void fail(sluice_settings *settings, sluice_text name, const char *words) {
    sluice_text parts[] = {name, {words, strlen(words)}};
    if (settings->error.len == 0)
        settings->error = sluice_keep(sluice_join(parts, 2));
}

/* Puts the cursor where the value of a setting begins. */
static bool find(const sluice_settings *settings, sluice_text wanted, cursor *c) {
    *c = (cursor){settings->json.ptr, settings->json.ptr + settings->json.len};
    if (settings->error.len != 0 || !next_is(c, '{'))
        return false;
    do {
        sluice_text name;
        if (!text(c, &name) || !next_is(c, ':'))
            return false;
        if (sluice_equal(name, wanted))
            return true;
        skip(c, DEPTH);
    } while (next_is(c, ','));
    return false;
}

static bool known(sluice_text name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (sluice_equal(name, (sluice_text){names[i], strlen(names[i])}))
            return true;
    return false;
}

sluice_settings sluice_settings_of(sluice_text json, const char *const *names, size_t count) {
    sluice_settings settings = {json, {0}};
    cursor c = {json.ptr, json.ptr + json.len};
    bool good = next_is(&c, '{');
    if (good && !next_is(&c, '}')) {
        do {
            sluice_text name;
            good = text(&c, &name) && next_is(&c, ':') && skip(&c, DEPTH);
            if (good && !known(name, names, count))
                fail(&settings, name, ": unknown setting");
        } while (good && next_is(&c, ','));
        good = good && next_is(&c, '}');
    }
    if (!good)
        fail(&settings, SLUICE_TEXT(""), "the settings are not a JSON object");
    return settings;
}

sluice_text sluice_setting_text(sluice_settings *settings, const char *name) {
    sluice_text wanted = {name, strlen(name)}, found = {0};
    cursor c;
    if (!find(settings, wanted, &c) || !text(&c, &found) || found.len == 0)
        fail(settings, wanted, ": a text is needed");
    return found;
}

sluice_texts sluice_setting_texts(sluice_settings *settings, const char *name, const sluice_texts *otherwise) {
    sluice_text wanted = {name, strlen(name)};
    cursor c;
    if (!find(settings, wanted, &c)) {
        if (otherwise != NULL)
            return *otherwise;
    } else if (next_is(&c, '[')) {
        sluice_text *list = NULL, found;
        size_t len = 0;
        bool good = true;
        do {
            good = text(&c, &found) && found.len != 0;
            list = realloc(list, (len + 1) * sizeof(sluice_text));
            if (list == NULL)
                __builtin_trap();
            list[len++] = found;
        } while (good && next_is(&c, ','));
        if (good && next_is(&c, ']'))
            return (sluice_texts){list, len};
    }
    fail(settings, wanted, ": a list of texts is needed");
    return (sluice_texts){0};
}
