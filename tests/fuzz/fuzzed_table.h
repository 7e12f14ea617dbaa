/* What the fuzzers of data files share. */
#ifndef FUZZ_FUZZED_TABLE_H
#define FUZZ_FUZZED_TABLE_H

#include "data/preprocess.h"

/* Reads one or two files, as sp_table_read does but for its threads; `labels` NULL: one. None that are gzipped, which
 * takes as long as ten others: these are for fuzz_gzip. */
sp_status fuzz_read_table(const char *path, const char *labels, const sp_table_options *options, sp_table **table);

/* Features of the first row, fitted to that alone. */
void fuzz_gather(const sp_table *table, sp_normalize kind);

#endif
