#include "reduce.h"

#include <string.h>

size_t sp_reduce_tiles(size_t parameters) {
    return (parameters + SP_TILE - 1) / SP_TILE;
}

static void add(size_t count, const float *restrict left, const float *restrict right, float *restrict sum) {
    for (size_t i = 0; i < count; i++) sum[i] = left[i] + right[i];
}

static void accumulate(size_t count, const float *restrict other, float *restrict sum) {
    for (size_t i = 0; i < count; i++) sum[i] += other[i];
}

static size_t largest_power_of_two_below(size_t n) {
    size_t power = 1;
    while (power * 2 < n) power *= 2;
    return power;
}

/* The subtree over `shards` shards, of `count` parameters from `first` on. */
static void sum_tree(float *const *gradients, size_t shards, size_t first, size_t count, float *sum) {
    if (shards == 1) {
        memcpy(sum, gradients[0] + first, count * sizeof *sum);
    } else if (shards == 2) {
        add(count, gradients[0] + first, gradients[1] + first, sum);
    } else {
        size_t left = largest_power_of_two_below(shards);
        float right[SP_TILE];
        sum_tree(gradients, left, first, count, sum);
        sum_tree(gradients + left, shards - left, first, count, right);
        accumulate(count, right, sum);
    }
}

size_t sp_reduce_tile(float *const *gradients, size_t shards, size_t parameters, size_t tile, float *sum,
                      size_t *first) {
    *first = tile * SP_TILE;
    size_t left = parameters - *first;
    size_t count = left < SP_TILE ? left : SP_TILE;
    sum_tree(gradients, shards, *first, count, sum);
    return count;
}
