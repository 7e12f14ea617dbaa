#include "math/activation.h"

#include "base/vector.h"
#include "math/elementary.h"

const char *const sp_activation_names[] = {"sigmoid", "tanh",        "relu", "leaky_relu", "elu",
                                           "selu",    "gelu",        "silu", "softplus",   "identity",
                                           "softmax", "exponential", NULL};

static const float leak = 0.01f;
static const float selu_scale = 1.05070098735548049342f, selu_alpha = 1.67326324235437728481f;

bool sp_activation_keeps_slope(sp_activation activation) {
    return activation == SP_GELU || activation == SP_SILU;
}

/* ---- Steps of the functions below, on so many values at once as fit a buffer on the stack ---- */

enum { CHUNK = 256 };

SP_VECTOR static void add_bias(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] += bias[j];
}

SP_VECTOR static void add_bias_relu(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) {
        float sum = z[j] + bias[j];
        z[j] = sum < 0.0f ? 0.0f : sum; /* NaN stays NaN: a diverged network must not look healthy */
    }
}

SP_VECTOR static void add_bias_leaky(size_t width, const float *restrict bias, float *restrict z) {
    for (size_t j = 0; j < width; j++) {
        float sum = z[j] + bias[j];
        z[j] = sum < 0.0f ? leak * sum : sum;
    }
}

/* The part below zero: of what is above, 0. */
SP_VECTOR static void below_zero(size_t width, const float *restrict z, float *restrict part) {
    for (size_t j = 0; j < width; j++) part[j] = z[j] < 0.0f ? z[j] : 0.0f;
}

/* above z where z > 0, else below part */
SP_VECTOR static void join(size_t width, const float *restrict part, float above, float below, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] = z[j] < 0.0f ? below * part[j] : above * z[j];
}

SP_VECTOR static void negate(size_t width, const float *restrict z, float *restrict result) {
    for (size_t j = 0; j < width; j++) result[j] = -z[j];
}

SP_VECTOR static void negate_size(size_t width, const float *restrict z, float *restrict result) {
    for (size_t j = 0; j < width; j++) result[j] = z[j] < 0.0f ? z[j] : -z[j];
}

SP_VECTOR static void inverse_of_one_more(size_t width, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] = 1.0f / (1.0f + z[j]);
}

SP_VECTOR static void above_zero_and(size_t width, const float *restrict more, float *restrict z) {
    for (size_t j = 0; j < width; j++) z[j] = (z[j] < 0.0f ? 0.0f : z[j]) + more[j];
}

/* ---- Forward, z + bias being in z ---- */

static void sigmoid(size_t width, float *z) {
    float t[CHUNK];
    negate(width, z, t);
    sp_exp(width, t);
    inverse_of_one_more(width, t);
    for (size_t j = 0; j < width; j++) z[j] = t[j];
}

static void exponential_unit(size_t width, float scale, float alpha, float *z) {
    float t[CHUNK];
    below_zero(width, z, t);
    sp_expm1(width, t);
    join(width, t, scale, scale * alpha, z);
}

/* log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), which cannot overflow. */
static void softplus(size_t width, float *z) {
    float t[CHUNK];
    negate_size(width, z, t);
    sp_exp(width, t);
    sp_log1p(width, t);
    above_zero_and(width, t, z);
}

SP_VECTOR static void silu_of(size_t width, const float *restrict s, float *restrict z, float *restrict slope) {
    for (size_t j = 0; j < width; j++) {
        slope[j] = s[j] * (1.0f + z[j] * (1.0f - s[j]));
        z[j] *= s[j];
    }
}

static void silu(size_t width, float *z, float *slope) {
    float s[CHUNK];
    for (size_t j = 0; j < width; j++) s[j] = z[j];
    sigmoid(width, s);
    silu_of(width, s, z, slope);
}

SP_VECTOR static void scale_by(size_t width, float by, const float *restrict z, float *restrict result) {
    for (size_t j = 0; j < width; j++) result[j] = by * z[j];
}

SP_VECTOR static void minus_half_square(size_t width, const float *restrict z, float *restrict result) {
    for (size_t j = 0; j < width; j++) result[j] = -0.5f * (z[j] * z[j]);
}

SP_VECTOR static void gelu_of(size_t width, const float *restrict tail, const float *restrict density,
                              float *restrict z, float *restrict slope) {
    const float inverse_root_of_two_pi = 0.39894228040143267794f;
    for (size_t j = 0; j < width; j++) {
        float phi = 0.5f * tail[j];
        slope[j] = phi + z[j] * (inverse_root_of_two_pi * density[j]);
        z[j] *= phi;
    }
}

/* Phi(z) = erfc(-z / sqrt(2)) / 2: not 1 + erf, which loses all digits where z is far below zero. */
static void gelu(size_t width, float *z, float *slope) {
    float tail[CHUNK], density[CHUNK];
    scale_by(width, -0.70710678118654752440f, z, tail);
    sp_erfc(width, tail);
    minus_half_square(width, z, density);
    sp_exp(width, density);
    gelu_of(width, tail, density, z, slope);
}

/* A chunk of one row, while it is in cache. */
static void forward_chunk(sp_activation activation, size_t width, const float *bias, float *z, float *slope) {
    float unwanted[CHUNK];
    if (!slope) slope = unwanted;
    if (activation == SP_RELU) {
        add_bias_relu(width, bias, z);
        return;
    }
    if (activation == SP_LEAKY_RELU) {
        add_bias_leaky(width, bias, z);
        return;
    }
    add_bias(width, bias, z);
    switch (activation) {
    case SP_SIGMOID: sigmoid(width, z); break;
    case SP_TANH: sp_tanh(width, z); break;
    case SP_ELU: exponential_unit(width, 1, 1, z); break;
    case SP_SELU: exponential_unit(width, selu_scale, selu_alpha, z); break;
    case SP_GELU: gelu(width, z, slope); break;
    case SP_SILU: silu(width, z, slope); break;
    case SP_SOFTPLUS: softplus(width, z); break;
    default: break; /* identity, and softmax, which stays logits */
    }
}

void sp_activation_forward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *bias,
                           float *z, float *slope) {
    for (size_t i = 0; i < rows; i++)
        for (size_t first = 0, count; first < width; first += count) {
            count = width - first < CHUNK ? width - first : CHUNK;
            size_t at = i * stride + first;
            forward_chunk(activation, count, bias + first, z + at, slope ? slope + at : NULL);
        }
}

/* ---- Backward ---- */

SP_VECTOR static void multiply(size_t width, const float *restrict by, float *restrict e) {
    for (size_t j = 0; j < width; j++) e[j] *= by[j];
}

SP_VECTOR static void multiply_by_negative(size_t width, const float *restrict by, float *restrict e) {
    for (size_t j = 0; j < width; j++) e[j] *= -by[j];
}

/* f' of softplus: 1 - exp(-a). */
static void softplus_backward(size_t width, const float *a, float *e) {
    float t[CHUNK];
    for (size_t first = 0, count; first < width; first += count) {
        count = width - first < CHUNK ? width - first : CHUNK;
        negate(count, a + first, t);
        sp_expm1(count, t);
        multiply_by_negative(count, t, e + first);
    }
}

SP_VECTOR static void backward_row(sp_activation activation, size_t width, const float *restrict a, float *restrict e) {
    const float floor = selu_scale * selu_alpha;
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
    case SP_LEAKY_RELU:
        for (size_t j = 0; j < width; j++) e[j] = a[j] > 0.0f ? e[j] : leak * e[j];
        break;
    case SP_ELU:
        for (size_t j = 0; j < width; j++) e[j] = a[j] > 0.0f ? e[j] : (a[j] + 1.0f) * e[j];
        break;
    case SP_SELU:
        for (size_t j = 0; j < width; j++) e[j] *= a[j] > 0.0f ? selu_scale : a[j] + floor;
        break;
    default: break;
    }
}

void sp_activation_slope(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                         float *slope) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) slope[i * stride + j] = 1;
    sp_activation_backward(activation, rows, width, stride, a, NULL, slope);
}

void sp_activation_backward(sp_activation activation, size_t rows, size_t width, size_t stride, const float *a,
                            const float *slope, float *e) {
    for (size_t i = 0; i < rows; i++) {
        if (slope)
            multiply(width, slope + i * stride, e + i * stride);
        else if (activation == SP_SOFTPLUS)
            softplus_backward(width, a + i * stride, e + i * stride);
        else
            backward_row(activation, width, a + i * stride, e + i * stride);
    }
}
