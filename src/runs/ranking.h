/* The combinations of a batch from the best to the worst, by the monitored metric. */
#ifndef SP_RANKING_H
#define SP_RANKING_H

#include "runs/queue.h"

/* One combination: its trainings differ in their seeds alone. NaN: not measured. */
typedef struct sp_rank {
    size_t rank; /* 1: the best, of those that are judged by one metric; 0: all of its trainings have failed */
    size_t group;
    size_t first;           /* one of its trials, */
    size_t seeds, good;     /* how many it has, and how many of them have not failed */
    size_t rungs;           /* that it has reached */
    const char *monitor;    /* the queue's */
    double mean, deviation; /* of the metric over the good ones; deviation: with n - 1, NaN of one */
    double epochs;          /* means, as the rest */
    double test_loss, test_accuracy, test_r2;
    double train_seconds;
} sp_rank;

typedef struct sp_ranking sp_ranking;

/*
 * Ranks by the mean over the seeds. Of a halving, those that came farther are better; a combination of which some
 * seeds have failed is behind all that are whole; of equal ones the first is better. Borrows the queue.
 * SP_FAILED: out of memory.
 */
sp_status sp_ranking_create(const sp_queue *queue, sp_ranking **ranking, sp_error *error);
void sp_ranking_destroy(sp_ranking *ranking);

size_t sp_ranking_count(const sp_ranking *ranking);
const sp_rank *sp_ranking_at(const sp_ranking *ranking, size_t index);

/* Writes ranking.csv and ranking.json into the batch's folder, each whole or not at all. */
sp_status sp_ranking_save(const sp_ranking *ranking, sp_error *error);

#endif
