#include "reduce.h"

#include "base/vector.h"

#include <string.h>

static size_t largest_power_of_two_below(size_t n) {
    size_t power = 1;
    while (power * 2 < n) power *= 2;
    return power;
}

size_t sp_reduce_scratch(size_t shards) {
    size_t levels = 1;
    while (((size_t)1 << (levels - 1)) < shards) levels++;
    return levels;
}

SP_VECTOR static void add(size_t count, const float *left, const float *right, float *sum) {
    for (size_t i = 0; i < count; i++) sum[i] = left[i] + right[i];
}

/* The subtree over shards first .. first + shards - 1. Returns where its sum is: in `sum`, or a leaf's own. */
static const float *sum_tree(size_t first, size_t shards, size_t count, sp_reduce_leaf leaf, void *context, float *sum,
                             size_t room) {
    if (shards == 1) return leaf(context, first, sum);
    size_t left = largest_power_of_two_below(shards);
    const float *a = sum_tree(first, left, count, leaf, context, sum, room);
    const float *b = sum_tree(first + left, shards - left, count, leaf, context, sum + room, room);
    add(count, a, b, sum);
    return sum;
}

void sp_reduce_sum(size_t shards, size_t count, sp_reduce_leaf leaf, void *context, float *scratch, size_t room) {
    const float *sum = sum_tree(0, shards, count, leaf, context, scratch, room);
    if (sum != scratch) memcpy(scratch, sum, count * sizeof *scratch);
}
