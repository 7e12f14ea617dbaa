#include "cmd/fit.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

/* One character of a text: its bytes, and its columns; no columns and no bytes at the end. */
typedef struct character {
    const char *text;
    size_t bytes, columns;
} character;

/* In the locale of the calling thread, which is UTF-8's. */
static character first_of(const char *text) {
    wchar_t wide;
    mbstate_t state = {0};
    if (!*text) return (character){0};
    size_t bytes = mbrtowc(&wide, text, strlen(text), &state);
    if (bytes > strlen(text)) return (character){"?", 1, 1}; /* not UTF-8 */
    int columns = wcwidth(wide);
    return columns < 0 ? (character){"?", bytes, 1} : (character){text, bytes, (size_t)columns};
}

/* The C library knows the width of characters, but only of the locale that it is set to. */
static locale_t begin_utf8(void) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 ? uselocale(utf8) : (locale_t)0;
}

static void end_utf8(locale_t before) {
    if (before) freelocale(uselocale(before));
}

static size_t columns_of(const char *text) {
    size_t columns = 0;
    for (character c = first_of(text); c.bytes > 0; c = first_of(text)) {
        columns += c.columns;
        text += c.bytes;
    }
    return columns;
}

size_t sp_columns_of(const char *text) {
    locale_t before = begin_utf8();
    size_t columns = columns_of(text);
    end_utf8(before);
    return columns;
}

void sp_write_fitted(FILE *stream, const char *text, size_t columns, int right) {
    locale_t before = begin_utf8();
    size_t whole = columns_of(text), used = 0;
    size_t most = whole > columns ? columns - 1 : columns; /* room for the full stop */
    if (right && whole < columns) fprintf(stream, "%*s", (int)(columns - whole), "");
    for (character c = first_of(text); c.bytes > 0 && used + c.columns <= most; c = first_of(text)) {
        fwrite(c.text, 1, *c.text == '?' ? 1 : c.bytes, stream);
        used += c.columns;
        text += c.bytes;
    }
    if (whole > columns) used += (size_t)fprintf(stream, ".");
    if (used < columns && !(right && whole < columns)) fprintf(stream, "%*s", (int)(columns - used), "");
    end_utf8(before);
}

static int wants_quotes(const char *text) {
    size_t length = strlen(text);
    return length == 0 || strpbrk(text, ",\"") || text[0] == ' ' || text[length - 1] == ' ';
}

static size_t columns_of_item(const char *text) {
    return sp_columns_of(text) + (wants_quotes(text) ? 2 : 0);
}

void sp_write_item(FILE *stream, const char *text) {
    const char *quote = wants_quotes(text) ? "\"" : "";
    fputs(quote, stream);
    sp_write_fitted(stream, text, sp_columns_of(text), 0);
    fputs(quote, stream);
}

void sp_add_item(sp_item_line *line, const char *name, const char *behind, int last) {
    enum { COLUMNS = 80, ENDING = 4 }; /* of " ..." */
    size_t wanted = 1 + columns_of_item(name) + strlen(behind) + (last ? 0 : 1);
    if (line->full) return;
    if (line->used + wanted + ENDING <= COLUMNS) {
        fputc(' ', line->stream);
        sp_write_item(line->stream, name);
        fprintf(line->stream, "%s%s", behind, last ? "" : ",");
        line->used += wanted;
        line->named = 1;
        return;
    }
    size_t room = line->used + 1 + ENDING < COLUMNS ? COLUMNS - line->used - 1 - ENDING : 0;
    if (!line->named && room > 0) {
        fputc(' ', line->stream);
        sp_write_fitted(line->stream, name, room, 0);
    }
    fputs(" ...", line->stream);
    line->full = 1;
}
