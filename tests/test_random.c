/* Numbers that depend on their arguments alone, and on all of those. */
#include "base/random.h"
#include "support.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

static uint64_t philox(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t attempt) {
    philox4x64_ctr_t counter = {{index, round, attempt, 0}};
    philox4x64_key_t key = {{seed, (uint64_t)purpose}};
    return philox4x64(counter, key).v[0];
}

/* The vector of all zeros that Random123 publishes for philox4x64-10. */
Test(random, the_library_below_gives_the_published_numbers) {
    philox4x64_ctr_t zero = {{0}};
    philox4x64_key_t key = {{0}};
    const uint64_t published[] = {0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b};
    philox4x64_ctr_t numbers = philox4x64(zero, key);
    cr_assert_arr_eq(numbers.v, published, sizeof published);
}

Test(random, numbers_are_philox_of_seed_purpose_index_and_round) {
    static const struct {
        uint64_t seed;
        sp_purpose purpose;
        uint64_t index, round;
    } cases[] = {{0, SP_RANDOM_WEIGHTS, 0, 0},
                 {1, SP_RANDOM_ORDER, 2, 3},
                 {UINT64_MAX, SP_RANDOM_SAMPLE, UINT64_MAX, UINT64_MAX},
                 {7, SP_RANDOM_SPLIT, 1ull << 40, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bits = philox(cases[i].seed, cases[i].purpose, cases[i].index, cases[i].round, 0);
        double uniform = sp_random_uniform(cases[i].seed, cases[i].purpose, cases[i].index, cases[i].round);
        cr_expect_eq(uniform, (double)(bits >> 11) * 0x1p-53);
        uint64_t below = sp_random_below(cases[i].seed, cases[i].purpose, cases[i].index, cases[i].round, 1ull << 63);
        cr_expect_eq(below, bits & (UINT64_MAX >> 1), "a power of two refuses nothing");
    }
}

Test(random, blocks_are_philox_of_seed_purpose_number_and_counter) {
    uint64_t words[12];
    sp_random_blocks(9, SP_RANDOM_DROPOUT, (sp_counter){{2, UINT64_MAX, 4}}, 7, 3, words);
    for (uint64_t i = 0; i < 3; i++) {
        philox4x64_ctr_t counter = {{7 + i, 2, UINT64_MAX, 4}};
        philox4x64_key_t key = {{9, SP_RANDOM_DROPOUT}};
        philox4x64_ctr_t block = philox4x64(counter, key);
        cr_expect_arr_eq(words + 4 * i, block.v, sizeof block.v);
    }
}

/* Of 2^64 values, bound 2^63 + 1 refuses nearly half: the next attempt then has its say. */
Test(random, refused_numbers_are_drawn_again) {
    const uint64_t bound = (1ull << 63) + 1, refused = (1ull << 63) - 1;
    int again = 0;
    for (uint64_t i = 0; i < 64; i++) {
        uint64_t attempt = 0;
        while (philox(5, SP_RANDOM_SAMPLE, i, 0, attempt) < refused) attempt++;
        again += attempt > 0;
        cr_assert_eq(sp_random_below(5, SP_RANDOM_SAMPLE, i, 0, bound),
                     philox(5, SP_RANDOM_SAMPLE, i, 0, attempt) % bound);
    }
    cr_assert(again > 16 && again < 48);
}

static double chi_square(const size_t *seen, size_t cells, double expected) {
    double sum = 0;
    for (size_t i = 0; i < cells; i++) sum += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
    return sum;
}

Test(random, small_bounds_are_even) {
    size_t seen[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        uint64_t value = sp_random_below(3, SP_RANDOM_SAMPLE, i, 0, 7);
        cr_assert_lt(value, 7);
        seen[value]++;
    }
    cr_expect_lt(chi_square(seen, 7, 10000), 22.46, "6 degrees of freedom, 1 in 1000");
    for (uint64_t i = 0; i < 10; i++) cr_expect_eq(sp_random_below(3, SP_RANDOM_SAMPLE, i, 0, 1), 0);
}

/* A remainder alone would give the lowest third of this range half of all draws. */
Test(random, large_bounds_are_even) {
    size_t thirds[3] = {0};
    for (uint64_t i = 0; i < 30000; i++) thirds[sp_random_below(3, SP_RANDOM_SAMPLE, i, 0, 3ull << 62) >> 62]++;
    cr_expect_lt(chi_square(thirds, 3, 10000), 13.82, "2 degrees of freedom, 1 in 1000");
}

Test(random, uniforms_fill_the_unit_interval) {
    size_t seen[64] = {0};
    for (uint64_t i = 0; i < 64000; i++) {
        double value = sp_random_uniform(9, SP_RANDOM_WEIGHTS, i, 0);
        cr_assert(value >= 0 && value < 1);
        seen[(int)(value * 64)]++;
    }
    cr_expect_lt(chi_square(seen, 64, 1000), 103.4, "63 degrees of freedom, 1 in 1000");
}

enum { ITEMS = 1000 };

static void shuffled(uint32_t *items, uint64_t seed, sp_purpose purpose, uint64_t round) {
    for (uint32_t i = 0; i < ITEMS; i++) items[i] = i;
    sp_random_shuffle(items, ITEMS, seed, purpose, round);
}

Test(random, a_shuffle_is_a_permutation) {
    uint32_t items[ITEMS];
    bool seen[ITEMS] = {false};
    shuffled(items, 1, SP_RANDOM_ORDER, 0);
    for (int i = 0; i < ITEMS; i++) {
        cr_assert(items[i] < ITEMS && !seen[items[i]]);
        seen[items[i]] = true;
    }
}

Test(random, a_shuffle_depends_on_its_arguments_and_nothing_else) {
    uint32_t first[ITEMS], other[ITEMS];
    shuffled(first, 1, SP_RANDOM_ORDER, 5);
    shuffled(other, 2, SP_RANDOM_ORDER, 5);
    cr_expect_arr_neq(first, other, sizeof first, "another seed");
    shuffled(other, 1, SP_RANDOM_ORDER, 6);
    cr_expect_arr_neq(first, other, sizeof first, "another epoch");
    shuffled(other, 1, SP_RANDOM_SPLIT, 5);
    cr_expect_arr_neq(first, other, sizeof first, "another purpose");
    shuffled(other, 1, SP_RANDOM_ORDER, 5);
    cr_expect_arr_eq(first, other, sizeof first, "whatever was drawn between");
}

Test(random, every_order_is_as_likely) {
    size_t seen[24] = {0};
    for (uint64_t round = 0; round < 24000; round++) {
        uint32_t p[4] = {0, 1, 2, 3};
        sp_random_shuffle(p, 4, 11, SP_RANDOM_ORDER, round);
        /* The rank of the permutation among all 24. */
        size_t second = p[1] - (p[1] > p[0]), third = p[2] - (p[2] > p[0]) - (p[2] > p[1]);
        seen[p[0] * 6 + second * 2 + third]++;
    }
    cr_expect_lt(chi_square(seen, 24, 1000), 49.73, "23 degrees of freedom, 1 in 1000");
}

/* Mean, variance, skewness and kurtosis of the normal distribution: 0, 1, 0, 3. */
Test(random, normal_numbers_are_normal) {
    enum { DRAWS = 200000 };
    double moments[5] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = sp_random_normal(5, SP_RANDOM_SAMPLE, i, 0), power = 1;
        for (int k = 1; k <= 4; k++) moments[k] += (power *= x) / DRAWS;
    }
    const double expected[] = {0, 0, 1, 0, 3}, deviation[] = {0, 1, 1.414, 3.873, 9.798}; /* of one draw */
    for (int k = 1; k <= 4; k++)
        cr_expect_float_eq(moments[k], expected[k], 4 * deviation[k] / sqrt(DRAWS), "moment %d: %g", k, moments[k]);
}

Test(random, nothing_and_one_item_stay) {
    uint32_t item = 42;
    sp_random_shuffle(&item, 0, 1, SP_RANDOM_ORDER, 0);
    sp_random_shuffle(&item, 1, 1, SP_RANDOM_ORDER, 0);
    cr_expect_eq(item, 42);
}
