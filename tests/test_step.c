/* Slices, the order of the sum, and the step: the same bits on any number of threads. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "gradcheck.h"
#include "reduce.h"
#include "shard.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <omp.h>
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

Test(shard, auto_follows_the_network) {
    const struct {
        double flops; /* of a mini-batch of 1024 rows */
        size_t shards;
    } expected[] = {{0, 1}, {0.4e6, 1}, {0.99e6, 1}, {1e6, 2}, {3.6e6, 7}, {8e6, 16}, {1e12, 16}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_eq(sp_shard_auto(1024, expected[i].flops), expected[i].shards, "%g operations", expected[i].flops);
}

Test(shard, auto_follows_the_batch_size) {
    const size_t expected[][2] = {{1, 1},   {16, 1},  {31, 1},  {32, 2},    {64, 4},
                                  {128, 4}, {256, 8}, {512, 8}, {1024, 16}, {60000, 64}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_eq(sp_shard_auto(expected[i][0], 1e12), expected[i][1], "batch %zu", expected[i][0]);
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

enum { VALUES = 137, MOST_SHARDS = 33 };

/* Either kind of leaf: values of its own, or written where there is room. */
static const float *own_values(void *context, size_t shard, float *room) {
    (void)room;
    return (const float *)context + shard * VALUES;
}

static const float *written_values(void *context, size_t shard, float *room) {
    memcpy(room, own_values(context, shard, room), VALUES * sizeof *room);
    return room;
}

Test(reduce, sums_pairwise_by_distance) {
    float *values = sp_allocate(MOST_SHARDS * VALUES, sizeof *values);
    for (size_t i = 0; i < MOST_SHARDS * VALUES; i++)
        values[i] = (float)(sp_random_uniform(1, SP_RANDOM_SAMPLE, i, 0) * pow(10, (double)(i % 7)) - 0.3);
    for (size_t shards = 1; shards <= MOST_SHARDS; shards++)
        for (int kind = 0; kind < 2; kind++) {
            float *scratch = sp_allocate(sp_reduce_scratch(shards) * VALUES, sizeof *scratch);
            sp_reduce_sum(shards, VALUES, kind ? own_values : written_values, values, scratch, VALUES);
            for (size_t i = 0; i < VALUES; i++) {
                float of_shards[MOST_SHARDS];
                for (size_t s = 0; s < shards; s++) of_shards[s] = values[s * VALUES + i];
                float expected = tree_by_distance(of_shards, shards);
                cr_assert_eq(memcmp(&expected, &scratch[i], sizeof expected), 0, "%zu shards, value %zu", shards, i);
            }
            free(scratch);
        }
    free(values);
}

/* ---- The step ---- */

static training prepare(const char *const *assignments) {
    training made = training_prepare(assignments);
    training_start(&made);
    return made;
}

/* The gradients of `batch`, of any size. */
static sp_tally gradients_of(training *made, sp_batch batch, float *gradients) {
    sp_error error = {0};
    sp_tally tally;
    must(sp_stepper_prepare(made->stepper, batch.count, &error), error);
    must(sp_stepper_gradients(made->stepper, batch, gradients, &tally, &error), error);
    return tally;
}

/* On layers that fill panels and tiles and some that do not. */
static uint64_t bits_of(const char *const *settings) {
    const char *all[16] = {"data.train=data/digits.csv", "data.normalize=standard", "network.hidden=133,64,21",
                           "network.activation=tanh,relu,relu"};
    for (int i = 4; *settings; settings++) all[i++] = *settings; /* later ones win */
    training made = prepare(all);
    return bits_after_an_epoch(&made);
}

static void check_bits_with(const char *const *settings) {
    expect_same_bits(bits_of, settings);
}

static void check_bits(const char *batch, const char *shards, const char *kernels) {
    check_bits_with((const char *[]){batch, shards, kernels, NULL});
}

/* Of a quarter of the rows, which are steps enough where each takes long. */
static void check_bits_of_wide(const char *batch, const char *shards) {
    check_bits_with(
        (const char *[]){"network.hidden=420,300,21", "data.test=0.75", "parallel.kernels=xsmm", batch, shards, NULL});
}

Test(step, same_bits_at_every_number_of_threads_and_both_reductions) {
    /* Shards that do not divide the mini-batch, a short last one, more shards than rows. */
    check_bits("train.batch_size=37", "parallel.shards=8", "parallel.kernels=blas");
    check_bits("train.batch_size=5", "parallel.shards=9", "parallel.kernels=blas");
    check_bits("train.batch_size=full", "parallel.shards=auto", "parallel.kernels=blas");
    check_bits("train.batch_size=64", "parallel.shards=5", "parallel.kernels=reference");
}

Test(step, same_bits_with_libxsmm) {
    if (!sp_xsmm_usable()) cr_skip_test("libxsmm makes no code for this processor");
    check_bits("train.batch_size=37", "parallel.shards=8", "parallel.kernels=xsmm");
    check_bits("train.batch_size=5", "parallel.shards=9", "parallel.kernels=xsmm");
    check_bits("train.batch_size=1", "parallel.shards=1", "parallel.kernels=xsmm");
    check_bits("train.batch_size=full", "parallel.shards=auto", "parallel.kernels=xsmm");
    check_bits("train.batch_size=200", "parallel.shards=3", "parallel.kernels=xsmm");
}

/* Layers so wide that threads share out their panels and strips, where there are several; see stage.h. */
Test(step, same_bits_where_threads_share_out_the_columns) {
    if (!sp_xsmm_usable()) cr_skip_test("libxsmm makes no code for this processor");
    check_bits_of_wide("train.batch_size=37", "parallel.shards=8");
    check_bits_of_wide("train.batch_size=5", "parallel.shards=9");
    check_bits_of_wide("train.batch_size=32", "parallel.shards=1");
}

Test(step, same_bits_with_weighted_classes_and_smoothed_labels) {
    const char *all[] = {"train.batch_size=37",   "parallel.shards=5",         "train.class_weights=balanced",
                         "parallel.kernels=blas", "train.label_smoothing=0.1", NULL};
    check_bits_with(all);
    all[4] = "train.loss=binary_cross_entropy";
    check_bits_with(all);
}

/* What wants all gradients or all weights first, with panels of all sizes. */
Test(step, same_bits_with_clipped_gradients_and_bounded_weights) {
    const char *all[] = {"train.batch_size=37",    "parallel.shards=5",  "optimizer.clip_norm=0.5",
                         "optimizer.max_norm=0.7", "optimizer.ema=0.95", "network.hidden=133,64,21",
                         "parallel.kernels=blas",  "optimizer.l1=1e-4",  NULL};
    check_bits_with(all);
    all[3] = "optimizer.max_norm=0"; /* one round less */
    check_bits_with(all);
    all[6] = "parallel.kernels=xsmm";
    if (sp_xsmm_usable()) check_bits_with(all);
    all[3] = "optimizer.max_norm=0.7";
    all[2] = "optimizer.clip_norm=0";
    if (sp_xsmm_usable()) check_bits_with(all);
}

/* Which units are dropped does not depend on who computes them: by rows, by panels, by slices of both. */
Test(step, same_bits_with_dropout_and_noise) {
    const char *all[] = {"train.batch_size=37",       "parallel.shards=8",       "network.dropout=0.5,0.2,0.3",
                         "network.input_dropout=0.2", "network.input_noise=0.3", "network.hidden=133,64,21",
                         "parallel.kernels=blas",     NULL,                      NULL};
    check_bits_with(all);
    all[7] = "data.test=0.75"; /* steps enough where each takes long */
    all[6] = "parallel.kernels=xsmm";
    all[5] = "network.hidden=420,300,21"; /* wide enough for threads to share out columns */
    if (sp_xsmm_usable()) check_bits_with(all);
    all[0] = "train.batch_size=5";
    if (sp_xsmm_usable()) check_bits_with(all);
}

/* What an optimizer keeps lies where the weights lie. */
Test(step, same_bits_with_an_optimizer_that_remembers) {
    const char *all[] = {"train.batch_size=37", "parallel.shards=5", "optimizer.name=amsgrad",
                         sp_xsmm_usable() ? "parallel.kernels=xsmm" : "parallel.kernels=blas", NULL};
    check_bits_with(all);
    all[2] = "optimizer.name=nesterov";
    all[3] = "parallel.kernels=reference";
    check_bits_with(all);
}

/* Gradients alone neither count as a step nor leave a trace. */
Test(step, gradients_leave_the_optimizer_alone) {
    uint64_t hashes[2];
    for (int with = 0; with < 2; with++) {
        training made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=5", "train.batch_size=50",
                                                 "optimizer.name=adam", NULL});
        sp_batch batch = {.rows = made.data->train.rows.index, .count = 50};
        float gradients[100];
        cr_assert_leq(made.plan.net->parameters, 100);
        for (int step = 0; step < 3; step++) {
            if (with) gradients_of(&made, batch, gradients);
            sp_stepper_step(made.stepper, batch, 0.01);
        }
        sp_weights_store(made.weights, made.parameters);
        hashes[with] = sp_hash_floats(made.parameters, made.plan.net->parameters);
        training_release(&made);
    }
    cr_expect_eq(hashes[0], hashes[1]);
}

/* Any number of shards computes the same mathematics, though not the same bits. */
Test(step, gradients_do_not_depend_on_shards_but_for_rounding) {
    const char *const shards[] = {"parallel.shards=1", "parallel.shards=3", "parallel.shards=16", "parallel.shards=50"};
    float *one = NULL;
    for (int i = 0; i < 4; i++) {
        training made =
            prepare((const char *[]){"data.train=data/digits.csv", "data.normalize=standard", "network.hidden=20",
                                     "network.activation=sigmoid", "train.batch_size=45", shards[i], NULL});
        size_t count = made.plan.net->parameters;
        float *gradients = malloc(count * sizeof *gradients);
        sp_batch batch = {.rows = made.data->train.rows.index, .count = 45};
        sp_tally tally = gradients_of(&made, batch, gradients);
        cr_expect_eq(tally.rows, 45);
        for (size_t p = 0; one && p < count; p++) cr_assert_float_eq(gradients[p], one[p], 1e-6, "%s", shards[i]);
        if (one)
            free(gradients);
        else
            one = gradients;
        training_release(&made);
    }
    free(one);
}

Test(step, one_step_moves_against_the_gradient) {
    training made =
        prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=", "train.batch_size=50", NULL});
    size_t count = made.plan.net->parameters;
    float before[64], gradients[64];
    cr_assert_leq(count, 64);
    sp_batch batch = {.rows = made.data->train.rows.index + 40, .count = 50};
    memcpy(before, made.parameters, count * sizeof *before);
    gradients_of(&made, batch, gradients);
    sp_weights_store(made.weights, made.parameters);
    cr_assert_arr_eq(before, made.parameters, count * sizeof *before, "gradients alone move nothing");
    sp_tally first = sp_stepper_step(made.stepper, batch, 0.25);
    sp_weights_store(made.weights, made.parameters);
    for (size_t i = 0; i < count; i++) cr_assert_eq(made.parameters[i], before[i] - 0.25f * gradients[i]);
    cr_assert_lt(sp_stepper_step(made.stepper, batch, 0.0).loss, first.loss);
    training_release(&made);
}

/* In the mean over N, every row counts alike: the short last mini-batch is divided by its own size. */
Test(step, short_last_batch_is_divided_by_its_true_size) {
    training made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=", "train.batch_size=40",
                                             "parallel.shards=3", NULL});
    size_t count = made.plan.net->parameters;
    float of_ten[64], of_each[64], sum[64] = {0};
    const uint32_t *rows = made.data->train.rows.index;
    gradients_of(&made, (sp_batch){.rows = rows + 120, .count = 10}, of_ten);
    for (size_t r = 0; r < 10; r++) {
        gradients_of(&made, (sp_batch){.rows = rows + 120 + r, .count = 1}, of_each);
        for (size_t i = 0; i < count; i++) sum[i] += of_each[i] / 10;
    }
    for (size_t i = 0; i < count; i++) cr_expect_float_eq(of_ten[i], sum[i], 2e-6);
    training_release(&made);
}

static bool stop_after_three(void *context, size_t steps) {
    *(size_t *)context = steps;
    return steps == 3;
}

Test(step, an_observer_can_end_the_epoch) {
    training made =
        prepare((const char *[]){"data.train=data/digits.csv", "train.batch_size=64", "parallel.threads=4", NULL});
    const sp_rows *rows = &made.data->train.rows;
    size_t last = 0;
    sp_schedule constant = {.rate = 0.1};
    sp_tally tally = sp_stepper_epoch(made.stepper, rows->index, rows->count, &constant, stop_after_three, &last);
    cr_expect_eq(last, 3);
    cr_expect_eq(tally.rows, 3 * 64);
    training_release(&made);
}

/* Within a parallel region of the host, OpenMP gives a team of one: it does the work of all four. */
Test(step, fewer_threads_than_asked_for_do_all_the_work) {
    const char *const four[] = {"parallel.threads=4", "train.batch_size=37", NULL};
    uint64_t alone = bits_of(four), within[2];
#pragma omp parallel num_threads(2)
    within[omp_get_thread_num()] = bits_of(four);
    cr_expect_eq(within[0], alone);
    cr_expect_eq(within[1], alone);
}

Test(step, openmp_settings_of_the_host_are_left_alone) {
    omp_set_num_threads(3);
    bits_of((const char *[]){"parallel.threads=2", "parallel.kernels=blas", NULL});
    cr_assert_eq(omp_get_max_threads(), 3);
}

/* ---- Backpropagation against differences ---- */

Test(gradcheck, finds_a_wrong_gradient) {
    training made =
        prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=5", "network.activation=tanh", NULL});
    sp_gradcheck found[2 * SP_GRADCHECK_TENSORS];
    sp_error error = {0};
    must(sp_gradcheck_run(&made.plan, made.plan.net, made.data, made.stepper, made.parameters, 50, 1, found, &error),
         error);
    for (int i = 0; i < 2 * SP_GRADCHECK_TENSORS; i++) {
        if (i % SP_GRADCHECK_TENSORS == SP_GRADCHECK_SCALES) continue; /* plain layers */
        cr_expect_gt(found[i].checked, 0);
        cr_expect_lt(found[i].error, 1e-6, "tensor %d", i);
    }
    /* Differences at other weights than the gradients': what a broken backward pass looks like. */
    float *moved = sp_allocate(made.plan.net->parameters, sizeof *moved);
    for (size_t i = 0; i < made.plan.net->parameters; i++) moved[i] = 1.01f * made.parameters[i];
    must(sp_gradcheck_run(&made.plan, made.plan.net, made.data, made.stepper, moved, 50, 1, found, &error), error);
    cr_expect_gt(found[0].error, SP_GRADCHECK_BOUND);
    free(moved);
    training_release(&made);
}
