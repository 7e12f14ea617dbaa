/* Forward and backward by hand, and by finite differences of nothing but the definition. */
#include "pass.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

/*
 * A 2-2-1 network of sigmoids, worked out with pen and paper:
 *   x = (1, 0.5), y = 1, J = (y - yhat)^2
 *   z1 = (1*0.1 + 0.5*0.3 + 0.05, 1*0.2 - 0.5*0.4 - 0.05) = (0.3, -0.05)
 *   a1 = sigmoid(z1) = (0.574442517, 0.487502604)
 *   z2 = 0.5*a1[0] - 0.6*a1[1] + 0.1 = 0.094719696, yhat = sigmoid(z2) = 0.523662236
 *   J  = 0.226897666
 *   e2 = 2 (yhat - y) yhat (1 - yhat) = -0.237635478
 *   e1 = (W2 e2) * a1 (1 - a1) = (-0.029045984, 0.035623053)
 *   dJ/dW1 = x e1^T, dJ/db1 = e1, dJ/dW2 = a1 e2, dJ/db2 = e2
 */
static const float by_hand_parameters[] = {0.1f, 0.2f,  0.3f,         -0.4f, /* W1 */ 0.05f, -0.05f, /* b1 */
                                           0.5f, -0.6f, /* W2 */ 0.1f /* b2 */};
static const double by_hand_gradients[] = {-0.029045983855, 0.035623052629,  -0.014522991928,
                                           0.017811526315,  -0.029045983855, 0.035623052629,
                                           -0.136507921974, -0.115847914135, -0.237635477840};

/* A network ready for passes over slices of up to two rows. */
typedef struct setup {
    sp_net *net;
    sp_layout *layout;
    sp_weights *weights;
    sp_pass *pass;
    sp_workspace *workspace;
} setup;

static setup make(const sp_kernels *kernels, size_t depth, const size_t *widths, const sp_activation *activations,
                  sp_loss loss, const float *parameters) {
    sp_error error = {0};
    setup made;
    must(sp_blas_prepare(&error), error);
    must(sp_net_create(depth, widths, activations, NULL, loss, &made.net, &error), error);
    must(sp_layout_create(made.net, kernels, &made.layout, &error), error);
    must(sp_weights_create(made.layout, &made.weights, &error), error);
    must(sp_pass_create(made.layout, true, &made.pass, &error), error);
    must(sp_pass_prepare(made.pass, 1, &error), error);
    must(sp_pass_prepare(made.pass, 2, &error), error);
    must(sp_workspace_create(made.layout, 2, 1, &made.workspace, &error), error);
    sp_workspace_clear(made.workspace, made.layout, 0, 2);
    sp_weights_load(made.weights, parameters);
    return made;
}

static void release(setup *made) {
    sp_workspace_destroy(made->workspace);
    sp_pass_destroy(made->pass);
    sp_weights_destroy(made->weights);
    sp_layout_destroy(made->layout);
    sp_net_destroy(made->net);
}

/* Forward and backward of rows that are given one behind the other; gradients as a plain vector. */
static double pass(setup *made, size_t rows, const float *inputs, sp_truth truth, float inverse_n, float *gradients,
                   size_t *correct) {
    const sp_net *net = made->net;
    sp_slice slice = {.count = rows};
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < net->inputs; j++)
            made->workspace->activations[0][i * made->layout->input_stride + j] = inputs[i * net->inputs + j];
    sp_pass_outputs(made->pass, made->weights, made->workspace, &slice, 1);
    double loss = sp_pass_loss(made->pass, made->workspace, slice, (sp_shape){.delta = 1}, truth, inverse_n, correct);
    float *scratch = malloc((sp_pass_scratch(made->layout) + 1) * sizeof *scratch);
    for (size_t l = net->depth - 1; l >= 1; l--)
        sp_pass_backward(made->pass, made->weights, made->workspace, l, 0, made->layout->layers[l].strips, &slice, 1,
                         scratch);
    free(scratch);
    float *sum = malloc(made->layout->most_tile * sizeof *sum);
    for (size_t t = 0; t < made->layout->tiles; t++) {
        const sp_tile *tile = &made->layout->tile[t];
        const sp_layer *layer = &net->layers[tile->layer];
        const sp_panel *panel = &made->layout->layers[tile->layer].panel[tile->panel];
        sp_pass_gradient(made->pass, made->workspace, tile, slice, sum);
        for (size_t j = 0; j < panel->columns; j++) {
            for (size_t i = 0; i < tile->rows; i++)
                gradients[layer->weights + (tile->row + i) * layer->outputs + panel->first + j] =
                    sum[i * panel->width + j];
            if (tile->biases > 0) gradients[layer->bias + panel->first + j] = sum[tile->count + j];
        }
    }
    free(sum);
    return loss;
}

static const sp_activation sigmoids[] = {SP_SIGMOID, SP_SIGMOID};

Test(pass, two_two_one_by_hand) {
    const sp_kernels *const all[] = {&sp_kernels_reference, &sp_kernels_blas, &sp_kernels_xsmm};
    for (size_t k = 0; k < (sp_xsmm_usable() ? 3 : 2); k++) {
        setup made = make(all[k], 2, (size_t[]){2, 2, 1}, sigmoids, SP_SQUARED_ERROR, by_hand_parameters);
        float gradients[9];
        size_t correct;
        cr_assert_eq(made.net->parameters, 9);
        double loss =
            pass(&made, 1, (float[]){1.0f, 0.5f}, (sp_truth){.values = (float[]){1.0f}}, 1.0f, gradients, &correct);
        cr_expect_float_eq(made.workspace->activations[1][0], 0.574442516812, 1e-7);
        cr_expect_float_eq(made.workspace->activations[1][1], 0.487502603516, 1e-7);
        cr_expect_float_eq(made.workspace->activations[2][0], 0.523662235607, 1e-7);
        cr_expect_float_eq(loss, 0.226897665787, 1e-7);
        for (int i = 0; i < 9; i++)
            cr_expect_float_eq(gradients[i], by_hand_gradients[i], 1e-7, "%s, parameter %d", all[k]->name, i);
        release(&made);
    }
}

Test(pass, two_rows_are_the_mean_of_each) {
    setup made = make(&sp_kernels_reference, 2, (size_t[]){2, 2, 1}, sigmoids, SP_SQUARED_ERROR, by_hand_parameters);
    float one[9], other[9], both[9];
    size_t correct;
    const float rows[] = {1.0f, 0.5f, -0.25f, 2.0f}, wanted[] = {1.0f, 0.0f};
    double first = pass(&made, 1, rows, (sp_truth){.values = wanted}, 1.0f, one, &correct);
    double second = pass(&made, 1, rows + 2, (sp_truth){.values = wanted + 1}, 1.0f, other, &correct);
    double sum = pass(&made, 2, rows, (sp_truth){.values = wanted}, 0.5f, both, &correct);
    cr_expect_float_eq(sum, first + second, 1e-7);
    for (int i = 0; i < 9; i++) cr_expect_float_eq(both[i], (one[i] + other[i]) / 2, 1e-7, "parameter %d", i);
    release(&made);
}

/* Cross-entropy of a network without hidden layers has a closed form: dJ/dW = x (p - y)^T. */
Test(pass, softmax_regression_closed_form) {
    const float parameters[] = {0.5f, -1.0f, 0.25f, 1.5f, 0.0f, -0.5f, 0.1f, 0.2f, -0.3f};
    setup made =
        make(&sp_kernels_reference, 1, (size_t[]){2, 3}, (sp_activation[]){SP_SOFTMAX}, SP_CROSS_ENTROPY, parameters);
    const double x[] = {2.0, -1.0};
    double z[3], p[3], sum = 0;
    for (int j = 0; j < 3; j++) {
        z[j] = x[0] * parameters[j] + x[1] * parameters[3 + j] + parameters[6 + j];
        sum += exp(z[j]);
    }
    for (int j = 0; j < 3; j++) p[j] = exp(z[j]) / sum;

    float gradients[9];
    size_t correct;
    double loss =
        pass(&made, 1, (float[]){2.0f, -1.0f}, (sp_truth){.classes = (int32_t[]){2}}, 1.0f, gradients, &correct);
    cr_expect_float_eq(loss, -log(p[2]), 1e-6);
    cr_expect_eq(correct, 1); /* z = (-0.4, -1.8, 0.7) */
    for (int j = 0; j < 3; j++) {
        double e = p[j] - (j == 2);
        cr_expect_float_eq(gradients[j], x[0] * e, 1e-6);
        cr_expect_float_eq(gradients[3 + j], x[1] * e, 1e-6);
        cr_expect_float_eq(gradients[6 + j], e, 1e-6);
    }
    release(&made);
}

/* Widths around the panels' and the tiles' edges: nothing is lost on the way in and out. */
Test(layout, weights_come_back_as_they_went_in) {
    const size_t widths[] = {130, 1, 15, 64, 65, 200, 10};
    sp_activation activations[6];
    for (int l = 0; l < 6; l++) activations[l] = SP_RELU;
    const sp_norms norms = {(sp_norm[]){SP_NORM_BATCH, SP_NORM_LAYER, SP_NORM_BATCH, SP_NORM_NONE, SP_NORM_BATCH}, 1};
    const sp_kernels *const all[] = {&sp_kernels_reference, &sp_kernels_blas, &sp_kernels_xsmm};
    for (int k = 0; k < 6; k++) {
        sp_error error = {0};
        sp_net *net;
        sp_layout *layout;
        sp_weights *weights;
        must(sp_net_create(6, widths, activations, k < 3 ? NULL : &norms, SP_SQUARED_ERROR, &net, &error), error);
        must(sp_layout_create(net, all[k % 3], &layout, &error), error);
        must(sp_weights_create(layout, &weights, &error), error);
        float *in = malloc(net->floats * sizeof *in), *out = calloc(net->floats, sizeof *out);
        for (size_t i = 0; i < net->floats; i++) in[i] = (float)(i + 1);
        sp_weights_load(weights, in);
        sp_weights_store(weights, out);
        cr_expect_arr_eq(in, out, net->floats * sizeof *in, "%s", all[k % 3]->name);
        free(in), free(out);
        sp_weights_destroy(weights);
        sp_layout_destroy(layout);
        sp_net_destroy(net);
    }
}
