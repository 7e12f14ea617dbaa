/* The reader of CSV. */
#ifndef SP_DATA_CSV_H
#define SP_DATA_CSV_H

#include "base/hash.h"
#include "data/cache_file.h"

/* Where values go, and what else comes of the text. */
typedef struct sp_csv_sink {
    const char *cache;       /* borrowed: path of a cache */
    size_t most;             /* bytes of values in memory; if there are more, all of them go there */
    sp_hasher *text;         /* borrowed: gets the text */
    sp_cache_writer *writer; /* the caller's: has the values; NULL: the table has them */
    bool waited;             /* for another process, to write that cache: nothing was written, the table is not whole */
} sp_csv_sink;

/* Reads the file into `table`, empty but for its path; `sink` NULL: with all values. See sp_table_read. */
sp_status sp_csv_read(sp_input *input, const sp_table_options *options, sp_csv_sink *sink, sp_table *table,
                      sp_error *error);

#endif
