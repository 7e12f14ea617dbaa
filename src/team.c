#include "team.h"

/* Seconds. A candidate is tried for long enough to outlast a hiccup, in segments that see a few. */
static const double trial = 3e-3, trial_segment = 1e-3, settled_segment = 0.1;
static const double first_settle = 0.25, longest_settle = 8;

/* A candidate that is so much slower than the best ends the trial: fewer threads would be slower still. */
static const double clearly_slower = 1.1;

static void try_threads(sp_team *team, size_t threads) {
    team->threads = threads;
    team->warm = false;
    team->spent = 0;
    team->steps = 0;
}

static void start_trial(sp_team *team) {
    team->trying = true;
    team->best_step = 0;
    try_threads(team, team->most);
}

sp_team sp_team_create(size_t most, bool fixed) {
    sp_team team = {.most = most, .fixed = fixed || most == 1, .best = most, .settle = first_settle};
    start_trial(&team);
    return team;
}

size_t sp_team_next(const sp_team *team, size_t left, size_t *threads) {
    *threads = team->threads;
    if (team->fixed) return left;
    double step = !team->trying     ? team->best_step
                  : team->steps > 0 ? team->spent / (double)team->steps
                                    : team->best_step;
    double segment = team->trying ? trial_segment : settled_segment;
    if (step <= 0) return 1;
    double steps = segment / step;
    return steps < 1 ? 1 : steps < (double)left ? (size_t)steps : left;
}

/* The candidate has been measured: the next one, or the end of the trial. */
static void judge(sp_team *team) {
    double step = team->spent / (double)team->steps;
    if (team->best_step == 0 || step < team->best_step) {
        team->best = team->threads;
        team->best_step = step;
    }
    if (team->threads > 1 && step <= clearly_slower * team->best_step) {
        try_threads(team, team->threads / 2);
        return;
    }
    team->trying = false;
    team->threads = team->best;
    team->settled = 0;
}

void sp_team_report(sp_team *team, size_t steps, double seconds) {
    if (team->fixed) return;
    if (team->trying && !team->warm) {
        team->warm = true;
        return;
    }
    if (team->trying) {
        team->spent += seconds;
        team->steps += steps;
        if (team->spent >= trial) judge(team);
        return;
    }
    team->settled += seconds;
    if (team->settled < team->settle) return;
    if (team->settle < longest_settle) team->settle *= 2;
    start_trial(team);
}
