/*
 * How many threads a step is worth: found by trying, while training goes on.
 *
 * Since the bits do not depend on the threads, their number is free to follow the work: a tiny network
 * is faster on one core than on many, and so is any on cores that somebody else has taken. Steps are run in
 * segments. Now and then some go to a trial of fewer threads, from the most that are allowed downwards until it gets
 * clearly slower, and once more, so that a hiccup does not decide; then the best is kept for a while, each time
 * for longer, and for long enough that the trial was a small part of it, unless steps begin to take another time than
 * they did.
 */
#ifndef SP_TEAM_H
#define SP_TEAM_H

#include <stdbool.h>
#include <stddef.h>

enum { SP_TEAM_CANDIDATES = 32 }; /* enough for a million threads: a third fewer each time */

typedef struct sp_team {
    size_t most;                        /* threads that are allowed */
    bool fixed;                         /* always that many */
    size_t threads;                     /* of the segment at hand */
    size_t best;                        /* of the last trial */
    double step_of[SP_TEAM_CANDIDATES]; /* seconds a step of each candidate of this trial; 0: not known yet */
    size_t candidate, round;            /* that is tried, from 0; rounds of the trial, from 0 */
    bool trying, warm;                  /* warm: a candidate's threads are awake; before that nothing counts */
    double spent;                       /* seconds of the candidate in this round, */
    size_t steps;                       /* and its steps */
    double best_step;                   /* seconds a step of the best; 0: not known yet */
    double trial_seconds;               /* of this trial, all candidates, */
    size_t trial_steps;                 /* and its steps */
    double settled, settle;             /* seconds since the last trial, and until the next */
} sp_team;

/* A team of up to `most` threads, or of exactly so many. */
sp_team sp_team_create(size_t most, bool fixed);

/* Steps of the next segment, at most `left` and at least 1; *threads: for them. */
size_t sp_team_next(const sp_team *team, size_t left, size_t *threads);

/* What that segment of `steps` steps took. */
void sp_team_report(sp_team *team, size_t steps, double seconds);

#endif
