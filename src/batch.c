#include "batch.h"

#include "base/random.h"

#include <string.h>

void sp_batch_order(const uint32_t *rows, size_t count, bool shuffle, uint64_t seed, size_t epoch, uint32_t *order) {
    memcpy(order, rows, count * sizeof *order);
    if (shuffle) sp_random_shuffle(order, count, seed, SP_RANDOM_ORDER, epoch);
}

size_t sp_batch_count(size_t rows, size_t batch_size) {
    return (rows + batch_size - 1) / batch_size;
}

sp_batch sp_batch_at(const uint32_t *order, size_t count, size_t batch_size, size_t index) {
    size_t from = index * batch_size;
    size_t left = count - from;
    return (sp_batch){.rows = order + from, .count = left < batch_size ? left : batch_size, .step = index};
}
