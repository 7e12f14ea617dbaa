/* Shares of the rows: of every class its part, every row once, drawn by seed and round. */
#include "base/random.h"
#include "data/split.h"
#include "faults.h"

#include <math.h>
#include <stdlib.h>

enum { CLASSES = 6 };

/* Labels of so many rows of each class, in a drawn order; fresh memory. */
static int32_t *labels_of(const size_t sizes[CLASSES], size_t *rows) {
    *rows = 0;
    for (int c = 0; c < CLASSES; c++) *rows += sizes[c];
    uint32_t *order = malloc(*rows * sizeof *order);
    int32_t *labels = malloc(*rows * sizeof *labels);
    for (size_t i = 0; i < *rows; i++) order[i] = (uint32_t)i;
    sp_random_shuffle(order, *rows, 1, SP_RANDOM_SAMPLE, 0);
    size_t next = 0;
    for (int32_t c = 0; c < CLASSES; c++)
        for (size_t i = 0; i < sizes[c]; i++) labels[order[next++]] = c;
    free(order);
    return labels;
}

static void expect_ascending(const sp_rows *rows) {
    for (size_t i = 1; i < rows->count; i++) cr_assert_lt(rows->index[i - 1], rows->index[i]);
}

/* Takes a share, and checks that every row is on one side and every class has its part there. */
static void check_share(const size_t sizes[CLASSES], double share) {
    size_t rows, taken_of[CLASSES] = {0};
    int32_t *labels = labels_of(sizes, &rows);
    bool *seen = calloc(rows, sizeof *seen);
    sp_error error = {0};
    sp_rows kept, taken;
    cr_assert(sp_rows_all(rows, &kept));
    must(sp_rows_take_share(&kept, share, labels, CLASSES, 1, 0, &taken, &error), error);
    cr_expect_eq(taken.count, (size_t)llround(share * (double)rows), "%g of %zu", share, rows);
    cr_expect_eq(kept.count + taken.count, rows);
    expect_ascending(&kept);
    expect_ascending(&taken);
    for (size_t i = 0; i < taken.count; i++) {
        seen[taken.index[i]] = true;
        taken_of[labels[taken.index[i]]]++;
    }
    for (size_t i = 0; i < kept.count; i++) cr_assert_not(seen[kept.index[i]], "row %u twice", kept.index[i]);
    for (int c = 0; c < CLASSES; c++)
        cr_expect_lt(fabs((double)taken_of[c] - share * (double)sizes[c]), 1, "%g of class %d: %zu of %zu", share, c,
                     taken_of[c], sizes[c]);
    sp_rows_clear(&kept);
    sp_rows_clear(&taken);
    free(seen);
    free(labels);
}

Test(split, every_class_gives_its_part_to_within_a_row) {
    static const double shares[] = {0.01, 0.1, 0.2, 0.25, 1.0 / 3, 0.29, 0.5, 0.7, 0.9, 0.99};
    static const size_t sizes[][CLASSES] = {
        {50, 50, 50, 0, 0, 0}, {100, 100, 100, 100, 100, 100}, {1, 1, 1, 1, 1, 95},   {1, 2, 3, 5, 8, 1000},
        {7, 7, 7, 7, 7, 7},    {0, 0, 300, 0, 0, 0},           {33, 67, 11, 3, 1, 2}, {997, 991, 983, 977, 971, 967}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof shares / sizeof *shares; j++) {
            double rows = 0;
            for (int c = 0; c < CLASSES; c++) rows += (double)sizes[i][c];
            double share = round(shares[j] * rows);
            if (share > 0 && share < rows) check_share(sizes[i], shares[j]);
        }
}

enum { ROWS = 60 };

/* The tenth of ROWS rows that seed and round draw. */
static void draw(uint64_t seed, uint64_t round, uint32_t drawn[ROWS / 10]) {
    sp_error error = {0};
    sp_rows kept, taken;
    cr_assert(sp_rows_all(ROWS, &kept));
    must(sp_rows_take_share(&kept, 0.1, NULL, 0, seed, round, &taken, &error), error);
    cr_assert_eq(taken.count, ROWS / 10);
    memcpy(drawn, taken.index, taken.count * sizeof *drawn);
    sp_rows_clear(&kept);
    sp_rows_clear(&taken);
}

Test(split, seed_and_round_decide_which_rows) {
    uint32_t first[ROWS / 10], other[ROWS / 10];
    draw(1, 1, first);
    draw(1, 1, other);
    cr_expect_arr_eq(first, other, sizeof first);
    draw(1, 2, other);
    cr_expect_arr_neq(first, other, sizeof first, "another round");
    draw(2, 1, other);
    cr_expect_arr_neq(first, other, sizeof first, "another seed");
}

Test(split, every_row_is_drawn_as_often) {
    enum { SEEDS = 2000 };
    size_t times[ROWS] = {0};
    uint32_t drawn[ROWS / 10];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        draw(seed, 1, drawn);
        for (int i = 0; i < ROWS / 10; i++) times[drawn[i]]++;
    }
    double mean = SEEDS / 10.0, deviation = sqrt(SEEDS * 0.1 * 0.9);
    for (int i = 0; i < ROWS; i++) cr_expect_lt(fabs((double)times[i] - mean), 4 * deviation, "row %d", i);
}

/* A second share comes from what the first has left. */
Test(split, shares_in_turn_are_disjoint) {
    sp_error error = {0};
    sp_rows kept, test, validation;
    int sides[ROWS] = {0};
    cr_assert(sp_rows_all(ROWS, &kept));
    must(sp_rows_take_share(&kept, 0.2, NULL, 0, 1, 2, &test, &error), error);
    must(sp_rows_take_share(&kept, 0.25, NULL, 0, 1, 1, &validation, &error), error);
    cr_expect(kept.count == 36 && test.count == 12 && validation.count == 12);
    for (size_t i = 0; i < kept.count; i++) sides[kept.index[i]]++;
    for (size_t i = 0; i < test.count; i++) sides[test.index[i]]++;
    for (size_t i = 0; i < validation.count; i++) sides[validation.index[i]]++;
    for (int i = 0; i < ROWS; i++) cr_expect_eq(sides[i], 1, "row %d", i);
    sp_rows_clear(&kept);
    sp_rows_clear(&test);
    sp_rows_clear(&validation);
}

Test(split, an_empty_side_is_refused) {
    static const struct {
        size_t rows;
        double share;
    } cases[] = {{10, 0.04}, {10, 0.96}, {1, 0.5}, {1, 0.4}, {3, 1}};
    sp_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_rows kept, taken;
        cr_assert(sp_rows_all(cases[i].rows, &kept));
        expect_fault(sp_rows_take_share(&kept, cases[i].share, NULL, 0, 1, 1, &taken, &error), error, SP_BAD_DATA,
                     "leaves one side empty");
        cr_expect_eq(kept.count, cases[i].rows, "as it was");
        sp_rows_clear(&kept);
    }
}
