/*
 * What was read of a CSV, in a binary file: the next run reads that instead. Its values can stay there (data/store.h).
 *
 * All numbers are little-endian; offsets and sizes are in bytes.
 *
 *     0     header: 64-bit numbers, in the order of `field` in cache_file.c; the last is the XXH64 of those before
 *     4096  values: float32 [rows, features], as in sp_table; in a column of text the codes of its categories
 *     ...   lines: 64-bit number [rows]
 *     ...   about: columns, categories, targets, weights; lengths stand before texts and lists
 *
 * The header has the XXH64 of the values, and of all that is behind them; the identity of the CSV: the XXH64 of its
 * text (unpacked), and the sp_stamp that it had; and a key, the XXH64 of all that reading it depended on.
 */
#ifndef SP_DATA_CACHE_FILE_H
#define SP_DATA_CACHE_FILE_H

#include "base/file.h"
#include "data/table.h"

/* ---- Writing -------------------------------------------------------------------------------------------------- */

typedef struct sp_cache_writer sp_cache_writer;

/* Where another process is writing that file, waits until it has ended: *waited, and there is no writer, for it may be
 * there now. SP_FAILED: the folder takes no file. */
sp_status sp_cache_writer_create(const char *path, sp_cache_writer **writer, bool *waited, sp_error *error);

/* Appends values. SP_FAILED: they cannot be written; by then the writer can only be destroyed. */
sp_status sp_cache_writer_add(sp_cache_writer *writer, const float *values, size_t count, sp_error *error);

/* Reads back values that were added, and puts others in their place. */
sp_status sp_cache_writer_get(sp_cache_writer *writer, size_t first, size_t count, float *values, sp_error *error);
sp_status sp_cache_writer_put(sp_cache_writer *writer, size_t first, size_t count, const float *values,
                              sp_error *error);

/* What a CSV was when it was read. */
typedef struct sp_cache_source {
    uint64_t key;   /* of all that reading it depends on */
    uint64_t text;  /* XXH64 of its text */
    sp_stamp stamp; /* all 0: it tells nothing, for the CSV had only just been written */
} sp_cache_source;

/* Writes the rest, of a table with all but its values; the file is then there, whole. Destroys the writer. */
sp_status sp_cache_writer_finish(sp_cache_writer *writer, const sp_cache_source *source, const sp_table *table,
                                 sp_error *error);
void sp_cache_writer_discard(sp_cache_writer *writer);

/* ---- Reading -------------------------------------------------------------------------------------------------- */

typedef struct sp_cache_file sp_cache_file;

/*
 * Opens it and looks at its header. NULL with SP_OK: it is not there, or not good; then *why says how, in words that
 * follow "it" (NULL: it is not there).
 */
sp_status sp_cache_file_open(const char *path, uint64_t key, sp_cache_file **file, const char **why, sp_error *error);
void sp_cache_file_close(sp_cache_file *file);

const sp_cache_source *sp_cache_file_source(const sp_cache_file *file);

/*
 * Reads all into `table`, empty but for its path; of values and lines only a store, where they take more than `most`
 * bytes. `known`: this process has just written it, and the values need no check. Not good: *why, as above, with SP_OK,
 * and the table is empty again.
 */
sp_status sp_cache_file_read(sp_cache_file *file, size_t most, bool known, sp_table *table, const char **why,
                             sp_error *error);

#endif
