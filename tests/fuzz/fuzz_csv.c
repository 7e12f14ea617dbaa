/*
 * Any bytes as a CSV. The first two choose how it is asked for. A table that is read is fitted to and
 * gathered, and the file read again by the columns that were found.
 */
#include "fuzzed_table.h"
#include "input.h"

void fuzz_prepare(void) {}

void fuzz_input(const uint8_t *bytes, size_t size) {
    static const char *const targets[] = {"last", "first", "1", "label", "0-1", "last,first", "1, 2", "a, b"};
    static const char *const ignored[] = {"", "1", "b", "2-3"}, *const weights[] = {"", "0", "w", "last"};
    if (size < 2) return;
    unsigned how = bytes[0] | (unsigned)bytes[1] << 8;
    sp_table_options options = {.target = targets[how & 7],
                                .header = (sp_header)((how >> 3 & 3) % 3),
                                .target_optional = how & 32,
                                .ignore = ignored[how >> 6 & 3],
                                .weight = weights[how >> 8 & 3],
                                .separator = (sp_separator)((how >> 10 & 7) % 5),
                                .categorical = (sp_categorical)(how >> 13 & 1),
                                .missing = (sp_missing)((how >> 14) % 3)};
    const char *path = fuzz_file(0, bytes + 2, size - 2);
    sp_table *table, *again;
    if (fuzz_read_table(path, NULL, &options, &table)) return;
    fuzz_gather(table, (sp_normalize)(how & 3));
    options.known = &table->columns;
    if (!fuzz_read_table(path, NULL, &options, &again)) sp_table_destroy(again);
    sp_table_destroy(table);
}
