/*
 * Counter-based random numbers: Philox4x64-10 (Salmon, Moraes, Dror, Shaw: Parallel
 * Random Numbers: As Easy as 1, 2, 3; SC 2011), through Random123.
 *
 * A number is a pure function of what it is for: key = (seed, purpose), counter =
 * (index, round). There is no state, so no thread can change another's numbers.
 */
#ifndef SP_BASE_RANDOM_H
#define SP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What numbers are drawn for. A value is part of every result: never reuse one. */
typedef enum sp_purpose {
    SP_RANDOM_WEIGHTS = 1, /* index: parameter */
    SP_RANDOM_ORDER = 2,   /* index: position, round: epoch */
    SP_RANDOM_SPLIT = 3,   /* index: position, round: which split */
    SP_RANDOM_SAMPLE = 4,  /* index: draw, round: layer (gradient check) */
    SP_RANDOM_DROPOUT = 5, /* see math/noise.h, */
    SP_RANDOM_NOISE = 6,   /* this too */
    SP_RANDOM_AUGMENT = 7,
    SP_RANDOM_SWEEP = 8 /* index: combination, round: key */
} sp_purpose;

/* Uniform in [0, 1), a multiple of 2^-53. */
double sp_random_uniform(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round);

/* Of the normal distribution with mean 0 and deviation 1 (Box, Muller 1958). */
double sp_random_normal(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round);

/* Uniform in 0 .. bound-1, without bias; bound > 0. */
uint64_t sp_random_below(uint64_t seed, sp_purpose purpose, uint64_t index, uint64_t round, uint64_t bound);

/* What many bits are for, beside their number. */
typedef struct sp_counter {
    uint64_t at[3];
} sp_counter;

/* Blocks first .. first + count - 1 of 256 bits each, into words [4 count]. */
void sp_random_blocks(uint64_t seed, sp_purpose purpose, sp_counter counter, uint64_t first, size_t count,
                      uint64_t *words);

/* Shuffles `count` items (Fisher and Yates; Durstenfeld 1964). */
void sp_random_shuffle(uint32_t *items, size_t count, uint64_t seed, sp_purpose purpose, uint64_t round);

#endif
