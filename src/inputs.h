/*
 * A thread's own copy of the inputs of a mini-batch.
 *
 * Where threads share out the columns of the first layer, each reads all rows of the mini-batch. Gathered once, in
 * shards, by whoever comes first, these are written by one core and read by the others: four bytes a value go from core
 * to core that the data set has in one, and there is one more wait in the step. So each thread gathers for itself the
 * shards it comes to, from the data set. The values are the same.
 */
#ifndef SP_INPUTS_H
#define SP_INPUTS_H

#include "shard.h"

typedef struct sp_inputs {
    sp_workspace view; /* that of the shards, but for a(0): rows of its own */
    float *rows;       /* owned [rows, stride] */
    size_t step;       /* of this thread, from 1 */
    size_t *gathered;  /* owned [shards]: the step for which a shard's rows were gathered last */
} sp_inputs;

/* Whether threads may have copies: mini-batches that stay in a core's cache, of rows that nothing is drawn for, and
 * that are not `made`, augmented or read from a file, which is more work than to fetch them from another core. */
bool sp_inputs_may_own(const sp_layout *layout, size_t rows, bool made);

/* Bytes of one copy. */
size_t sp_inputs_bytes(const sp_layout *layout, size_t rows);

/* Of `shards`, whose workspace it borrows. Its rows are untouched memory. SP_FAILED: no memory; `inputs` can then be
 * cleared, too. */
sp_status sp_inputs_create(const sp_shards *shards, const sp_layout *layout, sp_inputs *inputs, sp_error *error);
void sp_inputs_clear(sp_inputs *inputs);

/* Another mini-batch begins: nothing of it is there. */
void sp_inputs_begin(sp_inputs *inputs);

/* Gathers those of shards first .. last - 1 of the mini-batch that are not there yet. */
void sp_inputs_want(sp_inputs *inputs, const sp_shards *shards, const sp_layout *layout, sp_batch batch, size_t first,
                    size_t last);

#endif
