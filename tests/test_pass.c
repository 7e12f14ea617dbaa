/* Forward and backward by hand, and by finite differences of nothing but the definition. */
#include "pass.h"
#include "support.h"

#include <math.h>

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

static sp_net *make_net(size_t depth, const size_t *widths, const sp_activation *activations, sp_loss loss) {
    sp_error error = {0};
    sp_net *net;
    must(sp_net_create(depth, widths, activations, loss, &net, &error), error);
    return net;
}

Test(pass, two_two_one_by_hand) {
    sp_net *net = make_net(2, (size_t[]){2, 2, 1}, (sp_activation[]){SP_SIGMOID, SP_SIGMOID}, SP_SQUARED_ERROR);
    sp_error error = {0};
    sp_workspace *workspace;
    must(sp_workspace_create(net, 1, true, &workspace, &error), error);
    cr_assert_eq(net->parameters, 9);
    workspace->activations[0][0] = 1.0f;
    workspace->activations[0][1] = 0.5f;

    const float *yhat = sp_pass_forward(net, &sp_kernels_reference, by_hand_parameters, workspace, 1);
    cr_expect_float_eq(workspace->activations[1][0], 0.574442516812, 1e-7);
    cr_expect_float_eq(workspace->activations[1][1], 0.487502603516, 1e-7);
    cr_expect_float_eq(yhat[0], 0.523662235607, 1e-7);

    float gradients[9];
    size_t correct;
    sp_truth truth = {.values = (float[]){1.0f}};
    double loss = sp_pass_backward(net, &sp_kernels_reference, by_hand_parameters, workspace, 1, truth, 1.0f, gradients,
                                   &correct);
    cr_expect_float_eq(loss, 0.226897665787, 1e-7);
    for (int i = 0; i < 9; i++) cr_expect_float_eq(gradients[i], by_hand_gradients[i], 1e-7, "parameter %d", i);
    sp_workspace_destroy(workspace);
    sp_net_destroy(net);
}

Test(pass, two_rows_are_the_mean_of_each) {
    sp_net *net = make_net(2, (size_t[]){2, 2, 1}, (sp_activation[]){SP_SIGMOID, SP_SIGMOID}, SP_SQUARED_ERROR);
    sp_error error = {0};
    sp_workspace *workspace;
    must(sp_workspace_create(net, 2, true, &workspace, &error), error);
    float one[9], other[9], both[9];
    size_t correct;
    float rows[2][2] = {{1.0f, 0.5f}, {-0.25f, 2.0f}}, wanted[2] = {1.0f, 0.0f}, *result[2] = {one, other};
    double loss[2];
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 2; j++) workspace->activations[0][j] = rows[i][j];
        sp_pass_forward(net, &sp_kernels_reference, by_hand_parameters, workspace, 1);
        loss[i] = sp_pass_backward(net, &sp_kernels_reference, by_hand_parameters, workspace, 1,
                                   (sp_truth){.values = &wanted[i]}, 1.0f, result[i], &correct);
    }
    for (int i = 0; i < 4; i++) workspace->activations[0][i] = rows[i / 2][i % 2];
    sp_pass_forward(net, &sp_kernels_reference, by_hand_parameters, workspace, 2);
    double sum = sp_pass_backward(net, &sp_kernels_reference, by_hand_parameters, workspace, 2,
                                  (sp_truth){.values = wanted}, 0.5f, both, &correct);
    cr_expect_float_eq(sum, loss[0] + loss[1], 1e-7);
    for (int i = 0; i < 9; i++) cr_expect_float_eq(both[i], (one[i] + other[i]) / 2, 1e-7, "parameter %d", i);
    sp_workspace_destroy(workspace);
    sp_net_destroy(net);
}

/* Cross-entropy of a network without hidden layers has a closed form: dJ/dW = x (p - y)^T. */
Test(pass, softmax_regression_closed_form) {
    sp_net *net = make_net(1, (size_t[]){2, 3}, (sp_activation[]){SP_SOFTMAX}, SP_CROSS_ENTROPY);
    sp_error error = {0};
    sp_workspace *workspace;
    must(sp_workspace_create(net, 1, true, &workspace, &error), error);
    const float parameters[] = {0.5f, -1.0f, 0.25f, 1.5f, 0.0f, -0.5f, 0.1f, 0.2f, -0.3f};
    const double x[] = {2.0, -1.0};
    double z[3], p[3], sum = 0;
    for (int j = 0; j < 3; j++) {
        z[j] = x[0] * parameters[j] + x[1] * parameters[3 + j] + parameters[6 + j];
        sum += exp(z[j]);
    }
    for (int j = 0; j < 3; j++) p[j] = exp(z[j]) / sum;

    float gradients[9];
    size_t correct;
    for (int i = 0; i < 2; i++) workspace->activations[0][i] = (float)x[i];
    sp_pass_forward(net, &sp_kernels_reference, parameters, workspace, 1);
    double loss = sp_pass_backward(net, &sp_kernels_reference, parameters, workspace, 1,
                                   (sp_truth){.classes = (int32_t[]){2}}, 1.0f, gradients, &correct);
    cr_expect_float_eq(loss, -log(p[2]), 1e-6);
    cr_expect_eq(correct, 1); /* z = (-0.4, -1.8, 0.7) */
    for (int j = 0; j < 3; j++) {
        double e = p[j] - (j == 2);
        cr_expect_float_eq(gradients[j], x[0] * e, 1e-6);
        cr_expect_float_eq(gradients[3 + j], x[1] * e, 1e-6);
        cr_expect_float_eq(gradients[6 + j], e, 1e-6);
    }
    sp_workspace_destroy(workspace);
    sp_net_destroy(net);
}
