/* Sockets, cores, hardware threads and NUMA nodes of the machine, through hwloc. */
#ifndef SP_BASE_TOPOLOGY_H
#define SP_BASE_TOPOLOGY_H

#include "shardprop.h"

#include <sched.h>

enum { SP_CPU_LIST = 200 };

/* CPU: a hardware thread, as the kernel numbers them. */
typedef struct sp_topology {
    size_t sockets, nodes, cores, cpus;                /* of the machine, as far as they are online; nodes: with CPUs */
    size_t allowed_nodes, allowed_cores, allowed_cpus; /* that the affinity mask leaves a part of */
    size_t cache;                                      /* bytes of all last-level caches together; 0: not told */
    char allowed[SP_CPU_LIST];                         /* "0-3,8"; cut where there are too many */
    long first;                                        /* number of the first allowed CPU */
    char processor[100];                               /* its name; "" where it is not told */
} sp_topology;

/*
 * Takes some milliseconds. `allowed`: a set of `cpus` bits; NULL: all CPUs may be used. What the environment has hwloc
 * believe (HWLOC_SYNTHETIC, HWLOC_XMLFILE) is taken for the machine, all of it being allowed. SP_FAILED: hwloc finds
 * nothing out.
 */
sp_status sp_topology_read(const cpu_set_t *allowed, size_t cpus, sp_topology *topology, sp_error *error);

/* The same for a machine that a description of hwloc makes ("package:2 core:4 pu:2"), of which `allowed` ("0-3,8";
 * NULL: all) may be used. */
sp_status sp_topology_of(const char *description, const char *allowed, sp_topology *topology, sp_error *error);

/*
 * The CPUs of a set of `bytes` bytes as they lie by each other: hardware threads of a core follow each other, and so do
 * the cores of a cache, of a node, of a socket. `order` has room for all of them; those of which hwloc knows nothing
 * come last, by their numbers. `description`: as of sp_topology_of; NULL: this machine. SP_FAILED: out of memory.
 */
sp_status sp_topology_order(const char *description, const cpu_set_t *allowed, size_t bytes, size_t *order,
                            sp_error *error);

#endif
