/* Names cut to fit the columns of a table. */
#ifndef SP_CMD_FIT_H
#define SP_CMD_FIT_H

#include <stddef.h>
#include <stdio.h>

/* Columns that a terminal shows the UTF-8 text in; what it cannot show counts as one. */
size_t sp_columns_of(const char *text);

/* Writes the text in exactly `columns` columns: blanks behind it (`right`: before it), or its beginning and a full
 * stop. What a terminal cannot show, or would take for a command, becomes '?'. */
void sp_write_fitted(FILE *stream, const char *text, size_t columns, int right);

/* Writes a name; in quotes where it is empty or has a comma, a quote, or a blank at its ends. */
void sp_write_item(FILE *stream, const char *text);

/* A line of at most 80 columns that names stand in, with commas between them. Start with the columns before them. */
typedef struct sp_item_line {
    FILE *stream;
    size_t used;
    int named, full;
} sp_item_line;

/* Adds a blank, the name (the first, where it is alone too long, cut), what is `behind` it, and a comma unless it is
 * the last; " ..." in the place of those that do not fit. */
void sp_add_item(sp_item_line *line, const char *name, const char *behind, int last);

#endif
