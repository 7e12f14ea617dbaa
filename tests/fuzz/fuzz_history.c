/* Any bytes as a metrics.csv; every cell of one that is read is looked at. */
#include "history.h"
#include "input.h"

#include <string.h>

void fuzz_prepare(void) {}

void fuzz_input(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_history *history;
    if (sp_history_read(fuzz_file(0, bytes, size), &history, &error)) return;
    size_t rows = sp_history_rows(history), columns = sp_history_columns(history), length = 0;
    for (size_t j = 0; j < columns; j++) {
        length += strlen(sp_history_name(history, j)) + 1;
        fuzz_expect(sp_history_find(history, sp_history_name(history, j)) <= (long)j, "a column is not found");
        for (size_t i = 0; i < rows; i++) {
            length += strlen(sp_history_cell(history, i, j)) + 1;
            sp_history_value(history, i, j);
        }
    }
    fuzz_expect(length <= size, "the cells are longer than the file");
    sp_history_destroy(history);
}
