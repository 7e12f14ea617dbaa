#include "math/loss.h"

#include "base/vector.h"
#include "math/elementary.h"

#include <stdbool.h>
#include <string.h>

const char *const sp_loss_names[] = {"squared_error", "cross_entropy", NULL};

size_t sp_predicted_class(size_t outputs, const float *output) {
    if (outputs == 1) return output[0] > 0.5f;
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (output[j] > output[best]) best = j;
    return best;
}

/* y of output j in row i. */
static float wanted(sp_truth truth, size_t outputs, size_t i, size_t j) {
    if (truth.values) return truth.values[i * outputs + j];
    if (outputs == 1) return (float)truth.classes[i];
    return (size_t)truth.classes[i] == j ? 1.0f : 0.0f;
}

static double squared_error(size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                            float inverse_n, float *error) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < outputs; j++) {
            float miss = output[i * stride + j] - wanted(truth, outputs, i, j);
            sum += (double)miss * miss;
            if (error) error[i * stride + j] = 2.0f * inverse_n * miss;
        }
    return sum;
}

/* ---- Softmax and cross-entropy ------------------------------------------------------------ */

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

/* The same for one row of any number of outputs; result [outputs]: exp(z - largest), NULL: not wanted. */
static void exponentials_of_row(size_t outputs, const float *logits, float *result, softmax_block *block) {
    block->rows = 1;
    block->best[0] = (int32_t)sp_predicted_class(outputs, logits);
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

/* -log softmax(z)[class] of each row of a block, summed, and the rows whose largest output is their class. */
static double block_loss(const softmax_block *block, size_t stride, const float *logits, const int32_t *classes,
                         size_t *correct) {
    double sum = 0;
    for (size_t i = 0; i < block->rows; i++) {
        sum += block->log_sum[i] + ((double)block->largest[i] - (double)logits[i * stride + (size_t)classes[i]]);
        *correct += block->best[i] == classes[i];
    }
    return sum;
}

/* Few outputs: blocks of rows. */
static double cross_entropy_of_rows(size_t rows, size_t outputs, size_t stride, const float *logits,
                                    const int32_t *classes, float inverse_n, float *error, size_t *correct) {
    softmax_block block;
    double total = 0;
    for (size_t first = 0, count; first < rows; first += count) {
        count = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        exponentials(count, outputs, stride, logits + first * stride, &block);
        total += block_loss(&block, stride, logits + first * stride, classes + first, correct);
        if (!error) continue;
        turn_into_errors(outputs, classes + first, inverse_n, &block);
        for (size_t i = 0; i < count; i++)
            for (size_t j = 0; j < outputs; j++) error[(first + i) * stride + j] = block.value[j * count + i];
    }
    return total;
}

/* Any number of outputs. */
static double cross_entropy_of_row(size_t outputs, const float *logits, int32_t class, float inverse_n, float *error,
                                   size_t *correct) {
    softmax_block block;
    exponentials_of_row(outputs, logits, error, &block);
    for (size_t j = 0; error && j < outputs; j++) error[j] /= block.sum[0];
    if (error) error[class] -= 1.0f;
    for (size_t j = 0; error && j < outputs; j++) error[j] *= inverse_n;
    return block_loss(&block, 0, logits, &class, correct);
}

static double cross_entropy(size_t rows, size_t outputs, size_t stride, const float *logits, const int32_t *classes,
                            float inverse_n, float *error, size_t *correct) {
    if (outputs <= BLOCK_OUTPUTS)
        return cross_entropy_of_rows(rows, outputs, stride, logits, classes, inverse_n, error, correct);
    double total = 0;
    for (size_t i = 0; i < rows; i++)
        total += cross_entropy_of_row(outputs, logits + i * stride, classes[i], inverse_n,
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

/* ---- Any loss ---------------------------------------------------------------------------------- */

double sp_loss_rows(sp_loss loss, size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                    float inverse_n, float *error, size_t *correct) {
    *correct = 0;
    if (loss == SP_CROSS_ENTROPY)
        return cross_entropy(rows, outputs, stride, output, truth.classes, inverse_n, error, correct);
    if (truth.classes)
        for (size_t i = 0; i < rows; i++)
            *correct += sp_predicted_class(outputs, output + i * stride) == (size_t)truth.classes[i];
    return squared_error(rows, outputs, stride, output, truth, inverse_n, error);
}
