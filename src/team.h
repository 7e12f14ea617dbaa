/*
 * How many threads a step is worth: found by trying, while training goes on.
 *
 * Since the bits do not depend on the threads, their number is free to follow the work: a tiny network
 * is faster on one core than on many, and so is any on cores that somebody else has taken. Steps are run in
 * segments. Now and then some go to a trial of fewer threads, from the most that are allowed by halves
 * until it gets slower; then the best is kept for a while, each time for longer.
 */
#ifndef SP_TEAM_H
#define SP_TEAM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sp_team {
    size_t most;            /* threads that are allowed */
    bool fixed;             /* always that many */
    size_t threads;         /* of the segment at hand */
    size_t best;            /* of this trial so far, or of the last one */
    double best_step;       /* its seconds a step */
    bool trying, warm;      /* warm: the first segment of a candidate wakes its threads, and does not count */
    double spent;           /* seconds of the candidate, */
    size_t steps;           /* and its steps */
    double settled, settle; /* seconds since the last trial, and until the next */
} sp_team;

/* A team of up to `most` threads, or of exactly so many. */
sp_team sp_team_create(size_t most, bool fixed);

/* Steps of the next segment, at most `left` and at least 1; *threads: for them. */
size_t sp_team_next(const sp_team *team, size_t left, size_t *threads);

/* What that segment of `steps` steps took. */
void sp_team_report(sp_team *team, size_t steps, double seconds);

#endif
