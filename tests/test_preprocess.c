/* Normalisation against numbers worked out by hand. */
#include "data/preprocess.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Five rows of four features; the one in the middle is never fitted to. */
static float values[] = {
    2,  -1, 5,  100, //
    4,  0,  5,  200, //
    99, 99, 99, 99,  //
    4,  1,  5,  300, //
    10, 0,  5,  400,
};
static const sp_table table = {.rows = 5, .features = 4, .values = values};
static const sp_rows four = {.index = (uint32_t[]){0, 1, 3, 4}, .count = 4};

static sp_preprocess fitted(sp_normalize kind, const sp_table *to, const sp_rows *rows) {
    sp_error error = {0};
    sp_preprocess preprocess;
    must(sp_preprocess_fit(kind, to, rows, &preprocess, &error), error);
    cr_assert_eq(preprocess.kind, kind);
    cr_assert_eq(preprocess.features, to->features);
    return preprocess;
}

/* Fits to the four rows and compares the first, the last and the one left out, once normalised. */
static void check(sp_normalize kind, const float expected[3][4]) {
    sp_preprocess preprocess = fitted(kind, &table, &four);
    float result[3][4];
    sp_preprocess_gather(&preprocess, &table, (uint32_t[]){0, 4, 2}, 3, result[0], table.features);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            cr_expect_float_eq(result[i][j], expected[i][j], 1e-6 * fmax(1, fabs(expected[i][j])),
                               "%s, row %d, feature %d: %g", sp_normalize_names[kind], i, j, (double)result[i][j]);
    sp_preprocess_clear(&preprocess);
}

Test(preprocess, none_changes_nothing) {
    check(SP_NORMALIZE_NONE, (const float[3][4]){{2, -1, 5, 100}, {10, 0, 5, 400}, {99, 99, 99, 99}});
}

Test(preprocess, unit_divides_by_255) {
    check(SP_NORMALIZE_UNIT, (const float[3][4]){{2 / 255.f, -1 / 255.f, 5 / 255.f, 100 / 255.f},
                                                 {10 / 255.f, 0, 5 / 255.f, 400 / 255.f},
                                                 {99 / 255.f, 99 / 255.f, 99 / 255.f, 99 / 255.f}});
}

/* A constant feature becomes 0, and keeps its distance from the constant elsewhere. */
Test(preprocess, minmax_maps_the_fitted_rows_to_0_and_1) {
    check(SP_NORMALIZE_MINMAX, (const float[3][4]){{0, 0, 0, 0}, {1, 0.5f, 0, 1}, {12.125f, 50, 94, -1 / 300.f}});
}

/* Means 5, 0, 5, 250; deviations of the population sqrt(36/4), sqrt(2/4), none, sqrt(50000/4). */
Test(preprocess, standard_has_mean_0_and_deviation_1) {
    check(SP_NORMALIZE_STANDARD, (const float[3][4]){{-1, -1.41421356f, 0, -1.34164079f},
                                                     {5 / 3.f, 0, 0, 1.34164079f},
                                                     {94 / 3.f, 140.007143f, 94, -1.35058506f}});
}

/* One feature of so many rows, fitted to all of them. */
static sp_preprocess fitted_column(sp_normalize kind, float *column, size_t count) {
    sp_table one = {.rows = count, .features = 1, .values = column};
    sp_rows all;
    cr_assert(sp_rows_all(count, &all));
    sp_preprocess preprocess = fitted(kind, &one, &all);
    sp_rows_clear(&all);
    return preprocess;
}

/* What a network sees is finite, as far as float32 holds the differences of the values. */
Test(preprocess, tiny_and_huge_values_stay_finite) {
    static float columns[][4] = {
        {1e-30f, 2e-30f, 3e-30f, 4e-30f},     {1e-45f, 0, 3e-45f, 0},    {0.1f, 0.1f, 0.1f, 0.1f},
        {1e8f, 1e8f + 8, 1e8f, 1e8f + 8},     {1e38f, -1e38f, 5e37f, 0}, {1.7e38f, -1.7e38f, 1.7e38f, -1.7e38f},
        {3.4e38f, 3.4e38f, 3.4e38f, 3.4e38f}, {-3.4e38f, 0, 0, 0}};
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (int kind = SP_NORMALIZE_MINMAX; kind <= SP_NORMALIZE_STANDARD; kind++) {
            sp_preprocess preprocess = fitted_column((sp_normalize)kind, columns[c], 4);
            float samples[4];
            for (int i = 0; i < 4; i++) samples[i] = columns[c][i];
            sp_preprocess_apply(&preprocess, 4, samples, samples, preprocess.features);
            for (int i = 0; i < 4; i++)
                cr_expect(fabsf(samples[i]) <= 2, "%s of column %zu: %g becomes %g", sp_normalize_names[kind], c,
                          (double)columns[c][i], (double)samples[i]);
            sp_preprocess_clear(&preprocess);
        }
}

/* A mean far from 0 must not eat the deviation: 2^24 - 2 and 2^24, in turn. */
Test(preprocess, a_large_mean_leaves_the_deviation) {
    static float column[1000];
    for (int i = 0; i < 1000; i++) column[i] = 16777214 + 2.0f * (float)(i % 2);
    sp_preprocess preprocess = fitted_column(SP_NORMALIZE_STANDARD, column, 1000);
    cr_expect_eq(preprocess.shift[0], 16777215);
    cr_expect_eq(preprocess.scale[0], 1);
    sp_preprocess_clear(&preprocess);
}

/* One row apart from a constant is spread; rounding in the sums is none. */
Test(preprocess, a_constant_is_told_from_a_small_spread) {
    enum { ROWS = 100000 };
    static float column[ROWS];
    for (int i = 0; i < ROWS; i++) column[i] = 0.1f;
    sp_preprocess preprocess = fitted_column(SP_NORMALIZE_STANDARD, column, ROWS);
    cr_expect(preprocess.scale[0] == 1 && preprocess.shift[0] == 0.1f);
    sp_preprocess_clear(&preprocess);
    column[ROWS / 2] = nextafterf(0.1f, 1);
    preprocess = fitted_column(SP_NORMALIZE_STANDARD, column, ROWS);
    double spread = ((double)column[ROWS / 2] - (double)0.1f) * sqrt(1.0 / ROWS * (1 - 1.0 / ROWS));
    cr_expect_float_eq(preprocess.scale[0] * spread, 1, 1e-3);
    sp_preprocess_clear(&preprocess);
}

/* Bytes, floats, and samples that come from elsewhere: the same numbers to the last bit. */
Test(preprocess, bytes_floats_and_samples_agree_bit_for_bit) {
    enum { ROWS = 64, FEATURES = 33 };
    static uint8_t bytes[ROWS * FEATURES];
    static float floats[ROWS * FEATURES], from_bytes[ROWS * FEATURES], from_floats[ROWS * FEATURES];
    for (int i = 0; i < ROWS * FEATURES; i++) floats[i] = bytes[i] = (uint8_t)(i * i % 251);
    sp_table of_bytes = {.rows = ROWS, .features = FEATURES, .bytes = true, .values = bytes};
    sp_table of_floats = {.rows = ROWS, .features = FEATURES, .values = floats};
    sp_rows all;
    cr_assert(sp_rows_all(ROWS, &all));
    for (int kind = SP_NORMALIZE_NONE; kind <= SP_NORMALIZE_STANDARD; kind++) {
        sp_preprocess first = fitted((sp_normalize)kind, &of_bytes, &all);
        sp_preprocess second = fitted((sp_normalize)kind, &of_floats, &all);
        sp_preprocess_gather(&first, &of_bytes, all.index, ROWS, from_bytes, FEATURES);
        sp_preprocess_gather(&second, &of_floats, all.index, ROWS, from_floats, FEATURES);
        cr_expect_arr_eq(from_bytes, from_floats, sizeof from_bytes);
        float applied[ROWS * FEATURES];
        for (int i = 0; i < ROWS * FEATURES; i++) applied[i] = bytes[i];
        sp_preprocess_apply(&first, ROWS, applied, applied, FEATURES);
        cr_expect_arr_eq(from_bytes, applied, sizeof applied);
        sp_preprocess_clear(&first);
        sp_preprocess_clear(&second);
    }
    sp_rows_clear(&all);
}

Test(preprocess, gathers_the_rows_asked_for_in_their_order) {
    sp_preprocess preprocess = fitted(SP_NORMALIZE_NONE, &table, &four);
    float result[3][4];
    sp_preprocess_gather(&preprocess, &table, (uint32_t[]){4, 0, 4}, 3, result[0], table.features);
    cr_expect(result[0][3] == 400 && result[1][3] == 100 && result[2][3] == 400);
    sp_preprocess_clear(&preprocess);
}

/* ---- Texts and missing values ---- */

/* Rows of a number, a text with codes blue 0, red 1, grey 2, green 3, and a number; the last row is never fitted to. */
static float mixed_values[] = {
    1,   1,   10,  //
    3,   0,   NAN, //
    5,   1,   30,  //
    NAN, NAN, 50,  //
    99,  2,   99,  //
};

static sp_table mixed_table(sp_missing missing) {
    static const char *const texts[] = {"blue", "red", "grey", "green"};
    sp_categories *categories = keep(calloc(3, sizeof *categories));
    for (int i = 0; i < 4; i++) cr_assert(sp_categories_add(&categories[1], texts[i]));
    return (sp_table){.rows = 5,
                      .features = 3,
                      .values = mixed_values,
                      .columns = {.features = 3, .categories = categories, .missing = missing}};
}

static const sp_rows first_four = {.index = (uint32_t[]){0, 1, 2, 3}, .count = 4};

/* By hand: means 3 and 30; deviations with the means in place sqrt(8 / 4) and sqrt(800 / 4); blue before red, no grey.
 */
Test(preprocess, texts_and_means_of_the_training_rows_alone) {
    sp_table mixed = mixed_table(SP_MISSING_MEAN);
    sp_error error = {0};
    sp_preprocess fit, copy;
    must(sp_preprocess_fit(SP_NORMALIZE_STANDARD, &mixed, &first_four, &fit, &error), error);
    cr_assert(fit.columns == 3 && fit.features == 4 && fit.onehot[1].width == 2);
    cr_expect(fit.fill[0] == 3 && fit.fill[2] == 30);
    float result[5][4], a = (float)(1 / sqrt(2.0)), b = (float)(1 / sqrt(200.0));
    const float expected[5][4] = {
        {-2 * a, 0, 1, -20 * b}, {0, 1, 0, 0}, {2 * a, 0, 1, 0}, {0, 0, 0, 20 * b}, {96 * a, 0, 0, 69 * b}};
    sp_preprocess_gather(&fit, &mixed, (uint32_t[]){0, 1, 2, 3, 4}, 5, result[0], 4);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 4; j++)
            cr_expect_float_eq(result[i][j], expected[i][j], 1e-6 * fmax(1, fabsf(expected[i][j])), "%d %d: %g", i, j,
                               (double)result[i][j]);
    /* The copy has the codes of its own order: 0 blue, 1 red, and none else. */
    must(sp_preprocess_copy(&fit, &copy, &error), error);
    const float rows[5][3] = {{1, 1, 10}, {NAN, 0, NAN}, {3, NAN, 30}, {3, -1, 30}, {3, 2, 30}};
    sp_preprocess_apply(&copy, 5, rows[0], result[0], 4);
    for (int i = 0; i < 4; i++) cr_expect_float_eq(result[0][i], expected[0][i], 1e-6 * fmax(1, fabsf(expected[0][i])));
    cr_expect(result[1][0] == 0 && result[1][1] == 1 && result[1][2] == 0 && result[1][3] == 0);
    for (int i = 2; i < 5; i++) cr_expect(result[i][1] == 0 && result[i][2] == 0, "%d", i);
    sp_preprocess_clear(&fit);
    sp_preprocess_clear(&copy);
}

Test(preprocess, other_normalisations_leave_texts_as_they_are) {
    sp_table mixed = mixed_table(SP_MISSING_MEAN);
    static const float expected[][4] = {{1, 0, 1, 10}, {1 / 255.0f, 0, 1, 10 / 255.0f}, {0, 0, 1, 0}};
    for (int kind = SP_NORMALIZE_NONE; kind <= SP_NORMALIZE_MINMAX; kind++) {
        sp_error error = {0};
        sp_preprocess fit;
        float result[4];
        must(sp_preprocess_fit((sp_normalize)kind, &mixed, &first_four, &fit, &error), error);
        sp_preprocess_gather(&fit, &mixed, (uint32_t[]){0}, 1, result, 4);
        for (int j = 0; j < 4; j++) cr_expect_float_eq(result[j], expected[kind][j], 1e-6, "%d %d", kind, j);
        sp_preprocess_clear(&fit);
    }
}

Test(preprocess, a_column_without_any_value_is_refused) {
    sp_table mixed = mixed_table(SP_MISSING_MEAN);
    const sp_rows two = {.index = (uint32_t[]){3}, .count = 1};
    sp_error error = {0};
    sp_preprocess fit;
    mixed.path = (char *)"d.csv";
    cr_expect_eq(sp_preprocess_fit(SP_NORMALIZE_NONE, &mixed, &two, &fit, &error), SP_BAD_DATA);
    cr_expect(strstr(error.text, "d.csv: column 1 has no value in any training row; leave it out by data.ignore"), "%s",
              error.text);
    mixed.columns.categories = NULL;
    error = (sp_error){0};
    cr_expect_eq(sp_preprocess_fit(SP_NORMALIZE_NONE, &mixed, &two, &fit, &error), SP_BAD_DATA);
    cr_expect(strstr(error.text, "d.csv: column 0 has no value"), "%s", error.text);
}

/* Where all columns are numbers, missing ones are filled in a loop of its own. */
Test(preprocess, missing_numbers_alone) {
    float values_of[7 * 20];
    sp_table numbers = {.rows = 7, .features = 20, .values = values_of, .columns = {.missing = SP_MISSING_MEAN}};
    sp_rows all;
    sp_error error = {0};
    sp_preprocess fit;
    for (int i = 0; i < 140; i++) values_of[i] = i % 3 == 1 ? NAN : (float)i;
    cr_assert(sp_rows_all(7, &all));
    must(sp_preprocess_fit(SP_NORMALIZE_MINMAX, &numbers, &all, &fit, &error), error);
    float result[7][20];
    sp_preprocess_gather(&fit, &numbers, all.index, 7, result[0], 20);
    for (int j = 0; j < 20; j++) {
        double sum = 0, least = INFINITY, most = -INFINITY;
        int count = 0;
        for (int i = 0; i < 7; i++) {
            double value = values_of[i * 20 + j];
            if (isnan(value)) continue;
            sum += value;
            count++;
            least = fmin(least, value);
            most = fmax(most, value);
        }
        for (int i = 0; i < 7; i++) {
            double value = isnan(values_of[i * 20 + j]) ? sum / count : values_of[i * 20 + j];
            cr_expect_float_eq(result[i][j], (value - least) / (most - least), 1e-6, "row %d, column %d", i, j);
        }
    }
    sp_rows_clear(&all);
    sp_preprocess_clear(&fit);
}

Test(preprocess, maps_are_taken_back) {
    sp_preprocess preprocess = fitted(SP_NORMALIZE_STANDARD, &table, &four);
    float result[4][4];
    sp_preprocess_gather(&preprocess, &table, four.index, 4, result[0], 4);
    sp_preprocess_undo(&preprocess, 4, result[0]);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            cr_expect_float_eq(result[i][j], values[four.index[i] * 4 + (uint32_t)j], 1e-6 * 400, "%d %d", i, j);
    sp_preprocess_clear(&preprocess);
}
