#include "team.h"

/* Seconds. Before the first trial, data and code come into the caches. */
static const double warm_up = 10e-3, trial = 2e-3, trial_segment = 1e-3, settled_segment = 0.1;

/* A segment so long tells without another one before it, or a second round. */
static const double long_segment = 5e-3;
static const double first_settle = 0.25, longest_settle = 8;

/* What a trial may cost, of the time until the next: steps of a large network are too long for a few to cost little. */
static const double trial_share = 0.02;

/* A candidate that is so much slower than the best ends the round: fewer threads would be slower still. */
static const double clearly_slower = 1.25;

enum { ROUNDS = 2 };

/* most, a third less, ..., 4, 3, 2, 1 */
static size_t fewer(size_t threads) {
    return threads - (threads / 3 > 0 ? threads / 3 : 1);
}

static void try_candidate(sp_team *team, size_t candidate, size_t threads) {
    team->candidate = candidate;
    team->threads = threads;
    team->warm = false;
    team->spent = 0;
    team->steps = 0;
}

static void start_trial(sp_team *team) {
    team->trying = true;
    team->round = 0;
    team->best_step = 0;
    team->trial_seconds = 0;
    team->trial_steps = 0;
    for (size_t i = 0; i < SP_TEAM_CANDIDATES; i++) team->step_of[i] = 0;
    try_candidate(team, 0, team->most);
}

sp_team sp_team_create(size_t most, bool fixed) {
    return (sp_team){.most = most, .fixed = fixed || most == 1, .threads = most, .best = most, .settle = 0};
}

size_t sp_team_next(const sp_team *team, size_t left, size_t *threads) {
    *threads = team->threads;
    if (team->fixed) return left;
    double known = team->trying ? team->step_of[team->candidate] : team->best_step;
    double step = team->steps > 0 ? team->spent / (double)team->steps : known > 0 ? known : team->best_step;
    double segment = team->trying || team->settle == 0 ? trial_segment : settled_segment;
    if (step <= 0) return 1;
    double steps = segment / step;
    return steps < 1 ? 1 : steps < (double)left ? (size_t)steps : left;
}

static void settle_on_best(sp_team *team) {
    team->trying = false;
    team->threads = team->best;
    team->settled = team->spent = 0;
    team->steps = 0;
    team->settle = team->settle == 0 ? first_settle : 2 * team->settle;
    if (team->settle > longest_settle) team->settle = longest_settle;
    double cost = team->trial_seconds - (double)team->trial_steps * team->best_step;
    if (team->settle < cost / trial_share) team->settle = cost / trial_share;
}

/* The next of the round that is worth it; else the next round; else the end of the trial. */
static void go_on(sp_team *team, bool conclusive) {
    size_t threads = team->threads;
    for (size_t i = team->candidate; threads > 1 && i + 1 < SP_TEAM_CANDIDATES; i++) {
        if (team->step_of[i] > clearly_slower * team->best_step) break;
        threads = fewer(threads);
        if (team->step_of[i + 1] > clearly_slower * team->best_step) continue; /* so it was in the first round */
        if (team->round > 0 && team->step_of[i + 1] == 0) break;
        try_candidate(team, i + 1, threads);
        return;
    }
    team->round++;
    if (team->round < ROUNDS && !conclusive)
        try_candidate(team, 0, team->most);
    else
        settle_on_best(team);
}

/* The candidate has been measured: the faster of its rounds counts. */
static void judge(sp_team *team) {
    double step = team->spent / (double)team->steps, *known = &team->step_of[team->candidate];
    if (*known == 0 || step < *known) *known = step;
    if (team->best_step == 0 || *known < team->best_step) {
        team->best = team->threads;
        team->best_step = *known;
    }
    go_on(team, step > long_segment);
}

void sp_team_report(sp_team *team, size_t steps, double seconds) {
    if (team->fixed) return;
    if (team->trying) {
        team->trial_seconds += seconds;
        team->trial_steps += steps;
    }
    if (team->trying && !team->warm && seconds < long_segment) {
        team->warm = true;
        return;
    }
    if (team->trying) {
        team->warm = true;
        team->spent += seconds;
        team->steps += steps;
        if (team->spent >= trial) judge(team);
        return;
    }
    team->settled += seconds;
    if (team->settle == 0) { /* the very beginning */
        team->best_step = seconds / (double)steps;
        if (team->settled >= warm_up) start_trial(team);
        return;
    }
    team->spent += seconds;
    team->steps += steps;
    if (team->spent >= settled_segment / 2) {
        double change = team->spent / (double)team->steps / team->best_step;
        bool changed = change > clearly_slower || change < 1 / clearly_slower;
        if (changed && team->settled >= first_settle) team->settle = first_settle / 2;
        team->spent = 0;
        team->steps = 0;
    }
    if (team->settled >= team->settle) start_trial(team);
}
