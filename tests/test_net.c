/* Layers, where parameters lie, and initial weights. */
#include "net.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sp_net *make_net(size_t depth, const size_t *widths, sp_activation hidden, sp_activation output) {
    sp_error error = {0};
    sp_activation activations[8];
    for (size_t l = 0; l < depth; l++) activations[l] = l + 1 < depth ? hidden : output;
    sp_net *net;
    must(sp_net_create(depth, widths, activations, NULL, SP_CROSS_ENTROPY, &net, &error), error);
    return net;
}

Test(net, parameters_lie_layer_by_layer) {
    sp_net *net = make_net(2, (size_t[]){784, 128, 10}, SP_RELU, SP_SOFTMAX);
    cr_expect_eq(net->parameters, 784 * 128 + 128 + 128 * 10 + 10);
    cr_expect_eq(net->layers[0].bias, 784 * 128);
    cr_expect_eq(net->layers[1].weights, 784 * 128 + 128);
    cr_expect_eq(net->layers[1].bias, 784 * 128 + 128 + 128 * 10);
    cr_expect_eq(net->widest, 128);
    char text[80];
    sp_net_describe(net, text, sizeof text);
    cr_expect_str_eq(text, "784-128-10 relu softmax");
    /* Two products forward and gradient a weight, three above the first layer; 2 operations each. */
    cr_expect_float_eq(sp_net_flops(net), 4.0 * 784 * 128 + 6.0 * 128 * 10, 1e-9);
    sp_net_destroy(net);
}

/* W(1), b(1), scale(1), W(2), b(2), scale(2), W(3), b(3); behind them what only batch normalisation has. */
Test(net, normalised_layers_have_scales_and_running_moments) {
    const sp_norms norms = {(sp_norm[]){SP_NORM_BATCH, SP_NORM_LAYER}, 1e-5};
    const sp_activation activations[] = {SP_RELU, SP_RELU, SP_SOFTMAX};
    sp_error error = {0};
    sp_net *net;
    must(sp_net_create(3, (size_t[]){4, 3, 2, 5}, activations, &norms, SP_CROSS_ENTROPY, &net, &error), error);
    cr_expect_eq(net->layers[0].scale, 15);
    cr_expect_eq(net->layers[1].weights, 18);
    cr_expect_eq(net->layers[1].scale, 26);
    cr_expect_eq(net->parameters, 28 + 15);
    cr_expect_eq(net->layers[0].mean, 43);
    cr_expect_eq(net->floats, 43 + 6);
    float parameters[49];
    sp_net_initialise(net, SP_INIT_CONSTANT, 0.5, 1, parameters);
    for (size_t i = 0; i < 49; i++) {
        bool weight = i < 12 || (i >= 18 && i < 24) || (i >= 28 && i < 38);
        bool one = (i >= 15 && i < 18) || i == 26 || i == 27 || i >= 46;
        cr_expect_eq(parameters[i], weight ? 0.5f : one ? 1 : 0, "%zu: %g", i, parameters[i]);
    }
    char text[80];
    sp_net_describe(net, text, sizeof text);
    cr_expect_str_eq(text, "4-3-2-5 batch relu layer relu softmax");
    sp_net_destroy(net);
}

Test(net, absurd_layers_are_refused) {
    sp_error error = {0};
    sp_net *net;
    sp_status status = sp_net_create(1, (size_t[]){(size_t)1 << 40, (size_t)1 << 40}, (sp_activation[]){SP_RELU}, NULL,
                                     SP_SQUARED_ERROR, &net, &error);
    cr_assert_eq(status, SP_BAD_CONFIG);
}

/* A uniform distribution on [-r, r) has variance r^2 / 3. */
static void check_range(sp_init init, sp_activation activation, double range) {
    sp_net *net = make_net(1, (size_t[]){300, 200}, activation, activation);
    float *parameters = malloc(net->parameters * sizeof *parameters);
    sp_net_initialise(net, init, 0, 7, parameters);
    double sum = 0, squares = 0, largest = 0;
    size_t count = net->layers[0].bias;
    for (size_t i = 0; i < count; i++) {
        sum += parameters[i];
        squares += (double)parameters[i] * parameters[i];
        largest = fmax(largest, fabs(parameters[i]));
    }
    cr_expect_leq(largest, range * 1.000001);
    cr_expect_gt(largest, range * 0.999);
    cr_expect_float_eq(sum / (double)count, 0, 4 * range / sqrt(3.0 * (double)count));
    cr_expect_float_eq(squares / (double)count, range * range / 3, 0.02 * range * range);
    for (size_t i = count; i < net->parameters; i++) cr_assert_eq(parameters[i], 0, "biases start at 0");
    free(parameters);
    sp_net_destroy(net);
}

Test(net, initial_weights_have_the_published_spread) {
    check_range(SP_INIT_HE, SP_TANH, sqrt(6.0 / 300));
    check_range(SP_INIT_XAVIER, SP_RELU, sqrt(6.0 / 500));
    check_range(SP_INIT_LECUN, SP_RELU, sqrt(3.0 / 300));
    check_range(SP_INIT_AUTO, SP_RELU, sqrt(6.0 / 300));
    check_range(SP_INIT_AUTO, SP_SIGMOID, sqrt(6.0 / 500));
    check_range(SP_INIT_AUTO, SP_SELU, sqrt(3.0 / 300));
    check_range(SP_INIT_AUTO, SP_GELU, sqrt(6.0 / 300));
}

static void check_normal(sp_init init, double deviation) {
    sp_net *net = make_net(1, (size_t[]){300, 200}, SP_RELU, SP_RELU);
    float *parameters = malloc(net->parameters * sizeof *parameters);
    sp_net_initialise(net, init, 0, 7, parameters);
    size_t count = net->layers[0].bias, within = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        squares += (double)parameters[i] * parameters[i];
        within += fabs(parameters[i]) < deviation;
    }
    cr_expect_float_eq(squares / (double)count, deviation * deviation, 0.03 * deviation * deviation);
    cr_expect_float_eq((double)within / (double)count, 0.6827, 0.008, "%g within one deviation",
                       (double)within / (double)count);
    free(parameters);
    sp_net_destroy(net);
}

Test(net, normal_weights_have_the_published_spread) {
    check_normal(SP_INIT_HE_NORMAL, sqrt(2.0 / 300));
    check_normal(SP_INIT_XAVIER_NORMAL, sqrt(2.0 / 500));
    check_normal(SP_INIT_LECUN_NORMAL, sqrt(1.0 / 300));
}

Test(net, a_constant_is_every_weight_and_no_bias) {
    sp_net *net = make_net(1, (size_t[]){3, 2}, SP_RELU, SP_RELU);
    float parameters[8];
    sp_net_initialise(net, SP_INIT_CONSTANT, 0.25, 7, parameters);
    for (int i = 0; i < 8; i++) cr_expect_eq(parameters[i], i < 6 ? 0.25f : 0);
    sp_net_destroy(net);
}

Test(net, a_weight_depends_on_seed_and_index_alone) {
    sp_net *small = make_net(1, (size_t[]){10, 10}, SP_RELU, SP_RELU),
           *same = make_net(1, (size_t[]){10, 10}, SP_RELU, SP_RELU);
    float a[110], b[110], c[110];
    sp_net_initialise(small, SP_INIT_HE, 0, 1, a);
    sp_net_initialise(same, SP_INIT_HE, 0, 1, b);
    sp_net_initialise(same, SP_INIT_HE, 0, 2, c);
    cr_expect_arr_eq(a, b, sizeof a);
    cr_expect(memcmp(a, c, sizeof a) != 0);
    sp_net_destroy(small);
    sp_net_destroy(same);
}
