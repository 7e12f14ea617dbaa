/* Activation functions f and their derivatives, element by element. */
#ifndef SP_MATH_ACTIVATION_H
#define SP_MATH_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

typedef enum sp_activation {
    SP_SIGMOID,    /* f(z) = 1 / (1 + exp(-z)), f' = a (1 - a) */
    SP_TANH,       /* f(z) = tanh(z),           f' = 1 - a^2 */
    SP_RELU,       /* f(z) = max(0, z),         f' = 1 where a > 0, else 0 */
    SP_LEAKY_RELU, /* f(z) = z where z > 0, else 0.01 z (Maas et al., ICML 2013) */
    SP_ELU,        /* f(z) = z where z > 0, else exp(z) - 1 (Clevert et al., ICLR 2016) */
    SP_SELU,       /* f(z) = scale z where z > 0, else scale alpha (exp(z) - 1) (Klambauer et al., NIPS 2017) */
    SP_GELU,       /* f(z) = z Phi(z), f' = Phi(z) + z phi(z), of the normal distribution (Hendrycks, Gimpel 2016) */
    SP_SILU,       /* f(z) = z s, f' = s (1 + z (1 - s)), s = sigmoid(z) (the same; Elfwing et al. 2018) */
    SP_SOFTPLUS,   /* f(z) = log(1 + exp(z)), f' = 1 - exp(-a) (Dugas et al., NIPS 2000) */
    SP_IDENTITY,   /* f(z) = z,                 f' = 1 */
    SP_SOFTMAX,    /* output layer only, as the next: left to the loss, see math/loss.h */
    SP_EXPONENTIAL /* exp(z) */
} sp_activation;

/* Names in the order above, NULL at the end; the first SP_SOFTMAX of them fit a hidden layer. */
extern const char *const sp_activation_names[];

/* Whether f' cannot be had from a = f(z): the forward pass then keeps it. */
bool sp_activation_keeps_slope(sp_activation activation);

/*
 * In place, z [rows, width] becomes a = f(z + bias), bias [width]. `stride` floats from one row to
 * the next. `slope`: receives f'(z), likewise, where sp_activation_keeps_slope; NULL: nobody goes backward. Against
 * double precision, a is off by 4e-7 max(1, |a|) at most.
 */
void sp_activation_forward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *bias,
                           float *z, float *slope);

/*
 * f'(z) from a = f(z) into `slope`, both [rows, width] with `stride`: where the forward pass has not written it, that
 * is, unless sp_activation_keeps_slope.
 */
void sp_activation_slope(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                         float *slope);

/*
 * In place, e = dJ/da becomes e = dJ/dz = e * f'(z); all [rows, width] with `stride`. The derivative
 * is `slope`, or (NULL) taken from a = f(z). Softmax: nothing to do, the loss has given dJ/dz.
 */
void sp_activation_backward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                            const float *slope, float *e);

#endif
