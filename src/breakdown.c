#include "breakdown.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Normalised features beyond this are no measurements; squared and summed they leave what float32 has of digits. */
static const float huge = 1e6f;

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

static float largest_weight(const sp_weights *weights) {
    float most = 0;
    for (size_t i = 0; i < weights->layout->packed; i++) {
        float size = fabsf(weights->packed[i]);
        if (!(size <= most)) most = size;
        if (!isfinite(most)) return most;
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

void sp_breakdown_describe(const sp_weights *weights, const sp_workspace *workspace, const sp_part *rows,
                           const sp_preprocess *preprocess, sp_batch batch, double eta, char *text, size_t size) {
    const sp_layout *layout = weights->layout;
    char list[600], where[120], place[SP_ERROR_TEXT / 4], cause[SP_ERROR_TEXT / 2];
    size_t layer = first_broken_layer(layout, workspace, batch.count), row, feature;
    float input = largest_input(layout, workspace, batch.count, &row, &feature), weight = largest_weight(weights);
    char remedy[160];
    snprintf(remedy, sizeof remedy,
             "the learning rate (%g) is likely too high; lower optimizer.learning_rate, or set optimizer.clip_norm",
             eta);
    list_rows(rows, batch, list, sizeof list);
    sp_table_place(rows->data->table, batch.rows[row], place, sizeof place);
    if (layer == 0)
        snprintf(where, sizeof where, "an input is not finite");
    else if (layer <= layout->net->depth)
        snprintf(where, sizeof where, "the outputs of layer %zu are not finite", layer);
    else
        snprintf(where, sizeof where, "the outputs are finite, but their loss is not");
    if (!(input < huge))
        snprintf(cause, sizeof cause, "%s, feature %zu is %g%s: mend the data, or normalize it", place, feature + 1,
                 (double)input, preprocess->kind == SP_NORMALIZE_NONE ? "" : " when normalised");
    else if (isfinite(weight))
        snprintf(cause, sizeof cause, "weights have grown to %.2g: %s", (double)weight, remedy);
    else
        snprintf(cause, sizeof cause, "weights have grown beyond all bounds: %s", remedy);
    snprintf(text, size, "%s in the mini-batch of %s; %s", where, list, cause);
}
