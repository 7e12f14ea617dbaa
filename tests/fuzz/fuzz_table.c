/*
 * Any bytes as a data file: a CSV, IDX images, either gzipped. The first byte chooses how it is asked for; with IDX,
 * the second says how many of the last bytes are the file of labels.
 */
#include "data/table.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const targets[] = {"last", "first", "1", "label"};
    if (size < 2) return 0;
    unsigned how = bytes[0];
    size_t labels = bytes[1] < size - 2 ? bytes[1] : size - 2, rest = size - 2 - labels;
    sp_table_options options = {.target = targets[how & 3],
                                .header = (sp_header)((how >> 2 & 3) % 3),
                                .features = how & 16 ? 2 : 0,
                                .target_optional = how & 32};
    sp_error error = {0};
    sp_table *table;
    sp_source *sources[] = {sp_source_create(fuzz_file(0, bytes + 2, rest)),
                            labels > 0 ? sp_source_create(fuzz_file(1, bytes + 2 + rest, labels)) : NULL};
    if (sources[0]) {
        sp_sources_read(sources, 2, 1); /* one thread: to start others takes longer than all else */
        if (!sp_table_take(sources[0], sources[1], &options, &table, &error)) sp_table_destroy(table);
    }
    for (int i = 0; i < 2; i++) sp_source_destroy(sources[i]);
    return 0;
}
