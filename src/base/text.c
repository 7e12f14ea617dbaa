#include "base/text.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool sp_names_add(sp_names *names, const char *text) {
    if (!sp_grow((void **)&names->text, &names->capacity, names->count + 1, sizeof *names->text)) return false;
    char *copy = strdup(text);
    if (!copy) return false;
    names->text[names->count++] = copy;
    return true;
}

bool sp_names_copy(sp_names *to, const sp_names *from) {
    for (size_t i = 0; i < from->count; i++)
        if (!sp_names_add(to, from->text[i])) return false;
    return true;
}

void sp_names_clear(sp_names *names) {
    for (size_t i = 0; i < names->count; i++) free(names->text[i]);
    free(names->text);
    *names = (sp_names){0};
}

long sp_names_find(const sp_names *names, const char *text) {
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->text[i], text) == 0) return (long)i;
    return SP_NOT_FOUND;
}

/* strtod follows the locale's decimal point: hand it that one where the text has '.'. */
static double parse_localised(const char *text, char point, const char **end) {
    char copy[128];
    size_t length = strlen(text);
    if (length >= sizeof copy) {
        *end = text;
        return 0;
    }
    for (size_t i = 0; i <= length; i++) copy[i] = text[i] == '.' ? point : text[i];
    char *stop;
    double value = strtod(copy, &stop);
    *end = text + (stop - copy);
    return value;
}

/*
 * Up to 15 digits and no exponent, as most numbers in files are: the digits as a whole number and the power of
 * ten are both exact, so that one division rounds once (Clinger: How to Read Floating Point Numbers Accurately,
 * 1990). False for every other text.
 */
static bool parse_short(const char *text, double *value) {
    static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    enum { EXACT_DIGITS = 15 };
    bool negative = *text == '-';
    int digits = 0, decimals = 0;
    bool point = false;
    int64_t whole = 0;
    for (text += negative || *text == '+'; *text; text++) {
        if (*text == '.' && !point) {
            point = true;
            continue;
        }
        if (*text < '0' || *text > '9' || ++digits > EXACT_DIGITS) return false;
        whole = 10 * whole + (*text - '0');
        decimals += point;
    }
    *value = (negative ? -1.0 : 1.0) * (double)whole / tens[decimals];
    return digits > 0;
}

bool sp_parse_real(const char *text, double *value) {
    if (parse_short(text, value)) return true;
    /* Decimal digits alone: strtod also takes blanks, hexadecimal and a locale's comma. */
    const char *digits = text + (*text == '-' || *text == '+');
    bool special = strcasecmp(digits, "nan") == 0 || strcasecmp(digits, "inf") == 0;
    if (!special && !isdigit((unsigned char)*digits) && *digits != '.') return false;
    if (!special && text[strspn(text, "+-.0123456789eE")] != '\0') return false;
    const char *point = nl_langinfo(RADIXCHAR), *end;
    if (*point == '.' || *point == '\0') {
        char *stop;
        *value = strtod(text, &stop);
        end = stop;
    } else {
        *value = parse_localised(text, *point, &end);
    }
    return *end == '\0';
}

bool sp_parse_whole(const char *text, long long *value) {
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0') return false;
    errno = 0;
    *value = strtoll(text, NULL, 10);
    return errno == 0;
}

void sp_print_real(double value, char *text, size_t size) {
    if (value == floor(value) && fabs(value) < 1e15) { /* 10, where %g would say 1e+01 */
        snprintf(text, size, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        char *comma = strchr(text, ',');
        if (comma) *comma = '.';
        double again;
        if (sp_parse_real(text, &again) && (again == value || (isnan(again) && isnan(value)))) return;
        /* A value that came from a float32 is exact once the float32 is. */
        if ((double)(float)value == value && digits >= 6 && (float)again == (float)value) return;
    }
}

/* Of ASCII, in any locale. */
static unsigned char folded(char character) {
    return (unsigned char)(character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character);
}

bool sp_is_utf8(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        unsigned extra = *at < 0x80                  ? 0
                         : *at >= 0xc2 && *at < 0xe0 ? 1
                         : (*at & 0xf0) == 0xe0      ? 2
                         : *at >= 0xf0 && *at < 0xf5 ? 3
                                                     : 9;
        if (extra == 9) return false;
        unsigned long code = extra == 0 ? *at : *at & (0x3fu >> extra);
        for (unsigned i = 1; i <= extra; i++) {
            if ((at[i] & 0xc0) != 0x80) return false;
            code = code << 6 | (at[i] & 0x3f);
        }
        /* Longer forms than needed, surrogates, and what lies beyond Unicode. */
        if ((extra == 2 && code < 0x800) || (extra == 3 && code < 0x10000)) return false;
        if ((code >= 0xd800 && code < 0xe000) || code > 0x10ffff) return false;
        at += extra + 1;
    }
    return true;
}

static bool within_character(char c) {
    return (c & 0xc0) == 0x80;
}

void sp_cut_middle(const char *text, size_t most, char *cut, size_t size) {
    size_t length = strlen(text), dots = most < 3 ? most : 3;
    if (most >= size) most = size - 1;
    if (length <= most) {
        memcpy(cut, text, length + 1);
        return;
    }
    size_t head = (most - dots + 1) / 2, tail = length - (most - dots - head);
    while (head > 0 && within_character(text[head])) head--;
    while (within_character(text[tail])) tail++;
    snprintf(cut, size, "%.*s%.*s%s", (int)head, text, (int)dots, "...", text + tail);
}

/*
 * Row by row of the table of distances, whose neighbours differ by one at most: a row is two words of bits, where it
 * rises and where it falls (Hyyroe: A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances, 2003).
 */
size_t sp_edit_distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LONGEST || m > LONGEST) return SIZE_MAX;
    if (n == 0) return m;
    uint64_t places[256], before = 0; /* where each character stands in a: of those that stand in b, the others unset */
    for (size_t j = 0; j < m; j++) places[folded(b[j])] = 0;
    for (size_t i = 0; i < n; i++) places[folded(a[i])] = 0;
    for (size_t i = 0; i < n; i++) places[folded(a[i])] |= (uint64_t)1 << i;
    uint64_t rises = UINT64_MAX, falls = 0, same = 0, last = (uint64_t)1 << (n - 1);
    size_t distance = n;
    for (size_t j = 0; j < m; j++) {
        uint64_t here = places[folded(b[j])], swapped = ((~same & here) << 1) & before;
        same = ((((here & rises) + rises) ^ rises) | here | falls) | swapped;
        uint64_t up = falls | ~(same | rises), down = same & rises;
        distance += (up & last) != 0;
        distance -= (down & last) != 0;
        up = up << 1 | 1;
        rises = down << 1 | ~(same | up);
        falls = up & same;
        before = here;
    }
    return distance;
}

bool sp_is_near(const char *text, const char *name) {
    enum { FEWEST_LETTERS = 3 };
    size_t length = strlen(text), whole = strlen(name);
    size_t common = length < whole ? length : whole, slips = (length + 1) / 3;
    /* So many edits it takes at least as one is longer than the other. */
    if (length + whole - 2 * common <= slips && sp_edit_distance(text, name) <= slips) return true;
    return common >= FEWEST_LETTERS && strncasecmp(text, name, common) == 0;
}

void sp_guess_look(sp_guess *guess, const char *name) {
    if (!sp_is_near(guess->text, name)) return;
    size_t distance = sp_edit_distance(guess->text, name);
    if (guess->nearest && distance >= guess->least) return;
    guess->nearest = name;
    guess->least = distance;
}

void sp_guess_print(const sp_guess *guess, char *text, size_t size) {
    if (guess->nearest)
        snprintf(text, size, "did you mean '%.60s'? ", guess->nearest);
    else if (size > 0)
        *text = '\0';
}
