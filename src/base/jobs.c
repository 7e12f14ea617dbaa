#include "base/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

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

/* ---- Behind the caller's back ------------------------------------------------------------------- */

struct sp_helper {
    pthread_t thread;
    bool there; /* is the thread */
    pthread_mutex_t mutex;
    pthread_cond_t changed;     /* job or ended */
    void (*job)(void *context); /* NULL: none is at hand */
    void *context;
    bool ended;
};

static void *help(void *argument) {
    sp_helper *helper = argument;
    pthread_mutex_lock(&helper->mutex);
    while (helper->job || !helper->ended) {
        if (!helper->job) {
            pthread_cond_wait(&helper->changed, &helper->mutex);
            continue;
        }
        pthread_mutex_unlock(&helper->mutex);
        helper->job(helper->context);
        pthread_mutex_lock(&helper->mutex);
        helper->job = NULL;
        pthread_cond_broadcast(&helper->changed);
    }
    pthread_mutex_unlock(&helper->mutex);
    return NULL;
}

/* Signals are for threads that know of them. */
static bool create_deaf(pthread_t *thread, void *(*work_of)(void *), void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool created = pthread_create(thread, NULL, work_of, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return created;
}

sp_helper *sp_helper_create(void) {
    sp_helper *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->there = create_deaf(&made->thread, help, made);
    return made;
}

void sp_helper_start(sp_helper *helper, void (*job)(void *context), void *context) {
    if (!helper->there) {
        job(context);
        return;
    }
    sp_helper_wait(helper);
    pthread_mutex_lock(&helper->mutex);
    helper->job = job;
    helper->context = context;
    pthread_cond_broadcast(&helper->changed);
    pthread_mutex_unlock(&helper->mutex);
}

bool sp_helper_is_busy(sp_helper *helper) {
    pthread_mutex_lock(&helper->mutex);
    bool busy = helper->job != NULL;
    pthread_mutex_unlock(&helper->mutex);
    return busy;
}

void sp_helper_wait(sp_helper *helper) {
    pthread_mutex_lock(&helper->mutex);
    while (helper->job) pthread_cond_wait(&helper->changed, &helper->mutex);
    pthread_mutex_unlock(&helper->mutex);
}

void sp_helper_destroy(sp_helper *helper) {
    if (!helper) return;
    pthread_mutex_lock(&helper->mutex);
    helper->ended = true;
    pthread_cond_broadcast(&helper->changed);
    pthread_mutex_unlock(&helper->mutex);
    if (helper->there) pthread_join(helper->thread, NULL);
    pthread_cond_destroy(&helper->changed);
    pthread_mutex_destroy(&helper->mutex);
    free(helper);
}

/* ---- Whether there are threads ------------------------------------------------------------------- */

static void *wait_for_all(void *argument) {
    pthread_mutex_t *gate = argument;
    pthread_mutex_lock(gate); /* which the creator holds until all are there */
    pthread_mutex_unlock(gate);
    return NULL;
}

size_t sp_jobs_grant(size_t threads) {
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *made = calloc(threads + 1, sizeof *made);
    size_t count = 0;
    if (!made) return 0;
    pthread_mutex_lock(&gate);
    while (count < threads && create_deaf(&made[count], wait_for_all, &gate)) count++;
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < count; i++) pthread_join(made[i], NULL);
    free(made);
    return count;
}
