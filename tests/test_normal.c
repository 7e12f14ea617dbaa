/* Batch and layer normalisation: the formulas, PyTorch, differences, bits, running moments. */
#include "base/memory.h"
#include "base/random.h"
#include "golden.h"
#include "gradcheck.h"
#include "math/normalise.h"
#include "support.h"
#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The formulas, in double ---- */

enum { ROWS = 21, MOST_WIDTH = 300, STRIDE = 304 };

static const double epsilon = 1e-3;

/* Values with a mean far from zero, where a variance by the mean of the squares loses its digits. */
static float *matrix(uint64_t seed, double mean) {
    float *made = sp_allocate(ROWS * STRIDE, sizeof *made);
    for (size_t i = 0; i < ROWS * STRIDE; i++) made[i] = (float)(mean + sp_random_normal(seed, SP_RANDOM_SAMPLE, i, 0));
    return made;
}

/* xhat of `count` values, each `step` behind the one before; returns 1 / deviation. */
static double plain_normalise(size_t count, size_t step, const float *z, double *normal) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < count; i++) mean += z[i * step] / (double)count;
    for (size_t i = 0; i < count; i++) variance += pow(z[i * step] - mean, 2) / (double)count;
    for (size_t i = 0; i < count; i++) normal[i] = (z[i * step] - mean) / sqrt(variance + epsilon);
    return 1 / sqrt(variance + epsilon);
}

/* dJ/dz of these, with g = dJ/dxhat. */
static void plain_back(size_t count, const double *normal, double inverse, const double *g, double *expected) {
    double mean = 0, product = 0;
    for (size_t i = 0; i < count; i++) mean += g[i] / (double)count, product += g[i] * normal[i] / (double)count;
    for (size_t i = 0; i < count; i++) expected[i] = inverse * (g[i] - mean - normal[i] * product);
}

static void check_columns(size_t width) {
    float *z = matrix(1, 40), *e = matrix(2, 0), *normal = matrix(3, 0), *before = matrix(1, 40), *scale = matrix(4, 1);
    float *errors = matrix(2, 0), *scaled = matrix(1, 40);
    float mean[MOST_WIDTH], variance[MOST_WIDTH], shift_sum[MOST_WIDTH], scale_sum[MOST_WIDTH];
    sp_column_moments(ROWS, width, STRIDE, z, mean, variance);
    sp_column_norm norm = {mean, variance, scale, epsilon};
    sp_normalise_columns(&norm, ROWS, width, STRIDE, z, normal);
    sp_normalise_columns(&norm, ROWS, width, STRIDE, scaled, NULL);
    sp_normalise_sums(ROWS, width, STRIDE, e, normal, shift_sum, scale_sum);
    sp_normalise_columns_back(&norm, shift_sum, scale_sum, ROWS, width, STRIDE, normal, e);
    for (size_t j = 0; j < width; j++) {
        double xhat[ROWS], g[ROWS], expected[ROWS], shift = 0, sum = 0;
        double inverse = plain_normalise(ROWS, STRIDE, before + j, xhat);
        for (size_t i = 0; i < ROWS; i++) {
            g[i] = (double)scale[j] * errors[i * STRIDE + j];
            shift += errors[i * STRIDE + j], sum += errors[i * STRIDE + j] * xhat[i];
        }
        plain_back(ROWS, xhat, inverse, g, expected);
        cr_assert_float_eq(shift_sum[j], shift, 1e-5);
        cr_assert_float_eq(scale_sum[j], sum, 1e-4);
        for (size_t i = 0; i < ROWS; i++) {
            cr_assert_float_eq(normal[i * STRIDE + j], xhat[i], 1e-5);
            cr_assert_float_eq(z[i * STRIDE + j], scale[j] * xhat[i], 4e-5);
            cr_assert_float_eq(scaled[i * STRIDE + j], scale[j] * xhat[i], 4e-5);
            cr_assert_float_eq(e[i * STRIDE + j], expected[i], 2e-5, "column %zu of %zu", j, width);
        }
    }
    cr_expect_eq(z[width], before[width], "the column behind the last is left alone");
    cr_expect_eq(e[width], errors[width]);
    free(z), free(e), free(normal), free(before), free(scale), free(errors), free(scaled);
}

static void check_rows(size_t width) {
    float *z = matrix(1, 40), *e = matrix(2, 0), *normal = matrix(3, 0), *before = matrix(1, 40), *scale = matrix(4, 1);
    float *errors = matrix(2, 0), inverse[ROWS];
    sp_normalise_rows(scale, epsilon, ROWS, width, STRIDE, z, normal, inverse);
    sp_normalise_rows_back(scale, ROWS, width, STRIDE, normal, inverse, e);
    for (size_t i = 0; i < ROWS; i++) {
        double xhat[MOST_WIDTH], g[MOST_WIDTH], expected[MOST_WIDTH];
        double by = plain_normalise(width, 1, before + i * STRIDE, xhat);
        for (size_t j = 0; j < width; j++) g[j] = (double)scale[j] * errors[i * STRIDE + j];
        plain_back(width, xhat, by, g, expected);
        for (size_t j = 0; j < width; j++) {
            cr_assert_float_eq(normal[i * STRIDE + j], xhat[j], 1e-4);
            cr_assert_float_eq(z[i * STRIDE + j], scale[j] * xhat[j], 4e-4);
            cr_assert_float_eq(e[i * STRIDE + j], expected[j], 1e-4 * fmax(1, by), "column %zu of %zu", j, width);
        }
    }
    cr_expect_eq(z[width], before[width], "the column behind the last is left alone");
    cr_expect_eq(e[width], errors[width]);
    free(z), free(e), free(normal), free(before), free(scale), free(errors);
}

Test(normal, columns_and_rows_of_any_width_by_the_formulas) {
    const size_t widths[] = {1, 7, 8, 127, 128, 129, MOST_WIDTH};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        check_columns(widths[i]);
        check_rows(widths[i]);
    }
}

/* One row says nothing of a column: xhat and the error are 0, not infinite. */
Test(normal, a_single_row_is_zero) {
    float z[] = {3, -2}, normal[2], e[] = {0.5f, 7}, mean[2], variance[2], shift[2], scales[2];
    sp_column_moments(1, 2, 2, z, mean, variance);
    sp_column_norm norm = {mean, variance, (float[]){2, 3}, 1e-5};
    sp_normalise_columns(&norm, 1, 2, 2, z, normal);
    sp_normalise_sums(1, 2, 2, e, normal, shift, scales);
    sp_normalise_columns_back(&norm, shift, scales, 1, 2, 2, normal, e);
    for (int j = 0; j < 2; j++) {
        cr_expect_eq(z[j], 0);
        cr_expect_eq(e[j], 0);
        cr_expect_eq(scales[j], 0);
    }
    cr_expect_eq(shift[1], 7);
}

/* ---- PyTorch ---- */

Test(normal, twenty_steps_as_pytorch) {
    cr_assert_eq(golden_cases("tests/reference/normal.json"), 12);
}

/* ---- A training, up to its first step ---- */

/* With biases and scales away from 0 and 1. */
static training prepare(const char *const *assignments) {
    training made = training_prepare(assignments);
    const sp_net *net = made.plan.net;
    for (size_t l = 0; l < net->depth; l++)
        for (size_t i = net->layers[l].bias;
             i < net->parameters && (l + 1 == net->depth || i < net->layers[l + 1].weights); i++)
            made.parameters[i] += (float)(0.3 * sp_random_uniform(1, SP_RANDOM_SAMPLE, i, 0) - 0.1);
    training_start(&made);
    return made;
}

/* ---- Differences ---- */

static void check_gradients(const char *norm, const char *activation, const char *loss, const char *dropout,
                            const char *data) {
    training made = prepare((const char *[]){data ? data : "data.train=data/iris.csv", "data.normalize=standard",
                                             "network.hidden=7,5", "train.batch_size=37", "parallel.shards=3", norm,
                                             activation, loss, dropout, NULL});
    sp_gradcheck found[3 * SP_GRADCHECK_TENSORS];
    sp_error error = {0};
    must(sp_gradcheck_run(&made.plan, made.plan.net, made.data, made.stepper, made.parameters, 50, 1, found, &error),
         error);
    for (int i = 0; i < 3 * SP_GRADCHECK_TENSORS; i++) {
        bool scales = i % SP_GRADCHECK_TENSORS == SP_GRADCHECK_SCALES;
        bool there = !scales || made.plan.net->layers[i / SP_GRADCHECK_TENSORS].norm != SP_NORM_NONE;
        cr_expect(there == (found[i].checked > 0), "%s, %s, %s: %zu compared in tensor %d", norm, activation, loss,
                  found[i].checked, i);
        cr_expect_lt(found[i].error, 1e-5, "%s, %s, %s, tensor %d: %g", norm, activation, loss, i, found[i].error);
    }
    training_release(&made);
}

Test(normal, gradients_agree_with_differences_for_every_activation_and_loss) {
    const char *const norms[] = {"network.normalization=batch", "network.normalization=layer",
                                 "network.normalization=layer,batch", "network.normalization=none,batch"};
    const char *const losses[] = {"train.loss=cross_entropy", "train.loss=squared_error"};
    for (int activation = 0; activation < SP_SOFTMAX; activation++) {
        char *named = format_text("network.activation=%s", sp_activation_names[activation]);
        for (int norm = 0; norm < 4; norm++)
            for (int loss = 0; loss < 2; loss++) check_gradients(norms[norm], named, losses[loss], NULL, NULL);
        check_gradients(norms[2], named, losses[0], "network.dropout=0.3", NULL);
    }
}

/* Rows with counts to learn: what poisson is for. */
static const char *write_counts(void) {
    char *text = format_text("a,b,c,count\n");
    for (uint64_t i = 0; i < 40; i++)
        text = format_text("%s%.3f,%.3f,%.3f,%d\n", text, sp_random_normal(1, SP_RANDOM_SAMPLE, i, 1),
                           sp_random_normal(1, SP_RANDOM_SAMPLE, i, 2), sp_random_normal(1, SP_RANDOM_SAMPLE, i, 3),
                           (int)(4 * sp_random_uniform(1, SP_RANDOM_SAMPLE, i, 4)));
    return format_text("data.train=%s", write_text("counts.csv", text));
}

/* Every activation with every loss under every normalisation. */
Test(normal, gradients_agree_for_all_combinations) {
    static const char *const norms[] = {"none", "batch", "layer"};
    const char *counts = write_counts();
    size_t combinations = 0;
    for (int activation = 0; activation < SP_SOFTMAX; activation++)
        for (int loss = 0; sp_loss_names[loss]; loss++)
            for (int norm = 0; norm < 3; norm++, combinations++)
                check_gradients(format_text("network.normalization=%s", norms[norm]),
                                format_text("network.activation=%s", sp_activation_names[activation]),
                                format_text("train.loss=%s", sp_loss_names[loss]),
                                loss == SP_POISSON ? "data.task=regression" : NULL, loss == SP_POISSON ? counts : NULL);
    cr_expect_eq(combinations, 10 * 6 * 3);
}

/* Gradients alone leave no trace in the running moments either. */
Test(normal, gradients_leave_the_moments_alone) {
    training made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=5",
                                             "network.normalization=batch", "train.batch_size=50", NULL});
    float *gradients = sp_allocate(made.plan.net->floats, sizeof *gradients);
    sp_tally tally;
    sp_error error = {0};
    sp_batch batch = {.rows = made.data->train.rows.index, .count = 50};
    must(sp_stepper_gradients(made.stepper, batch, gradients, &tally, &error), error);
    sp_weights_store(made.weights, gradients);
    cr_expect_arr_eq(gradients, made.parameters, made.plan.net->floats * sizeof *gradients);
    free(gradients);
    training_release(&made);
}

/* ---- Bits ---- */

static uint64_t bits_of(const char *const *settings) {
    const char *all[16] = {"data.train=data/digits.csv", "data.normalize=standard", "network.hidden=133,64,21",
                           "network.activation=tanh,gelu,relu"};
    for (int i = 4; *settings; settings++) all[i++] = *settings; /* later ones win */
    training made = prepare(all);
    return bits_after_an_epoch(&made);
}

static void check_bits(const char *const *settings) {
    expect_same_bits(bits_of, settings);
}

static void check_bits_of(const char *norm, const char *kernels) {
    /* Shards that do not divide the mini-batch; the last one of 11 rows has shards of one row. */
    check_bits((const char *[]){norm, kernels, "train.batch_size=38", "parallel.shards=8", NULL});
    check_bits((const char *[]){norm, kernels, "train.batch_size=full", "parallel.shards=auto", NULL});
    /* Layers so wide that threads share out their columns; the last mini-batch has fewer rows than shards. A quarter of
     * the rows are steps enough. */
    const char *wide = "network.hidden=420,300,21", *few = "data.test=0.75";
    check_bits((const char *[]){norm, kernels, few, "train.batch_size=34", "parallel.shards=17", wide, NULL});
    check_bits((const char *[]){norm, kernels, few, "train.batch_size=32", "parallel.shards=1", wide, NULL});
}

Test(normal, same_bits_under_batch_normalisation) {
    check_bits_of("network.normalization=batch", "parallel.kernels=blas");
    if (sp_xsmm_usable()) check_bits_of("network.normalization=batch", "parallel.kernels=xsmm");
}

Test(normal, same_bits_under_layer_normalisation) {
    check_bits_of("network.normalization=layer", "parallel.kernels=blas");
    if (sp_xsmm_usable()) check_bits_of("network.normalization=layer", "parallel.kernels=xsmm");
}

Test(normal, same_bits_with_both_and_all_that_an_update_does) {
    const char *all[] = {"network.normalization=layer,none,batch",
                         "parallel.kernels=reference",
                         "train.batch_size=37",
                         "parallel.shards=5",
                         "optimizer.clip_norm=0.5",
                         "optimizer.max_norm=0.7",
                         "optimizer.ema=0.95",
                         "optimizer.name=adam",
                         "network.dropout=0.2",
                         NULL};
    check_bits(all);
    all[1] = "parallel.kernels=xsmm";
    if (sp_xsmm_usable()) check_bits(all);
}

/* ---- Running moments ---- */

/* Mean and unbiased variance of z = W^T x over rows first .. first + count - 1, of column j, in double. */
static void plain_moments(const training *made, size_t first, size_t count, size_t j, double *mean, double *variance) {
    const sp_layer *layer = &made->plan.net->layers[0];
    float *x = sp_allocate(count * layer->inputs, sizeof *x);
    double *z = calloc(count, sizeof *z);
    sp_preprocess_gather(&made->data->preprocess, made->data->train.data->table, made->data->train.rows.index + first,
                         count, x, layer->inputs);
    *mean = *variance = 0;
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < layer->inputs; i++)
            z[n] += (double)x[n * layer->inputs + i] * made->parameters[layer->weights + i * layer->outputs + j];
        *mean += z[n] / (double)count;
    }
    for (size_t n = 0; n < count; n++) *variance += pow(z[n] - *mean, 2) / (double)(count - 1);
    free(x);
    free(z);
}

/* Those of the whole mini-batch, however it is cut: even into shards of one row. */
Test(normal, running_moments_are_those_of_the_mini_batch) {
    const char *const shards[] = {"parallel.shards=1", "parallel.shards=3", "parallel.shards=20", "parallel.shards=25"};
    for (int i = 0; i < 4; i++) {
        training made =
            prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=90", "train.batch_size=50",
                                     "network.normalization=batch", "network.norm_momentum=0.25", shards[i], NULL});
        const sp_layer *layer = &made.plan.net->layers[0];
        const size_t counts[] = {50, 21};
        sp_error error = {0};
        must(sp_stepper_prepare(made.stepper, 21, &error), error);
        double expected[2][90];
        for (size_t j = 0; j < 90; j++) expected[0][j] = 0, expected[1][j] = 1;
        for (size_t step = 0; step < 2; step++) {
            for (size_t j = 0; j < 90; j++) {
                double mean, variance;
                plain_moments(&made, 60 * step, counts[step], j, &mean, &variance);
                expected[0][j] = 0.75 * expected[0][j] + 0.25 * mean;
                expected[1][j] = 0.75 * expected[1][j] + 0.25 * variance;
            }
            sp_batch batch = {.rows = made.data->train.rows.index + 60 * step, .count = counts[step]};
            sp_stepper_step(made.stepper, batch, 0.1);
            sp_weights_store(made.weights, made.parameters);
        }
        for (size_t j = 0; j < 90; j++) {
            cr_expect_float_eq(made.parameters[layer->mean + j], expected[0][j], 1e-5, "%s, mean %zu", shards[i], j);
            cr_expect_float_eq(made.parameters[layer->mean + 90 + j], expected[1][j], 1e-5, "%s, variance %zu",
                               shards[i], j);
        }
        training_release(&made);
    }
}

Test(normal, a_last_mini_batch_of_one_row_moves_no_variance) {
    training made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=6", "train.batch_size=50",
                                             "network.normalization=batch", "parallel.shards=2", NULL});
    const sp_layer *layer = &made.plan.net->layers[0];
    sp_error error = {0};
    must(sp_stepper_prepare(made.stepper, 1, &error), error);
    sp_stepper_step(made.stepper, (sp_batch){.rows = made.data->train.rows.index, .count = 50}, 0.1);
    float *before = sp_allocate(made.plan.net->floats, sizeof *before);
    sp_weights_store(made.weights, before);
    sp_stepper_step(made.stepper, (sp_batch){.rows = made.data->train.rows.index + 50, .count = 1}, 0.1);
    sp_weights_store(made.weights, made.parameters);
    for (size_t j = 0; j < 6; j++) {
        cr_expect_neq(made.parameters[layer->mean + j], before[layer->mean + j], "the mean follows");
        cr_expect_eq(made.parameters[layer->mean + 6 + j], before[layer->mean + 6 + j]);
        cr_expect_eq(made.parameters[layer->scale + j], before[layer->scale + j], "xhat is 0");
    }
    for (size_t i = 0; i < made.plan.net->floats; i++) cr_expect(isfinite(made.parameters[i]));
    free(before);
    training_release(&made);
}

/* What is judged is the average of the weights with the moments as they are. */
Test(normal, an_average_of_the_weights_takes_the_moments_over) {
    training made = prepare((const char *[]){"data.train=data/iris.csv", "network.hidden=6", "train.batch_size=50",
                                             "network.normalization=batch", "optimizer.ema=0.5", NULL});
    training_epoch(&made, 0.1);
    sp_weights_store(made.weights, made.parameters);
    size_t parameters = made.plan.net->parameters, floats = made.plan.net->floats;
    float *averaged = sp_allocate(floats, sizeof *averaged);
    sp_weights_store(sp_stepper_average(made.stepper), averaged);
    cr_expect(memcmp(averaged, made.parameters, parameters * sizeof *averaged) != 0);
    cr_expect_arr_eq(averaged + parameters, made.parameters + parameters, (floats - parameters) * sizeof *averaged);
    free(averaged);
    training_release(&made);
}
