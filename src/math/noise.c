#include "math/noise.h"

#include "base/random.h"
#include "base/vector.h"
#include "math/elementary.h"

#include <math.h>

/* Values that are drawn at once, on the stack. */
enum { CHUNK = 256 };

static size_t chunk_of(size_t left) {
    return left < CHUNK ? left : CHUNK;
}

/* ---- Dropout: unit j has the j-th 16 bits of its row ------------------------------------------- */

enum { UNITS = 16 }; /* to a draw of 256 bits */

/* 0 where the bits are below the threshold. */
SP_VECTOR static void choose(size_t count, const uint16_t *restrict bits, uint16_t threshold, float keep,
                             float *restrict factors) {
    for (size_t j = 0; j < count; j++) factors[j] = bits[j] < threshold ? 0.0f : keep;
}

SP_VECTOR static void multiply(size_t count, const float *restrict by, float *restrict values) {
    for (size_t j = 0; j < count; j++) values[j] *= by[j];
}

/* Byte order would be part of the result: the words are taken apart by shifts. */
SP_VECTOR static void take_apart(size_t words, const uint64_t *restrict word, uint16_t *restrict bits) {
    for (size_t i = 0; i < words; i++)
        for (size_t j = 0; j < 4; j++) bits[4 * i + j] = (uint16_t)(word[i] >> (16 * j));
}

/* At most CHUNK of them. */
static void draw_factors(sp_draw draw, size_t layer, size_t row, double share, size_t first, size_t count,
                         float *factors) {
    uint64_t words[CHUNK / 4 + 4];
    uint16_t bits[CHUNK + UNITS], threshold = (uint16_t)lround(share * 0x1p16);
    size_t block = first / UNITS, skip = first % UNITS, blocks = (skip + count + UNITS - 1) / UNITS;
    sp_random_blocks(draw.seed, SP_RANDOM_DROPOUT, (sp_counter){{layer, row, draw.step}}, block, blocks, words);
    take_apart(4 * blocks, words, bits);
    choose(count, bits + skip, threshold, (float)(0x1p16 / (0x1p16 - threshold)), factors);
}

void sp_dropout_factors(sp_draw draw, size_t layer, size_t row, double share, size_t first, size_t count,
                        float *factors) {
    for (size_t done = 0, some; done < count; done += some) {
        some = chunk_of(count - done);
        draw_factors(draw, layer, row, share, first + done, some, factors + done);
    }
}

void sp_dropout_apply(sp_draw draw, size_t layer, double share, size_t row, size_t rows, size_t first, size_t width,
                      size_t stride, float *a, float *slope) {
    float factors[CHUNK];
    for (size_t i = 0; i < rows; i++)
        for (size_t done = 0, some; done < width; done += some) {
            some = chunk_of(width - done);
            draw_factors(draw, layer, row + i, share, first + done, some, factors);
            multiply(some, factors, a + i * stride + done);
            if (slope) multiply(some, factors, slope + i * stride + done);
        }
}

/* ---- Noise: a chunk of a row takes as many draws as it needs ----------------------------------- */

enum { HALF = CHUNK / 2, BLOCKS = CHUNK / 8 }; /* eight halves of a word to a draw */

/* Of the upper halves of words, (0, 1], never 0; of the lower ones, [0, 2). */
SP_VECTOR static void to_uniform(size_t count, const uint64_t *restrict word, float *restrict upper,
                                 float *restrict lower) {
    for (size_t i = 0; i < count; i++) {
        upper[i] = (float)((int32_t)(word[i] >> 40) + 1) * 0x1p-24f;
        lower[i] = (float)((int32_t)((word[i] & 0xffffffff) >> 8)) * 0x1p-23f;
    }
}

SP_VECTOR static void to_radius(size_t count, float deviation, float *restrict r) {
    for (size_t i = 0; i < count; i++) r[i] = deviation * sqrtf(-2.0f * r[i]);
}

SP_VECTOR static void add_product(size_t count, const float *restrict left, const float *restrict right,
                                  float *restrict sum) {
    for (size_t i = 0; i < count; i++) sum[i] += left[i] * right[i];
}

/* Values first .. first + count - 1 of a row, first a multiple of CHUNK and count at most CHUNK. */
static void add_chunk(sp_draw draw, double deviation, size_t row, size_t first, size_t count, float *values) {
    uint64_t words[HALF];
    float radius[HALF], cosine[HALF], sine[HALF];
    size_t cosines = count < HALF ? count : HALF, sines = count - cosines;
    sp_random_blocks(draw.seed, SP_RANDOM_NOISE, (sp_counter){{0, row, draw.step}}, first / CHUNK * BLOCKS,
                     (cosines + 3) / 4, words);
    to_uniform(cosines, words, radius, cosine);
    for (size_t i = 0; i < sines; i++) sine[i] = cosine[i];
    sp_log_float(cosines, radius);
    to_radius(cosines, (float)deviation, radius);
    sp_cos_pi(cosines, cosine);
    sp_sin_pi(sines, sine);
    add_product(cosines, radius, cosine, values);
    add_product(sines, radius, sine, values + cosines);
}

void sp_noise_add(sp_draw draw, double deviation, size_t row, size_t rows, size_t count, size_t stride,
                  float *samples) {
    for (size_t i = 0; i < rows; i++)
        for (size_t first = 0; first < count; first += CHUNK)
            add_chunk(draw, deviation, row + i, first, chunk_of(count - first), samples + i * stride + first);
}
