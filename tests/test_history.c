/* metrics.csv read back, and files that are none. */
#include "history.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(history, has_names_cells_and_values) {
    sp_error error = {0};
    sp_history *history;
    must(sp_history_read(write_text("metrics.csv", "epoch,loss,note\r\n1,0.5,\n2,0.25,far\n3,0.1"), &history, &error),
         error);
    cr_expect_eq(sp_history_columns(history), 3);
    cr_expect_eq(sp_history_rows(history), 2, "a last line without its end is left out");
    cr_expect_str_eq(sp_history_name(history, 2), "note");
    cr_expect_eq(sp_history_find(history, "loss"), 1);
    cr_expect_lt(sp_history_find(history, "los"), 0);
    cr_expect_eq(sp_history_value(history, 1, 1), 0.25);
    cr_expect(isnan(sp_history_value(history, 0, 2)) && isnan(sp_history_value(history, 1, 2)));
    cr_expect_str_eq(sp_history_cell(history, 1, 2), "far");
    sp_history_destroy(history);
}

static void expect_refused(const char *path, sp_status status, const char *says) {
    sp_error error = {0};
    sp_history *history;
    cr_assert_eq(sp_history_read(path, &history, &error), status, "%s", error.text);
    cr_expect(strstr(error.text, says), "expected '%s', got '%s'", says, error.text);
}

Test(history, what_is_no_table_is_refused) {
    static const char *const cases[][2] = {
        {"", ": is no metrics.csv"},
        {"epoch,loss", ": is no metrics.csv"},
        {"epochs,loss\n1,2\n", ":1: is not the first line of a metrics.csv"},
        {"epoch,loss\n1,2\n2\n", ":3: has not the 2 cells"},
        {"epoch,loss\n1,2,3\n", ":2: has not the 2 cells"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_refused(write_text("metrics.csv", cases[i][0]), SP_BAD_DATA, cases[i][1]);
    expect_refused(write_bytes("metrics.csv", "epoch\n\0\n", 8), SP_BAD_DATA, ": is no metrics.csv");
    expect_refused(scratch_path("none"), SP_BAD_CONFIG, "none");
}

/* Four million names and as many empty lines: a table of all their cells would have 2^47 bytes, which no process has.
 */
Test(history, the_table_takes_no_more_than_the_cells_that_fit_into_the_file) {
    enum { MANY = 1 << 22 };
    char *text = keep(malloc(2 * MANY));
    memset(text, ',', MANY);
    memset(text + MANY, '\n', MANY);
    expect_refused(write_bytes("metrics.csv", text, 2 * MANY), SP_BAD_DATA, ":2: has not the 4194305 cells");
}
