#include "math/softmax.h"

#include "base/vector.h"
#include "math/elementary.h"

#include <string.h>

/*
 * Some rows of logits on their way through the softmax, output by output, so that the loops run over rows; or a piece
 * of one row, where there are more outputs.
 */
enum { BLOCK_ROWS = 64, BLOCK_OUTPUTS = 64, BLOCK_FLOATS = BLOCK_ROWS * BLOCK_OUTPUTS };

typedef struct softmax_block {
    size_t rows;
    float value[BLOCK_FLOATS]; /* [outputs, rows]: z, then exp(z - largest) */
    float largest[BLOCK_ROWS], sum[BLOCK_ROWS];
    double log_sum[BLOCK_ROWS];
    int32_t best[BLOCK_ROWS]; /* the first output that is largest */
} softmax_block;

static void take_rows(size_t outputs, size_t stride, const float *logits, softmax_block *block) {
    for (size_t i = 0; i < block->rows; i++)
        for (size_t j = 0; j < outputs; j++) block->value[j * block->rows + i] = logits[i * stride + j];
}

SP_VECTOR static void find_largest(size_t outputs, softmax_block *block) {
    size_t rows = block->rows;
    for (size_t i = 0; i < rows; i++) {
        block->largest[i] = block->value[i];
        block->best[i] = 0;
    }
    for (size_t j = 1; j < outputs; j++)
        for (size_t i = 0; i < rows; i++) {
            bool larger = block->value[j * rows + i] > block->largest[i];
            block->largest[i] = larger ? block->value[j * rows + i] : block->largest[i];
            block->best[i] = larger ? (int32_t)j : block->best[i];
        }
}

/* exp(z - largest) cannot overflow. */
SP_VECTOR static void subtract_largest(size_t outputs, softmax_block *block) {
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < block->rows; i++) block->value[j * block->rows + i] -= block->largest[i];
}

SP_VECTOR static void sum_outputs(size_t outputs, softmax_block *block) {
    for (size_t i = 0; i < block->rows; i++) block->sum[i] = 0;
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < block->rows; i++) block->sum[i] += block->value[j * block->rows + i];
    for (size_t i = 0; i < block->rows; i++) block->log_sum[i] = block->sum[i];
}

/* 1/N (softmax(z) - y), in place of exp(z - largest). */
SP_VECTOR static void turn_into_errors(size_t outputs, const int32_t *classes, float inverse_n, softmax_block *block) {
    size_t rows = block->rows;
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < rows; i++) block->value[j * rows + i] /= block->sum[i];
    for (size_t i = 0; i < rows; i++) block->value[(size_t)classes[i] * rows + i] -= 1.0f;
    for (size_t i = 0; i < rows * outputs; i++) block->value[i] *= inverse_n;
}

/* w/N (softmax(z) - q), q = (1 - smoothing) y + smoothing / K (Szegedy et al., CVPR 2016). */
static void turn_into_shaped_errors(sp_shape shape, size_t outputs, const int32_t *classes, const float *weights,
                                    float inverse_n, softmax_block *block) {
    size_t rows = block->rows;
    float all = shape.smoothing / (float)outputs, of_class = 1.0f - shape.smoothing;
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < rows; i++) {
            float q = all + ((size_t)classes[i] == j ? of_class : 0);
            block->value[j * rows + i] =
                (block->value[j * rows + i] / block->sum[i] - q) * (inverse_n * (weights ? weights[i] : 1));
        }
}

/* exp(z - largest) of `rows` rows, their sums and the logarithms of those; few outputs. */
static void exponentials(size_t rows, size_t outputs, size_t stride, const float *logits, softmax_block *block) {
    block->rows = rows;
    take_rows(outputs, stride, logits, block);
    find_largest(outputs, block);
    subtract_largest(outputs, block);
    sp_exp(rows * outputs, block->value);
    sum_outputs(outputs, block);
    sp_log(rows, block->log_sum);
}

static size_t largest_output(size_t outputs, const float *logits) {
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (logits[j] > logits[best]) best = j;
    return best;
}

/* The same for one row of any number of outputs; result [outputs]: exp(z - largest), NULL: not wanted. */
static void exponentials_of_row(size_t outputs, const float *logits, float *result, softmax_block *block) {
    block->rows = 1;
    block->best[0] = (int32_t)largest_output(outputs, logits);
    block->largest[0] = logits[block->best[0]];
    block->sum[0] = 0;
    for (size_t first = 0, count; first < outputs; first += count) {
        count = outputs - first < BLOCK_FLOATS ? outputs - first : BLOCK_FLOATS;
        for (size_t j = 0; j < count; j++) block->value[j] = logits[first + j] - block->largest[0];
        sp_exp(count, block->value);
        for (size_t j = 0; j < count; j++) block->sum[0] += block->value[j];
        if (result) memcpy(result + first, block->value, count * sizeof *result);
    }
    block->log_sum[0] = block->sum[0];
    sp_log(1, block->log_sum);
}

/* sum_k q_k z_k of a row; without smoothing the class's own. */
static double wanted_logit(sp_shape shape, size_t outputs, const float *logits, int32_t class) {
    double of_class = logits[class], sum = 0;
    if (shape.smoothing == 0) return of_class;
    for (size_t j = 0; j < outputs; j++) sum += logits[j];
    return (1 - (double)shape.smoothing) * of_class + (double)shape.smoothing * sum / (double)outputs;
}

/* -sum_k q_k log softmax(z)[k] of each row of a block, summed, and the rows whose largest output is their class. */
static double block_loss(const softmax_block *block, sp_shape shape, size_t outputs, size_t stride, const float *logits,
                         sp_truth truth, size_t *correct) {
    double sum = 0;
    for (size_t i = 0; i < block->rows; i++) {
        double loss = block->log_sum[i] +
                      ((double)block->largest[i] - wanted_logit(shape, outputs, logits + i * stride, truth.classes[i]));
        sum += truth.weights ? truth.weights[i] * loss : loss;
        *correct += block->best[i] == truth.classes[i];
    }
    return sum;
}

static sp_truth truth_from(sp_truth truth, size_t first) {
    return (sp_truth){.classes = truth.classes + first, .weights = truth.weights ? truth.weights + first : NULL};
}

/* Few outputs: blocks of rows. */
static double cross_entropy_of_rows(sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *logits,
                                    sp_truth truth, float inverse_n, float *error, size_t *correct) {
    softmax_block block;
    double total = 0;
    for (size_t first = 0, count; first < rows; first += count) {
        sp_truth part = truth_from(truth, first);
        count = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        exponentials(count, outputs, stride, logits + first * stride, &block);
        total += block_loss(&block, shape, outputs, stride, logits + first * stride, part, correct);
        if (!error) continue;
        if (part.weights || shape.smoothing > 0)
            turn_into_shaped_errors(shape, outputs, part.classes, part.weights, inverse_n, &block);
        else
            turn_into_errors(outputs, part.classes, inverse_n, &block);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < outputs; j++) error[(first + i) * stride + j] = block.value[j * count + i];
    }
    return total;
}

/* Any number of outputs. */
static double cross_entropy_of_row(sp_shape shape, size_t outputs, const float *logits, sp_truth truth, float inverse_n,
                                   float *error, size_t *correct) {
    softmax_block block;
    float all = shape.smoothing / (float)outputs;
    exponentials_of_row(outputs, logits, error, &block);
    for (size_t j = 0; error && j < outputs; j++) error[j] = error[j] / block.sum[0] - all;
    if (error) error[truth.classes[0]] -= 1.0f - shape.smoothing;
    float share = truth.weights ? inverse_n * truth.weights[0] : inverse_n;
    for (size_t j = 0; error && j < outputs; j++) error[j] *= share;
    return block_loss(&block, shape, outputs, 0, logits, truth, correct);
}

double sp_softmax_cross_entropy(sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *logits,
                                sp_truth truth, float inverse_n, float *error, size_t *correct) {
    if (outputs <= BLOCK_OUTPUTS)
        return cross_entropy_of_rows(shape, rows, outputs, stride, logits, truth, inverse_n, error, correct);
    double total = 0;
    for (size_t i = 0; i < rows; i++)
        total += cross_entropy_of_row(shape, outputs, logits + i * stride, truth_from(truth, i), inverse_n,
                                      error ? error + i * stride : NULL, correct);
    return total;
}

void sp_softmax(size_t rows, size_t outputs, size_t stride, float *logits) {
    softmax_block block;
    for (size_t i = 0; i < rows; i++) {
        float *z = logits + i * stride;
        exponentials_of_row(outputs, z, z, &block);
        for (size_t j = 0; j < outputs; j++) z[j] /= block.sum[0];
    }
}
