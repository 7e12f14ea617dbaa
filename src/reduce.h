/*
 * The fixed-order sum of the shards' gradients.
 *
 * Shards are added pairwise in a tree over their numbers: first those at distance 1, then
 * 2, then 4, ... (0+1, 2+3, then those two sums, and so on). The order depends on the number
 * of shards alone. Threads divide the parameters among them, never the shards.
 */
#ifndef SP_REDUCE_H
#define SP_REDUCE_H

#include <stddef.h>

/* Where one shard's values are: its own, or written into `room`. */
typedef const float *(*sp_reduce_leaf)(void *context, size_t shard, float *room);

/* Vectors of `count` that sp_reduce_sum needs as scratch for so many shards. */
size_t sp_reduce_scratch(size_t shards);

/*
 * Sums `count` values over `shards` shards into scratch[0 .. count - 1]; `scratch` has
 * sp_reduce_scratch(shards) vectors of `room` >= count floats.
 */
void sp_reduce_sum(size_t shards, size_t count, sp_reduce_leaf leaf, void *context, float *scratch, size_t room);

#endif
