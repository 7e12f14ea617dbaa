/* What a scaling experiment comes to, of measurements that are made up. */
#include "out/scaling.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 4, REPETITIONS = 3 };

static const size_t threads_of[POINTS] = {1, 2, 4, 8};

/* A sample takes 1 ms times `serial` + (1 - serial) / p, of each repetition a little more or less. */
static double rate_of(double serial, size_t threads, size_t repetition) {
    static const double noise[REPETITIONS] = {1, 1.02, 0.98};
    return 1000 * sp_amdahl_speedup(serial, (double)threads) * noise[repetition];
}

static void fill_runs(sp_scale_point *point, double serial, bool weak) {
    point->run = calloc(REPETITIONS + 1, sizeof *point->run);
    cr_assert_not_null(point->run);
    for (size_t r = 0; r < REPETITIONS; r++) {
        double rate =
            weak ? 1000 * sp_gustafson_speedup(serial, (double)point->threads) : rate_of(serial, point->threads, r);
        point->run[point->runs++] = (sp_scale_run){
            .kind = SP_SCALE_MEASURED, .threads = point->threads, .seconds = 1, .rate = rate, .hash = 77};
    }
    sp_scale_run timed = {.kind = SP_SCALE_TIMED, .threads = point->threads, .rate = 1, .hash = 77, .imbalance = 0.25};
    for (int i = 0; i < SP_PHASES; i++) timed.phases[i] = i + 1;
    point->run[point->runs++] = timed;
}

/* Eight threads have only four CPUs. */
static sp_scaling scaling_of(double serial, bool weak) {
    sp_scaling scaling = {.name = "made-up",
                          .folder = scratch(),
                          .weak = weak,
                          .seconds = 1,
                          .rows = 100,
                          .repetitions = REPETITIONS,
                          .granted = 4,
                          .curves = 1};
    scaling.curve = calloc(1, sizeof *scaling.curve);
    cr_assert_not_null(scaling.curve);
    scaling.curve->points = POINTS;
    scaling.curve->point = calloc(POINTS, sizeof *scaling.curve->point);
    cr_assert_not_null(scaling.curve->point);
    for (size_t i = 0; i < POINTS; i++) {
        sp_scale_point *point = &scaling.curve->point[i];
        *point = (sp_scale_point){.batch_size = 10,
                                  .shards = 2,
                                  .threads = threads_of[i],
                                  .warm = 1,
                                  .epochs = 5,
                                  .row_flops = 2e6,
                                  .step_bytes = 1e5,
                                  .ceiling = {4e9, 20e6},
                                  .oversubscribed = threads_of[i] > 4};
        fill_runs(point, serial, weak);
    }
    return scaling;
}

static void evaluate(sp_scaling *scaling) {
    sp_error error = {0};
    must(sp_scaling_evaluate(scaling, &error), error);
}

Test(scaling, a_serial_share_of_five_per_cent_is_found) {
    sp_scaling scaling = scaling_of(0.05, false);
    evaluate(&scaling);
    const sp_scale_curve *curve = scaling.curve;
    cr_expect_float_eq(curve->amdahl.serial, 0.05, 1e-9, "%g", curve->amdahl.serial);
    cr_expect_eq(curve->fitted, 3, "the oversubscribed point is left out");
    cr_expect_float_eq(curve->serial_least, 0.05, 1e-9, "noise that hits all points alike is none");
    cr_expect_float_eq(curve->serial_most, 0.05, 1e-9);
    cr_expect(isnan(curve->gustafson));
    for (size_t i = 0; i < POINTS; i++) {
        const sp_scale_point *point = &curve->point[i];
        double speedup = sp_amdahl_speedup(0.05, (double)threads_of[i]);
        cr_expect_float_eq(point->rate.median, 1000 * speedup, 1e-6);
        cr_expect_float_eq(point->speedup, speedup, 1e-9);
        cr_expect_float_eq(point->efficiency, speedup / (double)threads_of[i], 1e-9);
        cr_expect_float_eq(sp_spread_relative(&point->rate), 0.01, 1e-9);
        if (i > 0) cr_expect_float_eq(point->karp_flatt, 0.05, 1e-9);
    }
    cr_expect(isnan(curve->point[0].karp_flatt));
    sp_scaling_clear(&scaling);
}

Test(scaling, phases_are_shares_and_roofs_are_the_lower_one) {
    sp_scaling scaling = scaling_of(0, false);
    evaluate(&scaling);
    const sp_scale_point *point = &scaling.curve->point[0];
    for (int i = 0; i < SP_PHASES; i++) cr_expect_float_eq(point->phases[i], (i + 1) / 28.0, 1e-12);
    cr_expect_float_eq(point->imbalance, 0.25, 0);
    /* 1000 rows a second: 2 GFLOP/s, and 100 steps of 100 kB: 10 MB/s. 200 operations a byte: the roof is the product's
     * 4 GFLOP/s, not 20 MB/s times 200, which is as high; a machine that copies half as fast has half of that. */
    cr_expect_float_eq(point->flops, 2e9, 1);
    cr_expect_float_eq(point->bytes, 1e7, 1e-3);
    cr_expect_float_eq(point->roofline, 0.5, 1e-9);
    scaling.curve->point[0].ceiling.bytes = 10e6;
    evaluate(&scaling);
    cr_expect_float_eq(point->roofline, 1, 1e-9);
    cr_expect_not(point->cached);
    scaling.cache = 1 << 20;
    evaluate(&scaling);
    cr_expect(point->cached, "what is in a cache need not be copied");
    cr_expect_float_eq(point->roofline, 0.5, 1e-9);
    sp_scaling_clear(&scaling);
}

Test(scaling, weak_scaling_is_gustafsons) {
    sp_scaling scaling = scaling_of(0.1, true);
    evaluate(&scaling);
    cr_expect_float_eq(scaling.curve->gustafson, 0.1, 1e-9);
    cr_expect(isnan(scaling.curve->amdahl.serial));
    cr_expect(isnan(scaling.curve->point[1].karp_flatt));
    cr_expect_float_eq(scaling.curve->point[2].speedup, 3.7, 1e-9);
    sp_scaling_clear(&scaling);
}

Test(scaling, without_one_thread_there_is_nothing_to_compare_with) {
    sp_scaling scaling = scaling_of(0.05, false);
    scaling.curve->point[0].threads = 3;
    evaluate(&scaling);
    cr_expect(isnan(scaling.curve->point[1].speedup));
    sp_scaling_clear(&scaling);
}

Test(scaling, other_bits_are_a_fault_that_names_both) {
    sp_scaling scaling = scaling_of(0.05, false);
    sp_error error = {0};
    must(sp_scaling_check_bits(&scaling, &error), error);
    cr_expect_eq(sp_scaling_compared(&scaling), POINTS * (REPETITIONS + 1));
    sp_scale_run *run = &scaling.curve->point[2].run[1];
    strcpy(run->name, "b10-s2-t4-2");
    run->hash = 78;
    cr_expect_eq(sp_scaling_check_bits(&scaling, &error), SP_FAILED);
    cr_expect(strstr(error.text, "b10-s2-t4-2 (4 threads)"), "%s", error.text);
    sp_scaling_clear(&scaling);
    /* Other batch sizes have other weights. */
    scaling = scaling_of(0.05, true);
    for (size_t r = 0; r < scaling.curve->point[3].runs; r++) scaling.curve->point[3].run[r].hash = 99;
    error = (sp_error){0};
    must(sp_scaling_check_bits(&scaling, &error), error);
    sp_scaling_clear(&scaling);
}

Test(scaling, what_others_did_is_kept_by_point) {
    sp_scaling scaling = scaling_of(0.05, false);
    scaling.curve->point[0].run[0].others = 3;   /* three CPUs are left */
    scaling.curve->point[1].run[0].others = 2.5; /* two are */
    scaling.curve->point[1].run[1].others = NAN;
    evaluate(&scaling);
    cr_expect_float_eq(scaling.curve->point[1].disturbed, 1.0 / 3, 1e-12);
    cr_expect_eq(scaling.curve->point[0].disturbed, 0);
    cr_expect_eq(scaling.curve->point[2].disturbed, 0);
    sp_scaling_clear(&scaling);
}

/* A network by hand: 3 inputs, 4 and 2 units. */
Test(scaling, bytes_of_a_step) {
    sp_layer layers[] = {{.inputs = 3, .outputs = 4}, {.inputs = 4, .outputs = 2}};
    sp_net net = {.depth = 2, .layers = layers};
    sp_plan plan = {.net = &net, .optim = {.name = SP_SGD}};
    /* Weights 16 x 3 + 10 x 4; of 5 rows: inputs 3 x 3 + 3 x 4, errors 2 x 4 + 3 x 2. */
    cr_expect_float_eq(sp_step_bytes(&plan, 5), 4 * (16 * 3 + 10 * 4 + 5 * (9 + 12 + 8 + 6)), 0);
    plan.optim.name = SP_ADAM;
    cr_expect_float_eq(sp_step_bytes(&plan, 0), 4 * (16 * 7 + 10 * 8), 0, "two moments, read and written");
}

Test(scaling, ceilings_are_measured) {
    sp_ceiling ceiling;
    sp_error error = {0};
    must(sp_ceiling_measure(2, 0, 0.03, &ceiling, &error), error);
    cr_expect_gt(ceiling.flops, 1e6);
    cr_expect_gt(ceiling.bytes, 1e6);
}
