/*
 * Losses over the rows of a mini-batch, with their errors at the output layer.
 *
 * A loss J is a mean over the N rows of the whole mini-batch. A shard has some of
 * the rows: it returns its part of the sum, and errors that carry the factor 1/N
 * already, so that the shards' gradients are only ever added.
 */
#ifndef SP_MATH_LOSS_H
#define SP_MATH_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* l is the loss of one row, y what was wanted of it; sums are over its outputs. The last layer's outputs are yhat, or
 * where sp_loss_takes_logits the logits z, which sp_loss_finish makes yhat of: so no rounding comes between. */
typedef enum sp_loss {
    SP_SQUARED_ERROR,  /* l = sum (y - yhat)^2 */
    SP_CROSS_ENTROPY,  /* l = -log yhat[class], yhat = softmax(z) */
    SP_ABSOLUTE_ERROR, /* l = sum |y - yhat| */
    SP_HUBER,          /* l = sum d^2 / 2 where d = |y - yhat| <= delta, else delta (d - delta / 2) (Huber 1964) */
    SP_BINARY_CROSS_ENTROPY, /* l = -sum y log yhat + (1 - y) log(1 - yhat), yhat = sigmoid(z), y in 0 .. 1 */
    SP_POISSON               /* l = sum yhat - y log yhat, yhat = exp(z), y >= 0: without the terms of y alone */
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

/* A loss's constants. */
typedef struct sp_shape {
    float delta;     /* huber: where the square ends; greater than 0 */
    float smoothing; /* cross_entropy: share of the wanted probability that all classes have alike; training alone */
} sp_shape;

/* Whether the last layer's outputs are logits: its activation is left to the loss, and to sp_loss_finish. */
bool sp_loss_takes_logits(sp_loss loss);

/*
 * Returns the sum of the rows' losses, each times its weight (not divided by N), and sets *correct to the rows
 * classified right: of `values`, those with every output on the right side of 1/2, as is meant of labels.
 * `output` [rows, outputs]: yhat or logits. `error` [rows, outputs]: receives dJ/dyhat or dJ/dz, with `inverse_n` =
 * 1/N; NULL: not wanted. Both have `stride` floats from one row to the next.
 */
double sp_loss_rows(sp_loss loss, sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *output,
                    sp_truth truth, float inverse_n, float *error, size_t *correct);

/* In place, what the last layer gave, [rows, outputs] with `stride`, becomes yhat. */
void sp_loss_finish(sp_loss loss, size_t rows, size_t outputs, size_t stride, float *output);

/* The class that one row of outputs says: the largest; of a single output, whether it passes 1/2. */
size_t sp_predicted_class(size_t outputs, const float *output);

#endif
