/* Softmax, and the cross-entropy of what it says. */
#ifndef SP_MATH_SOFTMAX_H
#define SP_MATH_SOFTMAX_H

#include "math/loss.h"

/* In place, logits [rows, outputs] (with `stride`) become probabilities: softmax of each row. */
void sp_softmax(size_t rows, size_t outputs, size_t stride, float *logits);

/* SP_CROSS_ENTROPY of sp_loss_rows, of classes. */
double sp_softmax_cross_entropy(sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *logits,
                                sp_truth truth, float inverse_n, float *error, size_t *correct);

#endif
