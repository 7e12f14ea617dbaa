/* Kernels against plain sums in double; activations and losses against their definitions. */
#include "base/random.h"
#include "math/activation.h"
#include "math/dense.h"
#include "math/kernels.h"
#include "math/loss.h"
#include "support.h"

#include <criterion/parameterized.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static float *random_floats(size_t count, uint64_t seed) {
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (float)(2 * sp_random_uniform(seed, SP_RANDOM_SAMPLE, i, 0) - 1);
    return values;
}

static const sp_kernels *const all_kernels[] = {&sp_kernels_reference, &sp_kernels_blas};

static void use_blas(void) {
    sp_error error = {0};
    must(sp_blas_prepare(&error), error);
}

/* Shapes with and without remainders in any blocking, down to vectors. */
static const size_t shapes[][3] = {{1, 1, 1},    {1, 10, 784},  {8, 128, 784}, {7, 13, 5},
                                   {33, 17, 65}, {64, 10, 128}, {2, 1, 3}};

Test(kernels, products_equal_plain_sums, .init = use_blas) {
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
        float *a = random_floats(m * k, 1), *b = random_floats(k * n, 2), *c = malloc(m * n * sizeof *c);
        float *at = malloc(m * k * sizeof *at), *bt = malloc(k * n * sizeof *bt);
        for (size_t i = 0; i < m; i++)
            for (size_t p = 0; p < k; p++) at[p * m + i] = a[i * k + p];
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++) bt[j * k + p] = b[p * n + j];
        for (size_t which = 0; which < 2 * 3; which++) {
            const sp_kernels *kernels = all_kernels[which / 3];
            memset(c, 0x7f, m * n * sizeof *c); /* what was there must not matter */
            if (which % 3 == 0) kernels->multiply(m, n, k, a, b, c);
            if (which % 3 == 1) kernels->multiply_at(m, n, k, at, b, c);
            if (which % 3 == 2) kernels->multiply_bt(m, n, k, a, bt, c);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++) {
                    double sum = 0;
                    for (size_t p = 0; p < k; p++) sum += (double)a[i * k + p] * b[p * n + j];
                    cr_assert_float_eq(c[i * n + j], sum, 1e-6 * sqrt((double)k) + 1e-6,
                                       "%s product %zu, %zu x %zu x %zu", kernels->name, which % 3, m, n, k);
                }
        }
        free(a), free(b), free(c), free(at), free(bt);
    }
}

/* What the serial build of OpenBLAS fails at: the same bits from four threads at once as from one. */
Test(kernels, blas_is_safe_to_share, .init = use_blas) {
    enum { M = 16, N = 128, K = 784, CALLS = 400 };
    float *a = random_floats(M * K, 3), *b = random_floats(K * N, 4), alone[M * N];
    sp_kernels_blas.multiply(M, N, K, a, b, alone);
    int wrong = 0;
#pragma omp parallel for num_threads(4) reduction(+ : wrong)
    for (int call = 0; call < CALLS; call++) {
        float together[M * N];
        sp_kernels_blas.multiply(M, N, K, a, b, together);
        wrong += memcmp(alone, together, sizeof alone) != 0;
    }
    cr_assert_eq(wrong, 0, "%d of %d calls differ", wrong, CALLS);
    free(a), free(b);
}

Test(kernels, preparing_blas_leaves_openmp_alone) {
    omp_set_num_threads(3);
    use_blas();
    cr_assert_eq(omp_get_max_threads(), 3);
}

static double define(sp_activation activation, double z) {
    if (activation == SP_SIGMOID) return 1 / (1 + exp(-z));
    if (activation == SP_TANH) return tanh(z);
    if (activation == SP_RELU) return fmax(z, 0);
    return z;
}

Test(activation, values_and_derivatives) {
    const float z[] = {-90.0f, -3.0f, -0.5f, -1e-4f, 1e-4f, 0.25f, 2.0f, 90.0f};
    enum { COUNT = sizeof z / sizeof *z };
    for (int f = SP_SIGMOID; f <= SP_IDENTITY; f++) {
        float a[COUNT], e[COUNT], bias[COUNT] = {0};
        memcpy(a, z, sizeof a);
        for (int i = 0; i < COUNT; i++) e[i] = 3.0f;
        sp_activation_forward((sp_activation)f, 1, COUNT, bias, a);
        sp_activation_backward((sp_activation)f, COUNT, a, e);
        for (int i = 0; i < COUNT; i++) {
            double h = 1e-6, value = define((sp_activation)f, z[i]);
            double slope = (define((sp_activation)f, z[i] + h) - define((sp_activation)f, z[i] - h)) / (2 * h);
            cr_expect_float_eq(a[i], value, 2e-7 * fmax(1, fabs(value)), "%s(%g)", sp_activation_names[f], z[i]);
            cr_expect_float_eq(e[i], 3 * slope, 2e-6, "%s'(%g)", sp_activation_names[f], z[i]);
        }
    }
}

Test(activation, adds_the_bias_to_every_row) {
    float z[] = {1, 2, 3, 4, 5, 6}, bias[] = {10, 20, 30};
    sp_activation_forward(SP_IDENTITY, 2, 3, bias, z);
    const float sums[] = {11, 22, 33, 14, 25, 36};
    cr_assert_arr_eq(z, sums, sizeof sums);
}

Test(activation, nan_is_not_hidden_by_relu) {
    float z[] = {NAN}, bias[] = {0};
    sp_activation_forward(SP_RELU, 1, 1, bias, z);
    cr_assert(isnan(z[0]));
}

Test(loss, squared_error_sums_over_outputs_without_half) {
    const float yhat[] = {0.5f, 0.25f, -1.0f, 2.0f}, y[] = {1.0f, 0.0f, -1.0f, 0.0f};
    float e[4];
    size_t correct;
    double sum = sp_loss_rows(SP_SQUARED_ERROR, 2, 2, yhat, (sp_truth){.values = y}, 0.5f, e, &correct);
    cr_expect_float_eq(sum, 0.25 + 0.0625 + 0 + 4, 1e-9);
    const float errors[] = {-0.5f, 0.25f, 0.0f, 2.0f}; /* 2/N (yhat - y), N = 2 */
    cr_expect_arr_eq(e, errors, sizeof errors);
    cr_expect_eq(correct, 0);
}

Test(loss, squared_error_of_classes_is_one_hot) {
    const float yhat[] = {0.9f, 0.1f, 0.2f, 0.3f, 0.4f, 0.3f};
    size_t correct;
    double sum =
        sp_loss_rows(SP_SQUARED_ERROR, 2, 3, yhat, (sp_truth){.classes = (int32_t[]){0, 2}}, 0, NULL, &correct);
    cr_expect_float_eq(sum, 0.01 + 0.01 + 0.04 + 0.09 + 0.16 + 0.49, 1e-6);
    cr_expect_eq(correct, 1);
}

Test(loss, one_output_means_the_second_class) {
    const float yhat[] = {0.4f, 0.6f, 0.5f};
    size_t correct;
    sp_loss_rows(SP_SQUARED_ERROR, 3, 1, yhat, (sp_truth){.classes = (int32_t[]){0, 1, 1}}, 0, NULL, &correct);
    cr_expect_eq(correct, 2);
}

Test(loss, cross_entropy_at_extreme_logits) {
    const float z[] = {1000.0f, -1000.0f, 0.0f, -1000.0f, -1000.0f, -1000.0f};
    float e[6];
    size_t correct;
    double sum = sp_loss_rows(SP_CROSS_ENTROPY, 2, 3, z, (sp_truth){.classes = (int32_t[]){1, 0}}, 1.0f, e, &correct);
    cr_expect_float_eq(sum, 2000 + log(3), 1e-4);
    const double errors[] = {1, -1, 0, -2.0 / 3, 1.0 / 3, 1.0 / 3};
    for (int i = 0; i < 6; i++) cr_expect_float_eq(e[i], errors[i], 1e-6);
}

Test(loss, softmax_rows_sum_to_one) {
    float z[] = {1, 2, 3, -500, 0, 500};
    sp_softmax(2, 3, z);
    cr_expect_float_eq(z[0] + z[1] + z[2], 1, 1e-6);
    cr_expect_float_eq(z[2] / z[1], exp(1), 1e-5);
    cr_expect_float_eq(z[5], 1, 1e-7);
}

/* f' belongs to the layer below, and the gradient of the bias is a sum over rows. */
Test(dense, errors_and_gradients) {
    const float below[] = {0.5f, 0.0f, 0.25f, 1.0f}, e[] = {1, 2, 3, 4, 5, 6}, weights[] = {1, 0, -1, 2, 1, 0};
    float e_below[4], weight_gradient[6], bias_gradient[3];
    sp_dense_backward(&sp_kernels_reference, 2, 2, 3, e, weights, SP_RELU, below, e_below);
    const float expected[] = {-2, 0, -2, 13}; /* e W^T, and 0 where the unit below was 0 */
    cr_expect_arr_eq(e_below, expected, sizeof expected);
    sp_dense_gradient(&sp_kernels_reference, 2, 2, 3, below, e, weight_gradient, bias_gradient);
    const float sums[] = {5, 7, 9}, products[] = {1.5f, 2.25f, 3.0f, 4, 5, 6};
    cr_expect_arr_eq(bias_gradient, sums, sizeof sums);
    cr_expect_arr_eq(weight_gradient, products, sizeof products);
}
