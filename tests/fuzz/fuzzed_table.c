#include "fuzzed_table.h"

#include "input.h"

#include <stdlib.h>

sp_status fuzz_read_table(const char *path, const char *labels, const sp_table_options *options, sp_table **table) {
    sp_error error = {0};
    if (fuzz_is_gzip(path) || (labels && fuzz_is_gzip(labels))) return SP_FAILED;
    sp_source *sources[] = {sp_source_create(path), labels ? sp_source_create(labels) : NULL};
    sp_status status = SP_FAILED;
    if (sources[0] && (sources[1] || !labels)) status = sp_table_take(sources[0], sources[1], options, table, &error);
    for (int i = 0; i < 2; i++) sp_source_destroy(sources[i]);
    return status;
}

void fuzz_gather(const sp_table *table, sp_normalize kind) {
    sp_error error = {0};
    sp_preprocess preprocess;
    sp_rows first = {.index = (uint32_t[]){0}, .count = 1};
    if (sp_preprocess_fit(kind, table, &first, &preprocess, &error)) return;
    float *features = calloc(preprocess.features, sizeof *features);
    if (features) sp_preprocess_gather(&preprocess, table, first.index, 1, features, preprocess.features);
    free(features);
    sp_preprocess_clear(&preprocess);
}
