#include "history.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sp_history {
    char *text;   /* owned: the file, every cell ended by a '\0' */
    char **cells; /* owned [1 + rows, columns]: into the text; first the names */
    size_t rows, columns;
};

static const size_t largest = (size_t)1 << 30;

static size_t count_of(const char *text, char what, const char *end) {
    size_t count = 0;
    for (; text < end; text++) count += *text == what;
    return count;
}

/* Cuts the line that ends at `end` into cells; false: it has not that many. */
static bool cut(char *line, char *end, char **cells, size_t columns) {
    if (end > line && end[-1] == '\r') end--;
    *end = '\0';
    for (size_t i = 0; i < columns; i++) {
        char *comma = strchr(line, ',');
        if (!comma != (i + 1 == columns)) return false;
        cells[i] = line;
        if (comma) *comma = '\0';
        line = comma ? comma + 1 : line;
    }
    return true;
}

static sp_status parse(sp_history *history, size_t size, const char *path, sp_error *error) {
    char *text = history->text, *end = memchr(text, '\n', size);
    if (strlen(text) != size || !end)
        return sp_fail(error, SP_BAD_DATA, "%s: is no metrics.csv; name a run directory", path);
    size_t lines = count_of(text, '\n', text + size);
    history->columns = count_of(text, ',', end) + 1;
    /* A whole line has a byte a cell at least: beyond so many, one will be found that has not. */
    size_t most = size / history->columns + 1, room = lines < most ? lines : most;
    history->cells = calloc(room * history->columns, sizeof *history->cells);
    if (!history->cells) return sp_fail_memory(error, path, room * history->columns * sizeof *history->cells);
    for (size_t i = 0; i < lines; i++) {
        end = strchr(text, '\n');
        if (!cut(text, end, history->cells + i * history->columns, history->columns))
            return sp_fail(error, SP_BAD_DATA, "%s:%zu: has not the %zu cells that the first line names", path, i + 1,
                           history->columns);
        text = end + 1;
    }
    history->rows = lines - 1;
    if (strcmp(history->cells[0], "epoch") == 0) return SP_OK;
    return sp_fail(error, SP_BAD_DATA, "%s:1: is not the first line of a metrics.csv; name a run directory", path);
}

sp_status sp_history_read(const char *path, sp_history **history, sp_error *error) {
    sp_history *made = calloc(1, sizeof *made);
    size_t size;
    if (!made) return sp_fail_memory(error, path, sizeof *made);
    sp_status status = sp_file_read(path, largest, &made->text, &size, error);
    if (!status) status = parse(made, size, path, error);
    if (status)
        sp_history_destroy(made);
    else
        *history = made;
    return status;
}

void sp_history_destroy(sp_history *history) {
    if (!history) return;
    free(history->text);
    free(history->cells);
    free(history);
}

size_t sp_history_rows(const sp_history *history) {
    return history->rows;
}

size_t sp_history_columns(const sp_history *history) {
    return history->columns;
}

const char *sp_history_name(const sp_history *history, size_t column) {
    return history->cells[column];
}

long sp_history_find(const sp_history *history, const char *name) {
    for (size_t i = 0; i < history->columns; i++)
        if (strcmp(history->cells[i], name) == 0) return (long)i;
    return SP_NOT_FOUND;
}

const char *sp_history_cell(const sp_history *history, size_t row, size_t column) {
    return history->cells[(row + 1) * history->columns + column];
}

double sp_history_value(const sp_history *history, size_t row, size_t column) {
    double value;
    return sp_parse_real(sp_history_cell(history, row, column), &value) ? value : NAN;
}
