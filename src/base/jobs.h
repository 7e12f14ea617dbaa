/* Work of several parts that know nothing of each other, done side by side. */
#ifndef SP_BASE_JOBS_H
#define SP_BASE_JOBS_H

#include <stddef.h>

/* Does part `index` of what `context` describes. */
typedef void sp_job(void *context, size_t index);

/*
 * Does jobs 0 .. count - 1 on up to `threads` threads, the calling one among them, which take them in this order;
 * returns when all are done. Cannot fail: where the system grants fewer threads, those there are do it all. These are
 * not OpenMP's: who waits for a file shall not keep a core busy meanwhile.
 */
void sp_jobs_run(size_t count, size_t threads, sp_job *job, void *context);

#endif
