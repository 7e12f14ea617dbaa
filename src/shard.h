/* A shard: a slice of a mini-batch, and the private memory in which one thread works on it. */
#ifndef SP_SHARD_H
#define SP_SHARD_H

#include "batch.h"
#include "data/dataset.h"
#include "metrics.h"
#include "pass.h"

/* Rows first .. first + count - 1 of a mini-batch; may be none. */
typedef struct sp_slice {
    size_t first, count;
} sp_slice;

/* Slice `shard` of `shards` of `rows` rows: floor(rows s / S) .. floor(rows (s + 1) / S) - 1. */
sp_slice sp_shard_slice(size_t rows, size_t shards, size_t shard);

/* The most rows that any slice of `rows` has. */
size_t sp_shard_most_rows(size_t rows, size_t shards);

/*
 * Shards for `shards = auto`: enough for many threads, each with 8 rows or more, 32 or more
 * where there are many. It follows the batch size alone, never the machine, because it is
 * part of the result.
 */
size_t sp_shard_auto(size_t batch_size);

typedef struct sp_shard {
    float *gradients;        /* owned [parameters]: dJ/dw summed over the shard's rows */
    sp_workspace *workspace; /* owned */
    int32_t *classes;        /* owned: the truth of its rows, */
    float *values;           /* owned: one way or the other */
    sp_tally tally;          /* of all rows it worked on since it was last set to zero */
} sp_shard;

/* Call it on the thread that will use the shard: that decides where its memory lies. */
sp_status sp_shard_create(const sp_net *net, size_t rows, sp_shard **shard, sp_error *error);
void sp_shard_destroy(sp_shard *shard);

/* Bytes that a shard of `rows` rows takes. */
size_t sp_shard_bytes(const sp_net *net, size_t rows);

/* All that the shards of a step share; none of it changes while they run. */
typedef struct sp_shard_task {
    const sp_net *net;
    const sp_kernels *kernels;
    const float *parameters;
    const sp_dataset *data;
    const sp_preprocess *preprocess;
} sp_shard_task;

/* Gathers slice `index` of `shards` of the mini-batch; forward, loss, backward; tallies. */
void sp_shard_run(sp_shard *shard, const sp_shard_task *task, sp_batch batch, size_t index, size_t shards);

#endif
