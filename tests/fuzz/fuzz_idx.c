/*
 * Any bytes as images in IDX. The first says how many of the last bytes are the file of labels, the
 * second how it is asked for. A table that is read is fitted to and gathered.
 */
#include "fuzzed_table.h"
#include "input.h"

void fuzz_prepare(void) {}

void fuzz_input(const uint8_t *bytes, size_t size) {
    if (size < 2) return;
    size_t labels = bytes[0] % (size - 1), rest = size - 2 - labels;
    unsigned how = bytes[1];
    sp_columns known = {.features = how >> 3 & 15, .targets = 1, .weight_at = SP_NOT_FOUND};
    sp_table_options options = {.target = "last", .target_optional = how & 4, .known = known.features ? &known : NULL};
    sp_table *table;
    const char *images = fuzz_file(0, bytes + 2, rest);
    const char *file_of_labels = labels > 0 ? fuzz_file(1, bytes + 2 + rest, labels) : NULL;
    if (fuzz_read_table(images, file_of_labels, &options, &table)) return;
    fuzz_gather(table, (sp_normalize)(how & 3));
    sp_table_destroy(table);
}
