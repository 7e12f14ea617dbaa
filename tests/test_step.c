/* Slices, the order of the sum, and the step: the same bits on any number of threads. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "config.h"
#include "gradcheck.h"
#include "reduce.h"
#include "shard.h"
#include "step.h"
#include "support.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Slices and order ---- */

Test(shard, slices_are_whole_contiguous_and_even) {
    for (size_t rows = 0; rows <= 70; rows++)
        for (size_t shards = 1; shards <= 20; shards++) {
            size_t next = 0;
            for (size_t s = 0; s < shards; s++) {
                sp_slice slice = sp_shard_slice(rows, shards, s);
                cr_assert_eq(slice.first, next);
                cr_assert_leq(slice.count, sp_shard_most_rows(rows, shards));
                cr_assert_geq(slice.count, rows / shards);
                next += slice.count;
            }
            cr_assert_eq(next, rows, "every row once");
        }
}

Test(shard, auto_follows_the_batch_size) {
    const size_t expected[][2] = {{1, 1},   {7, 1},   {16, 2},   {32, 4},    {64, 8},
                                  {128, 8}, {256, 8}, {512, 16}, {1024, 32}, {60000, 64}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_eq(sp_shard_auto(expected[i][0]), expected[i][1], "batch %zu", expected[i][0]);
}

Test(batch, an_epoch_has_every_row_once) {
    uint32_t rows[100], order[100], again[100], later[100];
    for (uint32_t i = 0; i < 100; i++) rows[i] = 3 * i;
    sp_batch_order(rows, 100, true, 5, 2, order);
    sp_batch_order(rows, 100, true, 5, 2, again);
    sp_batch_order(rows, 100, true, 5, 3, later);
    cr_expect_arr_eq(order, again, sizeof order);
    cr_expect(memcmp(order, later, sizeof order) != 0, "another epoch, another order");
    bool seen[300] = {false};
    for (int i = 0; i < 100; i++) seen[order[i]] = true;
    for (int i = 0; i < 100; i++) cr_assert(seen[3 * i]);
    sp_batch_order(rows, 100, false, 5, 2, order);
    cr_expect_arr_eq(order, rows, sizeof rows);
}

Test(batch, the_last_one_has_its_true_size) {
    uint32_t order[10] = {0};
    cr_expect_eq(sp_batch_count(10, 4), 3);
    cr_expect_eq(sp_batch_at(order, 10, 4, 1).count, 4);
    cr_expect_eq(sp_batch_at(order, 10, 4, 2).count, 2);
    cr_expect_eq(sp_batch_at(order, 10, 4, 2).rows - order, 8);
}

/* ---- The sum ---- */

/* The tree as it is written down: distance 1, then 2, then 4, ... over copies. */
static float tree_by_distance(const float *values, size_t shards) {
    float sum[40];
    memcpy(sum, values, shards * sizeof *sum);
    for (size_t distance = 1; distance < shards; distance *= 2)
        for (size_t s = 0; s + distance < shards; s += 2 * distance) sum[s] += sum[s + distance];
    return sum[0];
}

Test(reduce, sums_pairwise_by_distance) {
    enum { PARAMETERS = 2 * SP_TILE + 37, MOST = 33 };
    float *gradients[MOST];
    for (size_t s = 0; s < MOST; s++) {
        gradients[s] = sp_allocate(PARAMETERS, sizeof(float));
        for (size_t i = 0; i < PARAMETERS; i++)
            gradients[s][i] = (float)(sp_random_uniform(s, SP_RANDOM_SAMPLE, i, 0) * pow(10, (double)(i % 7)) - 0.3);
    }
    for (size_t shards = 1; shards <= MOST; shards++) {
        size_t covered = 0;
        for (size_t tile = 0; tile < sp_reduce_tiles(PARAMETERS); tile++) {
            float sum[SP_TILE];
            size_t first, count = sp_reduce_tile(gradients, shards, PARAMETERS, tile, sum, &first);
            cr_assert_eq(first, covered);
            covered += count;
            for (size_t i = 0; i < count; i++) {
                float values[MOST];
                for (size_t s = 0; s < shards; s++) values[s] = gradients[s][first + i];
                float expected = tree_by_distance(values, shards);
                cr_assert_eq(memcmp(&expected, &sum[i], sizeof sum[i]), 0, "%zu shards, parameter %zu", shards,
                             first + i);
            }
        }
        cr_assert_eq(covered, PARAMETERS);
    }
    for (size_t s = 0; s < MOST; s++) free(gradients[s]);
}

/* ---- The step ---- */

typedef struct setup {
    sp_config *config;
    sp_data *data;
    sp_plan plan;
    sp_stepper *stepper;
    float *parameters;
} setup;

/* Everything up to the first step, from assignments such as "train.batch_size=37". */
static setup prepare(const char *const *assignments) {
    setup made = {.config = sp_config_create()};
    sp_error error = {0};
    for (; *assignments; assignments++) must(sp_config_set(made.config, *assignments, &error), error);
    must(sp_data_load(made.config, &made.data, &error), error);
    must(sp_plan_create(made.config, made.data, &made.plan, &error), error);
    made.parameters = sp_allocate(made.plan.net->parameters, sizeof(float));
    sp_net_initialise(made.plan.net, SP_INIT_AUTO, 1, made.parameters);
    must(sp_stepper_create(&made.plan, made.plan.net, made.data, SP_SGD, made.parameters, &made.stepper, &error),
         error);
    return made;
}

static void release(setup *made) {
    sp_stepper_destroy(made->stepper);
    free(made->parameters);
    sp_plan_clear(&made->plan);
    sp_data_destroy(made->data);
    sp_config_destroy(made->config);
}

static uint64_t bits_after_an_epoch(const char *batch, const char *shards, const char *threads, const char *kernels) {
    setup made =
        prepare((const char *[]){"data.train=data/digits.csv", "data.normalize=standard", "network.hidden=33,21",
                                 "network.activation=tanh,relu", batch, shards, threads, kernels, NULL});
    const sp_rows *rows = &made.data->train.rows;
    sp_stepper_epoch(made.stepper, rows->index, rows->count, 0.1, NULL, NULL);
    uint64_t hash = sp_hash_floats(made.parameters, made.plan.net->parameters);
    release(&made);
    return hash;
}

Test(step, same_bits_at_every_number_of_threads) {
    const char *const threads[] = {"parallel.threads=1", "parallel.threads=2", "parallel.threads=3",
                                   "parallel.threads=4", "parallel.threads=7"};
    /* Shards that do not divide the mini-batch, a last one of 21 rows, more shards than rows. */
    const char *const cases[][3] = {{"train.batch_size=37", "parallel.shards=8", "parallel.kernels=blas"},
                                    {"train.batch_size=64", "parallel.shards=5", "parallel.kernels=reference"},
                                    {"train.batch_size=5", "parallel.shards=9", "parallel.kernels=blas"},
                                    {"train.batch_size=full", "parallel.shards=auto", "parallel.kernels=blas"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t one = bits_after_an_epoch(cases[c][0], cases[c][1], threads[0], cases[c][2]);
        for (size_t t = 1; t < 5; t++)
            cr_expect_eq(bits_after_an_epoch(cases[c][0], cases[c][1], threads[t], cases[c][2]), one, "%s, %s, %s",
                         cases[c][0], cases[c][1], threads[t]);
    }
}

/* Any number of shards computes the same mathematics, though not the same bits. */
Test(step, gradients_do_not_depend_on_shards_but_for_rounding) {
    const char *const shards[] = {"parallel.shards=1", "parallel.shards=3", "parallel.shards=16", "parallel.shards=50"};
    float *one = NULL;
    for (int i = 0; i < 4; i++) {
        setup made =
            prepare((const char *[]){"data.train=data/digits.csv", "data.normalize=standard", "network.hidden=20",
                                     "network.activation=sigmoid", "train.batch_size=45", shards[i], NULL});
        size_t count = made.plan.net->parameters;
        float *gradients = malloc(count * sizeof *gradients);
        sp_batch batch = {made.data->train.rows.index, 45};
        sp_tally tally = sp_stepper_gradients(made.stepper, batch, gradients);
        cr_expect_eq(tally.rows, 45);
        for (size_t p = 0; one && p < count; p++) cr_assert_float_eq(gradients[p], one[p], 1e-6, "%s", shards[i]);
        if (one)
            free(gradients);
        else
            one = gradients;
        release(&made);
    }
    free(one);
}

Test(step, one_step_moves_against_the_gradient) {
    setup made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=", "train.batch_size=50", NULL});
    size_t count = made.plan.net->parameters;
    float before[64], gradients[64];
    cr_assert_leq(count, 64);
    sp_batch batch = {made.data->train.rows.index + 40, 50};
    memcpy(before, made.parameters, count * sizeof *before);
    sp_stepper_gradients(made.stepper, batch, gradients);
    cr_assert_arr_eq(before, made.parameters, count * sizeof *before, "gradients alone move nothing");
    sp_tally first = sp_stepper_step(made.stepper, batch, 0.25);
    for (size_t i = 0; i < count; i++) cr_assert_eq(made.parameters[i], before[i] - 0.25f * gradients[i]);
    cr_assert_lt(sp_stepper_step(made.stepper, batch, 0.0).loss, first.loss);
    release(&made);
}

/* In the mean over N, every row counts alike: the short last mini-batch is divided by its own size. */
Test(step, short_last_batch_is_divided_by_its_true_size) {
    setup made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=", "train.batch_size=40",
                                          "parallel.shards=3", NULL});
    size_t count = made.plan.net->parameters;
    float of_ten[64], of_each[64], sum[64] = {0};
    const uint32_t *rows = made.data->train.rows.index;
    sp_stepper_gradients(made.stepper, (sp_batch){rows + 120, 10}, of_ten);
    for (size_t r = 0; r < 10; r++) {
        sp_stepper_gradients(made.stepper, (sp_batch){rows + 120 + r, 1}, of_each);
        for (size_t i = 0; i < count; i++) sum[i] += of_each[i] / 10;
    }
    for (size_t i = 0; i < count; i++) cr_expect_float_eq(of_ten[i], sum[i], 2e-6);
    release(&made);
}

static bool stop_after_three(void *context, size_t steps) {
    *(size_t *)context = steps;
    return steps == 3;
}

Test(step, an_observer_can_end_the_epoch) {
    setup made =
        prepare((const char *[]){"data.train=data/digits.csv", "train.batch_size=64", "parallel.threads=4", NULL});
    const sp_rows *rows = &made.data->train.rows;
    size_t last = 0;
    sp_tally tally = sp_stepper_epoch(made.stepper, rows->index, rows->count, 0.1, stop_after_three, &last);
    cr_expect_eq(last, 3);
    cr_expect_eq(tally.rows, 3 * 64);
    release(&made);
}

Test(step, openmp_settings_of_the_host_are_left_alone) {
    omp_set_num_threads(3);
    bits_after_an_epoch("train.batch_size=64", "parallel.shards=8", "parallel.threads=2", "parallel.kernels=blas");
    cr_assert_eq(omp_get_max_threads(), 3);
}

/* ---- Backpropagation against differences ---- */

Test(gradcheck, finds_a_wrong_gradient) {
    setup made =
        prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=5", "network.activation=tanh", NULL});
    sp_gradcheck found[4];
    sp_error error = {0};
    must(sp_gradcheck_run(&made.plan, made.plan.net, made.data, made.stepper, made.parameters, 50, 1, found, &error),
         error);
    for (int i = 0; i < 4; i++) {
        cr_expect_gt(found[i].checked, 0);
        cr_expect_lt(found[i].error, 1e-6, "tensor %d", i);
    }
    /* Differences at other weights than the gradients': what a broken backward pass looks like. */
    float *moved = sp_allocate(made.plan.net->parameters, sizeof *moved);
    for (size_t i = 0; i < made.plan.net->parameters; i++) moved[i] = 1.01f * made.parameters[i];
    must(sp_gradcheck_run(&made.plan, made.plan.net, made.data, made.stepper, moved, 50, 1, found, &error), error);
    cr_expect_gt(found[0].error, SP_GRADCHECK_BOUND);
    free(moved);
    release(&made);
}
