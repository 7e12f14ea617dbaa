/*
 * What a training puts into its samples and activations at random: dropout and Gaussian noise.
 *
 * Every number is a function of (seed, step, layer, row of the mini-batch, unit), so that it is the same whoever draws
 * it, and however rows and units are shared out.
 */
#ifndef SP_MATH_NOISE_H
#define SP_MATH_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* The step of a training that numbers are drawn for. */
typedef struct sp_draw {
    uint64_t seed;
    size_t step;
} sp_draw;

/*
 * Inverted dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: Dropout; JMLR 15 (2014), 10):
 * writes what units first .. first + count - 1 of a row of a(layer) are multiplied by: with probability `share`
 * 0, else 1 / (1 - share), so that the mean stays. `share` counts to the nearest multiple of 2^-16, and is at most
 * SP_MOST_DROPOUT.
 */
#define SP_MOST_DROPOUT 0.99
void sp_dropout_factors(sp_draw draw, size_t layer, size_t row, double share, size_t first, size_t count,
                        float *factors);

/*
 * Multiplies units first .. first + width - 1 of `rows` rows of a(layer), from row `row` of the mini-batch on, and
 * (NULL: not wanted) their slopes, by those factors; `stride` floats from one row to the next.
 */
void sp_dropout_apply(sp_draw draw, size_t layer, double share, size_t row, size_t rows, size_t first, size_t width,
                      size_t stride, float *a, float *slope);

/*
 * Adds noise of the normal distribution, mean 0, to samples [rows, count] from row `row` of the mini-batch on (Box,
 * Muller 1958). It is at most 5.8 deviations, once in a hundred million.
 */
void sp_noise_add(sp_draw draw, double deviation, size_t row, size_t rows, size_t count, size_t stride, float *samples);

#endif
