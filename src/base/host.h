/* The machine and the build: cores, time, compiler. */
#ifndef SP_BASE_HOST_H
#define SP_BASE_HOST_H

#include <sched.h>
#include <stddef.h>

/*
 * Threads that are allowed: the least of the affinity mask, the CPU quota of the
 * control group (which OpenMP runtimes ignore) and OMP_NUM_THREADS; at least 1.
 */
size_t sp_host_threads(void);

/*
 * The CPUs that the process may use, as a fresh set of SP_HOST_CPUS bits (CPU_FREE it): the affinity it was started
 * with, whatever OpenMP has bound the calling thread to since. NULL: the system does not tell.
 */
enum { SP_HOST_CPUS = 8192 }; /* the most that Linux has on x86-64 */
cpu_set_t *sp_host_allowed(void);

/*
 * The quota in whole CPUs that a file of the cgroup file system grants, rounded up; 0:
 * none. `text` is the content of cpu.max (version 2: "QUOTA PERIOD" or "max PERIOD").
 */
size_t sp_host_quota(const char *text);

/* The quota of the control group and those above it, in CPUs, to a thousandth; 0: none. */
double sp_host_cpu_quota(void);

/*
 * Bytes of memory that may still be had: the least of what the machine has free or can free (MemAvailable), what the
 * control group grants (its limit, less what it uses but for file caches), and the limit of addresses (ulimit -v); 0:
 * the system does not tell.
 */
size_t sp_host_memory(void);

/* Of the limit of addresses alone what is left, in bytes; 0: there is none. */
size_t sp_host_addresses(void);

/* The most bytes of memory that the process has held at once (VmHWM); 0: unknown. */
size_t sp_host_peak_bytes(void);

/* Seconds of a clock that never goes back. */
double sp_host_seconds(void);

/* Compiler name and version, as of the build. */
const char *sp_host_compiler(void);

#endif
