/*
 * The threads that make the steps of a training: what each of them takes, waits for, and spends its time on.
 *
 * Lists of work follow one another in a fixed order (see base/share.h). Each is cut into a part for every thread.
 */
#ifndef SP_CREW_H
#define SP_CREW_H

#include "base/place.h"
#include "base/share.h"

/* What belongs to one thread; on cache lines of its own. */
typedef struct sp_worker {
    _Alignas(64) size_t number;
    size_t part, reach;        /* of the list at hand: where it takes from, and how far it looks */
    size_t done;               /* items of that list */
    uint32_t round;            /* of that list */
    sp_place_saved saved;      /* where the thread was before */
    float *scratch;            /* owned */
    double seconds[SP_PHASES]; /* that it spent; only where somebody wants to know */
} sp_worker;

typedef struct sp_crew {
    size_t most, threads; /* threads: at hand; lists are cut into as many parts */
    bool timed;           /* look at the clock */
    sp_share *share;      /* owned */
    sp_place *place;      /* owned; NULL: threads stay where they are */
    size_t *bounds;       /* owned [lists, most + 1] */
    sp_worker *workers;   /* owned [most] */
} sp_crew;

/* Of up to `most` threads, for up to `lists` different lists, each with `scratch` floats of its own. SP_FAILED: memory.
 */
sp_status sp_crew_create(size_t most, size_t lists, size_t scratch, sp_crew **crew, sp_error *error);
void sp_crew_destroy(sp_crew *crew);

/* Items of part p of a list are bounds[p] .. bounds[p + 1] - 1, for crew->threads parts; the caller sets them, */
size_t *sp_crew_bounds(const sp_crew *crew, size_t list);

/* or has a list of `items` cut evenly. */
void sp_crew_cut(sp_crew *crew, size_t list, size_t items);

/* ---- Within a parallel region, by each of its `given` threads ---- */

/* The first list is that of `round`, which was read before the region. */
sp_worker *sp_crew_enter(sp_crew *crew, size_t number, size_t given, uint32_t round);
void sp_crew_leave(const sp_crew *crew, const sp_worker *worker);

/* The next items of a list for this thread; false: none are left. `halves`: many at once at first. */
bool sp_crew_take(const sp_crew *crew, sp_worker *worker, size_t list, bool halves, size_t *first, size_t *last);

/*
 * This thread finds nothing left to do in a list of so many items. True for the one who did the last of them: it
 * does what comes before the next list, and begins that by sp_crew_next. The others wait for it.
 */
bool sp_crew_done(const sp_crew *crew, sp_worker *worker, size_t items);
void sp_crew_next(const sp_crew *crew);

/* Where the time goes: the clock, and what was spent on a phase since then; nothing where nobody wants to know. */
double sp_crew_clock(const sp_crew *crew);
void sp_crew_spent(const sp_crew *crew, sp_worker *worker, sp_phase phase, double *since);

/* Seconds of a phase, summed over the threads; NaN where nobody looked. */
double sp_crew_seconds(const sp_crew *crew, sp_phase phase);

/* What the busiest thread worked, without waiting, more than the mean, as a share of that; NaN where nobody looked. */
double sp_crew_imbalance(const sp_crew *crew);

#endif
