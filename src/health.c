#include "health.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/vector.h"
#include "math/squares.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sp_health {
    const sp_layout *layout; /* borrowed */
    size_t shards, measured; /* measured: the step, from 0 in its epoch */
    float **largest;         /* owned [depth]: of relu layers [shards, stride]: the largest a of each unit; else NULL */
    bool **alive;            /* owned [depth]: [shards, panels]: whether all of them are above 0 */
    size_t **saturated;      /* owned [depth]: of sigmoid and tanh layers [shards, panels]: units times rows */
    size_t **looked;         /* owned [depth]: [shards, panels]: of so many */
    float *gradient;         /* owned [all_tiles]: of the measured step */
    float *before;           /* owned [all_tiles]: weights before it */
};

static sp_activation activation_of(const sp_health *health, size_t l) {
    return sp_net_applied(health->layout->net, l);
}

static bool saturates(sp_activation activation) {
    return activation == SP_SIGMOID || activation == SP_TANH;
}

/* ---- Units ---------------------------------------------------------------------------------------- */

SP_VECTOR static void keep_largest(size_t width, const float *restrict a, float *restrict largest) {
    for (size_t j = 0; j < width; j++) largest[j] = a[j] > largest[j] ? a[j] : largest[j];
}

static bool all_positive(size_t count, const float *values) {
    for (size_t j = 0; j < count; j++)
        if (!(values[j] > 0)) return false;
    return true;
}

/* Whether the slope f'(z) is less than a tenth of its largest: 1/4 for the sigmoid, 1 for tanh. */
static bool is_flat(sp_activation activation, float a) {
    return activation == SP_SIGMOID ? a * (1 - a) < 0.025f : 1 - a * a < 0.1f;
}

static void look_at_panel(sp_health *health, const float *a, size_t l, size_t p, sp_slice slice, size_t shard,
                          bool measured) {
    const sp_layer_layout *lay = &health->layout->layers[l];
    const sp_panel *panel = &lay->panel[p];
    size_t at = shard * lay->panels + p;
    sp_activation activation = activation_of(health, l);
    if (health->largest[l] && !health->alive[l][at]) {
        float *largest = health->largest[l] + shard * lay->stride + panel->first;
        for (size_t row = 0; row < slice.count; row++)
            keep_largest(panel->columns, a + (slice.first + row) * lay->stride + panel->first, largest);
        health->alive[l][at] = all_positive(panel->columns, largest);
    }
    if (!measured || !saturates(activation)) return;
    size_t count = 0;
    for (size_t row = 0; row < slice.count; row++)
        for (size_t j = 0; j < panel->columns; j++)
            count += is_flat(activation, a[(slice.first + row) * lay->stride + panel->first + j]);
    health->saturated[l][at] = count;
    health->looked[l][at] = slice.count * panel->columns;
}

void sp_health_look(sp_health *health, const sp_workspace *workspace, size_t l, size_t first, size_t last,
                    const sp_slice *slices, size_t shard, size_t count, bool measured) {
    if (!health->largest[l] && !(measured && saturates(activation_of(health, l)))) return;
    for (size_t p = first; p < last; p++)
        for (size_t s = 0; s < count; s++)
            look_at_panel(health, workspace->activations[l + 1], l, p, slices[s], shard + s, measured);
}

/* ---- Gradients and updates ------------------------------------------------------------------------ */

void sp_health_note(sp_health *health, const sp_tile *tile, const sp_weights *weights, const float *gradient) {
    float *before = health->before + tile->at;
    memcpy(health->gradient + tile->at, gradient, sp_tile_floats(tile) * sizeof *gradient);
    memcpy(before, weights->packed + tile->offset, tile->count * sizeof *gradient);
    memcpy(before + tile->count, weights->packed + tile->bias, tile->biases * sizeof *gradient);
    memcpy(before + tile->count + tile->biases, weights->packed + tile->scale, tile->scales * sizeof *gradient);
}

/* ---- Epochs --------------------------------------------------------------------------------------- */

void sp_health_begin(sp_health *health, size_t rows, size_t batch_size) {
    health->measured = rows / batch_size > 0 ? rows / batch_size - 1 : 0;
    for (size_t l = 0; l < health->layout->net->depth; l++) {
        const sp_layer_layout *lay = &health->layout->layers[l];
        size_t panels = health->shards * lay->panels;
        memset(health->alive[l], 0, panels * sizeof **health->alive);
        memset(health->saturated[l], 0, panels * sizeof **health->saturated);
        memset(health->looked[l], 0, panels * sizeof **health->looked);
        if (health->largest[l]) memset(health->largest[l], 0, health->shards * lay->stride * sizeof(float));
    }
}

bool sp_health_measures(const sp_health *health, size_t step) {
    return step == health->measured;
}

static double dead_share(const sp_health *health, size_t l) {
    size_t units = health->layout->net->layers[l].outputs, stride = health->layout->layers[l].stride, dead = 0;
    if (!health->largest[l]) return NAN;
    for (size_t j = 0; j < units; j++) {
        bool alive = false;
        for (size_t s = 0; s < health->shards && !alive; s++) alive = health->largest[l][s * stride + j] > 0;
        dead += !alive;
    }
    return (double)dead / (double)units;
}

static double saturated_share(const sp_health *health, size_t l) {
    size_t looked = 0, saturated = 0;
    for (size_t i = 0; i < health->shards * health->layout->layers[l].panels; i++) {
        looked += health->looked[l][i];
        saturated += health->saturated[l][i];
    }
    return looked > 0 ? (double)saturated / (double)looked : NAN;
}

void sp_health_end(const sp_health *health, const sp_weights *weights, sp_layer_health *result) {
    const sp_layout *layout = health->layout;
    for (size_t l = 0; l < layout->net->depth; l++) {
        double gradient = 0, before = 0, moved = 0;
        for (size_t i = 0; i < layout->tiles; i++) {
            const sp_tile *tile = &layout->tile[i];
            const float *old = health->before + tile->at;
            if (tile->layer != l) continue;
            size_t floats = sp_tile_floats(tile), scales = tile->count + tile->biases;
            gradient += sp_sum_of_squares(floats, health->gradient + tile->at);
            before += sp_sum_of_squares(floats, old);
            moved += sp_sum_of_squared_differences(tile->count, weights->packed + tile->offset, old) +
                     sp_sum_of_squared_differences(tile->biases, weights->packed + tile->bias, old + tile->count) +
                     sp_sum_of_squared_differences(tile->scales, weights->packed + tile->scale, old + scales);
        }
        result[l] = (sp_layer_health){.gradient_norm = sqrt(gradient),
                                      .update_ratio = before > 0 ? sqrt(moved / before) : NAN,
                                      .saturated = saturated_share(health, l),
                                      .dead = dead_share(health, l)};
    }
}

/* ---- To and from a file --------------------------------------------------------------------------- */

bool sp_health_is_due(const sp_health *health, size_t steps) {
    return steps <= health->measured;
}

enum { NAME = 40 };

/* Of layer l: the largest a of each unit, shard by shard. */
static void name_of(size_t l, char name[NAME]) {
    snprintf(name, NAME, "layer%zu.largest", l + 1);
}

/* A field more that one mini-batch hands on to another is to be recorded and taken, too; only `largest` is so far. */
_Static_assert(sizeof(sp_health) == 7 * sizeof(void *) + 2 * sizeof(size_t),
               "sp_health_record and sp_health_take know all that lasts");

void sp_health_record(const sp_health *health, sp_record *record) {
    for (size_t l = 0; l < health->layout->net->depth; l++) {
        char name[NAME];
        size_t units = health->layout->net->layers[l].outputs, stride = health->layout->layers[l].stride;
        if (!health->largest[l]) continue;
        name_of(l, name);
        float *plain = sp_record_floats(record, name, health->shards * units);
        for (size_t s = 0; plain && s < health->shards; s++)
            memcpy(plain + s * units, health->largest[l] + s * stride, units * sizeof *plain);
    }
}

static sp_status take_layer(sp_health *health, size_t l, const sp_safetensors *file, sp_error *error) {
    char name[NAME];
    const sp_layer_layout *lay = &health->layout->layers[l];
    size_t units = health->layout->net->layers[l].outputs, count = health->shards * units;
    float *plain = sp_allocate(count, sizeof *plain);
    if (!plain) return sp_fail_memory(error, "the checkpoint", sp_bytes(count, sizeof *plain));
    name_of(l, name);
    sp_status status = sp_safetensors_copy(file, name, count, 0, plain, error);
    for (size_t s = 0; s < health->shards && !status; s++) {
        float *largest = health->largest[l] + s * lay->stride;
        memcpy(largest, plain + s * units, units * sizeof *plain);
        for (size_t p = 0; p < lay->panels; p++)
            health->alive[l][s * lay->panels + p] = all_positive(lay->panel[p].columns, largest + lay->panel[p].first);
    }
    free(plain);
    return status;
}

sp_status sp_health_take(sp_health *health, const sp_safetensors *file, sp_error *error) {
    sp_status status = SP_OK;
    for (size_t l = 0; l < health->layout->net->depth && !status; l++)
        if (health->largest[l]) status = take_layer(health, l, file, error);
    return status;
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static bool allocate_layer(sp_health *health, size_t l) {
    const sp_layer_layout *lay = &health->layout->layers[l];
    size_t panels = health->shards * lay->panels;
    health->alive[l] = calloc(panels, sizeof **health->alive);
    health->saturated[l] = calloc(panels, sizeof **health->saturated);
    health->looked[l] = calloc(panels, sizeof **health->looked);
    if (activation_of(health, l) == SP_RELU && l + 1 < health->layout->net->depth) {
        health->largest[l] = sp_allocate_zeroed(health->shards, lay->stride * sizeof(float));
        if (!health->largest[l]) return false;
    }
    return health->alive[l] && health->saturated[l] && health->looked[l];
}

sp_status sp_health_create(const sp_layout *layout, size_t shards, sp_health **health, sp_error *error) {
    size_t depth = layout->net->depth;
    sp_health *made = calloc(1, sizeof *made);
    bool good = made != NULL;
    if (good) {
        *made = (sp_health){.layout = layout, .shards = shards};
        made->largest = calloc(depth, sizeof *made->largest);
        made->alive = calloc(depth, sizeof *made->alive);
        made->saturated = calloc(depth, sizeof *made->saturated);
        made->looked = calloc(depth, sizeof *made->looked);
        made->gradient = sp_allocate_zeroed(layout->all_tiles, sizeof(float));
        made->before = sp_allocate_zeroed(layout->all_tiles, sizeof(float));
        good = made->largest && made->alive && made->saturated && made->looked && made->gradient && made->before;
    }
    for (size_t l = 0; good && l < depth; l++) good = allocate_layer(made, l);
    if (!good) {
        sp_health_destroy(made);
        return sp_fail_memory(error, "the figures of the layers", sp_bytes(layout->all_tiles, 2 * sizeof(float)));
    }
    *health = made;
    return SP_OK;
}

void sp_health_destroy(sp_health *health) {
    if (!health) return;
    for (size_t l = 0; l < health->layout->net->depth; l++) {
        if (health->largest) free(health->largest[l]);
        if (health->alive) free(health->alive[l]);
        if (health->saturated) free(health->saturated[l]);
        if (health->looked) free(health->looked[l]);
    }
    free(health->largest);
    free(health->alive);
    free(health->saturated);
    free(health->looked);
    free(health->gradient);
    free(health->before);
    free(health);
}
