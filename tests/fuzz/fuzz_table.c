/*
 * Any bytes as a data file: a CSV, IDX images, either gzipped. The first two bytes choose how it is asked for; with
 * IDX, the third says how many of the last bytes are the file of labels. A table that is read is fitted to and
 * gathered, and the file read again by the columns that were found.
 */
#include "data/preprocess.h"
#include "input.h"

#include <stdlib.h>

static sp_status read_table(const uint8_t *bytes, size_t rest, size_t labels, const sp_table_options *options,
                            sp_table **table) {
    sp_error error = {0};
    sp_status status = SP_FAILED;
    sp_source *sources[] = {sp_source_create(fuzz_file(0, bytes, rest)),
                            labels > 0 ? sp_source_create(fuzz_file(1, bytes + rest, labels)) : NULL};
    if (sources[0]) {
        sp_sources_read(sources, 2, 1); /* one thread: to start others takes longer than all else */
        status = sp_table_take(sources[0], sources[1], options, table, &error);
    }
    for (int i = 0; i < 2; i++) sp_source_destroy(sources[i]);
    return status;
}

/* Features of the first row, fitted to that alone. */
static void gather(const sp_table *table, sp_normalize kind) {
    sp_error error = {0};
    sp_preprocess preprocess;
    sp_rows first = {.index = (uint32_t[]){0}, .count = 1};
    if (sp_preprocess_fit(kind, table, &first, &preprocess, &error)) return;
    float *features = calloc(preprocess.features, sizeof *features);
    if (features) sp_preprocess_gather(&preprocess, table, first.index, 1, features, preprocess.features);
    free(features);
    sp_preprocess_clear(&preprocess);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const targets[] = {"last", "first", "1", "label", "0-1", "last,first", "1, 2", "a, b"};
    static const char *const ignored[] = {"", "1", "b", "2-3"}, *const weights[] = {"", "0", "w", "last"};
    if (size < 3) return 0;
    unsigned how = bytes[0] | (unsigned)bytes[1] << 8;
    size_t labels = bytes[2] < size - 3 ? bytes[2] : size - 3, rest = size - 3 - labels;
    sp_table_options options = {.target = targets[how & 7],
                                .header = (sp_header)((how >> 3 & 3) % 3),
                                .target_optional = how & 32,
                                .ignore = ignored[how >> 6 & 3],
                                .weight = weights[how >> 8 & 3],
                                .separator = (sp_separator)((how >> 10 & 7) % 5),
                                .categorical = (sp_categorical)(how >> 13 & 1),
                                .missing = (sp_missing)((how >> 14) % 3)};
    sp_table *table, *again;
    if (read_table(bytes + 3, rest, labels, &options, &table)) return 0;
    gather(table, (sp_normalize)(how & 3));
    options.known = &table->columns;
    if (!read_table(bytes + 3, rest, labels, &options, &again)) sp_table_destroy(again);
    sp_table_destroy(table);
    return 0;
}
