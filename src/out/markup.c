#include "out/markup.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

static bool continues(const unsigned char *bytes, size_t size, size_t i) {
    return i < size && (bytes[i] & 0xc0) == 0x80;
}

/* Bytes of the character that begins here (RFC 3629); 0: there is none. */
static size_t character(const unsigned char *bytes, size_t size) {
    unsigned char first = bytes[0], second = size > 1 ? bytes[1] : 0;
    if (first < 0x80) return 1;
    if (!continues(bytes, size, 1)) return 0;
    if (first >= 0xc2 && first <= 0xdf) return 2;
    if (!continues(bytes, size, 2)) return 0;
    if ((first == 0xe0 && second >= 0xa0) || (first == 0xed && second < 0xa0) ||
        (first > 0xe0 && first <= 0xef && first != 0xed))
        return 3;
    if (!continues(bytes, size, 3)) return 0;
    bool in_range =
        (first == 0xf0 && second >= 0x90) || (first > 0xf0 && first < 0xf4) || (first == 0xf4 && second < 0x90);
    return in_range ? 4 : 0;
}

static void put_ascii(FILE *page, unsigned char c) {
    switch (c) {
    case '<': fputs("&lt;", page); break;
    case '>': fputs("&gt;", page); break;
    case '&': fputs("&amp;", page); break;
    case '"': fputs("&quot;", page); break;
    case '\'': fputs("&#39;", page); break;
    case '\t':
    case '\n': fputc(c, page); break;
    default:
        if (c < 0x20 || c == 0x7f)
            fputs(REPLACEMENT, page);
        else
            fputc(c, page);
    }
}

void sp_put_escaped(FILE *page, const char *text) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t length = character(bytes + i, size - i);
        if (length == 0)
            fputs(REPLACEMENT, page);
        else if (length == 1)
            put_ascii(page, bytes[i]);
        else
            fwrite(bytes + i, 1, length, page);
        i += length > 0 ? length : 1;
    }
}

void sp_put_base64(FILE *page, const void *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        uint32_t group =
            (uint32_t)bytes[i] << 16 | (have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (have > 2 ? bytes[i + 2] : 0);
        for (size_t d = 0; d < 4; d++) fputc(d <= have ? digits[group >> (18 - 6 * d) & 63] : '=', page);
    }
}
