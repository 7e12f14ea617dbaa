/* Curves in the terminal, as a user has them drawn. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *train(const char *name, const char *what) {
    const char *dir = scratch_path(name);
    outcome result = run("shardprop train -q configs/digits.ini -s train.epochs=6 -s output.dir='%s' %s", dir, what);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return dir;
}

/* A run directory with this metrics.csv. */
static const char *write_run(const char *name, const char *metrics) {
    const char *dir = scratch_path(name);
    run("mkdir -p '%s'; touch '%s/config.ini'", dir, dir);
    write_text(format_text("%s/metrics.csv", name), metrics);
    return dir;
}

static size_t longest_line(const char *text) {
    size_t most = 0;
    for (; *text; text += strcspn(text, "\n") + 1) {
        size_t length = strcspn(text, "\n");
        most = length > most ? length : most;
        if (!text[length]) break;
    }
    return most;
}

static char *title(const char *text, const char *what) {
    for (char *at = strstr(text, what); at; at = strstr(at + 1, what))
        if (at > text && at[-1] == ' ' && at[strlen(what)] == '\n') return at;
    return NULL;
}

Test(cli_plot, loss_accuracy_and_learning_rate) {
    const char *dir = train("run", "-s data.validation=0.1");
    outcome result = run("shardprop plot '%s'", dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    char *one = title(result.out, "loss"), *two = title(result.out, "accuracy"),
         *three = title(result.out, "learning_rate");
    cr_assert(one && two && three && one < two && two < three, "%s", result.out);
    cr_expect(strstr(one, " train *******") && strstr(one, " validation #######"), "%s", result.out);
    cr_expect_null(strchr(result.out, '\033'));
    cr_expect(longest_line(result.out) <= 79 && longest_line(result.out) > 70, "%zu", longest_line(result.out));
    result = run("shardprop plot '%s'", train("plain", "-s schedule.name=constant"));
    cr_expect(title(result.out, "loss") && title(result.out, "accuracy"), "%s", result.out);
    cr_expect_null(strstr(result.out, "validation"), "none was measured: %s", result.out);
    cr_expect_null(strstr(result.out, "learning_rate"), "it is the same all along: %s", result.out);
}

/* Each on a level of its own, so that every curve has to be seen. */
Test(cli_plot, many_runs_are_drawn_by_letters_that_are_named_below) {
    enum { RUNS = 12 };
    for (int i = 0; i < RUNS; i++) {
        char metrics[200] = "epoch,train_loss\n";
        for (int e = 1; e < 9; e++) sprintf(metrics + strlen(metrics), "%d,%d\n", e, i + 1);
        write_run(format_text("batch/learning_rate=0.1_hidden=32_weight_decay=0.00%02d_normalization=batch", i),
                  metrics);
    }
    outcome result = run("shardprop plot '%s' -y train_loss", scratch_path("batch"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_leq(longest_line(result.out), 79, "%zu", longest_line(result.out));
    cr_expect_null(strpbrk(result.out, "\033*#"), "%s", result.out);
    char *key = strstr(result.out, "\n  a  ");
    cr_assert_not_null(key, "%s", result.out);
    cr_expect_eq(lines_of(key + 1), RUNS, "%s", key);
    *key = '\0';
    cr_expect_null(strstr(result.out, "normalization"), "no name stands among the curves: %s", result.out);
    for (int i = 0; i < RUNS; i++) {
        char letter[] = {(char)('a' + i), '\0'}, *curve = format_text("%1$s%1$s%1$s%1$s%1$s%1$s%1$s%1$s", letter);
        cr_expect(strstr(result.out, curve), "curve %s: %s", letter, result.out);
        cr_expect(strstr(key + 1, format_text("  %s  ", letter)), "%s", key + 1);
    }
    cr_expect(strstr(key + 1, "...") && strstr(key + 1, "_normalization=batch\n"), "names are cut in the middle");
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    result = run("TERM=xterm script -qec \"stty cols 120 rows 40; '%s' plot '%s' -y train_loss\" /dev/null < /dev/null",
                 SHARDPROP_PROGRAM, scratch_path("batch"));
    cr_expect(strstr(result.out, "\n  \033[31ma\033[39m  "), "%s", result.out);
    cr_expect_leq(widest(result.out), 119, "%zu", widest(result.out));
}

Test(cli_plot, runs_without_metrics_are_passed_over) {
    write_run("all/one", "epoch,train_loss\n1,2\n2,1\n");
    run("mkdir '%s'; touch '%s'", scratch_path("all/two"), scratch_path("all/two/config.ini"));
    outcome result = run("shardprop plot '%s'", scratch_path("all"));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(title(result.out, "loss"), "%s", result.out);
    cr_expect_str_eq(result.err, format_text("shardprop: warning: %s: holds no metrics.csv; train it first\n",
                                             scratch_path("all/two")));
    result = run("shardprop plot '%s'", scratch_path("all/two"));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "/two: holds no metrics.csv"), "%s", result.err);
}

/* 1 in the first half of the epochs, 0 in the second: a step down in the middle. */
Test(cli_plot, curves_stand_where_they_should) {
    char metrics[400] = "epoch,train_loss\n";
    for (int i = 1; i <= 20; i++) sprintf(metrics + strlen(metrics), "%d,%s\n", i, i <= 10 ? "1" : "0");
    outcome result = run("shardprop plot '%s' --metric train_loss", write_run("run", metrics));
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *above = NULL, *below = NULL;
    size_t row = 0, top = 0, bottom = 0;
    for (const char *line = result.out; *line; line += strcspn(line, "\n") + 1, row++) {
        size_t length = strcspn(line, "\n");
        if (!memmem(line, length, "*******", 7)) continue;
        if (!above) top = row;
        if (!above) above = keep(strndup(line, length));
        below = keep(strndup(line, length));
        bottom = row;
    }
    cr_assert(above && below);
    size_t half = strlen(below) / 2;
    cr_expect_lt(strrchr(above, '*') - above, (long)half + 3, "%s", result.out);
    cr_expect_gt(strchr(below, '*') - below, (long)half - 3, "%s", result.out);
    cr_expect_geq(bottom - top, 9, "over the whole height: %s", result.out);
}

/* Where scratch files lie: names of runs are then as short as they look here. */
static outcome plot_there(const char *environment, const char *arguments) {
    char program[4096];
    cr_assert_not_null(realpath(SHARDPROP_PROGRAM, program));
    return run("cd '%s' && %s '%s' plot %s", scratch(), environment, program, arguments);
}

Test(cli_plot, several_runs_are_laid_over_each_other) {
    train("all/one", "-s data.validation=0.1");
    train("all/two", "-s data.validation=0.1 -s train.seed=2");
    outcome result = plot_there("", "all");
    cr_assert_eq(result.status, 0, "%s", result.err);
    char *at = title(result.out, "validation_loss");
    cr_expect(title(result.out, "train_loss") && at && title(result.out, "validation_accuracy"), "%s", result.out);
    cr_expect(strstr(at, "all/one *******") && strstr(at, "all/two #######"), "%s", result.out);
    result = plot_there("", "all/one all/two -y layer2_gradient_norm");
    cr_expect(title(result.out, "layer2_gradient_norm") && strstr(result.out, "all/two #"), "%s", result.out);
}

Test(cli_plot, a_run_that_still_goes) {
    const char *head = "epoch,train_loss,train_accuracy,learning_rate\n";
    const char *dir = write_run("run", format_text("%s1,2,0.1,1\n2,1,0.2,1\n3,0.", head));
    outcome result = run("shardprop plot '%s'", dir);
    cr_expect_eq(result.status, 0, "a line in part is left out: %s", result.err);
    cr_expect(title(result.out, "loss"), "%s", result.out);
    write_run("run", head);
    result = run("shardprop plot '%s'", dir);
    cr_expect_eq(result.status, 1);
    cr_expect(strstr(result.err, "there is no whole epoch yet; wait for one\n"), "%s", result.err);
}

Test(cli_plot, names_are_shown_as_the_terminal_can) {
    write_run("f\xc3\xbc"
              "r/one",
              "epoch,train_loss\n1,2\n2,1\n");
    write_run("f\xc3\xbc"
              "r/t`id`\\n",
              "epoch,train_loss\n1,2\n2,1\n");
    outcome result = plot_there("LC_ALL=C.UTF-8", "f\xc3\xbcr");
    cr_expect(strstr(result.out, "f\xc3\xbc"
                                 "r/one ***"),
              "%s%s", result.out, result.err);
    cr_expect(strstr(result.out, "r/t`id`\\n ###"), "%s", result.out);
    result = plot_there("LC_ALL=C", "f\xc3\xbcr");
    cr_expect(strstr(result.out, "f??r/one ***"), "%s", result.out);
}

Test(cli_plot, what_it_cannot_draw) {
    const char *dir = train("run", "");
    outcome result = run("shardprop plot '%s' --metric layer1_gradientnorm", dir);
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "--metric: 'layer1_gradientnorm' is not measured in these runs; "), "%s", result.err);
    cr_expect(strstr(result.err, "did you mean 'layer1_gradient_norm'?"), "%s", result.err);
    result = run("shardprop plot '%s' -y validation_loss", dir);
    cr_expect_eq(result.status, 2, "no validation rows");
    cr_expect_null(strstr(result.err, "did you mean 'validation_loss'"), "a column without values is no help: %s",
                   result.err);
    cr_expect(strstr(result.err, "a column of metrics.csv with values: seconds, learning_rate, train_loss"), "%s",
              result.err);
    result = run("PATH=/nowhere; shardprop plot '%s'", dir);
    cr_expect_eq(result.status, 1);
    cr_expect(strstr(result.err, "gnuplot: is not found"), "%s", result.err);
    result = run("shardprop plot configs");
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "configs: holds no config.ini"), "%s", result.err);
}

Test(cli_plot, as_wide_as_the_terminal) {
    if (run("script -qec true /dev/null < /dev/null").status != 0) cr_skip_test("script(1) finds no pseudo-terminal");
    const char *dir = train("run", "");
    outcome result = run("TERM=xterm NO_COLOR=1 script -qec \"stty cols 50 rows 40; '%s' plot '%s' -y loss\" /dev/null "
                         "< /dev/null",
                         SHARDPROP_PROGRAM, dir);
    cr_assert_eq(result.status, 0, "%s", result.out);
    cr_expect_null(strchr(result.out, '\033'));
    cr_expect(longest_line(result.out) <= 50 && longest_line(result.out) > 42, "%zu", longest_line(result.out));
    result = run("TERM=xterm script -qec \"stty cols 120 rows 40; '%s' plot '%s' -y loss\" /dev/null < /dev/null",
                 SHARDPROP_PROGRAM, dir);
    cr_expect(strchr(result.out, '\033'), "colours: %s", result.out);
    cr_expect(longest_line(result.out) > 110, "%zu", longest_line(result.out));
}
