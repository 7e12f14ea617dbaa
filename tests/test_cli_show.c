/* What training shows while it goes, on a terminal and elsewhere. */
#include "support.h"

#include <string.h>

Test(cli_show, no_bar_where_there_is_no_terminal) {
    outcome result = run("shardprop train configs/iris.ini -s output.dir=%s", scratch_path("run"));
    cr_expect_eq(result.status, 0);
    cr_expect_null(strpbrk(result.err, "\r\033"), "neither carriage returns nor escapes");
    cr_expect(strstr(result.err, "epoch 1/100 "), "%s", result.err);
    cr_expect(strstr(result.err, "epoch 100/100 "), "%s", result.err);
    cr_expect_leq(lines_of(result.err), 25, "a line now and then: %zu", lines_of(result.err));
    cr_expect_null(strstr(result.out, "epoch 1/100"), "progress is no result");
}

Test(cli_show, quiet_prints_results_alone) {
    outcome result = run("shardprop train configs/iris.ini --quiet -s output.dir=%s", scratch_path("run"));
    cr_expect_str_empty(result.err);
    cr_expect(strncmp(result.out, "completed after 100 epochs in ", 30) == 0, "%s", result.out);
    cr_expect(strstr(result.out, "\nsaved in /"), "%s", result.out);
    cr_expect_eq(lines_of(result.out), 6, "%s", result.out);
    cr_expect(number_after(result.out, "\nmemory ") > 0, "%s", result.out);
}

Test(cli_show, lines_on_a_terminal_fit_80_columns) {
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    /* Many epochs and all figures: the longest lines there are. */
    outcome result =
        run("TERM=xterm script -qec \"'%s' train configs/iris.ini -s data.validation=0.2 -s train.epochs=10000 "
            "-s output.dir=%s\" /dev/null < /dev/null",
            SHARDPROP_PROGRAM, scratch_path("run"));
    cr_assert_eq(result.status, 0, "%s", result.out);
    cr_expect(strstr(result.out, "\repoch 1/10000 ["), "%s", result.out);
    cr_expect(strstr(result.out, " val 0."), "%s", result.out);
    cr_expect_leq(widest(result.out), 80, "%zu columns", widest(result.out));
    /* The last block is taken away, for the figures or for a warning before them. */
    const char *block = result.out;
    for (const char *next; (next = strstr(block + 1, "/10000 ["));) block = next;
    cr_expect(strstr(block, "A\033[J"), "the block stays: %s", result.out);
    cr_expect(strstr(block, "completed after 10000 epochs"), "%s", result.out);
}

Test(cli_show, quiet_on_a_terminal) {
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    outcome result = run("script -qec \"'%s' train -q configs/xor.ini -s output.dir=%s\" /dev/null < /dev/null",
                         SHARDPROP_PROGRAM, scratch_path("run"));
    cr_expect(strncmp(result.out, "completed after", 15) == 0, "%s", result.out);
    cr_expect_null(strchr(result.out, '\033'));
}
