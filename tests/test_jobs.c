/* Jobs: each is done once, by as many threads as were asked for at most, and all are done at the end. */
#include "base/jobs.h"
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

enum { JOBS = 100 };

typedef struct record {
    atomic_int done[JOBS], under_way, most;
    pthread_t caller;
    atomic_int by_caller;
} record;

static void note(void *context, size_t index) {
    record *seen = context;
    int now = atomic_fetch_add(&seen->under_way, 1) + 1, most = atomic_load(&seen->most);
    while (now > most && !atomic_compare_exchange_weak(&seen->most, &most, now)) {
    }
    atomic_fetch_add(&seen->done[index], 1);
    if (pthread_equal(pthread_self(), seen->caller)) atomic_fetch_add(&seen->by_caller, 1);
    atomic_fetch_sub(&seen->under_way, 1);
}

Test(jobs, each_is_done_once_by_no_more_threads_than_asked_for) {
    static const size_t threads[] = {0, 1, 2, 5, 16, 1000};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        for (size_t count = 0; count <= JOBS; count += count < 4 ? 1 : 96) {
            record seen = {.caller = pthread_self()};
            sp_jobs_run(count, threads[i], note, &seen);
            for (size_t j = 0; j < JOBS; j++) cr_assert_eq(atomic_load(&seen.done[j]), j < count);
            cr_expect(atomic_load(&seen.most) <= (int)(threads[i] > 0 ? threads[i] : 1));
            if (threads[i] <= 1) cr_expect_eq(atomic_load(&seen.by_caller), (int)count);
        }
}
