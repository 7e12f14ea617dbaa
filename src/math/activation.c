#include "math/activation.h"

#include "base/vector.h"

#include <math.h>

const char *const sp_activation_names[] = {"sigmoid", "tanh", "relu", "identity", "softmax", NULL};

/* One row; bias and function in one go, while the row is in cache. */
SP_VECTOR static void forward_row(sp_activation activation, size_t width, const float *restrict bias,
                                  float *restrict z) {
    switch (activation) {
    case SP_SIGMOID:
        for (size_t j = 0; j < width; j++) z[j] = 1.0f / (1.0f + expf(-(z[j] + bias[j])));
        break;
    case SP_TANH:
        for (size_t j = 0; j < width; j++) z[j] = tanhf(z[j] + bias[j]);
        break;
    case SP_RELU:
        for (size_t j = 0; j < width; j++) {
            float sum = z[j] + bias[j];
            z[j] = sum < 0.0f ? 0.0f : sum; /* NaN stays NaN: a diverged network must not look healthy */
        }
        break;
    case SP_IDENTITY:
    case SP_SOFTMAX:
        for (size_t j = 0; j < width; j++) z[j] += bias[j];
        break;
    }
}

void sp_activation_forward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *bias,
                           float *z) {
    for (size_t i = 0; i < rows; i++) forward_row(activation, width, bias, z + i * stride);
}

SP_VECTOR static void backward_row(sp_activation activation, size_t width, const float *restrict a, float *restrict e) {
    switch (activation) {
    case SP_SIGMOID:
        for (size_t j = 0; j < width; j++) e[j] *= a[j] * (1.0f - a[j]);
        break;
    case SP_TANH:
        for (size_t j = 0; j < width; j++) e[j] *= 1.0f - a[j] * a[j];
        break;
    case SP_RELU:
        for (size_t j = 0; j < width; j++) e[j] = a[j] > 0.0f ? e[j] : 0.0f;
        break;
    case SP_IDENTITY:
    case SP_SOFTMAX: break;
    }
}

void sp_activation_backward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                            float *e) {
    for (size_t i = 0; i < rows; i++) backward_row(activation, width, a + i * stride, e + i * stride);
}
