/* Dropout and input noise: their formula, their statistics, and where they have no business. */
#include "base/random.h"
#include "golden.h"
#include "math/noise.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Dropout ---- */

enum { ROWS = 400, UNITS = 777 };

Test(noise, dropout_leaves_out_its_share_and_keeps_the_mean) {
    const double shares[] = {0.1, 0.2, 0.5, 0.9, SP_MOST_DROPOUT};
    for (size_t p = 0; p < sizeof shares / sizeof *shares; p++) {
        float factors[UNITS];
        double kept = 0, sum = 0;
        for (size_t row = 0; row < ROWS; row++) {
            sp_dropout_factors((sp_draw){7, 3}, 2, row, shares[p], 0, UNITS, factors);
            for (size_t j = 0; j < UNITS; j++) {
                cr_assert(factors[j] == 0 || fabs(factors[j] * (1 - shares[p]) - 1) < 1e-3, "%g", factors[j]);
                kept += factors[j] != 0;
                sum += factors[j];
            }
        }
        double count = ROWS * UNITS, deviation = sqrt(count * shares[p] * (1 - shares[p]));
        cr_expect_float_eq(kept, count * (1 - shares[p]), 4 * deviation, "%g: %g", shares[p], kept / count);
        cr_expect_float_eq(sum / count, 1, 4 * deviation / count / (1 - shares[p]), "%g", shares[p]);
    }
}

/* Rows, steps, layers, seeds and neighbours agree by chance alone: in half of all units. */
Test(noise, dropout_is_drawn_anew_for_every_row_step_layer_seed_and_unit) {
    enum { MANY = 20000, OTHERS = 5 };
    static float here[MANY + 1], other[OTHERS][MANY];
    sp_dropout_factors((sp_draw){1, 5}, 1, 9, 0.5, 0, MANY + 1, here);
    sp_dropout_factors((sp_draw){1, 5}, 1, 10, 0.5, 0, MANY, other[0]);
    sp_dropout_factors((sp_draw){1, 6}, 1, 9, 0.5, 0, MANY, other[1]);
    sp_dropout_factors((sp_draw){1, 5}, 2, 9, 0.5, 0, MANY, other[2]);
    sp_dropout_factors((sp_draw){2, 5}, 1, 9, 0.5, 0, MANY, other[3]);
    memcpy(other[4], here + 1, sizeof other[4]);
    for (int i = 0; i < OTHERS; i++) {
        double agree = 0;
        for (int j = 0; j < MANY; j++) agree += here[j] == other[i][j];
        cr_expect_float_eq(agree, MANY / 2.0, 4 * sqrt(MANY) / 2, "other %d agrees in %g of %d", i, agree, MANY);
    }
}

Test(noise, dropout_of_a_part_of_a_row_is_that_part_of_the_row) {
    float whole[UNITS], part[UNITS];
    sp_dropout_factors((sp_draw){4, 11}, 1, 6, 0.3, 0, UNITS, whole);
    for (size_t first = 0; first < UNITS; first += 37)
        for (size_t count = 1; first + count <= UNITS; count += 61) {
            sp_dropout_factors((sp_draw){4, 11}, 1, 6, 0.3, first, count, part);
            cr_assert_arr_eq(part, whole + first, count * sizeof *part, "%zu from %zu on", count, first);
        }
    /* In place, several rows at once, with slopes and without, and nothing beside them. */
    float a[3 * 50], slope[3 * 50];
    for (int i = 0; i < 150; i++) a[i] = slope[i] = 1;
    sp_dropout_apply((sp_draw){4, 11}, 1, 0.3, 5, 3, 16, 40, 50, a, slope);
    cr_expect_arr_eq(a + 50, whole + 16, 40 * sizeof *a);
    cr_expect_arr_eq(a, slope, sizeof a);
    for (int i = 40; i < 50; i++) cr_expect_eq(a[50 + i], 1);
    sp_dropout_apply((sp_draw){4, 11}, 1, 0.3, 5, 3, 16, 40, 50, a, NULL);
    cr_expect_float_eq(a[50], whole[16] * whole[16], 1e-6);
}

/* ---- Noise ---- */

Test(noise, noise_is_of_the_normal_distribution) {
    enum { EACH = 1000, COUNT = ROWS * EACH, CELLS = 40 };
    float *values = calloc(COUNT, sizeof *values);
    sp_noise_add((sp_draw){3, 8}, 2, 0, ROWS, EACH, EACH, values);
    double moment[5] = {0};
    size_t below[CELLS + 1] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        double z = values[i] / 2;
        for (int k = 1; k <= 4; k++) moment[k] += pow(z, k) / COUNT;
        for (int c = 0; c <= CELLS; c++) below[c] += z < -4 + 8.0 * c / CELLS;
    }
    double deviation = 1 / sqrt(COUNT); /* those of the moments: 1, sqrt(2), sqrt(15), sqrt(96) times this */
    cr_expect_float_eq(moment[1], 0, 4 * deviation, "%g", moment[1]);
    cr_expect_float_eq(moment[2], 1, 6 * deviation, "%g", moment[2]);
    cr_expect_float_eq(moment[3], 0, 16 * deviation, "%g", moment[3]);
    cr_expect_float_eq(moment[4], 3, 40 * deviation, "%g", moment[4]);
    for (int c = 0; c <= CELLS; c++) /* 2: Kolmogorov and Smirnov see such a distance once in 1,500 times */
        cr_expect_float_eq((double)below[c] / COUNT, erfc((4 - 8.0 * c / CELLS) / sqrt(2)) / 2, 2 * deviation, "%d", c);
    free(values);
}

/* Cosines and sines of the same radius, neighbours, rows and steps: not correlated. */
Test(noise, noise_is_drawn_anew_for_every_row_step_and_input) {
    enum { MANY = 1 << 14 };
    static float here[MANY + 256], row[MANY], step[MANY];
    sp_noise_add((sp_draw){3, 8}, 1, 5, 1, MANY + 256, MANY, here);
    sp_noise_add((sp_draw){3, 8}, 1, 6, 1, MANY, MANY, row);
    sp_noise_add((sp_draw){3, 9}, 1, 5, 1, MANY, MANY, step);
    const float *const others[] = {here + 1, here + 128, here + 256, row, step};
    for (int i = 0; i < 5; i++) {
        double product = 0, squares = 0;
        for (int j = 0; j < MANY; j++) product += here[j] * others[i][j];
        for (int j = 0; j < MANY; j++) squares += here[j] * here[j] * others[i][j] * others[i][j];
        cr_expect_float_eq(product / MANY, 0, 4 / sqrt(MANY), "other %d: %g", i, product / MANY);
        cr_expect_float_eq(squares / MANY, 1, 16 / sqrt(MANY), "other %d: %g", i, squares / MANY);
    }
}

/* ---- In a training ---- */

Test(noise, twenty_steps_as_pytorch_with_the_same_units_dropped) {
    cr_assert_eq(golden_cases("tests/reference/noise.json"), 7);
}

Test(noise, gradients_agree_with_differences_of_the_definition) {
    const char *const activations[] = {"sigmoid", "tanh", "relu", "leaky_relu", "elu",
                                       "selu",    "gelu", "silu", "softplus",   "identity"};
    for (int i = 0; i < 10; i++) {
        outcome result = run("shardprop check configs/iris.ini --gradients -s network.activation=%s "
                             "-s network.hidden=20,15 -s network.dropout=0.5,0.3 -s network.input_dropout=0.25 "
                             "-s network.input_noise=0.5 -s parallel.shards=3",
                             activations[i]);
        cr_expect_eq(result.status, 0, "%s: %s%s", activations[i], result.out, result.err);
        cr_expect(strstr(result.out, "\nthe gradients agree\n"), "%s: %s", activations[i], result.out);
    }
}

/* With learning rate 0 the weights stay: what is evaluated must be the plain network's. */
Test(noise, evaluation_drops_nothing_and_adds_nothing) {
    const char *const settings[] = {"network.dropout=0", "network.dropout=0.5", "network.input_dropout=0.5",
                                    "network.input_noise=1"};
    double train[4], test[4], validation[4];
    for (int i = 0; i < 4; i++) {
        outcome result = run("shardprop train configs/digits.ini --quiet -s train.epochs=1 -s data.validation=0.2 "
                             "-s optimizer.learning_rate=0 -s output.dir=%s -s %s",
                             scratch_path("run"), settings[i]);
        cr_assert_eq(result.status, 0, "%s", result.err);
        const char *summary = read_text(scratch_path("run/summary.json"));
        char *epoch = read_text(scratch_path("run/metrics.csv"));
        test[i] = number_after(summary, "test_loss");
        validation[i] = number_after(summary, "validation_loss");
        cr_assert_eq(sscanf(strchr(epoch, '\n'), " 1,%*[^,],%*[^,],%lf", &train[i]), 1, "%s", epoch);
        cr_expect_eq(test[i], test[0], "%s", settings[i]);
        cr_expect_eq(validation[i], validation[0], "%s", settings[i]);
        cr_expect(i == 0 || fabs(train[i] - train[0]) > 1e-3, "%s: %g %g", settings[i], train[i], train[0]);
    }
}

/* ---- What a config may say ---- */

static void expect_fault(const char *setting, const char *says) {
    outcome result = run("shardprop train configs/iris.ini -s network.hidden=8,4 -s output.dir=%s -s '%s'",
                         scratch_path("run"), setting);
    cr_expect_eq(result.status, 2, "%s", setting);
    cr_expect(strstr(result.err, says), "%s: %s", setting, result.err);
}

Test(noise, what_is_no_share_is_refused) {
    const char *range = "it takes: list of numbers from 0 to 0.99";
    expect_fault("network.dropout=1", range);
    expect_fault("network.dropout=0.5,", range);
    expect_fault("network.dropout=", range);
    expect_fault("network.dropout=-0.1,0.5", range);
    expect_fault("network.dropout=0.5,half", range);
    expect_fault("network.dropout=nan", range);
    expect_fault("network.input_dropout=1", "it takes: number from 0 to 0.99");
    expect_fault("network.input_noise=-1", "it takes: number from 0 to 1000000");
    expect_fault("network.dropout=0.5,0.5,0.5",
                 "--set: network.dropout names 3 shares for 2 hidden layers; name one for all, or one each");
}

Test(noise, a_list_of_shares_is_written_as_it_was_read) {
    outcome result = run("shardprop train configs/iris.ini --quiet -s network.hidden=8,4 -s train.epochs=1 "
                         "-s 'network.dropout=0.5, 0.25' -s output.dir=%s && grep -x 'dropout = .*' %s",
                         scratch_path("run"), scratch_path("run/config.ini"));
    cr_expect(strstr(result.out, "dropout = 0.5, 0.25\n"), "%s%s", result.out, result.err);
}
