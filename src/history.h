/* metrics.csv read back: what a run has measured of each epoch. */
#ifndef SP_HISTORY_H
#define SP_HISTORY_H

#include "shardprop.h"

typedef struct sp_history sp_history;

/*
 * Reads a metrics.csv, of a run that is still going as well: a last line without its end is left out. SP_BAD_CONFIG: no
 * such file; SP_BAD_DATA: no such table, with its line.
 */
sp_status sp_history_read(const char *path, sp_history **history, sp_error *error);
void sp_history_destroy(sp_history *history);

size_t sp_history_rows(const sp_history *history);
size_t sp_history_columns(const sp_history *history);
const char *sp_history_name(const sp_history *history, size_t column);

/* The column of that name, or SP_NOT_FOUND (base/text.h). */
long sp_history_find(const sp_history *history, const char *name);

/* As it stands in the file, or as a number; empty, NaN: not measured, or not a number. */
const char *sp_history_cell(const sp_history *history, size_t row, size_t column);
double sp_history_value(const sp_history *history, size_t row, size_t column);

#endif
