/* What steps are made with: for step.c, which makes them, and stepper.c, which makes, keeps and ends it. */
#ifndef SP_STEPPER_H
#define SP_STEPPER_H

#include "crew.h"
#include "health.h"
#include "inputs.h"
#include "shard.h"
#include "stage.h"
#include "step.h"
#include "team.h"
#include "update.h"

#include <stdatomic.h>

struct sp_stepper {
    const sp_layout *layout; /* borrowed, of the weights */
    sp_weights *weights;     /* borrowed */
    sp_pass *pass;           /* owned */
    sp_shards *shards;       /* owned */
    sp_stages *stages;       /* owned: as arranged for the threads at hand */
    sp_team team;
    sp_update *update; /* owned */
    sp_health *health; /* owned */
    sp_crew *crew;     /* owned; its lists: the stages, and behind them the rounds of the update */
    size_t *tiles;     /* owned [tiles]: their numbers, part by part */
    sp_inputs *inputs; /* owned [team.most]: each thread's own; NULL: they have none */
    float **gradients; /* owned [shards]: each shard's, all tiles; NULL: reduction is fused */
    size_t batch_size;
    uint64_t seed;                                /* of noise and dropout */
    double norm_momentum;                         /* of running moments */
    const sp_schedule *schedule;                  /* of the epoch at hand */
    const uint32_t *order;                        /* borrowed [rows]: likewise */
    size_t rows;                                  /* of an epoch */
    size_t updates;                               /* before the epoch at hand */
    size_t saved_updates;                         /* when all was saved */
    bool (*on_step)(void *context, size_t steps); /* NULL: nobody watches */
    void *context;
    float *collect; /* where the sums go instead of an update, by tile->at; NULL: update */
    size_t done;    /* steps of the epoch */
    size_t resumed; /* steps of the next one that are done already */
    /* A thread that is late may look at these while another sets them. */
    atomic_bool stop, broken; /* broken: the last step's loss is not finite, or its gradient */
    atomic_size_t unbounded;  /* the highest layer, from 1, whose gradient is not finite; 0: all are */
};

/* Shares out the work of a step among so many threads. */
void sp_stepper_share_out(sp_stepper *stepper, size_t threads);

/* Mini-batch `step` of the epoch. */
static inline sp_batch sp_stepper_batch(const sp_stepper *t, size_t step) {
    sp_batch batch = sp_batch_at(t->order, t->rows, t->batch_size, step);
    batch.step += t->updates;
    return batch;
}

#endif
