#include "base/random.h"

#include <Random123/philox.h>

static uint64_t draw(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t attempt) {
    philox4x64_ctr_t counter = {{index, round, attempt, 0}};
    philox4x64_key_t key = {{seed, (uint64_t)purpose}};
    return philox4x64(counter, key).v[0];
}

double sp_random_uniform(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round) {
    return (double)(draw(seed, purpose, index, round, 0) >> 11) * 0x1p-53;
}

uint64_t sp_random_below(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t bound) {
    /* The first 2^64 mod bound values would make small results likelier: draw again. */
    uint64_t refused = (0 - bound) % bound;
    for (uint64_t attempt = 0;; attempt++) {
        uint64_t value = draw(seed, purpose, index, round, attempt);
        if (value >= refused) return value % bound;
    }
}

void sp_random_shuffle(uint32_t *items, size_t count, uint64_t seed, sp_purpose purpose, uint64_t round) {
    for (size_t i = count; i > 1; i--) {
        size_t j = sp_random_below(seed, purpose, i - 1, round, i);
        uint32_t moved = items[i - 1];
        items[i - 1] = items[j];
        items[j] = moved;
    }
}
