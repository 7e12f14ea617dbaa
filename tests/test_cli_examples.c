/* The examples on small data, as a user trains them: each better than the linear model by what its comment says, that
 * is, by its own config without hidden layers. And the data they are trained on. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The metric of the test rows in summary.json after training `config` with `options`. */
static double trained(const char *config, const char *options, const char *metric) {
    outcome result = run("shardprop train --quiet -s output.dir='%s' -s parallel.threads=1 %s %s", scratch_path("run"),
                         config, options);
    cr_assert_eq(result.status, 0, "%s %s: %s", config, options, result.err);
    return number_after(read_text(scratch_path("run/summary.json")), format_text("\"%s\"", metric));
}

/* Trains `config` as it is and without hidden layers; expects the metric to reach `least` and to be better by `margin`.
 */
static void expect_better_than_linear(const char *config, const char *metric, double least, double margin) {
    double deep = trained(config, "", metric), linear = trained(config, "-s network.hidden=", metric);
    cr_expect_geq(deep, least, "%s: %s is %g", config, metric, deep);
    cr_expect_geq(deep, linear + margin, "%s: %s is %g, and of the linear model %g", config, metric, deep, linear);
}

Test(cli_examples, concrete) {
    expect_better_than_linear("configs/concrete.ini", "test_r2", 0.9, 0.25);
}

Test(cli_examples, jobs) {
    expect_better_than_linear("configs/jobs.ini", "test_balanced_accuracy", 0.72, 0.08);
}

Test(cli_examples, digit_properties) {
    expect_better_than_linear("configs/digit-properties.ini", "test_subset_accuracy", 0.97, 0.1);
}

Test(cli_examples, weights_of_classes_help_the_rare_ones) {
    static const char config[] = "configs/jobs.ini", metric[] = "test_balanced_accuracy";
    double weighted = trained(config, "-s network.hidden=", metric);
    double even = trained(config, "-s network.hidden= -s train.class_weights=none", metric);
    cr_expect_geq(weighted, even + 0.02, "%g, and without them %g", weighted, even);
}

/* ---- The data ------------------------------------------------------------------------------- */

static int is_of(const char *digits, char digit) {
    return strchr(digits, digit) != NULL;
}

/* Row by row the pixels of digits.csv, and what follows from its label. */
Test(cli_examples, digit_properties_are_those_of_the_digits) {
    char *digits = read_text("data/digits.csv"), *properties = read_text("data/digit-properties.csv");
    cr_assert_eq(lines_of(properties), lines_of(digits));
    cr_expect(strstr(properties, "pixel_7_7,even,prime,loop\n"));
    for (int row = 1; (digits = strchr(digits, '\n') + 1, *digits); row++) {
        properties = strchr(properties, '\n') + 1;
        size_t pixels = strcspn(digits, "\n") - 1;
        char label = digits[pixels];
        const char *wanted =
            format_text("%d,%d,%d\n", is_of("02468", label), is_of("2357", label), is_of("0689", label));
        cr_assert_eq(strncmp(properties, digits, pixels), 0, "row %d has other pixels", row);
        cr_assert_eq(strncmp(properties + pixels, wanted, strlen(wanted)), 0, "row %d, a %c, is not %s", row, label,
                     wanted);
    }
}
