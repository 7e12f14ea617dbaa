#include "math/dense.h"

#include <string.h>

void sp_dense_forward(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *below,
                      const float *weights, const float *bias, sp_activation activation, float *a) {
    kernels->multiply(rows, outputs, inputs, below, weights, a);
    sp_activation_forward(activation, rows, outputs, bias, a);
}

void sp_dense_gradient(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *below,
                       const float *e, float *weight_gradient, float *bias_gradient) {
    kernels->multiply_at(inputs, outputs, rows, below, e, weight_gradient);
    memset(bias_gradient, 0, outputs * sizeof *bias_gradient);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < outputs; j++) bias_gradient[j] += e[i * outputs + j];
}

void sp_dense_backward(const sp_kernels *kernels, size_t rows, size_t inputs, size_t outputs, const float *e,
                       const float *weights, sp_activation activation, const float *below, float *e_below) {
    kernels->multiply_bt(rows, inputs, outputs, e, weights, e_below);
    sp_activation_backward(activation, rows * inputs, below, e_below);
}
