#include "layout.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- Panels --------------------------------------------------------------------------- */

static size_t round_up(size_t count, size_t multiple) {
    return (count + multiple - 1) / multiple * multiple;
}

/* Cuts W [rows, columns] into panels; *next is where they start, and where they end. */
static bool cut(const sp_kernels *kernels, size_t rows, size_t columns, size_t *next, sp_panel **panel,
                size_t *panels) {
    size_t most = kernels->panel > 0 ? kernels->panel : columns;
    size_t count = (columns + most - 1) / most;
    sp_panel *made = calloc(count, sizeof *made);
    if (!made) return false;
    for (size_t p = 0; p < count; p++) {
        size_t first = p * most, left = columns - first;
        size_t width = round_up(left < most ? left : most, kernels->multiple);
        if (width < kernels->least) width = kernels->least;
        made[p] = (sp_panel){first, left < most ? left : most, width, *next};
        *next += rows * width;
    }
    *panel = made;
    *panels = count;
    return true;
}

/* Strides that are multiples of 1 KiB let the rows of a block fall on the same few sets of the cache. */
static size_t stride_for(const sp_kernels *kernels, size_t columns) {
    size_t stride = round_up(columns, kernels->multiple);
    return kernels->multiple > 1 && stride % 256 == 0 ? stride + kernels->multiple : stride;
}

static bool lay_out_layer(sp_layout *layout, size_t l) {
    const sp_layer *layer = &layout->net->layers[l];
    sp_layer_layout *made = &layout->layers[l];
    if (!cut(layout->kernels, layer->inputs, layer->outputs, &layout->packed, &made->panel, &made->panels))
        return false;
    const sp_panel *last = &made->panel[made->panels - 1];
    made->bias = layout->packed;
    made->stride = stride_for(layout->kernels, last->first + last->width);
    layout->packed = round_up(made->bias + last->first + last->width, layout->kernels->multiple);
    made->scale = layout->packed;
    if (layer->norm != SP_NORM_NONE)
        layout->packed = round_up(made->scale + last->first + last->width, layout->kernels->multiple);
    size_t strip = layout->strip > 0 ? layout->strip : layer->inputs;
    made->strips = l == 0 ? 0 : (layer->inputs + strip - 1) / strip;
    return true;
}

void sp_layout_strip(const sp_layout *layout, size_t l, size_t strip, size_t *first, size_t *rows) {
    size_t inputs = layout->net->layers[l].inputs, most = layout->strip > 0 ? layout->strip : inputs;
    *first = strip * most;
    *rows = inputs - *first < most ? inputs - *first : most;
}

/* ---- Tiles ------------------------------------------------------------------------------ */

static size_t rows_of_tiles(const sp_kernels *kernels, const sp_panel *panel) {
    size_t rows = kernels->tile_floats / panel->width / 16 * 16;
    return rows > 0 ? rows : 16;
}

/* Lists the tiles, or only counts them where layout->tile is NULL. */
static void list_tiles(sp_layout *layout) {
    layout->tiles = layout->all_tiles = 0;
    for (size_t l = 0; l < layout->net->depth; l++)
        for (size_t p = 0; p < layout->layers[l].panels; p++) {
            const sp_panel *panel = &layout->layers[l].panel[p];
            size_t inputs = layout->net->layers[l].inputs, height = rows_of_tiles(layout->kernels, panel);
            for (size_t row = 0; row < inputs; row += height) {
                size_t rows = inputs - row < height ? inputs - row : height;
                sp_tile tile = {.layer = l,
                                .panel = p,
                                .row = row,
                                .rows = rows,
                                .offset = panel->offset + row * panel->width,
                                .count = rows * panel->width,
                                .bias = layout->layers[l].bias + panel->first,
                                .biases = row == 0 ? panel->width : 0,
                                .scale = layout->layers[l].scale + panel->first,
                                .scales = row == 0 && layout->net->layers[l].norm != SP_NORM_NONE ? panel->width : 0,
                                .at = layout->all_tiles};
                if (layout->tile) layout->tile[layout->tiles] = tile;
                layout->tiles++;
                layout->all_tiles += sp_tile_floats(&tile);
                if (sp_tile_floats(&tile) > layout->most_tile) layout->most_tile = sp_tile_floats(&tile);
            }
        }
}

/* ---- Life ---------------------------------------------------------------------------------- */

sp_status sp_layout_create(const sp_net *net, const sp_kernels *kernels, sp_layout **layout, sp_error *error) {
    sp_layout *made = calloc(1, sizeof *made);
    bool good = made != NULL;
    if (good) {
        *made = (sp_layout){.net = net,
                            .kernels = kernels,
                            .input_stride = stride_for(kernels, net->inputs),
                            .strip = kernels->transpose ? kernels->panel : 0};
        made->layers = calloc(net->depth, sizeof *made->layers);
        good = made->layers != NULL;
    }
    for (size_t l = 0; good && l < net->depth; l++) good = lay_out_layer(made, l);
    if (good) {
        made->statistics = made->packed;
        made->packed += net->floats - net->parameters;
        list_tiles(made);
        made->tile = calloc(made->tiles, sizeof *made->tile);
        good = made->tile != NULL;
    }
    if (!good) {
        sp_layout_destroy(made);
        return sp_fail_memory(error, "the layout of the weights", net->depth * sizeof(sp_layer_layout));
    }
    list_tiles(made);
    *layout = made;
    return SP_OK;
}

void sp_layout_destroy(sp_layout *layout) {
    if (!layout) return;
    for (size_t l = 0; layout->layers && l < layout->net->depth; l++) free(layout->layers[l].panel);
    free(layout->layers);
    free(layout->tile);
    free(layout);
}

void sp_layout_unpack(const sp_layout *layout, const float *tiles, float *plain) {
    for (size_t i = 0; i < layout->tiles; i++) {
        const sp_tile *tile = &layout->tile[i];
        const sp_layer *layer = &layout->net->layers[tile->layer];
        const sp_panel *panel = &layout->layers[tile->layer].panel[tile->panel];
        const float *from = tiles + tile->at;
        for (size_t row = 0; row < tile->rows; row++)
            memcpy(plain + layer->weights + (tile->row + row) * layer->outputs + panel->first,
                   from + row * panel->width, panel->columns * sizeof *plain);
        if (tile->biases > 0)
            memcpy(plain + layer->bias + panel->first, from + tile->count, panel->columns * sizeof *plain);
        if (tile->scales > 0)
            memcpy(plain + layer->scale + panel->first, from + tile->count + tile->biases,
                   panel->columns * sizeof *plain);
    }
}

sp_status sp_weights_create(const sp_layout *layout, sp_weights **weights, sp_error *error) {
    sp_weights *made = calloc(1, sizeof *made);
    if (made) {
        made->layout = layout;
        made->packed = sp_allocate_zeroed(layout->packed, sizeof(float));
    }
    if (!made || !made->packed) {
        sp_weights_destroy(made);
        return sp_fail_memory(error, "the weights", sp_bytes(layout->packed, sizeof(float)));
    }
    *weights = made;
    return SP_OK;
}

void sp_weights_destroy(sp_weights *weights) {
    if (!weights) return;
    free(weights->packed);
    free(weights);
}

/* ---- To and fro ------------------------------------------------------------------------------ */

/* Copies one layer between its plain and its packed place; `load`: into the packed one. */
static void copy_layer(const sp_weights *weights, size_t l, float *plain, bool load) {
    const sp_layer *layer = &weights->layout->net->layers[l];
    const sp_layer_layout *lay = &weights->layout->layers[l];
    /* The row behind the weights is the bias, the one behind that the scale. */
    size_t rows = layer->inputs + (layer->norm == SP_NORM_NONE ? 1 : 2);
    for (size_t p = 0; p < lay->panels; p++) {
        const sp_panel *panel = &lay->panel[p];
        for (size_t i = 0; i < rows; i++) {
            float *there = plain + layer->weights + i * layer->outputs + panel->first;
            float *here = weights->packed + (i < layer->inputs    ? panel->offset + i * panel->width
                                             : i == layer->inputs ? lay->bias + panel->first
                                                                  : lay->scale + panel->first);
            memcpy(load ? here : there, load ? there : here, panel->columns * sizeof(float));
        }
    }
}

static void copy(const sp_weights *weights, float *plain, bool load) {
    const sp_net *net = weights->layout->net;
    for (size_t l = 0; l < net->depth; l++) copy_layer(weights, l, plain, load);
    float *there = plain + net->parameters, *here = weights->packed + weights->layout->statistics;
    memcpy(load ? here : there, load ? there : here, (net->floats - net->parameters) * sizeof *here);
}

void sp_weights_load(sp_weights *weights, const float *parameters) {
    copy(weights, (float *)parameters, true);
}

void sp_weights_store(const sp_weights *weights, float *parameters) {
    copy(weights, parameters, false);
}
