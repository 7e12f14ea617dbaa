/* One dense layer over some rows: forward, gradient, and the error of the layer below. */
#ifndef SP_MATH_DENSE_H
#define SP_MATH_DENSE_H

#include "math/activation.h"
#include "math/kernels.h"

/* a [rows, outputs] = f(below W + b), below [rows, inputs], W [inputs, outputs], b [outputs]. */
void sp_dense_forward(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *below,
                      const float *weights, const float *bias, sp_activation activation, float *a);

/* dJ/dW [inputs, outputs] = below^T e, dJ/db [outputs] = sum of the rows of e [rows, outputs]. */
void sp_dense_gradient(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *below,
                       const float *e, float *weight_gradient, float *bias_gradient);

/*
 * e(l-1) = (e(l) W(l)^T) * f'(z(l-1)), [rows, inputs]; `below` = a(l-1) and
 * `activation` are those of the layer below.
 */
void sp_dense_backward(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *e,
                       const float *weights, sp_activation activation, const float *below, float *e_below);

#endif
