#include "pass.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/vector.h"
#include "norm.h"

#include <stdlib.h>
#include <string.h>

/* ---- Workspace ---------------------------------------------------------------------------- */

static size_t stride_of(const sp_layout *layout, size_t l) {
    return l == 0 ? layout->input_stride : layout->layers[l - 1].stride;
}

/* Floats of a matrix, rounded so that the next one starts on a cache line of its own. */
static size_t padded(size_t rows, size_t stride) {
    size_t line = SP_ALIGNMENT / sizeof(float);
    return (rows * stride + line - 1) / line * line;
}

static bool keeps_slope(const sp_layout *layout, size_t l) {
    if (l == 0) return false;
    return layout->net->layers[l - 1].dropout > 0 || sp_activation_keeps_slope(sp_net_applied(layout->net, l - 1));
}

static bool keeps_normal(const sp_layout *layout, size_t l) {
    return l > 0 && layout->net->layers[l - 1].norm != SP_NORM_NONE;
}

enum { ACTIVATIONS, ERRORS, SLOPES, NORMALS, KINDS };

/* Whether a workspace has such a matrix of layer l. */
static bool has(const sp_layout *layout, size_t l, int kind, bool backward) {
    if (kind == ACTIVATIONS) return true;
    if (!backward || l == 0) return false;
    return kind == ERRORS || (kind == SLOPES ? keeps_slope(layout, l) : keeps_normal(layout, l));
}

static size_t workspace_floats(const sp_layout *layout, size_t rows, bool backward) {
    size_t floats = 0;
    for (size_t l = 0; l <= layout->net->depth; l++)
        for (int kind = 0; kind < KINDS; kind++)
            if (has(layout, l, kind, backward)) floats += padded(rows, stride_of(layout, l));
    return floats;
}

size_t sp_workspace_bytes(const sp_layout *layout, size_t rows, size_t slices) {
    size_t bytes = sp_bytes(workspace_floats(layout, rows, slices > 0), sizeof(float));
    for (size_t l = 1; l <= layout->net->depth && slices > 0; l++)
        if (keeps_normal(layout, l)) bytes += sp_bytes(sp_norm_floats(layout, l - 1, rows, slices), sizeof(float));
    return bytes;
}

/* Zeros: few, so that it does not matter where they lie. */
static bool create_statistics(sp_workspace *workspace, const sp_layout *layout, size_t slices) {
    for (size_t l = 1; l <= layout->net->depth && slices > 0; l++) {
        if (!keeps_normal(layout, l)) continue;
        size_t floats = sp_norm_floats(layout, l - 1, workspace->rows, slices);
        workspace->statistics[l] = sp_allocate_zeroed(floats, sizeof(float));
        if (!workspace->statistics[l]) return false;
    }
    return true;
}

sp_status sp_workspace_create(const sp_layout *layout, size_t rows, size_t slices, sp_workspace **workspace,
                              sp_error *error) {
    size_t depth = layout->net->depth, floats = workspace_floats(layout, rows, slices > 0);
    sp_workspace *made = calloc(1, sizeof *made);
    if (made) {
        made->activations = calloc(depth + 1, sizeof *made->activations);
        made->errors = calloc(depth + 1, sizeof *made->errors);
        made->slopes = calloc(depth + 1, sizeof *made->slopes);
        made->normals = calloc(depth + 1, sizeof *made->normals);
        made->statistics = calloc(depth + 1, sizeof *made->statistics);
        made->depth = depth;
        made->rows = rows;
        made->slices = slices;
        made->memory = sp_allocate(floats, sizeof(float));
    }
    if (!made || !made->activations || !made->errors || !made->slopes || !made->normals || !made->statistics ||
        !made->memory || !create_statistics(made, layout, slices)) {
        sp_workspace_destroy(made);
        return sp_fail_memory(error, "the activations", sp_workspace_bytes(layout, rows, slices));
    }
    float *next = made->memory;
    for (size_t l = 0; l <= depth; l++) {
        float **const kinds[KINDS] = {made->activations, made->errors, made->slopes, made->normals};
        for (int kind = 0; kind < KINDS; kind++) {
            if (!has(layout, l, kind, slices > 0)) continue;
            kinds[kind][l] = next;
            next += padded(rows, stride_of(layout, l));
        }
    }
    *workspace = made;
    return SP_OK;
}

void sp_workspace_clear(sp_workspace *workspace, const sp_layout *layout, size_t first, size_t rows) {
    for (size_t l = 0; l <= layout->net->depth; l++) {
        size_t stride = stride_of(layout, l);
        float *const kinds[KINDS] = {workspace->activations[l], workspace->errors[l], workspace->slopes[l],
                                     workspace->normals[l]};
        for (int kind = 0; kind < KINDS; kind++)
            if (kinds[kind]) memset(kinds[kind] + first * stride, 0, rows * stride * sizeof(float));
    }
}

void sp_workspace_destroy(sp_workspace *workspace) {
    if (!workspace) return;
    for (size_t l = 0; workspace->statistics && l <= workspace->depth; l++) free(workspace->statistics[l]);
    free(workspace->activations);
    free(workspace->errors);
    free(workspace->slopes);
    free(workspace->normals);
    free(workspace->statistics);
    free(workspace->memory);
    free(workspace);
}

/* ---- Products -------------------------------------------------------------------------------- */

/* A slice goes through a layer in blocks of so many rows: their results are then still in L1. */
enum { BLOCK = 64 };

/* Of a layer: the products of all its panels (strips) but the last, and of the last; by rows. */
typedef struct layer_products {
    sp_product forward[2][BLOCK + 1];
    sp_product backward[2][BLOCK + 1];
} layer_products;

/* Of a layer, for slices of one size: by whether the panel is the last, and the tile its last. */
typedef struct gradient_products {
    sp_product of[2][2];
} gradient_products;

struct sp_pass {
    const sp_layout *layout; /* borrowed */
    bool gradients;
    layer_products *layers; /* owned [depth] */
    size_t sizes, size_room;
    size_t *size; /* owned [sizes]: rows of slices */
    size_t gradient_room;
    gradient_products *gradient; /* owned [sizes, depth] */
};

static sp_product *gradient_product(const sp_pass *pass, size_t size, const sp_tile *tile) {
    const sp_layout *layout = pass->layout;
    bool last_panel = tile->panel + 1 == layout->layers[tile->layer].panels;
    bool last_tile = tile->row + tile->rows == layout->net->layers[tile->layer].inputs;
    return &pass->gradient[size * layout->net->depth + tile->layer].of[last_panel][last_tile];
}

/* Columns of e(l-1) that a strip of W(l) gives, with padding. */
static size_t strip_width(const sp_layout *layout, size_t l, size_t strip) {
    return layout->kernels->transpose ? layout->layers[l - 1].panel[strip].width : layout->net->layers[l].inputs;
}

static bool prepare_backward(sp_pass *pass, size_t l, size_t rows) {
    const sp_layout *layout = pass->layout;
    const sp_layer_layout *lay = &layout->layers[l];
    bool good = true;
    for (int last = 0; last < 2; last++) {
        size_t width = strip_width(layout, l, last ? lay->strips - 1 : 0);
        bool transposes = layout->kernels->transpose != NULL;
        good = good &&
               sp_product_prepare(layout->kernels, transposes ? SP_A_B : SP_A_BT, rows, width,
                                  layout->net->layers[l].outputs, lay->stride, transposes ? width : lay->panel[0].width,
                                  stride_of(layout, l), &pass->layers[l].backward[last][rows]);
    }
    return good;
}

static bool prepare_blocks(sp_pass *pass, size_t l, size_t rows) {
    const sp_layer *layer = &pass->layout->net->layers[l];
    const sp_layer_layout *lay = &pass->layout->layers[l];
    bool good = true;
    for (int last = 0; last < 2; last++) {
        const sp_panel *panel = last ? &lay->panel[lay->panels - 1] : &lay->panel[0];
        good = good && sp_product_prepare(pass->layout->kernels, SP_A_B, rows, panel->width, layer->inputs,
                                          stride_of(pass->layout, l), panel->width, lay->stride,
                                          &pass->layers[l].forward[last][rows]);
    }
    return good && (!pass->gradients || l == 0 || prepare_backward(pass, l, rows));
}

/* The products of one size of slices, of all layers, at the end of the list. */
static bool prepare_gradients(sp_pass *pass, size_t rows) {
    const sp_layout *layout = pass->layout;
    for (size_t i = 0; i < layout->tiles; i++) {
        const sp_tile *tile = &layout->tile[i];
        const sp_layer_layout *lay = &layout->layers[tile->layer];
        const sp_panel *panel = &lay->panel[tile->panel];
        sp_product *product = gradient_product(pass, pass->sizes, tile);
        if (!product->run && !sp_product_prepare(layout->kernels, SP_AT_B, tile->rows, panel->width, rows,
                                                 stride_of(layout, tile->layer), lay->stride, panel->width, product))
            return false;
    }
    return true;
}

sp_status sp_pass_create(const sp_layout *layout, bool gradients, sp_pass **pass, sp_error *error) {
    sp_pass *made = calloc(1, sizeof *made);
    if (made) {
        made->layout = layout;
        made->gradients = gradients;
        made->layers = calloc(layout->net->depth, sizeof *made->layers);
    }
    if (!made || !made->layers) {
        sp_pass_destroy(made);
        return sp_fail_memory(error, "the products", layout->net->depth * sizeof(layer_products));
    }
    *pass = made;
    return SP_OK;
}

sp_status sp_pass_prepare(sp_pass *pass, size_t rows, sp_error *error) {
    size_t depth = pass->layout->net->depth;
    for (size_t i = 0; i < pass->sizes; i++)
        if (pass->size[i] == rows) return SP_OK;
    if (rows == 0) return SP_OK;
    if (!sp_grow((void **)&pass->size, &pass->size_room, pass->sizes + 1, sizeof *pass->size) ||
        !sp_grow((void **)&pass->gradient, &pass->gradient_room, (pass->sizes + 1) * depth, sizeof *pass->gradient))
        return sp_fail_memory(error, "the products", depth * sizeof *pass->gradient);
    memset(pass->gradient + pass->sizes * depth, 0, depth * sizeof *pass->gradient);
    bool good = true;
    for (size_t l = 0; l < depth; l++) {
        if (rows >= BLOCK) good = good && prepare_blocks(pass, l, BLOCK);
        if (rows % BLOCK > 0) good = good && prepare_blocks(pass, l, rows % BLOCK);
    }
    if (pass->gradients) good = good && prepare_gradients(pass, rows);
    if (!good)
        return sp_fail(error, SP_FAILED,
                       "kernels: %s has no product of a shape that is needed; set parallel.kernels=blas",
                       pass->layout->kernels->name);
    pass->size[pass->sizes++] = rows;
    return SP_OK;
}

void sp_pass_destroy(sp_pass *pass) {
    if (!pass) return;
    free(pass->layers);
    free(pass->size);
    free(pass->gradient);
    free(pass);
}

/* ---- Passes ---------------------------------------------------------------------------------- */

/* Where the slopes of a(l) are that begins at `at` of its matrix. */
static float *slope_at(const sp_workspace *workspace, size_t l, size_t at) {
    return workspace->slopes[l] ? workspace->slopes[l] + at : NULL;
}

/* The next block of a slice from row *row on; false behind the last. */
static bool next_block(sp_slice slice, size_t *row, size_t *rows) {
    size_t left = slice.first + slice.count - *row;
    *rows = left < BLOCK ? left : BLOCK;
    return left > 0;
}

/*
 * Drops units, columns first .. first + width - 1, of some rows that layer l has just computed. Going backward, who is
 * dropped has no slope, and the others one that is as much larger as they are: any activation's is kept for that.
 */
static void drop(const sp_pass *pass, sp_workspace *workspace, size_t l, size_t first, size_t width, size_t row,
                 size_t rows, sp_draw draw) {
    const sp_layer *layer = &pass->layout->net->layers[l];
    size_t stride = pass->layout->layers[l].stride, at = row * stride + first;
    float *a = workspace->activations[l + 1] + at, *slope = workspace->slopes[l + 1] + at;
    if (!sp_activation_keeps_slope(layer->activation))
        sp_activation_slope(layer->activation, rows, width, stride, a, slope);
    sp_dropout_apply(draw, l + 1, layer->dropout, row, rows, first, width, stride, a, slope);
}

/* z(l), its bias still missing, becomes a(l), columns first .. first + width - 1 of some rows; l from 0. */
static void activate(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t l, size_t first,
                     size_t width, size_t row, size_t rows, const sp_draw *draw) {
    const sp_net *net = pass->layout->net;
    const sp_layer_layout *lay = &pass->layout->layers[l];
    size_t at = row * lay->stride + first;
    sp_activation_forward(sp_net_applied(net, l), rows, width, lay->stride, weights->packed + lay->bias + first,
                          workspace->activations[l + 1] + at, slope_at(workspace, l + 1, at));
    if (draw && net->layers[l].dropout > 0) drop(pass, workspace, l, first, width, row, rows, *draw);
}

/* One panel of layer l, over all rows of the slices: it stays in cache for all of them. */
static void forward_panel(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t l, size_t p,
                          const sp_slice *slices, size_t count, const sp_draw *draw) {
    const sp_layer_layout *lay = &pass->layout->layers[l];
    const sp_panel *panel = &lay->panel[p];
    const sp_product *products = pass->layers[l].forward[p + 1 == lay->panels];
    sp_norm norm = pass->layout->net->layers[l].norm;
    size_t below = stride_of(pass->layout, l);
    for (size_t s = 0; s < count; s++) {
        for (size_t row = slices[s].first, rows; next_block(slices[s], &row, &rows); row += rows) {
            float *a = workspace->activations[l + 1] + row * lay->stride + panel->first;
            sp_product_run(&products[rows], workspace->activations[l] + row * below, weights->packed + panel->offset,
                           a);
            if (norm == SP_NORM_NONE)
                activate(pass, weights, workspace, l, panel->first, panel->width, row, rows, draw);
        }
        if (norm != SP_NORM_BATCH) continue;
        sp_norm_batch(pass->layout, weights, workspace, l, panel->first, panel->columns, slices[s]);
        activate(pass, weights, workspace, l, panel->first, panel->width, slices[s].first, slices[s].count, draw);
    }
}

void sp_pass_forward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                     size_t first, size_t last, const sp_slice *slices, size_t count, const sp_draw *draw) {
    for (size_t p = first; p < last; p++) forward_panel(pass, weights, workspace, layer, p, slices, count, draw);
}

void sp_pass_normalise(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                       const sp_slice *slices, size_t count, const sp_draw *draw) {
    size_t width = pass->layout->net->layers[layer].outputs;
    for (size_t s = 0; s < count; s++)
        for (size_t row = slices[s].first, rows; next_block(slices[s], &row, &rows); row += rows) {
            sp_norm_layer(pass->layout, weights, workspace, layer, row, rows);
            activate(pass, weights, workspace, layer, 0, width, row, rows, draw);
        }
}

void sp_pass_outputs(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, const sp_slice *slices,
                     size_t count) {
    for (size_t l = 0; l < pass->layout->net->depth; l++) {
        sp_pass_forward(pass, weights, workspace, l, 0, pass->layout->layers[l].panels, slices, count, NULL);
        if (pass->layout->net->layers[l].norm == SP_NORM_LAYER)
            sp_pass_normalise(pass, weights, workspace, l, slices, count, NULL);
    }
}

double sp_pass_loss(const sp_pass *pass, sp_workspace *workspace, sp_slice slice, sp_shape shape, sp_truth truth,
                    float inverse_n, size_t *correct) {
    const sp_net *net = pass->layout->net;
    size_t stride = stride_of(pass->layout, net->depth);
    const float *yhat = workspace->activations[net->depth] + slice.first * stride;
    float *e = workspace->errors[net->depth] + slice.first * stride;
    double loss = sp_loss_rows(net->loss, shape, slice.count, net->outputs, stride, yhat, truth, inverse_n, e, correct);
    sp_activation_backward(sp_net_applied(net, net->depth - 1), slice.count, net->outputs, stride, yhat,
                           slope_at(workspace, net->depth, slice.first * stride), e);
    return loss;
}

size_t sp_pass_scratch(const sp_layout *layout) {
    size_t most = 0;
    for (size_t l = 1; l < layout->net->depth && layout->kernels->transpose; l++)
        for (size_t strip = 0; strip < layout->layers[l].strips; strip++) {
            size_t floats = layout->net->layers[l].outputs * strip_width(layout, l, strip);
            if (floats > most) most = floats;
        }
    return most;
}

/* A strip lies in pieces, one in each panel: too short for the processor to see them coming. */
static void ask_for(const float *values, size_t count) {
    for (size_t i = 0; i < count; i += SP_ALIGNMENT / sizeof *values) __builtin_prefetch(values + i);
}

/* A strip of W(l) as the product wants it: as it lies, or transposed into scratch [d(l), width], padded with zeros. */
static const float *strip_weights(const sp_pass *pass, const sp_weights *weights, size_t l, size_t strip,
                                  float *scratch) {
    const sp_layout *layout = pass->layout;
    const sp_layer_layout *lay = &layout->layers[l];
    if (!layout->kernels->transpose) return weights->packed + lay->panel[0].offset;
    size_t first, rows, width = strip_width(layout, l, strip);
    sp_layout_strip(layout, l, strip, &first, &rows);
    if (rows < width) memset(scratch, 0, layout->net->layers[l].outputs * width * sizeof *scratch);
    for (size_t p = 0; p < lay->panels; p++) {
        const sp_panel *panel = &lay->panel[p];
        if (p + 1 < lay->panels)
            ask_for(weights->packed + panel[1].offset + first * panel[1].width, rows * panel[1].width);
        layout->kernels->transpose(rows, panel->columns, weights->packed + panel->offset + first * panel->width,
                                   panel->width, scratch + panel->first * width, width);
    }
    return scratch;
}

/* One strip of e(l-1), over all rows of the slices: the weights stay in cache for all of them. */
static void backward_strip(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t l,
                           size_t strip, const sp_slice *slices, size_t count, float *scratch) {
    const sp_layer_layout *lay = &pass->layout->layers[l];
    const sp_product *products = pass->layers[l].backward[strip + 1 == lay->strips];
    const float *w = strip_weights(pass, weights, l, strip, scratch);
    size_t below = stride_of(pass->layout, l), width = strip_width(pass->layout, l, strip), first, columns;
    sp_layout_strip(pass->layout, l, strip, &first, &columns);
    for (size_t s = 0; s < count; s++) {
        for (size_t row = slices[s].first, rows; next_block(slices[s], &row, &rows); row += rows) {
            size_t at = row * below + first;
            float *e = workspace->errors[l] + at;
            sp_product_run(&products[rows], workspace->errors[l + 1] + row * lay->stride, w, e);
            sp_activation_backward(sp_net_applied(pass->layout->net, l - 1), rows, width, below,
                                   workspace->activations[l] + at, slope_at(workspace, l, at), e);
        }
        if (pass->layout->net->layers[l - 1].norm == SP_NORM_BATCH)
            sp_norm_batch_back(pass->layout, weights, workspace, l - 1, first, columns, slices[s]);
    }
}

void sp_pass_backward(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                      size_t first, size_t last, const sp_slice *slices, size_t count, float *scratch) {
    for (size_t strip = first; strip < last; strip++)
        backward_strip(pass, weights, workspace, layer, strip, slices, count, scratch);
}

void sp_pass_normalise_back(const sp_pass *pass, const sp_weights *weights, sp_workspace *workspace, size_t layer,
                            const sp_slice *slices, size_t count) {
    for (size_t s = 0; s < count; s++) sp_norm_layer_back(pass->layout, weights, workspace, layer, slices[s]);
}

/* Sums rows of e: dJ/db, since dz/db = 1. */
SP_VECTOR static void sum_rows(size_t rows, size_t width, size_t stride, const float *restrict e, float *restrict sum) {
    memset(sum, 0, width * sizeof *sum);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < width; j++) sum[j] += e[i * stride + j];
}

void sp_pass_gradient(const sp_pass *pass, const sp_workspace *workspace, const sp_tile *tile, sp_slice slice,
                      float *sum) {
    const sp_layout *layout = pass->layout;
    const sp_layer_layout *lay = &layout->layers[tile->layer];
    const sp_panel *panel = &lay->panel[tile->panel];
    if (slice.count == 0) { /* fewer rows than shards: it adds nothing */
        memset(sum, 0, sp_tile_floats(tile) * sizeof *sum);
        return;
    }
    size_t size = 0, below = stride_of(layout, tile->layer);
    while (pass->size[size] != slice.count) size++;
    const float *a = workspace->activations[tile->layer] + slice.first * below + tile->row;
    const float *e = workspace->errors[tile->layer + 1] + slice.first * lay->stride + panel->first;
    sp_product_run(gradient_product(pass, size, tile), a, e, sum);

    if (tile->scales > 0)
        sp_norm_gradient(layout, workspace, tile, slice, sum + tile->count);
    else if (tile->biases > 0)
        sum_rows(slice.count, tile->biases, lay->stride, e, sum + tile->count);
}
