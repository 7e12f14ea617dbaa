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

/* Columns of a name in a list with commas between: in quotes where it is empty or has a comma, a quote, or a blank at
 * its ends. */
size_t sp_columns_of_item(const char *text);
void sp_write_item(FILE *stream, const char *text);

#endif
