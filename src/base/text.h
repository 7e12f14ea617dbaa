/* Names, numbers and near misses: text that does not depend on the locale. */
#ifndef SP_BASE_TEXT_H
#define SP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A list of strings, all owned. Start with {0}. */
typedef struct sp_names {
    size_t count, capacity;
    char **text;
} sp_names;

/* Appends a copy of `text`; false when memory runs out. */
bool sp_names_add(sp_names *names, const char *text);
bool sp_names_copy(sp_names *to, const sp_names *from);
void sp_names_clear(sp_names *names);

enum { SP_NOT_FOUND = -1 };

/* Index of `text`, or SP_NOT_FOUND. */
long sp_names_find(const sp_names *names, const char *text);

/* Reads all of `text` as a number with a decimal point; false when it is not one. */
bool sp_parse_real(const char *text, double *value);

/* Reads all of `text` as a whole number in decimal digits; false when it is not one. */
bool sp_parse_whole(const char *text, long long *value);

/* Writes `value` as the shortest decimal that reads back as the same float32 or double; whole numbers
 * below 1e15 as their digits. */
void sp_print_real(double value, char *text, size_t size);

/* Whether all of `text` is UTF-8 (RFC 3629), as JSON wants it. */
bool sp_is_utf8(const char *text);

/* Writes `text` into `cut`: whole where it has no more bytes than `most`, else with "..." for its middle. No character
 * of UTF-8 is cut; bytes are columns at least. */
void sp_cut_middle(const char *text, size_t most, char *cut, size_t size);

/* Insertions, deletions, substitutions and swaps of neighbours from `a` to `b`
 * (Damerau 1964, optimal string alignment), whatever the case. Long names count as far away. */
size_t sp_edit_distance(const char *a, const char *b);

/* Whether `name` may have been meant by `text`: few slips for its length, or the beginning of one is the other. */
bool sp_is_near(const char *text, const char *name);

/* Of names that are looked at one by one, the nearest that may have been meant. Start with {.text = TEXT}. */
typedef struct sp_guess {
    const char *text, *nearest; /* NULL: none so far */
    size_t least;
} sp_guess;

void sp_guess_look(sp_guess *guess, const char *name);

/* Writes "did you mean 'NAME'? ", or nothing. */
void sp_guess_print(const sp_guess *guess, char *text, size_t size);

#endif
