/*
 * A barrier for threads that share their cores with others.
 *
 * libgomp's barrier spins for long: when another process holds one of the cores, every step waits
 * out that process's slice of time. This one spins for some microseconds, then sleeps in the kernel
 * (futex), so that the thread that is late gets the core.
 */
#ifndef SP_BASE_BARRIER_H
#define SP_BASE_BARRIER_H

#include <stdatomic.h>

/* Start with {0}. On cache lines of its own, one for those who arrive and one for those who wait. */
typedef struct sp_barrier {
    _Alignas(64) atomic_uint arrived;
    _Alignas(64) atomic_uint round; /* of the barrier: counts how often all have arrived */
    atomic_uint sleepers;
} sp_barrier;

/*
 * Returns once `threads` threads have called it; always the same number. All that a thread wrote
 * before is seen by every thread after.
 */
void sp_barrier_wait(sp_barrier *barrier, unsigned threads);

#endif
