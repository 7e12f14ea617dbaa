/* How the program is called: commands, options, help, and streams that take nothing. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model of iris; its path. */
static const char *trained(void) {
    const char *path = scratch_path("model");
    outcome result = run("shardprop train --quiet configs/iris.ini -s train.epochs=1 -s output.dir='%s'", path);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return path;
}

Test(cli_usage, without_a_command_help_is_shown) {
    outcome result = run("shardprop");
    cr_expect_eq(result.status, 2);
    cr_expect_str_empty(result.out);
    cr_expect(strncmp(result.err, "Usage: shardprop COMMAND", 24) == 0, "%s", result.err);
    cr_expect_str_eq(run("shardprop --help").out, result.err, "the same help");
}

Test(cli_usage, help_of_a_command_can_be_asked_for_first) {
    outcome wanted = run("shardprop train --help");
    cr_assert(strstr(wanted.out, "Usage: shardprop train"), "%s", wanted.out);
    cr_expect_str_eq(run("shardprop help train").out, wanted.out);
    cr_expect_str_eq(run("shardprop --help train").out, wanted.out);
    cr_expect_str_eq(run("shardprop help").out, run("shardprop --help").out);
}

Test(cli_usage, wrong_usage_is_one_line) {
    static const char *const cases[][2] = {
        {"trian configs/iris.ini", "no command 'trian'; did you mean 'train'? use train, evaluate, predict, check, "},
        {"''", "no command ''"},
        {"--verbose", "no command '--verbose'"},
        {"train", "train: too few arguments, it takes CONFIG; see shardprop train --help"},
        {"predict model", "predict: too few arguments, it takes MODEL DATA"},
        {"evaluate", "evaluate: too few arguments"},
        {"check --gradients", "check: too few arguments"},
        {"train a b", "train: too many arguments, from b; see shardprop train --help"},
        {"evaluate a b c d", "evaluate: too many arguments, from c"},
        {"info a b", "info: too many arguments, from b"},
        {"train --sett a=b c", "train: no such option --sett; did you mean --set? see shardprop train --help"},
        {"train --quite c", "train: no such option --quite; did you mean --quiet?"},
        {"train --sett=a.b=c c", "train: no such option --sett; did you mean --set?"},
        {"help trian", "no command 'trian'; did you mean 'train'?"},
        {"train c --no-such", "train: no such option --no-such; see shardprop train --help"},
        {"train -x c", "train: no such option -x"},
        {"train -qx c", "train: no such option -x"},
        {"info --set a.b=c m", "info: no such option --set"},
        {"predict m d --gradients", "predict: no such option --gradients"},
        {"train c --set", "train: a value is missing behind --set"},
        {"train c -s", "train: a value is missing behind -s"},
        {"predict m d -o", "predict: a value is missing behind -o"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("shardprop %s", cases[i][0]);
        expect_refused_line(&result, 2, cases[i][1]);
    }
}

Test(cli_usage, help_of_every_command_fits_80_columns) {
    static const char *const calls[] = {"--help",         "-h",           "train --help", "evaluate --help",
                                        "predict --help", "check --help", "info --help",  "verify --help",
                                        "doctor --help",  "scale --help", "plot --help",  "report --help",
                                        "batch --help",   "train -h"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        outcome result = run("shardprop %s", calls[i]);
        cr_expect_eq(result.status, 0, "%s", result.err);
        cr_expect_str_empty(result.err);
        cr_expect(strncmp(result.out, "Usage: shardprop ", 17) == 0, "%s", result.out);
        for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n"))
            cr_expect_leq(strlen(line), 80, "%s: %s", calls[i], line);
    }
    /* None is left out: as many as the program names. */
    outcome named = run("shardprop --help | sed -n '/^Commands:/,/^$/p' | grep -c '^  '");
    cr_expect_eq(strtoul(named.out, NULL, 10), sizeof calls / sizeof *calls - 3, "%s", named.out);
}

Test(cli_usage, version_names_what_the_program_was_built_with) {
    outcome result = run("shardprop --version");
    cr_expect_eq(result.status, 0);
    char first[40];
    snprintf(first, sizeof first, "shardprop %s\n", sp_version());
    cr_expect(strncmp(result.out, first, strlen(first)) == 0, "%s", result.out);
    cr_expect(strstr(result.out, "\ncompiler  gcc ") || strstr(result.out, "\ncompiler  clang "), "%s", result.out);
    cr_expect(strstr(result.out, "\nkernels   ") && strstr(result.out, "blas, reference\n"), "%s", result.out);
    cr_expect(strstr(result.out, "\nBLAS      OpenBLAS "), "%s", result.out);
}

Test(cli_usage, options_in_any_order_and_form) {
    const char *model = trained(), *rows = scratch_path("row.csv");
    const char *path = scratch_path("p.csv");
    run("head -n 2 data/iris.csv > %s", rows);
    outcome plain = run("shardprop predict -p %s %s", model, rows);
    cr_expect_eq(lines_of(plain.out), 2);
    cr_expect_str_eq(run("shardprop predict %s -qp %s", model, rows).out, plain.out);
    cr_expect_str_eq(run("shardprop predict %s %s --prob", model, rows).out, plain.out, "an abbreviation");
    cr_expect_str_eq(run("shardprop predict -p -- %s %s", model, rows).out, plain.out);
    run("shardprop predict -po%s %s %s", path, model, rows);
    cr_expect_str_eq(read_text(path), plain.out);
}

Test(cli_usage, stdout_that_is_full_or_closed_is_a_failure) {
    const char *model = trained();
    static const char *const calls[] = {"--help",
                                        "--version",
                                        "train --help",
                                        "train --help-config",
                                        "check configs/iris.ini",
                                        "info $model",
                                        "evaluate $model data/iris.csv",
                                        "predict $model data/iris.csv"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        outcome full = run("model=%s; shardprop %s >/dev/full", model, calls[i]);
        expect_refused_line(&full, 1, "stdout: writing failed (No space left on device)");
        outcome closed = run("model=%s; shardprop %s >&-", model, calls[i]);
        expect_refused_line(&closed, 1, "stdout: writing failed (Bad file descriptor)");
    }
    /* Through a link, which is all that could be lost if the device were taken for a file. */
    outcome result = run("ln -s /dev/full %s && shardprop predict %s data/iris.csv --output %s", scratch_path("full"),
                         model, scratch_path("full"));
    expect_refused_line(&result, 1, "/full: writing failed (No space left on device)");
}

/* The first file opened would take the place of stdout, and the results would go there. */
Test(cli_usage, closed_streams_do_not_end_up_in_files) {
    outcome result =
        run("shardprop train configs/iris.ini -s train.epochs=2 -s output.dir=%s <&- >&- 2>&-", scratch_path("run"));
    cr_expect_eq(result.status, 1, "the results could not be written");
    cr_expect_eq(lines_of(read_text(scratch_path("run/metrics.csv"))), 3);
    cr_expect_null(strstr(read_text(scratch_path("run/config.ini")), "epoch 1/2"));
    result = run("shardprop evaluate %s data/iris.csv", scratch_path("run"));
    cr_expect_eq(result.status, 0, "%s", result.err);
}
