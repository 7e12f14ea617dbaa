/*
 * Other programs as children of this one: started by posix_spawn, for behind a parallel region a child of fork() must
 * not start another. A process is owned by one thread; it ends with its handle, if not before.
 */
#ifndef SP_BASE_PROCESS_H
#define SP_BASE_PROCESS_H

#include "shardprop.h"

#include <sched.h>

typedef struct sp_process sp_process;

/* How a program is started. All is borrowed, for the call. */
typedef struct sp_process_start {
    const char *const *arguments;   /* NULL at the end; [0]: the program, looked for in PATH where it has no '/' */
    const char *program;            /* what is started under the name [0], likewise; NULL: that itself */
    const char *const *environment; /* "NAME=VALUE" beside, or in the place of, this program's own; NULL: none */
    const char *input;              /* a file; NULL: /dev/null */
    const char *output, *errors;    /* files made anew; one for both, if they are equal; NULL: this program's own */
    const int *streams;             /* instead of those three: open files [3] that become its input, output, errors */
    bool may_be_missing;            /* that there is no such program is no fault: SP_PROCESS_MISSING */
    bool own_group;                 /* signals of the terminal (Ctrl-C) do not reach it */
    const cpu_set_t *cpus;          /* those it may run on; NULL: all that the calling thread may */
    size_t cpu_bytes;               /* of `cpus`, as of CPU_ALLOC_SIZE; 0: sizeof(cpu_set_t) */
} sp_process_start;

/*
 * Starts a program. SP_FAILED: no such program, not executable, a file cannot be opened, the CPUs are not to be had,
 * no memory or no process left. The caller destroys *process.
 */
sp_status sp_process_create(const sp_process_start *start, sp_process **process, sp_error *error);

/* Kills it, where it runs, and waits for that. NULL is accepted. */
void sp_process_destroy(sp_process *process);

long sp_process_id(const sp_process *process);

enum { SP_PROCESS_RUNS = -1, SP_PROCESS_MISSING = 127, SP_PROCESS_SIGNALLED = 128 };

/*
 * How it ended, as a shell says it: its exit status, or SP_PROCESS_SIGNALLED + the signal that ended it, or
 * SP_PROCESS_MISSING, where there was nothing to run; SP_PROCESS_RUNS: it was running when last waited for.
 */
int sp_process_status(const sp_process *process);

/*
 * Waits up to `seconds` (0: looks; negative: as long as it takes) until one of `count` processes has ended, and returns
 * its index; `count`: none has, or a signal was handled. NULLs among them are skipped; with nothing but those it
 * sleeps as long.
 */
size_t sp_process_wait(sp_process *const *processes, size_t count, double seconds);

/* Waits until it has ended, whatever signals are handled meanwhile. */
void sp_process_join(sp_process *process);

/* Sends a signal, unless it is known to have ended. */
void sp_process_signal(sp_process *process, int number);

/* SIGTERM, and SIGKILL where it has not ended `grace` seconds later. It has ended then. */
void sp_process_stop(sp_process *process, double grace);

/*
 * To be called by a child about itself: it then gets `number` when the thread that started it ends, however that ends;
 * now, where its parent is not process `parent` any more.
 */
void sp_process_follow(long parent, int number);

#endif
