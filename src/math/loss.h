/*
 * Losses over the rows of a mini-batch, with their errors at the output layer.
 *
 * A loss J is a mean over the N rows of the whole mini-batch. A shard has some of
 * the rows: it returns its part of the sum, and errors that carry the factor 1/N
 * already, so that the shards' gradients are only ever added.
 */
#ifndef SP_MATH_LOSS_H
#define SP_MATH_LOSS_H

#include <stddef.h>
#include <stdint.h>

typedef enum sp_loss {
    SP_SQUARED_ERROR, /* J = 1/N sum_n ||y_n - yhat_n||^2, dJ/dyhat = 2/N (yhat - y) */
    SP_CROSS_ENTROPY  /* J = -1/N sum_n log softmax(z_n)[class_n], dJ/dz = 1/N (softmax(z) - y) */
} sp_loss;

/* Names in the order above, NULL at the end. */
extern const char *const sp_loss_names[];

/*
 * What the rows should have come to: a class each (y is 1 there and 0 elsewhere; with
 * one output, y is the class, 0 or 1), or `values` [rows, outputs]. The other is NULL.
 * `weights` [rows]: how much the loss of a row counts; NULL: 1 each.
 */
typedef struct sp_truth {
    const int32_t *classes;
    const float *values;
    const float *weights;
} sp_truth;

/*
 * Returns the sum of the rows' losses (not divided by N) and sets *correct to the
 * rows classified right (0 for values).
 * `output` [rows, outputs]: yhat for squared_error, the logits z for cross_entropy.
 * `error` [rows, outputs]: receives dJ/dyhat or dJ/dz, with `inverse_n` = 1/N; NULL:
 * not wanted. Both have `stride` floats from one row to the next.
 */
double sp_loss_rows(sp_loss loss, size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                    float inverse_n, float *error, size_t *correct);

/* In place, logits [rows, outputs] (with `stride`) become probabilities: softmax of each row. */
void sp_softmax(size_t rows, size_t outputs, size_t stride, float *logits);

/* The class that one row of outputs says: the largest; of a single output, whether it passes 1/2. */
size_t sp_predicted_class(size_t outputs, const float *output);

#endif
