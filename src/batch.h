/* The order of an epoch, and mini-batches as slices of it. */
#ifndef SP_BATCH_H
#define SP_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The rows of one update; borrowed from the order. */
typedef struct sp_batch {
    const uint32_t *rows;
    size_t count;
    size_t step; /* of the training, from 0: what random numbers are drawn by */
} sp_batch;

/* Rows first .. first + count - 1 of a mini-batch; may be none. */
typedef struct sp_slice {
    size_t first, count;
    size_t number; /* of all its slices, from 0 */
} sp_slice;

/*
 * Writes the order of epoch `epoch` (1, 2, ...) into `order` [count]: `rows`, shuffled or as
 * they stand. It depends on (seed, epoch) alone, not on the epochs before.
 */
void sp_batch_order(const uint32_t *rows, size_t count, bool shuffle, uint64_t seed, size_t epoch, uint32_t *order);

/* Mini-batches of an epoch; the last may be smaller. */
size_t sp_batch_count(size_t rows, size_t batch_size);

/* Mini-batch `index` of an order of `count` rows; its step is `index`: of an epoch, not of the training. */
sp_batch sp_batch_at(const uint32_t *order, size_t count, size_t batch_size, size_t index);

#endif
