/* Activation functions f and their derivatives, element by element. */
#ifndef SP_MATH_ACTIVATION_H
#define SP_MATH_ACTIVATION_H

#include <stddef.h>

typedef enum sp_activation {
    SP_SIGMOID,  /* f(z) = 1 / (1 + exp(-z)), f' = a (1 - a) */
    SP_TANH,     /* f(z) = tanh(z),           f' = 1 - a^2 */
    SP_RELU,     /* f(z) = max(0, z),         f' = 1 where a > 0, else 0 */
    SP_IDENTITY, /* f(z) = z,                 f' = 1 */
    SP_SOFTMAX   /* output layer only: kept as logits here, see math/loss.h */
} sp_activation;

/* Names in the order above, NULL at the end; the first SP_SOFTMAX of them fit a hidden layer. */
extern const char *const sp_activation_names[];

/*
 * In place, z [rows, width] becomes a = f(z + bias), bias [width]. `stride` floats from one row to
 * the next.
 */
void sp_activation_forward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *bias,
                           float *z);

/*
 * In place, e = dJ/da becomes e = dJ/dz = e * f'(z); all [rows, width] with `stride`. The derivative
 * is taken from a = f(z). Softmax: nothing to do, the loss has given dJ/dz.
 */
void sp_activation_backward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                            float *e);

#endif
