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

/* Parameters are summed and updated tile by tile: a tile of all shards fits in L2. */
enum { SP_TILE = 1024 };

size_t sp_reduce_tiles(size_t parameters);

/*
 * Sums tile `tile` of `gradients` (one vector [parameters] a shard) into `sum` [SP_TILE].
 * Sets *first to the tile's first parameter and returns how many it has.
 */
size_t sp_reduce_tile(float *const *gradients, size_t shards, size_t parameters, size_t tile, float *sum,
                      size_t *first);

#endif
