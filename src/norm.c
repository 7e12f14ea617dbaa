#include "norm.h"

#include <string.h>

/* What is kept of each slice, vectors as long as a row: its moments, and the gradients of biases and scales. */
enum { MEAN, VARIANCE, SHIFT_SUM, SCALE_SUM, VECTORS };

size_t sp_norm_floats(const sp_layout *layout, size_t layer, size_t rows, size_t slices) {
    size_t each_row = layout->net->layers[layer].norm == SP_NORM_LAYER ? 1 : 0; /* its 1 / deviation */
    return slices * VECTORS * layout->layers[layer].stride + each_row * rows;
}

static float *vector_of(const sp_layout *layout, const sp_workspace *workspace, size_t layer, sp_slice slice,
                        size_t vector) {
    return workspace->statistics[layer + 1] + (slice.number * VECTORS + vector) * layout->layers[layer].stride;
}

/* Behind the vectors of all slices; NULL: forward only. */
static float *inverse_of(const sp_layout *layout, const sp_workspace *workspace, size_t layer, size_t row) {
    float *statistics = workspace->statistics[layer + 1];
    return statistics ? statistics + workspace->slices * VECTORS * layout->layers[layer].stride + row : NULL;
}

/* ---- Batch normalisation -------------------------------------------------------------------- */

static float *running(const sp_weights *weights, size_t layer) {
    const sp_net *net = weights->layout->net;
    return weights->packed + weights->layout->statistics + net->layers[layer].mean - net->parameters;
}

void sp_norm_batch(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                   size_t first, size_t columns, sp_slice slice) {
    const sp_layer_layout *lay = &layout->layers[layer];
    size_t at = slice.first * lay->stride + first;
    float *z = workspace->activations[layer + 1] + at, *normal = NULL;
    sp_column_norm norm = {.mean = running(weights, layer) + first,
                           .variance = running(weights, layer) + layout->net->layers[layer].outputs + first,
                           .scale = weights->packed + lay->scale + first,
                           .epsilon = layout->net->epsilon};
    if (slice.count == 0) return;
    if (workspace->normals[layer + 1]) { /* training */
        float *mean = vector_of(layout, workspace, layer, slice, MEAN) + first;
        float *variance = vector_of(layout, workspace, layer, slice, VARIANCE) + first;
        sp_column_moments(slice.count, columns, lay->stride, z, mean, variance);
        norm.mean = mean;
        norm.variance = variance;
        normal = workspace->normals[layer + 1] + at;
    }
    sp_normalise_columns(&norm, slice.count, columns, lay->stride, z, normal);
}

void sp_norm_batch_back(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                        size_t first, size_t columns, sp_slice slice) {
    const sp_layer_layout *lay = &layout->layers[layer];
    size_t at = slice.first * lay->stride + first;
    float *e = workspace->errors[layer + 1] + at, *normal = workspace->normals[layer + 1] + at;
    float *shift_sum = vector_of(layout, workspace, layer, slice, SHIFT_SUM) + first;
    float *scale_sum = vector_of(layout, workspace, layer, slice, SCALE_SUM) + first;
    sp_column_norm norm = {.variance = vector_of(layout, workspace, layer, slice, VARIANCE) + first,
                           .scale = weights->packed + lay->scale + first,
                           .epsilon = layout->net->epsilon};
    if (slice.count == 0) return;
    sp_normalise_sums(slice.count, columns, lay->stride, e, normal, shift_sum, scale_sum);
    sp_normalise_columns_back(&norm, shift_sum, scale_sum, slice.count, columns, lay->stride, normal, e);
}

/* ---- Layer normalisation ---------------------------------------------------------------------- */

void sp_norm_layer(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                   size_t row, size_t rows) {
    const sp_layer_layout *lay = &layout->layers[layer];
    size_t at = row * lay->stride;
    float *normal = workspace->normals[layer + 1] ? workspace->normals[layer + 1] + at : NULL;
    sp_normalise_rows(weights->packed + lay->scale, layout->net->epsilon, rows, layout->net->layers[layer].outputs,
                      lay->stride, workspace->activations[layer + 1] + at, normal,
                      inverse_of(layout, workspace, layer, row));
}

void sp_norm_layer_back(const sp_layout *layout, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                        sp_slice slice) {
    const sp_layer_layout *lay = &layout->layers[layer];
    size_t at = slice.first * lay->stride, columns = layout->net->layers[layer].outputs;
    float *e = workspace->errors[layer + 1] + at, *normal = workspace->normals[layer + 1] + at;
    if (slice.count == 0) return;
    sp_normalise_sums(slice.count, columns, lay->stride, e, normal,
                      vector_of(layout, workspace, layer, slice, SHIFT_SUM),
                      vector_of(layout, workspace, layer, slice, SCALE_SUM));
    sp_normalise_rows_back(weights->packed + lay->scale, slice.count, columns, lay->stride, normal,
                           inverse_of(layout, workspace, layer, slice.first), e);
}

/* ---- Either ------------------------------------------------------------------------------------- */

void sp_norm_gradient(const sp_layout *layout, const sp_workspace *workspace, const sp_tile *tile, sp_slice slice,
                      float *sum) {
    size_t first = layout->layers[tile->layer].panel[tile->panel].first;
    memcpy(sum, vector_of(layout, workspace, tile->layer, slice, SHIFT_SUM) + first, tile->biases * sizeof *sum);
    memcpy(sum + tile->biases, vector_of(layout, workspace, tile->layer, slice, SCALE_SUM) + first,
           tile->scales * sizeof *sum);
}

/* ---- Running moments ------------------------------------------------------------------------------ */

enum { CHUNK = 64 };

/* Columns first .. first + columns - 1 of a layer, columns at most CHUNK. */
static void follow_columns(sp_weights *weights, const sp_workspace *workspace, size_t layer, size_t first,
                           size_t columns, const sp_slice *slices, size_t count, double momentum) {
    double mean[CHUNK] = {0}, squares[CHUNK] = {0}, rows = 0;
    for (size_t s = 0; s < count; s++) rows += (double)slices[s].count;
    for (size_t s = 0; s < count; s++) {
        const float *means = vector_of(weights->layout, workspace, layer, slices[s], MEAN) + first;
        double share = (double)slices[s].count / rows;
        for (size_t j = 0; share > 0 && j < columns; j++) mean[j] += share * means[j];
    }
    for (size_t s = 0; s < count; s++) {
        const float *means = vector_of(weights->layout, workspace, layer, slices[s], MEAN) + first;
        const float *variances = vector_of(weights->layout, workspace, layer, slices[s], VARIANCE) + first;
        double n = (double)slices[s].count;
        for (size_t j = 0; n > 0 && j < columns; j++)
            squares[j] += n * (variances[j] + (means[j] - mean[j]) * (means[j] - mean[j]));
    }
    float *running_mean = running(weights, layer) + first;
    float *running_variance = running_mean + weights->layout->net->layers[layer].outputs;
    for (size_t j = 0; j < columns; j++) {
        running_mean[j] = (float)((1 - momentum) * running_mean[j] + momentum * mean[j]);
        if (rows > 1)
            running_variance[j] = (float)((1 - momentum) * running_variance[j] + momentum * squares[j] / (rows - 1));
    }
}

void sp_norm_follow(sp_weights *weights, const sp_workspace *workspace, const sp_tile *tile, const sp_slice *slices,
                    size_t count, double momentum) {
    const sp_panel *panel = &weights->layout->layers[tile->layer].panel[tile->panel];
    for (size_t first = 0, columns; first < panel->columns; first += columns) {
        columns = panel->columns - first < CHUNK ? panel->columns - first : CHUNK;
        follow_columns(weights, workspace, tile->layer, panel->first + first, columns, slices, count, momentum);
    }
}
