/* Shards: slices of a mini-batch, and what a thread does with those that are its own. */
#ifndef SP_SHARD_H
#define SP_SHARD_H

#include "augment.h"
#include "batch.h"
#include "metrics.h"
#include "pass.h"
#include "plan.h"
#include "targets.h"

/* Slice `shard` of `shards` of `rows` rows: floor(rows s / S) .. floor(rows (s + 1) / S) - 1. */
sp_slice sp_shard_slice(size_t rows, size_t shards, size_t shard);

/* The most rows that any slice of `rows` has. */
size_t sp_shard_most_rows(size_t rows, size_t shards);

/*
 * Shards for `shards = auto`: up to 4 of 16 rows or more, up to 8 of 32, up to 64 of 64: enough for many threads, and
 * no more, because each costs an addition a weight; and each of half a million operations or more of the step's
 * `flops`, some three microseconds, for with less than that a thread waits longer than it works. It follows the batch
 * size and the network, never the machine, because it is part of the result.
 */
size_t sp_shard_auto(size_t batch_size, double flops);

/* Adds noise to the samples of a slice of the mini-batch [slice.count, stride], and drops some: what training sees. */
void sp_shard_disturb(const sp_net *net, sp_slice slice, sp_draw draw, size_t stride, float *samples);

/* What the shards of a mini-batch work with. Each writes only what belongs to its rows or number. */
typedef struct sp_shards {
    size_t count;
    sp_slice *slices;                /* owned [count]: of the mini-batch at hand */
    sp_tally *tallies;               /* owned [count]: of all rows since they were last set to zero */
    sp_workspace *workspace;         /* owned: rows of a mini-batch */
    sp_targets targets;              /* owned: of the rows of a mini-batch */
    sp_shape shape;                  /* of the loss, in training */
    sp_augmenter *augmenter;         /* owned, with a room a shard; NULL: samples are taken as they are */
    const sp_dataset *data;          /* borrowed */
    const sp_preprocess *preprocess; /* borrowed */
} sp_shards;

/* For the mini-batches of a plan; borrows plan->class_weights, and the data. */
sp_status sp_shards_create(const sp_plan *plan, const sp_data *data, sp_shards **shards, sp_error *error);
void sp_shards_destroy(sp_shards *shards);

/* Cuts a mini-batch of `rows` rows: the slices, before anything else is done with it. */
void sp_shards_cut(sp_shards *shards, size_t rows);

/*
 * Rows of shards first .. last - 1 of the mini-batch, which was cut, into their places of `inputs` [rows, stride of the
 * inputs], with the noise and dropout of the inputs of `layout`.
 */
void sp_shards_gather(const sp_shards *shards, const sp_layout *layout, sp_batch batch, sp_draw draw, size_t first,
                      size_t last, float *inputs);

/* Gathers the truth of shards first .. last - 1, which went forward: loss, added to their tallies, and e(L). */
void sp_shards_loss(sp_shards *shards, const sp_pass *pass, sp_batch batch, size_t first, size_t last);

#endif
