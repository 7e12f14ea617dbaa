/* Sweeps: from lines to runs; and halving, which is arithmetic, too. */
#include "faults.h"
#include "runs/halving.h"
#include "runs/sweep.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sp_config *base(void) {
    sp_config *config = sp_config_create();
    sp_error error = {0};
    cr_assert_not_null(config);
    must(sp_config_load(config, write_text("base.ini", "[data]\ntrain=d.csv\n"), &error), error);
    return config;
}

/* The sweep of "key = value" lines; NULL with its faults. */
static sp_sweep *sweep_of(const char *text, sp_error *error) {
    static sp_config *config;
    sp_sweep_lines lines = {0};
    sp_sweep *sweep = NULL;
    *error = (sp_error){0};
    if (config) sp_config_destroy(config);
    config = sp_config_create();
    const char *path = write_text("sweep.ini", format_text("[data]\ntrain=d.csv\n[sweep]\n%s", text));
    if (!sp_config_load_sweep(config, path, &lines, error) && sp_sweep_create(&lines, config, &sweep, error))
        sweep = NULL;
    sp_sweep_lines_clear(&lines);
    return sweep;
}

static sp_sweep *good(const char *text) {
    sp_error error;
    sp_sweep *sweep = sweep_of(text, &error);
    cr_assert_not_null(sweep, "%s: %s", text, error.text);
    return sweep;
}

/* All values of the first key, between blanks. */
static char *values_of(const sp_sweep *sweep) {
    char *text = format_text("%s", "");
    for (size_t run = 0; run < sp_sweep_runs(sweep); run++)
        text = format_text("%s%s%s", text, run ? " " : "", sp_sweep_value(sweep, run, 0));
    return text;
}

static void expect_values(const char *line, const char *values) {
    sp_sweep *sweep = good(line);
    cr_expect_str_eq(values_of(sweep), values, "%s: %s", line, values_of(sweep));
    sp_sweep_destroy(sweep);
}

Test(sweep, lists_and_ranges) {
    expect_values("optimizer.learning_rate = 1e-3|0.3 |  .5\n", "0.001 0.3 0.5");
    expect_values("optimizer.learning_rate = log(1e-4..1e-1, 7)\n", "0.0001 0.0003162 0.001 0.003162 0.01 0.03162 0.1");
    expect_values("optimizer.learning_rate = 0 | log(0.25 .. 4, 3) | 7\n", "0 0.25 1 4 7");
    expect_values("network.input_dropout = linear(0..0.5, 6)\n", "0 0.1 0.2 0.3 0.4 0.5");
    expect_values("network.input_dropout = linear(0..1e-1,4)\n", "0 0.03333 0.06667 0.1");
    expect_values("optimizer.momentum = linear(0.9..0.99, 4)\n", "0.9 0.93 0.96 0.99");
    expect_values("train.batch_size = log(16..256, 5)\n", "16 32 64 128 256");
    expect_values("train.batch_size = linear(10..15, 3) | full\n", "10 13 15 full");
    expect_values("optimizer.name = sgd | adam\n", "sgd adam");
    expect_values("network.dropout = linear(0..0.4, 3)\n", "0 0.2 0.4");
}

Test(sweep, all_combinations_the_last_key_first) {
    sp_sweep *sweep = good("network.hidden = 64 | 32, 16 | \ntrain.seed = 1 | 2\noptimizer.name = sgd | adam\n");
    static const char *const names[] = {
        "hidden=64_seed=1_optimizer=sgd",    "hidden=64_seed=1_optimizer=adam",    "hidden=64_seed=2_optimizer=sgd",
        "hidden=64_seed=2_optimizer=adam",   "hidden=32-16_seed=1_optimizer=sgd",  "hidden=32-16_seed=1_optimizer=adam",
        "hidden=32-16_seed=2_optimizer=sgd", "hidden=32-16_seed=2_optimizer=adam", "hidden=_seed=1_optimizer=sgd",
        "hidden=_seed=1_optimizer=adam",     "hidden=_seed=2_optimizer=sgd",       "hidden=_seed=2_optimizer=adam"};
    static const size_t groups[] = {0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5};
    char name[200];
    cr_assert_eq(sp_sweep_runs(sweep), 12);
    for (size_t run = 0; run < 12; run++) {
        sp_sweep_name(sweep, run, true, name, sizeof name);
        cr_expect_str_eq(name, names[run]);
        cr_expect_eq(sp_sweep_group(sweep, run), groups[run]);
    }
    sp_sweep_name(sweep, 4, false, name, sizeof name);
    cr_expect_str_eq(name, "hidden=32-16_optimizer=sgd");
    sp_config *config = base();
    sp_error error = {0};
    must(sp_sweep_apply(sweep, 7, config, &error), error);
    cr_expect_eq(config->network.hidden.count, 2);
    cr_expect_eq(config->network.hidden.item[1], 16);
    cr_expect_eq(config->train.seed, 2);
    cr_expect_eq(config->optimizer.name, SP_ADAM);
    sp_config_destroy(config);
    sp_sweep_destroy(sweep);
}

Test(sweep, names_are_long_where_short_ones_are_ambiguous) {
    char name[200];
    sp_sweep *sweep = good("optimizer.name = sgd\nschedule.name = cosine\nschedule.factor=0.5\naugment.scale=0.1\n");
    sp_sweep_name(sweep, 0, true, name, sizeof name);
    cr_expect_str_eq(name, "optimizer=sgd_schedule=cosine_factor=0.5_scale=0.1");
    sp_sweep_destroy(sweep);
    sweep = good("network.normalization = none\ndata.normalize = unit\n");
    sp_sweep_name(sweep, 0, true, name, sizeof name);
    cr_expect_str_eq(name, "normalization=none_normalize=unit");
    sp_sweep_destroy(sweep);
    sweep = good("");
    cr_expect_eq(sp_sweep_runs(sweep), 1, "no lines, one run");
    sp_sweep_name(sweep, 0, true, name, sizeof name);
    cr_expect_str_eq(name, "");
    sp_sweep_destroy(sweep);
}

/* ---- Draws --------------------------------------------------------------------------------------- */

static double draw(const sp_sweep *sweep, size_t run, size_t key) {
    double value;
    cr_assert(sp_parse_real(sp_sweep_value(sweep, run, key), &value));
    return value;
}

/* Means of 2000 draws, within four standard errors of those of the distributions. */
Test(sweep, draws_follow_their_distributions) {
    enum { DRAWS = 2000 };
    sp_sweep *sweep =
        good("optimizer.learning_rate = loguniform(1e-4..1e-1)\nnetwork.input_dropout = uniform(0.1..0.5)\n"
             "train.batch_size = uniform(1..8)\noptimizer.name = sgd | adam | adamw | rmsprop\n"
             "samples = 2000\nseed = 3\n");
    double logs = 0, dropout = 0, sizes[9] = {0}, adam = 0;
    cr_assert_eq(sp_sweep_runs(sweep), DRAWS);
    for (size_t i = 0; i < DRAWS; i++) {
        double rate = draw(sweep, i, 0), share = draw(sweep, i, 1), size = draw(sweep, i, 2);
        cr_assert(rate >= 1e-4 && rate <= 1e-1 && share >= 0.1 && share <= 0.5 && size >= 1 && size <= 8);
        logs += log10(rate) / DRAWS;
        dropout += share / DRAWS;
        cr_assert_eq(size, floor(size));
        sizes[(int)size]++;
        adam += strcmp(sp_sweep_value(sweep, i, 3), "adam") == 0;
        cr_assert_leq(strlen(sp_sweep_value(sweep, i, 0)), 9, "four digits: %s", sp_sweep_value(sweep, i, 0));
    }
    cr_expect_float_eq(logs, -2.5, 4 * 3 / sqrt(12.0 * DRAWS), "%g", logs);
    cr_expect_float_eq(dropout, 0.3, 4 * 0.4 / sqrt(12.0 * DRAWS), "%g", dropout);
    for (int i = 1; i <= 8; i++) cr_expect_float_eq(sizes[i], DRAWS / 8, 4 * sqrt(DRAWS / 8.0), "%d: %g", i, sizes[i]);
    cr_expect_float_eq(adam, DRAWS / 4, 4 * sqrt(DRAWS / 4.0), "%g", adam);
    sp_sweep_destroy(sweep);
}

Test(sweep, draws_depend_on_the_seed_and_on_nothing_beside) {
    const char *rate = "optimizer.learning_rate = loguniform(1e-4..1e-1)\n";
    sp_sweep *few = good(format_text("%ssamples = 5\n", rate));
    sp_sweep *more = good(format_text("samples = 9\nseed = 1\nnetwork.input_dropout = uniform(0..0.5)\n%s", rate));
    sp_sweep *other = good(format_text("%ssamples = 5\nseed = 2\n", rate));
    for (size_t i = 0; i < 5; i++) {
        cr_expect_str_eq(sp_sweep_value(few, i, 0), sp_sweep_value(more, i, 1));
        cr_expect_str_neq(sp_sweep_value(few, i, 0), sp_sweep_value(other, i, 0));
    }
    sp_sweep_destroy(few);
    sp_sweep_destroy(more);
    sp_sweep_destroy(other);
}

/* Each combination once; with every seed. */
Test(sweep, combinations_are_drawn_once_with_all_seeds) {
    sp_sweep *sweep =
        good("train.seed = 4 | 5 | 6\nnetwork.hidden = 8 | 16 | 32\noptimizer.name = sgd | adam\nsamples = 5\n");
    cr_assert_eq(sp_sweep_runs(sweep), 15);
    for (size_t run = 0; run < 15; run++) {
        cr_expect_eq(sp_sweep_group(sweep, run), run / 3);
        cr_expect_str_eq(sp_sweep_value(sweep, run, 0), format_text("%zu", 4 + run % 3));
        for (size_t other = 0; other < run / 3 * 3; other += 3)
            cr_expect(strcmp(sp_sweep_value(sweep, run, 1), sp_sweep_value(sweep, other, 1)) != 0 ||
                      strcmp(sp_sweep_value(sweep, run, 2), sp_sweep_value(sweep, other, 2)) != 0);
    }
    sp_sweep_destroy(sweep);
}

/* ---- Faults -------------------------------------------------------------------------------------- */

Test(sweep, faults_name_their_lines) {
    static const struct {
        const char *lines, *fault;
    } cases[] = {
        {"optimizer.rate = 1\n", ":4: unknown key 'rate' in [optimizer]"},
        {"nowhere.rate = 1\n", ":4: unknown section [nowhere]"},
        {"learning_rate = 1\n", ":4: sweep.learning_rate: is neither samples nor seed, nor a key"},
        {"optimizer.learning_rate = 1 | -1\n", ":4: optimizer.learning_rate = '-1' is not valid"},
        {"optimizer.learning_rate = 0.1 | | 1\n", ":4: optimizer.learning_rate = '' is not valid"},
        {"optimizer.learning_rate = 0.1 | 1e-1\n", ":4: sweep.optimizer.learning_rate: takes 0.1 twice"},
        {"optimizer.learning_rate = log(0..1, 3)\n", "a logarithmic range begins above 0"},
        {"optimizer.learning_rate = log(1..0.1, 3)\n", "'log(1..0.1, 3)' is no range"},
        {"optimizer.learning_rate = log(0.1..1)\n", "is no range"},
        {"optimizer.learning_rate = log(0.1..1, 1)\n", "is no range"},
        {"optimizer.learning_rate = log(0.1..1, 2.5)\n", "is no range"},
        {"optimizer.learning_rate = linear(0.1..1, 3) x\n", "is no range"},
        {"optimizer.learning_rate = uniform(0.1..1, 3)\n", "is no range"},
        {"optimizer.learning_rate = uniform(0.1..nan)\n", "is no range"},
        {"network.input_dropout = uniform(0..2)\nsamples=3\n", ":4: network.input_dropout = '2' is not valid"},
        {"optimizer.name = log(1..2, 3)\n", "takes no numbers"},
        {"optimizer.learning_rate = uniform(0..1)\n",
         ":4: sweep.optimizer.learning_rate: is drawn at random; say how often"},
        {"optimizer.learning_rate = uniform(0..1) | 2\nsamples = 3\n", "what is drawn stands alone"},
        {"train.seed = uniform(1..9)\nsamples = 3\n", "is not drawn; list the seeds"},
        {"train.batch_size = linear(1..3, 9)\n", "takes 1 twice"},
        {"samples = 0\n", ":4: sweep.samples: takes a whole number of 1 or more"},
        {"seed = x\n", ":4: sweep.seed: takes a whole number of 0 or more"},
        {"optimizer.name = sgd | adam\nsamples = 2\n", ":5: sweep.samples = 2, but there are only 2 combinations"},
        {"train.batch_size = uniform(1..4)\nsamples = 5\n", ":5: sweep.samples: no more than 4 different combinations"},
        {"train.seed = linear(1..9999, 9999)\noptimizer.name = sgd | adam\n", "comes to more than 10000 trainings"},
        {"output.dir = a | b\n", ":4: sweep.output.dir: is for the batch to say"},
        {"train.seed = 1\ntrain.seed = 2\n", ":5: sweep.train.seed is repeated; it is set in line 4 already"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_error error;
        cr_expect_null(sweep_of(cases[i].lines, &error), "%s", cases[i].lines);
        cr_expect_eq(error.status, SP_BAD_CONFIG, "%s", cases[i].lines);
        cr_expect_eq(error.faults, 1, "%s: %s", cases[i].lines, error.text);
        cr_expect_not_null(strstr(error.text, cases[i].fault), "%s: %s", cases[i].lines, error.text);
    }
    sp_error error;
    sweep_of("optimizer.rate = 1\ntrain.epoch = 3\n", &error);
    cr_expect_eq(error.faults, 2, "all at once: %s", error.text);
}

/* ---- Halving ------------------------------------------------------------------------------------- */

Test(halving, rungs_and_budgets) {
    cr_expect_eq(sp_halving_rungs(12, 8, 2), 4, "12 at 1, 6 at 2, 3 at 4, 1 at 8");
    cr_expect_eq(sp_halving_rungs(12, 100, 2), 4, "12 at 13, 6 at 25, 3 at 50, 1 at 100");
    cr_expect_eq(sp_halving_rungs(27, 81, 3), 4);
    cr_expect_eq(sp_halving_rungs(27, 2, 3), 1, "too few epochs to share out");
    cr_expect_eq(sp_halving_rungs(1, 100, 2), 1);
    static const size_t budgets[] = {13, 25, 50, 100};
    for (size_t rung = 0; rung < 4; rung++) cr_expect_eq(sp_halving_epochs(100, 2, 4, rung), budgets[rung]);
}

Test(halving, the_best_go_on) {
    const double value[] = {0.5, 0.9, NAN, 0.7, 0.9, 0.1, 0.8};
    bool there[7] = {true, true, true, true, true, true, false};
    sp_halving_keep(value, there, 7, 2);
    static const bool half[] = {false, true, false, true, true, false, false};
    for (int i = 0; i < 7; i++) cr_expect_eq(there[i], half[i], "%d", i);
    sp_halving_keep(value, there, 7, 2);
    for (int i = 0; i < 7; i++) cr_expect_eq(there[i], i == 1, "of equal ones the first: %d", i);
    sp_halving_keep(value, there, 7, 2);
    cr_expect(there[1], "one is left");
    bool failed[3] = {true, true, true};
    sp_halving_keep((const double[]){NAN, NAN, NAN}, failed, 3, 2);
    cr_expect(!failed[0] && !failed[1] && !failed[2]);
}
