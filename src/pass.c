#include "pass.h"

#include "base/error.h"
#include "base/memory.h"
#include "math/dense.h"

#include <stdlib.h>

/* Floats of a matrix, padded so that the next one starts on a cache line of its own. */
static size_t padded(size_t rows, size_t columns) {
    size_t line = SP_ALIGNMENT / sizeof(float);
    return (rows * columns + line - 1) / line * line;
}

static size_t workspace_floats(const sp_net *net, size_t rows, bool backward) {
    size_t floats = padded(rows, net->inputs);
    for (size_t l = 0; l < net->depth; l++) floats += padded(rows, net->layers[l].outputs);
    return floats + (backward ? 2 * padded(rows, net->widest) : 0);
}

size_t sp_workspace_bytes(const sp_net *net, size_t rows, bool backward) {
    return sp_bytes(workspace_floats(net, rows, backward), sizeof(float));
}

sp_status sp_workspace_create(const sp_net *net, size_t rows, bool backward, sp_workspace **workspace,
                              sp_error *error) {
    size_t floats = workspace_floats(net, rows, backward);
    sp_workspace *made = calloc(1, sizeof *made);
    if (made) {
        made->activations = calloc(net->depth + 1, sizeof *made->activations);
        made->memory = sp_allocate_zeroed(floats, sizeof(float));
    }
    if (!made || !made->activations || !made->memory) {
        sp_workspace_destroy(made);
        return sp_fail_memory(error, "the activations of a shard", sp_bytes(floats, sizeof(float)));
    }
    made->rows = rows;
    float *next = made->memory;
    for (size_t l = 0; l <= net->depth; l++) {
        made->activations[l] = next;
        next += padded(rows, l == 0 ? net->inputs : net->layers[l - 1].outputs);
    }
    for (int side = 0; side < 2 && backward; side++) {
        made->errors[side] = next;
        next += padded(rows, net->widest);
    }
    *workspace = made;
    return SP_OK;
}

void sp_workspace_destroy(sp_workspace *workspace) {
    if (!workspace) return;
    free(workspace->activations);
    free(workspace->memory);
    free(workspace);
}

float *sp_pass_forward(const sp_net *net, const sp_kernels *kernels, const float *parameters, sp_workspace *workspace,
                       size_t rows) {
    for (size_t l = 1; l <= net->depth; l++) {
        const sp_layer *layer = &net->layers[l - 1];
        sp_dense_forward(kernels, rows, layer->inputs, layer->outputs, workspace->activations[l - 1],
                         parameters + layer->weights, parameters + layer->bias, layer->activation,
                         workspace->activations[l]);
    }
    return workspace->activations[net->depth];
}

double sp_pass_backward(const sp_net *net, const sp_kernels *kernels, const float *parameters, sp_workspace *workspace,
                        size_t rows, sp_truth truth, float inverse_n, float *gradients, size_t *correct) {
    const sp_layer *output = &net->layers[net->depth - 1];
    const float *yhat = workspace->activations[net->depth];
    float *e = workspace->errors[0], *e_below = workspace->errors[1];

    double loss = sp_loss_rows(net->loss, rows, output->outputs, yhat, truth, inverse_n, e, correct);
    sp_activation_backward(output->activation, rows * output->outputs, yhat, e);

    for (size_t l = net->depth; l >= 1; l--) {
        const sp_layer *layer = &net->layers[l - 1];
        const float *below = workspace->activations[l - 1];
        sp_dense_gradient(kernels, rows, layer->inputs, layer->outputs, below, e, gradients + layer->weights,
                          gradients + layer->bias);
        if (l == 1) break; /* nothing learns below the first layer */
        sp_dense_backward(kernels, rows, layer->inputs, layer->outputs, e, parameters + layer->weights,
                          net->layers[l - 2].activation, below, e_below);
        float *turn = e;
        e = e_below;
        e_below = turn;
    }
    return loss;
}
