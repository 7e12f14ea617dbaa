#include "breakdown.h"

#include "data/spread.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Normalised features beyond this are no measurements; squared and summed they leave what float32 has of digits. */
static const float huge = 1e6f;

/* Initial weights are below 1 or so: beyond this, steps were too long. */
static const float grown = 100;

static size_t stride_of(const sp_layout *layout, size_t l) {
    return l == 0 ? layout->input_stride : layout->layers[l - 1].stride;
}

/* The first layer, 0 for the inputs, in which a row has a number that is not finite; depth + 1: none has. */
static size_t first_broken_layer(const sp_layout *layout, const sp_workspace *workspace, size_t rows) {
    for (size_t l = 0; l <= layout->net->depth; l++) {
        size_t width = l == 0 ? layout->net->inputs : layout->net->layers[l - 1].outputs;
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < width; j++)
                if (!isfinite(workspace->activations[l][i * stride_of(layout, l) + j])) return l;
    }
    return layout->net->depth + 1;
}

/* The input that is furthest from 0, or not finite: its row in the mini-batch and its feature. */
static float largest_input(const sp_layout *layout, const sp_workspace *workspace, size_t rows, size_t *row,
                           size_t *feature) {
    float most = 0;
    *row = *feature = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < layout->net->inputs; j++) {
            float size = fabsf(workspace->activations[0][i * layout->input_stride + j]);
            if (size <= most) continue; /* NaN is not, nor is infinity */
            *row = i;
            *feature = j;
            most = size;
            if (!isfinite(size)) return size;
        }
    return most;
}

/* The target that is furthest from 0, or not finite: its row in the mini-batch; of classes 0. */
static float largest_target(const sp_dataset *data, sp_batch batch, size_t *row) {
    float most = 0;
    *row = 0;
    for (size_t i = 0; i < batch.count; i++)
        for (size_t j = 0; j < data->targets; j++) {
            float size = fabsf(data->values[batch.rows[i] * data->targets + j]);
            if (size <= most) continue;
            *row = i;
            most = size;
            if (!isfinite(size)) return size;
        }
    return most;
}

static float largest_of(const float *values, size_t count, float most) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(values[i]) <= most)) most = fabsf(values[i]);
    return most;
}

/* The weight that is furthest from 0; *layer (from 1): the first with one that is not finite, 0: all are. */
static float largest_weight(const sp_weights *weights, size_t *layer) {
    const sp_layout *layout = weights->layout;
    float most = 0;
    *layer = 0;
    for (size_t i = 0; i < layout->tiles; i++) {
        const sp_tile *tile = &layout->tile[i];
        float here = largest_of(weights->packed + tile->offset, tile->count, 0);
        here = largest_of(weights->packed + tile->bias, tile->biases, here);
        here = largest_of(weights->packed + tile->scale, tile->scales, here);
        if (!isfinite(here) && (*layer == 0 || tile->layer < *layer)) *layer = tile->layer + 1;
        if (!(here <= most)) most = here;
    }
    return most;
}

/* "digits.csv:12, 57, 310 and 29 more": rows by their lines, or, where they have none, numbers. */
static void list_rows(const sp_part *part, sp_batch batch, char *text, size_t size) {
    enum { SHOWN = 3 };
    const sp_table *table = part->data->table;
    int used = snprintf(text, size, "%s%s", table->path, table->lines ? ":" : ": rows ");
    for (size_t i = 0; i < batch.count && i < SHOWN && (size_t)used < size; i++) {
        size_t row = batch.rows[i];
        used += snprintf(text + used, size - (size_t)used, "%s%zu", i > 0 ? ", " : "",
                         table->lines ? table->lines[row] : row + 1);
    }
    if (batch.count > SHOWN && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, " and %zu more", batch.count - SHOWN);
}

/* What broke first, in the order in which it is computed. */
static void describe_place(const sp_breakdown *b, size_t layer, size_t of_weights, char *text, size_t size) {
    if (layer == 0)
        snprintf(text, size, "an input is not finite");
    else if (layer <= b->weights->layout->net->depth)
        snprintf(text, size, "the outputs of layer %zu are not finite", layer);
    else if (b->gradient > 0)
        snprintf(text, size, "the loss is finite, but the gradient of layer %zu is not", b->gradient);
    else if (of_weights > 0)
        snprintf(text, size, "the loss is finite, but the weights of layer %zu are not", of_weights);
    else
        snprintf(text, size, "the outputs are finite, but their loss is not");
}

/* What to do where steps are too long: for values that are not of the order of 1, before the learning rate. */
static void describe_remedy(const sp_breakdown *b, float input, float target, char *text, size_t size) {
    int used = 0;
    bool targets = b->rows->data->targets > 0 && !b->rows->data->scale && target > SP_LARGE_VALUE;
    bool inputs = b->preprocess->kind == SP_NORMALIZE_NONE && input > SP_LARGE_VALUE;
    if (targets)
        used += snprintf(text, size, "targets are as large as %.3g: set data.normalize_targets to standard; ",
                         (double)target);
    if (inputs)
        used += snprintf(text + used, size - (size_t)used,
                         "inputs are as large as %.3g: set data.normalize to standard; ", (double)input);
    snprintf(text + used, size - (size_t)used,
             "%sthe learning rate (%g) is likely too high; lower optimizer.learning_rate, or set optimizer.clip_norm",
             targets || inputs ? "else " : "", b->eta);
}

/* Data, learning rate or overflow, whichever is likely. */
static void describe_cause(const sp_breakdown *b, float weight, char *text, size_t size) {
    char remedy[400], place[SP_ERROR_TEXT / 4];
    size_t row, of_target, feature;
    float input = largest_input(b->weights->layout, b->workspace, b->batch.count, &row, &feature);
    float target = largest_target(b->rows->data, b->batch, &of_target);
    bool blames_target = input < huge && !(target < huge);
    describe_remedy(b, input, target, remedy, sizeof remedy);
    sp_table_place(b->rows->data->table, b->batch.rows[blames_target ? of_target : row], place, sizeof place);
    if (!(input < huge))
        snprintf(text, size, "%s, feature %zu is %g%s: mend the data, or normalize it", place, feature + 1,
                 (double)input, b->preprocess->kind == SP_NORMALIZE_NONE ? "" : " when normalised");
    else if (blames_target)
        snprintf(text, size, "%s, a target is %g: mend the data, or scale it down", place, (double)target);
    else if (!isfinite(weight))
        snprintf(text, size, "weights have grown beyond all bounds: %s", remedy);
    else if (weight > grown)
        snprintf(text, size, "weights have grown to %.2g: %s", (double)weight, remedy);
    else
        snprintf(text, size, "no weight is above %.2g, so numbers overflow float32 on their way: %s", (double)weight,
                 remedy);
}

void sp_breakdown_describe(const sp_breakdown *b, char *text, size_t size) {
    char list[600], where[120], cause[SP_ERROR_TEXT / 2];
    size_t of_weights, layer = first_broken_layer(b->weights->layout, b->workspace, b->batch.count);
    float weight = largest_weight(b->weights, &of_weights);
    list_rows(b->rows, b->batch, list, sizeof list);
    describe_place(b, layer, of_weights, where, sizeof where);
    describe_cause(b, weight, cause, sizeof cause);
    snprintf(text, size, "%s in the mini-batch of %s; %s", where, list, cause);
}
