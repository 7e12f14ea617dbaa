#include "math/activation.h"

#include <math.h>

const char *const sp_activation_names[] = {"sigmoid", "tanh", "relu", "identity", "softmax", NULL};

static void add_bias(size_t rows, size_t width, const float *bias, float *z) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) z[i * width + j] += bias[j];
}

void sp_activation_forward(sp_activation activation, size_t rows, size_t width, const float *bias, float *z) {
    add_bias(rows, width, bias, z);
    size_t count = rows * width;
    switch (activation) {
    case SP_SIGMOID:
        for (size_t i = 0; i < count; i++) z[i] = 1.0f / (1.0f + expf(-z[i]));
        break;
    case SP_TANH:
        for (size_t i = 0; i < count; i++) z[i] = tanhf(z[i]);
        break;
    case SP_RELU:
        /* NaN stays NaN: a diverged network must not look healthy. */
        for (size_t i = 0; i < count; i++) z[i] = z[i] < 0.0f ? 0.0f : z[i];
        break;
    case SP_IDENTITY:
    case SP_SOFTMAX: break;
    }
}

void sp_activation_backward(sp_activation activation, size_t count, const float *a, float *e) {
    switch (activation) {
    case SP_SIGMOID:
        for (size_t i = 0; i < count; i++) e[i] *= a[i] * (1.0f - a[i]);
        break;
    case SP_TANH:
        for (size_t i = 0; i < count; i++) e[i] *= 1.0f - a[i] * a[i];
        break;
    case SP_RELU:
        for (size_t i = 0; i < count; i++) e[i] = a[i] > 0.0f ? e[i] : 0.0f;
        break;
    case SP_IDENTITY:
    case SP_SOFTMAX: break;
    }
}
