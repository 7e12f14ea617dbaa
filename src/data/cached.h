/* A CSV read through a cache: from a binary file of what was read of it before, or into one. */
#ifndef SP_DATA_CACHED_H
#define SP_DATA_CACHED_H

#include "data/table.h"

/*
 * Reads a CSV as sp_csv_read does, whose cache is as options->cache has it. What comes of it is the same in any case,
 * but for where values and lines are.
 *
 * A cache is believed where its checksums are right, its key is that of these options, and the CSV is what it was: it
 * has the stamp that it had then, or else the same text, by its XXH64. Where it is not, it is made anew, and the table
 * has a remark on that.
 */
sp_status sp_cached_csv_read(sp_input *input, const sp_table_options *options, sp_table *table, sp_error *error);

#endif
