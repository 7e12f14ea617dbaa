#include "math/activation.h"

#include "base/vector.h"
#include "math/elementary.h"

const char *const sp_activation_names[] = {"sigmoid", "tanh", "relu", "identity", "softmax", NULL};

SP_VECTOR static void add_bias(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] += bias[j];
}

SP_VECTOR static void add_bias_relu(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) {
        float sum = z[j] + bias[j];
        z[j] = sum < 0.0f ? 0.0f : sum; /* NaN stays NaN: a diverged network must not look healthy */
    }
}

SP_VECTOR static void add_bias_negate(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] = -(z[j] + bias[j]);
}

SP_VECTOR static void inverse_of_one_more(size_t width, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] = 1.0f / (1.0f + z[j]);
}

/* One row, while it is in cache. */
static void forward_row(sp_activation activation, size_t width, const float *bias, float *z) {
    switch (activation) {
    case SP_SIGMOID: /* 1 / (1 + exp(-z)) */
        add_bias_negate(width, bias, z);
        sp_exp(width, z);
        inverse_of_one_more(width, z);
        break;
    case SP_TANH:
        add_bias(width, bias, z);
        sp_tanh(width, z);
        break;
    case SP_RELU: add_bias_relu(width, bias, z); break;
    case SP_IDENTITY:
    case SP_SOFTMAX: add_bias(width, bias, z); break;
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
