/* Work done side by side: of several parts that know nothing of each other, or behind the caller's back. */
#ifndef SP_BASE_JOBS_H
#define SP_BASE_JOBS_H

#include <stdbool.h>
#include <stddef.h>

/* Does part `index` of what `context` describes. */
typedef void sp_job(void *context, size_t index);

/*
 * Does jobs 0 .. count - 1 on up to `threads` threads, the calling one among them, which take them in this order;
 * returns when all are done. Cannot fail: where the system grants fewer threads, those there are do it all. These are
 * not OpenMP's: who waits for a file shall not keep a core busy meanwhile.
 */
void sp_jobs_run(size_t count, size_t threads, sp_job *job, void *context);

/*
 * A thread that does one job after another for one caller, who goes on meanwhile. It takes no signals, and keeps to the
 * CPUs that its creator was allowed. What was written before a job is started is seen by it, and what the job wrote by
 * whoever has found it done.
 */
typedef struct sp_helper sp_helper;

/* NULL: no memory. Where the system grants no thread, the caller does the jobs himself when he starts them. */
sp_helper *sp_helper_create(void);

/* Waits for the job at hand. */
void sp_helper_destroy(sp_helper *helper);

/* Starts a job, when the one before is done. `context` is for the helper alone until then. */
void sp_helper_start(sp_helper *helper, void (*job)(void *context), void *context);
bool sp_helper_is_busy(sp_helper *helper);
void sp_helper_wait(sp_helper *helper);

/* Whether the system grants so many threads besides the calling one, all at once; else how many it does. */
size_t sp_jobs_grant(size_t threads);

#endif
