/*
 * Where threads run: each within one NUMA node, and all of them on as few nodes as hold them.
 *
 * A thread is kept to the allowed CPUs of a node, never to one core: on a machine that is shared, the scheduler
 * must be free to move it away from a busy neighbour. Who binds threads by OpenMP (OMP_PLACES, OMP_PROC_BIND,
 * GOMP_CPU_AFFINITY, with LLVM's runtime KMP_AFFINITY) or by hand keeps what he chose, and every thread leaves a
 * parallel region with the affinity it came with.
 *
 * After sp_place_create, every thread of a parallel region calls sp_place_enter first and sp_place_leave last:
 *
 *     sp_place_saved saved;
 *     sp_place_enter(place, (size_t)omp_get_thread_num(), &saved);
 *     ... steps ...
 *     sp_place_leave(place, &saved);
 *
 * Between the two calls, a thread that is created inherits its creator's node, and omp_get_num_procs() counts the
 * node's CPUs: what shall see the whole machine goes before or behind.
 */
#ifndef SP_BASE_PLACE_H
#define SP_BASE_PLACE_H

#include "shardprop.h"

#include <sched.h>

/* NULL is valid everywhere and means: threads stay as they are, at no system call. */
typedef struct sp_place sp_place;

/* What a thread came with. Lives on the thread's stack from enter to leave. */
typedef struct sp_place_saved {
    size_t thread;
    bool placed; /* there is something to give back */
} sp_place_saved;

/*
 * A place for threads 0 .. threads - 1 (at least 1) on the CPUs the calling thread is allowed. Neighbours by number
 * share a node, so fewer threads than were planned for need fewer nodes. Cores come first: hardware threads that
 * share a core are used once all nodes' cores are.
 *
 * *place is NULL, with SP_OK, where there is nothing to do: the allowed CPUs are of one node, OpenMP binds threads
 * already, or the machine does not tell its nodes. What OpenMP cannot tell from silence (OMP_PROC_BIND=false) is
 * for the caller to heed, by not calling. SP_FAILED: out of memory.
 */
sp_status sp_place_create(size_t threads, sp_place **place, sp_error *error);
void sp_place_destroy(sp_place *place);

/*
 * Keeps the calling thread to the node of `thread`, unless its affinity is not the one that `place` was made under:
 * then somebody else has bound it. Every number is for one thread at a time; beyond `threads` nothing happens.
 * Cannot fail: where the kernel refuses, the thread goes on as it is.
 */
void sp_place_enter(const sp_place *place, size_t thread, sp_place_saved *saved);

/*
 * Gives the calling thread the affinity back that it entered with, unless somebody else has bound it to CPUs outside
 * of its node since.
 */
void sp_place_leave(const sp_place *place, const sp_place_saved *saved);

/* How many nodes the threads are on; 0: they stay as they are. */
size_t sp_place_nodes(const sp_place *place);

enum { SP_PLACE_NONE = -1 };

/* The kernel's number of the node that `thread` is kept to, or SP_PLACE_NONE. */
long sp_place_node(const sp_place *place, size_t thread);

/* ---- The same for any machine: tests hand in theirs ---- */

/* sp_place_create for the machine that the folder `root` describes as /sys/devices/system does this one. */
sp_status sp_place_create_in(const char *root, size_t threads, sp_place **place, sp_error *error);

/*
 * For a thread that runs on CPU `here` (less than 0: unknown) and is allowed those of `allowed`, a set of `cpus`
 * bits (1024 at least, a multiple of it). Of nodes that are equally large, that of `here` comes first: the
 * scheduler chose it, and the data were read there. Does not ask OpenMP.
 */
sp_status sp_place_create_for(const char *root, const cpu_set_t *allowed, size_t cpus, int here, size_t threads,
                              sp_place **place, sp_error *error);

#endif
