/* What a configuration comes to on its data: network, shards, threads; all before training. */
#ifndef SP_PLAN_H
#define SP_PLAN_H

#include "config.h"
#include "data/dataset.h"
#include "layout.h"

typedef struct sp_plan {
    sp_net *net; /* owned, until someone takes it */
    const sp_kernels *kernels;
    sp_layout *layout;              /* owned; borrows the network */
    size_t rows, batch_size, steps; /* steps: mini-batches an epoch */
    size_t shards, shard_rows;      /* shard_rows: the most that a shard has */
    size_t threads;                 /* the most; exactly so many unless threads_follow */
    bool threads_follow;            /* the work, as it is measured: threads = auto */
    sp_reduction reduction;         /* private or fused */
    uint64_t seed;                  /* of all random numbers */
    sp_optim optim;
    sp_augment augment;         /* of training images */
    sp_shape shape;             /* of the loss, in training */
    float *class_weights;       /* owned [classes]; NULL: all 1 */
    double clip_norm, max_norm; /* see update.h; 0: off */
    double norm_momentum;       /* share of a mini-batch in the running moments of batch normalisation */
    double average;             /* share that the average of the weights keeps in a step; 0: none is kept */
    sp_schedule schedule;       /* as it is before the first step */
    double step_flops;          /* of a full mini-batch */
    size_t total_bytes;         /* of memory, about; without that of checkpoints */
    size_t data_bytes;          /* those of the data */
} sp_plan;

/*
 * Plans the training. What `config` left to `auto` and changes the result (task, loss,
 * output_activation, shards) is written back into it, so that it says what was done.
 * SP_BAD_CONFIG: loss, task and data do not go together.
 */
sp_status sp_plan_create(sp_config *config, const sp_data *data, sp_plan *plan, sp_error *error);
/* Whether `bytes` bytes of memory can be had. SP_FAILED: they cannot, as far as the system tells. */
sp_status sp_plan_check_memory(const sp_config *config, size_t bytes, sp_error *error);

/* Before the network is destroyed, where someone has taken that. */
void sp_plan_clear(sp_plan *plan);

#endif
