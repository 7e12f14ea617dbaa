#include "base/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MOST_HELPERS = 15 }; /* files are few */

typedef struct list {
    size_t count;
    atomic_size_t next; /* job that nobody has taken yet */
    sp_job *job;
    void *context;
} list;

static void *work(void *argument) {
    list *jobs = argument;
    size_t index;
    while ((index = atomic_fetch_add(&jobs->next, 1)) < jobs->count) jobs->job(jobs->context, index);
    return NULL;
}

void sp_jobs_run(size_t count, size_t threads, sp_job *job, void *context) {
    list jobs = {.count = count, .job = job, .context = context};
    atomic_init(&jobs.next, 0);
    pthread_t helpers[MOST_HELPERS];
    size_t started = 0;
    while (started < MOST_HELPERS && started + 1 < threads && started + 1 < count &&
           pthread_create(&helpers[started], NULL, work, &jobs) == 0)
        started++;
    work(&jobs);
    for (size_t i = 0; i < started; i++) pthread_join(helpers[i], NULL);
}
