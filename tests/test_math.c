/* Kernels against plain sums in double; activations and losses against their definitions. */
#include "base/random.h"
#include "math/activation.h"
#include "math/finite.h"
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

static const sp_kernels *const all_kernels[] = {&sp_kernels_reference, &sp_kernels_blas, &sp_kernels_xsmm};

static void use_blas(void) {
    sp_error error = {0};
    must(sp_blas_prepare(&error), error);
}

/* Shapes with and without remainders in any blocking, down to vectors. */
static const size_t shapes[][3] = {{1, 1, 1},    {1, 10, 784},  {8, 128, 784}, {7, 13, 5},
                                   {33, 17, 65}, {64, 10, 128}, {2, 1, 3}};

/* One product of operands with gaps between their rows, against sums in double. */
static void check_product(const sp_kernels *kernels, sp_form form, size_t m, size_t n, size_t k) {
    enum { GAP = 16 };
    bool a_turned = form == SP_AT_B, b_turned = form == SP_A_BT;
    size_t lda = (a_turned ? m : k) + GAP, ldb = (b_turned ? k : n) + GAP, ldc = n + GAP;
    float *a = random_floats((a_turned ? k : m) * lda, 1), *b = random_floats((b_turned ? n : k) * ldb, 2);
    float *c = random_floats(m * ldc, 3), *before = random_floats(m * ldc, 3); /* what was there must not matter */
    sp_product product;
    if (sp_product_prepare(kernels, form, m, n, k, lda, ldb, ldc, &product)) {
        sp_product_run(&product, a, b, c);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < ldc; j++) {
                double sum = 0;
                for (size_t q = 0; q < k && j < n; q++)
                    sum += (double)a[a_turned ? q * lda + i : i * lda + q] * b[b_turned ? j * ldb + q : q * ldb + j];
                if (j >= n) sum = before[i * ldc + j];
                cr_assert_float_eq(c[i * ldc + j], sum, 5e-6 * sqrt((double)k), "%s form %d, %zu x %zu x %zu",
                                   kernels->name, form, m, n, k);
            }
    } else {
        cr_assert(kernels == &sp_kernels_xsmm && (form == SP_A_BT || !sp_xsmm_usable()), "%s form %d", kernels->name,
                  form);
    }
    free(a), free(b), free(c), free(before);
}

Test(kernels, products_equal_plain_sums, .init = use_blas) {
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int which = 0; which < 3 * 3; which++)
            check_product(all_kernels[which / 3], (sp_form)(which % 3), shapes[s][0], shapes[s][1], shapes[s][2]);
}

/* What the serial build of OpenBLAS fails at: the same bits from four threads at once as from one. */
Test(kernels, are_safe_to_share, .init = use_blas) {
    enum { M = 16, N = 128, K = 784, CALLS = 400 };
    float *a = random_floats(M * K, 3), *b = random_floats(K * N, 4), alone[M * N];
    for (int k = 0; k < 3; k++) {
        sp_product product;
        if (!sp_product_prepare(all_kernels[k], SP_A_B, M, N, K, K, N, N, &product)) continue;
        sp_product_run(&product, a, b, alone);
        int wrong = 0;
#pragma omp parallel for num_threads(4) reduction(+ : wrong)
        for (int call = 0; call < CALLS; call++) {
            float together[M * N];
            sp_product_run(&product, a, b, together);
            wrong += memcmp(alone, together, sizeof alone) != 0;
        }
        cr_expect_eq(wrong, 0, "%s: %d of %d calls differ", all_kernels[k]->name, wrong, CALLS);
    }
    free(a), free(b);
}

/* What evaluation and shards rest on: a row's bits do not depend on the rows beside it. */
Test(kernels, xsmm_rows_do_not_depend_on_their_neighbours) {
    enum { M = 64, K = 300 };
    const size_t widths[] = {32, 48, 64};
    float *a = random_floats(M * K, 3), *b = random_floats(K * 64, 4);
    for (size_t w = 0; w < 3 && sp_xsmm_usable(); w++) {
        float all[M * 64], one[64];
        sp_product whole, single;
        cr_assert(sp_product_prepare(&sp_kernels_xsmm, SP_A_B, M, widths[w], K, K, widths[w], widths[w], &whole));
        cr_assert(sp_product_prepare(&sp_kernels_xsmm, SP_A_B, 1, widths[w], K, K, widths[w], widths[w], &single));
        sp_product_run(&whole, a, b, all);
        for (size_t i = 0; i < M; i++) {
            sp_product_run(&single, a + i * K, b, one);
            cr_assert_arr_eq(one, all + i * widths[w], widths[w] * sizeof *one, "width %zu, row %zu", widths[w], i);
        }
    }
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
    const double scale = 1.0507009873554804934193349852946, alpha = 1.6732632423543772848170429916717;
    switch (activation) {
    case SP_RELU: return fmax(z, 0);
    case SP_LEAKY_RELU: return fmax(z, 0.01 * z);
    case SP_ELU: return z > 0 ? z : exp(z) - 1;
    case SP_SELU: return scale * (z > 0 ? z : alpha * (exp(z) - 1));
    case SP_GELU: return z * erfc(-z / sqrt(2)) / 2;
    case SP_SILU: return z / (1 + exp(-z));
    case SP_SOFTPLUS: return z > 30 ? z : log1p(exp(z));
    default: return z;
    }
}

Test(activation, values_and_derivatives) {
    const float z[] = {-90.0f, -3.0f, -0.5f, -1e-4f, 1e-4f, 0.25f, 2.0f, 90.0f};
    enum { COUNT = sizeof z / sizeof *z };
    for (int f = SP_SIGMOID; f <= SP_IDENTITY; f++) {
        float a[COUNT], e[COUNT], slopes[COUNT], bias[COUNT] = {0};
        memcpy(a, z, sizeof a);
        for (int i = 0; i < COUNT; i++) e[i] = 3.0f;
        sp_activation_forward((sp_activation)f, 1, COUNT, COUNT, bias, a, slopes);
        sp_activation_backward((sp_activation)f, 1, COUNT, COUNT, a,
                               sp_activation_keeps_slope((sp_activation)f) ? slopes : NULL, e);
        for (int i = 0; i < COUNT; i++) {
            double h = 1e-6, value = define((sp_activation)f, z[i]);
            double slope = (define((sp_activation)f, z[i] + h) - define((sp_activation)f, z[i] - h)) / (2 * h);
            cr_expect_float_eq(a[i], value, 4e-7 * fmax(1, fabs(value)), "%s(%g)", sp_activation_names[f], z[i]);
            cr_expect_float_eq(e[i], 3 * slope, 4e-6, "%s'(%g)", sp_activation_names[f], z[i]);
        }
    }
}

/* The bound that activation.h states, where functions are curved, and rows longer than what is done at once. */
Test(activation, within_the_stated_bound) {
    enum { COUNT = 20001 };
    float *z = malloc(COUNT * sizeof *z), *a = malloc(COUNT * sizeof *a), *bias = calloc(COUNT, sizeof *bias);
    for (int i = 0; i < COUNT; i++) z[i] = -20 + 40 * (float)i / (COUNT - 1);
    for (int f = SP_SIGMOID; f <= SP_IDENTITY; f++) {
        double worst = 0;
        memcpy(a, z, COUNT * sizeof *a);
        sp_activation_forward((sp_activation)f, 1, COUNT, COUNT, bias, a, NULL);
        for (int i = 0; i < COUNT; i++) {
            double value = define((sp_activation)f, z[i]);
            worst = fmax(worst, fabs(a[i] - value) / fmax(1, fabs(value)));
        }
        cr_expect_leq(worst, 4e-7, "%s: %g", sp_activation_names[f], worst);
    }
    free(z), free(a), free(bias);
}

Test(activation, extremes_stay_finite_and_nan_stays_nan) {
    for (int f = SP_SIGMOID; f <= SP_IDENTITY; f++) {
        float z[] = {-1e30f, 1e30f, NAN}, slopes[3], e[] = {1, 1, 1}, bias[3] = {0};
        sp_activation_forward((sp_activation)f, 1, 3, 3, bias, z, slopes);
        sp_activation_backward((sp_activation)f, 1, 3, 3, z,
                               sp_activation_keeps_slope((sp_activation)f) ? slopes : NULL, e);
        cr_expect(isfinite(z[0]) && isfinite(z[1]) && isfinite(e[0]) && isfinite(e[1]), "%s: %g %g, %g %g",
                  sp_activation_names[f], z[0], z[1], e[0], e[1]);
        cr_expect(isnan(z[2]), "%s", sp_activation_names[f]);
    }
}

Test(activation, adds_the_bias_to_every_row) {
    float z[] = {1, 2, 3, 0, 4, 5, 6, 0}, bias[] = {10, 20, 30};
    sp_activation_forward(SP_IDENTITY, 2, 3, 4, bias, z, NULL);
    const float sums[] = {11, 22, 33, 0, 14, 25, 36, 0};
    cr_assert_arr_eq(z, sums, sizeof sums);
}

Test(activation, nan_is_not_hidden_by_relu) {
    float z[] = {NAN}, bias[] = {0};
    sp_activation_forward(SP_RELU, 1, 1, 1, bias, z, NULL);
    cr_assert(isnan(z[0]));
}

/* Wherever the one is that is not, among any number of others; large ones that only their sum cannot hold are. */
Test(finite, one_that_is_not_is_found) {
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    float values[100];
    for (int i = 0; i < 100; i++) values[i] = i % 3 ? 3e38f : -1;
    for (size_t count = 0; count <= 100; count++) {
        cr_expect(sp_all_finite(count, values), "%zu", count);
        for (size_t i = 0; i < count; i++) {
            float kept = values[i];
            values[i] = bad[i % 3];
            cr_expect_not(sp_all_finite(count, values), "%zu of %zu", i, count);
            values[i] = kept;
        }
    }
    values[0] = INFINITY, values[1] = -INFINITY;
    cr_expect_not(sp_all_finite(2, values));
}

static const sp_shape plain = {.delta = 1};

Test(loss, squared_error_sums_over_outputs_without_half) {
    const float yhat[] = {0.5f, 0.25f, -1.0f, 2.0f}, y[] = {1.0f, 0.0f, -1.0f, 0.0f};
    float e[4];
    size_t correct;
    double sum = sp_loss_rows(SP_SQUARED_ERROR, plain, 2, 2, 2, yhat, (sp_truth){.values = y}, 0.5f, e, &correct);
    cr_expect_float_eq(sum, 0.25 + 0.0625 + 0 + 4, 1e-9);
    const float errors[] = {-0.5f, 0.25f, 0.0f, 2.0f}; /* 2/N (yhat - y), N = 2 */
    cr_expect_arr_eq(e, errors, sizeof errors);
    cr_expect_eq(correct, 0);
}

Test(loss, squared_error_of_classes_is_one_hot) {
    const float yhat[] = {0.9f, 0.1f, 0.2f, 0.3f, 0.4f, 0.3f};
    size_t correct;
    double sum = sp_loss_rows(SP_SQUARED_ERROR, plain, 2, 3, 3, yhat, (sp_truth){.classes = (int32_t[]){0, 2}}, 0, NULL,
                              &correct);
    cr_expect_float_eq(sum, 0.01 + 0.01 + 0.04 + 0.09 + 0.16 + 0.49, 1e-6);
    cr_expect_eq(correct, 1);
}

Test(loss, one_output_means_the_second_class) {
    const float yhat[] = {0.4f, 0.6f, 0.5f};
    size_t correct;
    sp_loss_rows(SP_SQUARED_ERROR, plain, 3, 1, 1, yhat, (sp_truth){.classes = (int32_t[]){0, 1, 1}}, 0, NULL,
                 &correct);
    cr_expect_eq(correct, 2);
}

Test(loss, cross_entropy_at_extreme_logits) {
    const float z[] = {1000.0f, -1000.0f, 0.0f, -1000.0f, -1000.0f, -1000.0f};
    float e[6];
    size_t correct;
    double sum =
        sp_loss_rows(SP_CROSS_ENTROPY, plain, 2, 3, 3, z, (sp_truth){.classes = (int32_t[]){1, 0}}, 1.0f, e, &correct);
    cr_expect_float_eq(sum, 2000 + log(3), 1e-4);
    const double errors[] = {1, -1, 0, -2.0 / 3, 1.0 / 3, 1.0 / 3};
    for (int i = 0; i < 6; i++) cr_expect_float_eq(e[i], errors[i], 1e-6);
}

/* Logits that no exponential could stand. */
Test(loss, binary_cross_entropy_at_extreme_logits) {
    const float z[] = {1e4f, -1e4f, 1e4f, -1e4f, 0}, y[] = {1, 0, 0, 1, 0.5f};
    const double losses[] = {0, 0, 1e4, 1e4, 0.69314718055994531}, errors[] = {0, 0, 1, -1, 0};
    for (int i = 0; i < 5; i++) {
        float e;
        size_t correct;
        double loss = sp_loss_rows(SP_BINARY_CROSS_ENTROPY, plain, 1, 1, 1, z + i, (sp_truth){.values = y + i}, 1.0f,
                                   &e, &correct);
        cr_expect_float_eq(loss, losses[i], 1e-6, "%g", loss);
        cr_expect_float_eq(e, errors[i], 1e-7);
    }
    float yhat[] = {1e4f, -1e4f, 0};
    sp_loss_finish(SP_BINARY_CROSS_ENTROPY, 1, 3, 3, yhat);
    cr_expect_arr_eq(yhat, ((float[]){1, 0, 0.5f}), sizeof yhat);
}

/* A row that weighs 3 is that row three times, and one that weighs 0 none. */
Test(loss, rows_weigh) {
    const float z[] = {0.5f, -1, 2, 1, 0.25f, 0.75f}, weights[] = {3, 0}, y[] = {0, 1, 0.5f, 1, 0, 1};
    const int32_t classes[] = {1, 2};
    for (int loss = SP_SQUARED_ERROR; loss <= SP_POISSON; loss++) {
        sp_truth one = {.classes = loss == SP_CROSS_ENTROPY ? classes : NULL, .values = y}, both = one;
        float e[6], of_first[3];
        size_t correct;
        both.weights = weights;
        double first = sp_loss_rows((sp_loss)loss, plain, 1, 3, 3, z, one, 1, of_first, &correct);
        double sum = sp_loss_rows((sp_loss)loss, plain, 2, 3, 3, z, both, 0.5f, e, &correct);
        cr_expect_float_eq(sum, 3 * first, 1e-6, "%s", sp_loss_names[loss]);
        for (int j = 0; j < 3; j++) {
            cr_expect_float_eq(e[j], 1.5 * of_first[j], 1e-6, "%s", sp_loss_names[loss]);
            cr_expect_eq(e[3 + j], 0);
        }
    }
}

/* More outputs than are looked at at once: as over few, whose other probabilities are nothing. */
Test(loss, smoothed_labels_of_many_classes) {
    enum { MANY = 100 };
    float z[MANY], e[MANY];
    const int32_t class = 70;
    size_t correct;
    double sum = 0, all = 0, expected;
    for (int j = 0; j < MANY; j++) z[j] = (float)(j % 7) - 3;
    for (int j = 0; j < MANY; j++) sum += exp(z[j]), all += z[j];
    expected = log(sum) - 0.8 * z[class] - 0.2 * all / MANY;
    double loss = sp_loss_rows(SP_CROSS_ENTROPY, (sp_shape){.smoothing = 0.2f}, 1, MANY, MANY, z,
                               (sp_truth){.classes = &class}, 1, e, &correct);
    cr_expect_float_eq(loss, expected, 1e-6);
    for (int j = 0; j < MANY; j++)
        cr_expect_float_eq(e[j], exp(z[j]) / sum - 0.002 - (j == class ? 0.8 : 0), 1e-7, "output %d", j);
}

Test(loss, softmax_rows_sum_to_one) {
    float z[] = {1, 2, 3, -500, 0, 500};
    sp_loss_finish(SP_CROSS_ENTROPY, 2, 3, 3, z);
    cr_expect_float_eq(z[0] + z[1] + z[2], 1, 1e-6);
    cr_expect_float_eq(z[2] / z[1], exp(1), 1e-5);
    cr_expect_float_eq(z[5], 1, 1e-7);
}
