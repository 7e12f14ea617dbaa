/* Learning rates that PyTorch has no word for: a plateau behind a warm-up. The others: test_golden.c. */
#include "schedule.h"
#include "support.h"

/*
 * eta0 = 2, half of it after two epochs without anything better; four steps an epoch, a warm-up of 2.5 epochs, which
 * is ten steps. By hand: step k of the warm-up has 2 (k + 1) / 11. Epoch 1 is the best of the first three, so the
 * second one after it lowers the rate, at the end of epoch 3, which the warm-up has left by then. Epoch 4 is better,
 * 5 and 6 are not, nor are 7 and 8.
 */
Test(schedule, plateau_behind_a_warm_up) {
    enum { EPOCHS = 9, STEPS = 4 };
    static const double values[EPOCHS] = {0.5, 0.4, 0.3, 0.6, 0.6, 0.1, 0.5, 0.55, 0.9};
    static const double expected[EPOCHS][STEPS] = {
        {2. / 11, 4. / 11, 6. / 11, 8. / 11},
        {10. / 11, 12. / 11, 14. / 11, 16. / 11},
        {18. / 11, 20. / 11, 2, 2},
        {1, 1, 1, 1},
        {1, 1, 1, 1},
        {1, 1, 1, 1},
        {0.5, 0.5, 0.5, 0.5},
        {0.5, 0.5, 0.5, 0.5},
        {0.25, 0.25, 0.25, 0.25},
    };
    sp_schedule schedule = {.name = SP_SCHEDULE_PLATEAU,
                            .rate = 2,
                            .factor = 0.5,
                            .patience = 1,
                            .warmup = 2.5,
                            .epoch_steps = STEPS,
                            .steps = STEPS * EPOCHS,
                            .lowered = 1};
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t k = 0; k < STEPS; k++)
            cr_expect_float_eq(sp_schedule_rate(&schedule, epoch * STEPS + k), expected[epoch][k], 1e-12,
                               "epoch %zu, step %zu: %g", epoch + 1, k + 1,
                               sp_schedule_rate(&schedule, epoch * STEPS + k));
        sp_schedule_observe(&schedule, epoch + 1, values[epoch]);
    }
}

/* What lowers the rate within a warm-up shows once that is over: until then it rises as it would. */
Test(schedule, plateau_within_a_warm_up) {
    sp_schedule schedule = {.name = SP_SCHEDULE_PLATEAU,
                            .rate = 1,
                            .factor = 0.1,
                            .patience = 0,
                            .warmup = 3,
                            .epoch_steps = 1,
                            .steps = 5,
                            .lowered = 1};
    static const double expected[] = {0.25, 0.5, 0.75, 0.01, 0.01};
    static const double values[] = {0.5, 0.5, 0.4, 0.9, 0.95};
    for (size_t epoch = 0; epoch < 5; epoch++) {
        cr_expect_float_eq(sp_schedule_rate(&schedule, epoch), expected[epoch], 1e-12, "epoch %zu", epoch + 1);
        sp_schedule_observe(&schedule, epoch + 1, values[epoch]);
    }
}
