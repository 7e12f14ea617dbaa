#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>

static philox4x64_ctr_t draw_four(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t attempt) {
    philox4x64_ctr_t counter = {{index, round, attempt, 0}};
    philox4x64_key_t key = {{seed, (uint64_t)purpose}};
    return philox4x64(counter, key);
}

static uint64_t draw(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t attempt) {
    return draw_four(seed, purpose, index, round, attempt).v[0];
}

static double to_unit(uint64_t bits) {
    return (double)(bits >> 11) * 0x1p-53;
}

double sp_random_uniform(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round) {
    return to_unit(draw(seed, purpose, index, round, 0));
}

double sp_random_normal(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round) {
    const double pi = 3.14159265358979323846;
    philox4x64_ctr_t bits = draw_four(seed, purpose, index, round, 0);
    return sqrt(-2 * log(1 - to_unit(bits.v[0]))) * cos(2 * pi * to_unit(bits.v[1])); /* 1 - u: never log(0) */
}

uint64_t sp_random_below(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t bound) {
    /* The first 2^64 mod bound values would make small results likelier: draw again. */
    uint64_t refused = (0 - bound) % bound;
    for (uint64_t attempt = 0;; attempt++) {
        uint64_t value = draw(seed, purpose, index, round, attempt);
        if (value >= refused) return value % bound;
    }
}

void sp_random_blocks(uint64_t seed, sp_purpose purpose, sp_counter counter, uint64_t first, size_t count,
                      uint64_t *words) {
    philox4x64_key_t key = {{seed, (uint64_t)purpose}};
    for (size_t i = 0; i < count; i++) {
        philox4x64_ctr_t at = {{first + i, counter.at[0], counter.at[1], counter.at[2]}};
        philox4x64_ctr_t block = philox4x64(at, key);
        for (int j = 0; j < 4; j++) words[4 * i + j] = block.v[j];
    }
}

/* Four numbers come at once: position i has number i % 4 of those drawn for i / 4. */
void sp_random_shuffle(uint32_t *items, size_t count, uint64_t seed, sp_purpose purpose, uint64_t round) {
    philox4x64_ctr_t four = {{0}};
    for (size_t i = count; i > 1; i--) {
        size_t at = i - 1;
        if (at % 4 == 3 || i == count) four = draw_four(seed, purpose, at / 4, round, 0);
        uint64_t value = four.v[at % 4], refused = (0 - (uint64_t)i) % i;
        for (uint64_t attempt = 1; value < refused; attempt++) value = draw(seed, purpose, at, round, attempt);
        size_t j = value % i;
        uint32_t moved = items[at];
        items[at] = items[j];
        items[j] = moved;
    }
}
