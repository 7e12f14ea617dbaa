/* The CPUs of this process, cut into shares for programs side by side. */
#ifndef SP_BASE_CORES_H
#define SP_BASE_CORES_H

#include "shardprop.h"

#include <sched.h>

typedef struct sp_cores sp_cores;

/*
 * `shares` (at least 1) shares of the CPUs that the process is allowed, no CPU in two of them while there are as
 * many CPUs as shares. Hardware threads of one core, and cores of one processor, come to lie in one share, or in
 * neighbours. SP_FAILED: out of memory.
 */
sp_status sp_cores_create(size_t shares, sp_cores **cores, sp_error *error);
void sp_cores_destroy(sp_cores *cores);

/* The CPUs of a share: a set of sp_cores_bytes bytes. */
const cpu_set_t *sp_cores_share(const sp_cores *cores, size_t share);
size_t sp_cores_bytes(const sp_cores *cores);

/* How many of `threads` threads in all are for that share: none has two more than another, and each has one. */
size_t sp_cores_threads(const sp_cores *cores, size_t share, size_t threads);

/* The same of a machine as of sp_topology_order, with these CPUs, a set of `bytes` bytes. */
sp_status sp_cores_create_for(const char *description, const cpu_set_t *allowed, size_t bytes, size_t shares,
                              sp_cores **cores, sp_error *error);

#endif
