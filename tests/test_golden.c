/*
 * Twenty steps of training against PyTorch in double precision: the same initial weights, the
 * same mini-batches; and the learning rates of its schedules. tools/make-reference wrote the numbers.
 */
#include "golden.h"
#include "plan.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

Test(golden, twenty_steps_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/trajectories.json"), 20,
                 "ten activations x squared_error, cross_entropy");
}

Test(golden, every_optimizer_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/optimizers.json"), 10);
}

Test(golden, clipping_penalties_bounds_and_averages_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/updates.json"), 14);
}

Test(golden, every_loss_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/losses.json"), 8);
    cr_assert_eq(golden_cases("tests/reference/values.json"), 5);
}

/* ---- Schedules ---- */

Test(golden, sixty_steps_under_every_schedule_with_and_without_warm_up_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/scheduled.json"), 8 * 3 + 1);
}

static sp_schedule schedule_of(const sp_json *reference, const sp_json *settings) {
    sp_error error = {0};
    sp_config *config = sp_config_create();
    golden_set(config, "data.train=data/iris.csv");
    golden_set(config, "optimizer.learning_rate=%.17g", golden_number(sp_json_member(reference, "rate")));
    golden_set(config, "train.epochs=%.0f", golden_number(sp_json_member(reference, "epochs")));
    /* 150 rows: as many steps an epoch as there. */
    golden_set(config, "train.batch_size=%.0f", 150 / golden_number(sp_json_member(reference, "epoch_steps")));
    golden_set_all(config, settings);
    sp_data *data;
    sp_plan plan;
    must(sp_data_load(config, &data, &error), error);
    must(sp_plan_create(config, data, &plan, &error), error);
    sp_schedule schedule = plan.schedule;
    sp_plan_clear(&plan);
    sp_data_destroy(data);
    sp_config_destroy(config);
    return schedule;
}

Test(golden, every_schedule_as_pytorch) {
    char *text = read_text("tests/reference/schedules.json");
    sp_json *reference = sp_json_parse(text, strlen(text));
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(reference, "cases")); one; one = sp_json_next(one)) {
        sp_schedule schedule = schedule_of(reference, sp_json_member(one, "settings"));
        double rates[60];
        cr_assert_eq(schedule.steps, 60);
        golden_numbers(sp_json_member(one, "rates"), rates, 60);
        for (size_t step = 0; step < 60; step++)
            cr_expect_float_eq(sp_schedule_rate(&schedule, step), rates[step], 1e-12,
                               "case %zu, step %zu: %.17g, not %.17g", cases, step, sp_schedule_rate(&schedule, step),
                               rates[step]);
        cases++;
    }
    cr_expect_eq(cases, 8);

    enum { EPOCHS = 17 };
    const sp_json *plateau = sp_json_member(reference, "plateau");
    sp_schedule schedule = schedule_of(reference, sp_json_member(plateau, "settings"));
    double losses[EPOCHS], rates[EPOCHS];
    golden_numbers(sp_json_member(plateau, "losses"), losses, EPOCHS);
    golden_numbers(sp_json_member(plateau, "rates"), rates, EPOCHS);
    for (size_t epoch = 1; epoch <= EPOCHS; epoch++) {
        cr_expect_float_eq(sp_schedule_rate(&schedule, epoch), rates[epoch - 1], 1e-12, "plateau, epoch %zu", epoch);
        sp_schedule_observe(&schedule, epoch, -losses[epoch - 1]);
    }
    sp_json_destroy(reference);
    free(text);
}

/* What PyTorch has no schedule for. */
Test(schedule, warm_up_rises_in_equal_steps_and_the_rest_follows) {
    sp_schedule schedule = {
        .name = SP_SCHEDULE_LINEAR, .rate = 1, .final = 0, .warmup = 1.5, .epoch_steps = 6, .steps = 29, .lowered = 1};
    for (size_t step = 0; step < 9; step++)
        cr_expect_float_eq(sp_schedule_rate(&schedule, step), (double)(step + 1) / 10, 1e-15);
    for (size_t step = 9; step < 29; step++)
        cr_expect_float_eq(sp_schedule_rate(&schedule, step), 1 - (double)(step - 9) / 20, 1e-15);
}

Test(schedule, polynomial_falls_to_its_final_share) {
    sp_schedule schedule = {.name = SP_SCHEDULE_POLYNOMIAL,
                            .rate = 2,
                            .final = 0.1,
                            .power = 3,
                            .epoch_steps = 10,
                            .steps = 40,
                            .lowered = 1};
    cr_expect_float_eq(sp_schedule_rate(&schedule, 0), 2, 1e-15);
    cr_expect_float_eq(sp_schedule_rate(&schedule, 20), 2 * (0.1 + 0.9 * 0.125), 1e-15);
    cr_expect_float_eq(sp_schedule_rate(&schedule, 40), 0.2, 1e-15);
}
