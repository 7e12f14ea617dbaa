#include "initial.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "math/orthogonal.h"
#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Orthogonal matrices ------------------------------------------------------------------- */

/* What keeps a signal's size through f, as PyTorch's calculate_gain has it; relu's for its kin. */
static double gain_of(sp_activation activation) {
    switch (activation) {
    case SP_RELU:
    case SP_ELU:
    case SP_GELU:
    case SP_SILU:
    case SP_SOFTPLUS: return sqrt(2);
    case SP_LEAKY_RELU: return sqrt(2 / (1 + 0.01 * 0.01));
    case SP_TANH: return 5.0 / 3;
    case SP_SELU: return 3.0 / 4;
    default: return 1;
    }
}

/*
 * W(l) from a matrix of the normal distribution, each number by its own index: its columns become orthonormal, or its
 * rows, where they are fewer; times the gain (Saxe, McClelland, Ganguli, ICLR 2014). `vectors`: room for all.
 */
static void orthogonal_layer(const sp_layer *layer, uint64_t seed, double *vectors, float *parameters) {
    size_t inputs = layer->inputs, outputs = layer->outputs;
    bool by_columns = outputs <= inputs;
    size_t count = by_columns ? outputs : inputs, length = by_columns ? inputs : outputs;
    size_t of_vector = by_columns ? 1 : outputs, of_element = by_columns ? outputs : 1;
    double gain = gain_of(layer->activation);
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < length; i++)
            vectors[v * length + i] =
                sp_random_normal(seed, SP_RANDOM_WEIGHTS, layer->weights + v * of_vector + i * of_element, 0);
    sp_orthonormalise(count, length, vectors);
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < length; i++)
            parameters[layer->weights + v * of_vector + i * of_element] = (float)(gain * vectors[v * length + i]);
}

static sp_status orthogonal(const sp_net *net, uint64_t seed, float *parameters, sp_error *error) {
    size_t most = 0;
    for (size_t l = 0; l < net->depth; l++) {
        size_t weights = net->layers[l].bias - net->layers[l].weights;
        if (weights > most) most = weights;
    }
    double *vectors = sp_allocate(most, sizeof *vectors);
    if (!vectors) return sp_fail_memory(error, "the initial weights", sp_bytes(most, sizeof *vectors));
    for (size_t l = 0; l < net->depth; l++) orthogonal_layer(&net->layers[l], seed, vectors, parameters);
    sp_net_neutral(net, parameters);
    free(vectors);
    return SP_OK;
}

/* ---- Another model's weights ----------------------------------------------------------------- */

/* What could make layer `l` of `net` as the model's is. */
static const char *remedy(const sp_net *net, const sp_layer *there, const sp_layer *here, size_t l) {
    if (l == 0 && there->inputs != here->inputs) return "train on data with as many features as the model's";
    if (l + 1 == net->depth) return "train on data with as many classes or targets as the model's";
    return "let network.hidden be the model's widths";
}

/* The first thing in which they differ, in words; false: nothing. */
static bool differ(const sp_net *there, const sp_net *here, const char *path, char *what, size_t size) {
    if (there->depth != here->depth) {
        snprintf(what, size, "%s has %zu layers, this network %zu; let network.hidden be the model's widths", path,
                 there->depth, here->depth);
        return true;
    }
    for (size_t l = 0; l < here->depth; l++) {
        const sp_layer *a = &there->layers[l], *b = &here->layers[l];
        if (a->inputs != b->inputs || a->outputs != b->outputs) {
            snprintf(what, size, "layer %zu of %s is %zu x %zu, of this network %zu x %zu; %s", l + 1, path, a->inputs,
                     a->outputs, b->inputs, b->outputs, remedy(here, a, b, l));
            return true;
        }
        if (l + 1 < here->depth && a->activation != b->activation) {
            snprintf(what, size, "layer %zu of %s is %s, of this network %s; let network.activation be the model's",
                     l + 1, path, sp_activation_names[a->activation], sp_activation_names[b->activation]);
            return true;
        }
        if (a->norm != b->norm) {
            snprintf(what, size,
                     "layer %zu of %s has normalization %s, of this network %s; let network.normalization "
                     "be the model's",
                     l + 1, path, sp_norm_names[a->norm], sp_norm_names[b->norm]);
            return true;
        }
    }
    return false;
}

/* The model of network.init_from, if it fits; the caller destroys it. */
static sp_status load(const sp_config *config, const sp_net *net, sp_model **model, sp_error *error) {
    char what[600], place[SP_PLACE];
    const char *path = config->network.init_from;
    sp_status status = sp_config_find_file(config, "network.init_from", path, error);
    if (!status) status = sp_model_load(path, model, error);
    if (status || !differ((*model)->net, net, path, what, sizeof what)) return status;
    sp_model_destroy(*model);
    sp_config_place(config, "network.init_from", place, sizeof place);
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s", place, what);
}

/* ---- Either -------------------------------------------------------------------------------------- */

sp_status sp_initial_check(const sp_config *config, const sp_net *net, sp_error *error) {
    sp_model *model;
    if (!*config->network.init_from) return SP_OK;
    sp_status status = load(config, net, &model, error);
    if (!status) sp_model_destroy(model);
    return status;
}

sp_status sp_initial_weights(const sp_config *config, const sp_net *net, float *parameters, sp_error *error) {
    uint64_t seed = (uint64_t)config->train.seed;
    sp_init init = (sp_init)config->network.init;
    sp_model *model;
    if (*config->network.init_from) {
        sp_status status = load(config, net, &model, error);
        if (status) return status;
        memcpy(parameters, model->parameters, net->floats * sizeof *parameters);
        sp_model_destroy(model);
        return SP_OK;
    }
    if (init == SP_INIT_ORTHOGONAL) return orthogonal(net, seed, parameters, error);
    sp_net_initialise(net, init, config->network.init_value, seed, parameters);
    return SP_OK;
}
