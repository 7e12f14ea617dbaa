/*
 * Whether ThreadSanitizer sees what it should: threads hand a number on by the lists of base/share.h. `race`: one
 * reads it without waiting for the list before to end.
 */
#include "base/share.h"

#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 1000 };

int main(int count, char **arguments) {
    static const size_t bounds[] = {0, 1, 2, 3, 4};
    bool races = count > 1 && strcmp(arguments[1], "race") == 0;
    size_t numbers[THREADS] = {0}, sum = 0;
    sp_share *share = sp_share_create(THREADS);
    if (!share) return 1;
#pragma omp parallel num_threads(THREADS) reduction(+ : sum)
    for (uint32_t round = 0; round < ROUNDS; round++) {
        size_t part = (size_t)omp_get_thread_num(), done = 0, first, last;
        sp_share_list list = {.round = round, .parts = THREADS, .bounds = bounds};
        while (sp_share_take(share, list, THREADS, &part, &first, &last))
            for (; first < last; first++, done++) numbers[(first + round) % THREADS]++;
        if (races) sum += numbers[0]; /* somebody may be writing it */
        if (sp_share_done(share, done, THREADS)) sp_share_next(share);
        sp_share_wait(share, round);
    }
    for (size_t i = 0; i < THREADS; i++) sum += numbers[i];
    sp_share_destroy(share);
    printf("%zu\n", sum);
    return 0;
}
