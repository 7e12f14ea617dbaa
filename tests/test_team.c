/* How many threads a step is worth, with a clock of our own: seconds a step as a function of the threads. */
#include "support.h"
#include "team.h"

typedef double (*cost)(size_t threads);

/* Too small to share, shared well, and best in between. */
static double tiny(size_t threads) {
    return 2e-6 + 3e-6 * (double)(threads - 1);
}

static double large(size_t threads) {
    return 4e-3 / (double)threads + 5e-6;
}

static double medium(size_t threads) {
    return 40e-6 / (double)threads + 4e-6 * (double)threads;
}

/* Trains for `until` seconds by the clock of `step`, in epochs of `left` steps; returns those seconds. */
static double train(sp_team *team, cost step, size_t epoch, double until) {
    double clock = 0;
    size_t left = epoch;
    while (clock < until) {
        size_t threads, steps = sp_team_next(team, left, &threads);
        cr_assert(steps >= 1 && steps <= left && threads >= 1 && threads <= team->most);
        double seconds = (double)steps * step(threads);
        sp_team_report(team, steps, seconds);
        clock += seconds;
        left = left > steps ? left - steps : epoch;
    }
    return clock;
}

Test(team, settles_on_what_is_fastest) {
    const struct {
        cost step;
        size_t most, best;
    } cases[] = {{tiny, 64, 1},  {tiny, 4, 1},    {large, 4, 4}, {large, 64, 64},
                 {medium, 4, 3}, {medium, 12, 3}, {tiny, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_team team = sp_team_create(cases[i].most, false);
        train(&team, cases[i].step, 45, 1.0);
        cr_expect_eq(team.best, cases[i].best, "case %zu: %zu threads", i, team.best);
    }
}

/* All that trials cost, over ten seconds: under five in a hundred more than the best number would take. */
Test(team, trials_cost_little) {
    const cost steps[] = {tiny, large, medium};
    for (int i = 0; i < 3; i++) {
        sp_team team = sp_team_create(8, false);
        double best = steps[i](1), seconds = 0;
        for (size_t threads = 2; threads <= 8; threads++) best = steps[i](threads) < best ? steps[i](threads) : best;
        size_t done = 0;
        while (seconds < 10) {
            size_t threads, count = sp_team_next(&team, 1000, &threads);
            sp_team_report(&team, count, (double)count * steps[i](threads));
            seconds += (double)count * steps[i](threads);
            done += count;
        }
        cr_expect_leq(seconds, 1.05 * (double)done * best, "case %d: %g of %g seconds", i, (double)done * best,
                      seconds);
    }
}

/* A step of a large network: one with half of the threads costs as much as another step. */
static double huge(size_t threads) {
    return 0.2 / (double)threads;
}

Test(team, trials_of_long_steps_are_rare) {
    sp_team team = sp_team_create(2, false);
    double seconds = 0;
    size_t done = 0;
    while (seconds < 3) {
        size_t threads, count = sp_team_next(&team, 1000, &threads);
        sp_team_report(&team, count, (double)count * huge(threads));
        seconds += (double)count * huge(threads);
        done += count;
    }
    cr_expect_eq(team.best, 2);
    cr_expect_leq(seconds, 1.05 * (double)done * huge(2), "%zu steps in %g seconds", done, seconds);
}

/* Somebody takes the other cores while training goes on, and gives them back. */
Test(team, follows_what_changes) {
    sp_team team = sp_team_create(4, false);
    train(&team, large, 100, 2.0);
    cr_expect_eq(team.best, 4);
    train(&team, tiny, 100, 20.0);
    cr_expect_eq(team.best, 1);
    train(&team, large, 100, 20.0);
    cr_expect_eq(team.best, 4);
}

static size_t calls;

/* As many threads as there are do best; but the first steps wait for data, and then somebody disturbs for a while. */
static double disturbed(size_t threads) {
    calls++;
    double cold = calls < 8 ? 2e-3 : 0, hiccup = calls % 23 == 0 ? 1e-3 : 0;
    return 400e-6 / (double)threads + cold + hiccup;
}

Test(team, neither_a_cold_start_nor_a_hiccup_decides) {
    sp_team team = sp_team_create(4, false);
    calls = 0;
    train(&team, disturbed, 60, 0.2);
    cr_expect_eq(team.best, 4, "%zu threads", team.best);
}

/* Steps that begin to take longer are a reason to look again, however long the last trial lasted. */
Test(team, a_change_is_seen_before_the_next_trial_is_due) {
    sp_team team = sp_team_create(4, false);
    train(&team, large, 100, 60.0);
    cr_expect_eq(team.best, 4);
    train(&team, tiny, 1000000, 0.5);
    cr_expect_eq(team.best, 1);
}

Test(team, a_fixed_number_is_kept) {
    sp_team team = sp_team_create(7, true);
    size_t threads;
    cr_expect_eq(sp_team_next(&team, 900, &threads), 900, "one fork and join an epoch");
    cr_expect_eq(threads, 7);
    sp_team_report(&team, 900, 1.0);
    sp_team_next(&team, 900, &threads);
    cr_expect_eq(threads, 7);
}
