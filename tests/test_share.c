/* Work shared out among threads, and the stages that a step is arranged in. */
#include "base/share.h"
#include "stage.h"
#include "support.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Takes all that is left, as one thread that starts with `part`; counts each item. */
static size_t take_all(sp_share *share, sp_share_list list, size_t part, int *taken) {
    size_t first, last, count = 0;
    while (sp_share_take(share, list, list.parts, &part, &first, &last))
        for (; first < last; first++, count++) taken[first]++;
    return count;
}

Test(share, one_thread_does_the_work_of_all) {
    const size_t bounds[] = {0, 5, 5, 6, 17}; /* a part may be empty */
    sp_share *share = sp_share_create(4);
    for (uint32_t round = 0; round < 6; round++) {
        int taken[17] = {0};
        sp_share_list list = {.round = round, .parts = 4, .bounds = bounds, .halves = round % 2 == 0};
        cr_expect_eq(take_all(share, list, round % 4, taken), 17);
        for (int i = 0; i < 17; i++) cr_expect_eq(taken[i], 1, "item %d", i);
        cr_expect_eq(take_all(share, list, 0, taken), 0, "nothing is left");
        cr_expect(sp_share_done(share, 17, 17));
        sp_share_next(share);
        cr_expect_eq(sp_share_round(share), round + 1);
    }
    sp_share_destroy(share);
}

Test(share, takes_its_own_part_first_and_then_helps_the_next) {
    const size_t bounds[] = {0, 4, 8, 12};
    sp_share *share = sp_share_create(3);
    sp_share_list list = {.parts = 3, .bounds = bounds};
    size_t part = 1, first, last;
    for (size_t i = 4; i < 12; i++) {
        cr_assert(sp_share_take(share, list, 2, &part, &first, &last));
        cr_expect_eq(first, i);
        cr_expect_eq(last, i + 1);
    }
    cr_expect_not(sp_share_take(share, list, 1, &part, &first, &last), "part 0 is out of reach");
    sp_share_destroy(share);
}

Test(share, halves_take_less_and_less) {
    const size_t bounds[] = {0, 8};
    const size_t expected[] = {4, 6, 7, 8};
    sp_share *share = sp_share_create(1);
    sp_share_list list = {.parts = 1, .bounds = bounds, .halves = true};
    size_t part = 0, first, last;
    for (int i = 0; i < 4; i++) {
        cr_assert(sp_share_take(share, list, 1, &part, &first, &last));
        cr_expect_eq(last, expected[i]);
    }
    cr_expect_not(sp_share_take(share, list, 1, &part, &first, &last));
    sp_share_destroy(share);
}

/* A thread that slept through the end of a round must neither take from it nor from the next one under its name. */
Test(share, who_is_late_finds_nothing) {
    const size_t bounds[] = {0, 2, 4};
    int taken[4] = {0};
    sp_share *share = sp_share_create(2);
    sp_share_list old = {.round = 0, .parts = 2, .bounds = bounds}, now = {.round = 1, .parts = 2, .bounds = bounds};
    size_t part = 0, first, last;
    take_all(share, old, 0, taken);
    sp_share_done(share, 4, 4);
    sp_share_next(share);
    cr_assert(sp_share_take(share, now, 1, &part, &first, &last));
    cr_expect_eq(take_all(share, old, 0, taken), 0);
    cr_expect_not(sp_share_done(share, 0, 4), "it did none, so it ends nothing");
    sp_share_wait(share, 0); /* is over: returns */
    cr_expect_eq(take_all(share, now, 0, taken), 3);
    sp_share_destroy(share);
}

/* Rounds of many threads: each item once, all of a round before any of the next. */
Test(share, rounds_follow_one_another, .timeout = 60) {
    enum { THREADS = 5, ITEMS = 13, ROUNDS = 20000 };
    const size_t bounds[THREADS + 1] = {0, 3, 5, 8, 10, ITEMS};
    static atomic_int done[ITEMS];
    atomic_int wrong = 0;
    sp_share *share = sp_share_create(THREADS);
#pragma omp parallel num_threads(THREADS)
    for (uint32_t round = 0; round < ROUNDS; round++) {
        sp_share_list list = {.round = round, .parts = THREADS, .bounds = bounds, .halves = round % 3 == 0};
        size_t part = (size_t)omp_get_thread_num(), first, last, count = 0;
        while (sp_share_take(share, list, THREADS, &part, &first, &last))
            for (; first < last; first++, count++) wrong += atomic_fetch_add(&done[first], 1) != (int)round;
        if (sp_share_done(share, count, ITEMS)) {
            for (int i = 0; i < ITEMS; i++) wrong += done[i] != (int)round + 1;
            sp_share_next(share);
        } else {
            sp_share_wait(share, round);
        }
    }
    cr_expect_eq(wrong, 0);
    cr_expect_eq(sp_share_round(share), ROUNDS);
    sp_share_destroy(share);
}

/* ---- Stages ---- */

static size_t stages_of(const sp_kernels *kernels, size_t rows, size_t shards, size_t threads, bool may_own,
                        sp_stage *stage) {
    const size_t widths[] = {784, 512, 512, 10};
    const sp_activation activations[] = {SP_RELU, SP_RELU, SP_SOFTMAX};
    sp_error error = {0};
    sp_net *net;
    sp_layout *layout;
    sp_stages *stages;
    must(sp_net_create(3, widths, activations, NULL, SP_CROSS_ENTROPY, &net, &error), error);
    must(sp_layout_create(net, kernels, &layout, &error), error);
    must(sp_stages_create(layout, false, &stages, &error), error);
    sp_stages_arrange(stages, layout, rows, shards, threads, may_own);
    size_t count = stages->count;
    for (size_t i = 0; i < count; i++) stage[i] = stages->stage[i];
    sp_stages_destroy(stages);
    sp_layout_destroy(layout);
    sp_net_destroy(net);
    return count;
}

Test(stage, one_thread_goes_straight_through) {
    sp_stage stage[16];
    cr_expect_eq(stages_of(&sp_kernels_xsmm, 32, 2, 1, false, stage), 1);
    cr_expect_eq(stage[0].count, 1 + 3 + 1 + 2, "gather, forward, loss, backward");
    cr_expect_eq(stage[0].items, 2, "the shards");
}

Test(stage, threads_share_out_weights_that_are_wide_for_the_rows) {
    sp_stage stage[16];
    /* Gather; two wide layers; the last one, its loss and its errors; the errors of the first. */
    cr_assert_eq(stages_of(&sp_kernels_xsmm, 32, 2, 4, false, stage), 5);
    const size_t counts[] = {1, 1, 1, 3, 1}, pieces[] = {0, 8, 8, 0, 8};
    for (int i = 0; i < 5; i++) {
        cr_expect_eq(stage[i].count, counts[i], "stage %d", i);
        cr_expect_eq(stage[i].pieces, pieces[i], "stage %d", i);
    }
    cr_expect_eq(stage[1].items, 8, "panels enough for four threads");
    stages_of(&sp_kernels_xsmm, 32, 2, 8, false, stage);
    cr_expect_eq(stage[1].items, 16, "of both shards, for eight");
}

Test(stage, threads_with_inputs_of_their_own_gather_for_nobody_else) {
    sp_stage stage[16];
    cr_assert_eq(stages_of(&sp_kernels_xsmm, 32, 2, 4, true, stage), 4, "no stage for gathering");
    cr_expect_eq(stage[0].pieces, 8, "it begins with the first layer");
    cr_expect_eq(stages_of(&sp_kernels_xsmm, 32, 2, 1, true, stage), 1, "one thread needs no copy");
    cr_expect_eq(stage[0].count, 1 + 3 + 1 + 2);
    /* More rows than the model gives to pieces, were they gathered for all. */
    cr_assert_eq(stages_of(&sp_kernels_xsmm, 2048, 32, 4, false, stage), 1);
    cr_assert_gt(stages_of(&sp_kernels_xsmm, 2048, 32, 4, true, stage), 1);
}

Test(stage, many_rows_are_shared_out_by_shards) {
    sp_stage stage[16];
    cr_expect_eq(stages_of(&sp_kernels_xsmm, 4096, 64, 4, false, stage), 1);
    cr_expect_gt(stages_of(&sp_kernels_xsmm, 4096, 3, 4, false, stage), 1, "but not by fewer of them than threads");
}

/* Their products have no parts that could be computed alone with the same bits. */
Test(stage, kernels_of_one_panel_share_out_shards_alone) {
    sp_stage stage[16];
    cr_expect_eq(stages_of(&sp_kernels_blas, 32, 2, 4, false, stage), 1);
}
