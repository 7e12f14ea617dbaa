#include "net.h"

#include "base/error.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* BLAS counts in int; so does every size that is handed to it. */
static const size_t most_parameters = (size_t)1 << 40;

/* Running means and variances, behind all parameters. */
static void place_statistics(sp_net *net) {
    net->floats = net->parameters;
    for (size_t l = 0; l < net->depth; l++) {
        sp_layer *layer = &net->layers[l];
        if (layer->norm != SP_NORM_BATCH) continue;
        layer->mean = net->floats;
        net->floats += 2 * layer->outputs;
    }
}

sp_status sp_net_create(size_t depth, const size_t *widths, const sp_activation *activations, const sp_norms *norms,
                        sp_loss loss, sp_net **net, sp_error *error) {
    sp_net *made = calloc(1, sizeof *made);
    if (made) made->layers = calloc(depth, sizeof *made->layers);
    if (!made || !made->layers) {
        sp_net_destroy(made);
        return sp_fail_memory(error, "the network", depth * sizeof(sp_layer));
    }
    made->depth = depth;
    made->inputs = widths[0];
    made->outputs = widths[depth];
    made->loss = loss;
    made->shape = (sp_shape){.delta = 1};
    if (norms) made->epsilon = norms->epsilon;
    for (size_t l = 0; l < depth; l++) {
        sp_layer *layer = &made->layers[l];
        *layer = (sp_layer){.inputs = widths[l], .outputs = widths[l + 1], .activation = activations[l]};
        size_t weights;
        if (__builtin_mul_overflow(layer->inputs, layer->outputs, &weights) || weights > most_parameters) {
            sp_net_destroy(made);
            return sp_fail(error, SP_BAD_CONFIG, "network.hidden: a layer of %zu x %zu weights; use smaller layers",
                           widths[l], widths[l + 1]);
        }
        layer->weights = made->parameters;
        layer->bias = layer->weights + weights;
        made->parameters = layer->scale = layer->bias + layer->outputs;
        if (norms && l + 1 < depth) layer->norm = norms->hidden[l];
        if (layer->norm != SP_NORM_NONE) made->parameters += layer->outputs;
        if (layer->outputs > made->widest) made->widest = layer->outputs;
    }
    place_statistics(made);
    *net = made;
    return SP_OK;
}

sp_activation sp_output_of(sp_loss loss, bool classes) {
    switch (loss) {
    case SP_CROSS_ENTROPY: return SP_SOFTMAX;
    case SP_BINARY_CROSS_ENTROPY: return SP_SIGMOID;
    case SP_POISSON: return SP_EXPONENTIAL;
    default: return classes ? SP_SIGMOID : SP_IDENTITY;
    }
}

sp_activation sp_net_applied(const sp_net *net, size_t l) {
    return l + 1 == net->depth && sp_loss_takes_logits(net->loss) ? SP_IDENTITY : net->layers[l].activation;
}

void sp_net_destroy(sp_net *net) {
    if (!net) return;
    free(net->layers);
    free(net);
}

/* By what the units are like: half of them silent (He et al. 2015), normalising (Klambauer 2017), or neither. */
static sp_init init_of(sp_activation activation) {
    switch (activation) {
    case SP_RELU:
    case SP_LEAKY_RELU:
    case SP_ELU:
    case SP_GELU:
    case SP_SILU:
    case SP_SOFTPLUS: return SP_INIT_HE;
    case SP_SELU: return SP_INIT_LECUN;
    default: return SP_INIT_XAVIER;
    }
}

static double weight(sp_init init, const sp_layer *layer, uint64_t seed, size_t index) {
    double inputs = (double)layer->inputs, outputs = (double)layer->outputs;
    switch (init) {
    case SP_INIT_HE: return sqrt(6 / inputs) * (2 * sp_random_uniform(seed, SP_RANDOM_WEIGHTS, index, 0) - 1);
    case SP_INIT_LECUN: return sqrt(3 / inputs) * (2 * sp_random_uniform(seed, SP_RANDOM_WEIGHTS, index, 0) - 1);
    case SP_INIT_HE_NORMAL: return sqrt(2 / inputs) * sp_random_normal(seed, SP_RANDOM_WEIGHTS, index, 0);
    case SP_INIT_LECUN_NORMAL: return sqrt(1 / inputs) * sp_random_normal(seed, SP_RANDOM_WEIGHTS, index, 0);
    case SP_INIT_XAVIER_NORMAL:
        return sqrt(2 / (inputs + outputs)) * sp_random_normal(seed, SP_RANDOM_WEIGHTS, index, 0);
    default: return sqrt(6 / (inputs + outputs)) * (2 * sp_random_uniform(seed, SP_RANDOM_WEIGHTS, index, 0) - 1);
    }
}

void sp_net_neutral(const sp_net *net, float *parameters) {
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        memset(parameters + layer->bias, 0, layer->outputs * sizeof *parameters);
        for (size_t j = 0; j < layer->outputs && layer->norm != SP_NORM_NONE; j++) parameters[layer->scale + j] = 1;
        for (size_t j = 0; j < layer->outputs && layer->norm == SP_NORM_BATCH; j++) {
            parameters[layer->mean + j] = 0;
            parameters[layer->mean + layer->outputs + j] = 1;
        }
    }
}

void sp_net_initialise(const sp_net *net, sp_init init, double value, uint64_t seed, float *parameters) {
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        sp_init kind = init == SP_INIT_AUTO ? init_of(layer->activation) : init;
        for (size_t i = layer->weights; i < layer->bias; i++)
            parameters[i] = (float)(kind == SP_INIT_CONSTANT ? value : weight(kind, layer, seed, i));
    }
    sp_net_neutral(net, parameters);
}

double sp_net_flops(const sp_net *net) {
    double flops = 0;
    for (size_t l = 0; l < net->depth; l++) {
        /* Forward, gradient, and (not for the first layer) the error below: 2 each a weight. */
        double products = l == 0 ? 2 : 3;
        flops += products * 2.0 * (double)net->layers[l].inputs * (double)net->layers[l].outputs;
        /* Mean, variance, xhat and scale; two sums, and what comes of them. */
        if (net->layers[l].norm != SP_NORM_NONE) flops += (7 + 9) * (double)net->layers[l].outputs;
    }
    return flops;
}

void sp_net_describe(const sp_net *net, char *text, size_t size) {
    int used = snprintf(text, size, "%zu", net->inputs);
    for (size_t l = 0; l < net->depth && (size_t)used < size; l++)
        used += snprintf(text + used, size - (size_t)used, "-%zu", net->layers[l].outputs);
    for (size_t l = 0; l < net->depth && (size_t)used < size; l++) {
        sp_activation activation = net->layers[l].activation;
        sp_norm norm = net->layers[l].norm;
        bool repeated = l > 0 && l + 1 < net->depth && activation == net->layers[l - 1].activation &&
                        norm == net->layers[l - 1].norm;
        if (!repeated && norm != SP_NORM_NONE)
            used += snprintf(text + used, size - (size_t)used, " %s", sp_norm_names[norm]);
        if (!repeated && (size_t)used < size)
            used += snprintf(text + used, size - (size_t)used, " %s", sp_activation_names[activation]);
    }
}
