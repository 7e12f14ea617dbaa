/*
 * Lists of work that threads share out among them, one list after another.
 *
 * A list is cut into parts, one a thread. A thread takes the items of its own part in turn, and then helps
 * with those of the next parts (Blumofe, Leiserson: Scheduling Multithreaded Computations by Work Stealing; J. ACM 46
 * (1999)). The next list begins when all items of the one before are done, by whomever: unlike a barrier, that does
 * not wait for a thread that the system has taken off its core, unless it was in the midst of an item.
 * Whoever is late finds nothing left of the lists it missed, and takes part again.
 *
 * Which thread does an item must make no difference to the result. What was written before a list ended is seen by
 * all items of the next ones.
 */
#ifndef SP_BASE_SHARE_H
#define SP_BASE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sp_share sp_share;

/* For up to `parts` parts; NULL: no memory. Lists are counted in rounds, from 0, and anew after 2^32. */
sp_share *sp_share_create(size_t parts);
void sp_share_destroy(sp_share *share);

/* The round of the list that is being worked on. */
uint32_t sp_share_round(const sp_share *share);

/* How the list of a round is cut: items of part p are bounds[p] .. bounds[p + 1] - 1; the last bound is at least 1. */
typedef struct sp_share_list {
    uint32_t round;
    size_t parts;         /* at least 1 */
    const size_t *bounds; /* borrowed [parts + 1] */
    bool halves;          /* take half of what is left of a part at once, not single items */
} sp_share_list;

/*
 * Takes items *first .. *last - 1 of part *part, or of one of the parts behind it, which *part then is. False:
 * nothing is left in any of `reach` parts from *part on, or the round is over.
 */
bool sp_share_take(sp_share *share, sp_share_list list, size_t reach, size_t *part, size_t *first, size_t *last);

/* `count` items that were taken are done, out of `items` of the list. True for the one caller who did the last. */
bool sp_share_done(sp_share *share, size_t count, size_t items);

/* That caller ends the round, when whatever comes between two lists has been done. */
void sp_share_next(sp_share *share);

/* Waits until `round` is over: it spins for some microseconds, then sleeps. */
void sp_share_wait(sp_share *share, uint32_t round);

#endif
