#include "update.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/vector.h"
#include "math/squares.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A panel of a layer, from 0. */
typedef struct place {
    size_t layer, panel;
} place;

struct sp_update {
    const sp_layout *layout; /* borrowed */
    sp_weights *weights;     /* borrowed */
    sp_optim optim;
    double clip_norm, max_norm, average;
    float *state[SP_OPTIM_STATES]; /* owned, each as long as the packed weights; NULL: it keeps less */
    float *kept;                   /* owned [all_tiles]: gradients until their norm is known; NULL: not clipped so */
    double *squares;               /* owned [tiles]: of each tile's gradient, summed */
    sp_weights *averaged;          /* owned; NULL: no average */
    float *saved;                  /* owned: a copy of what vectors() lists; NULL: never saved */
    size_t panels;                 /* of all layers; 0: no bound */
    place *place;                  /* owned [panels] */
};

/* ---- Blocks of parameters --------------------------------------------------------------------- */

/* average := d average + (1 - d) w */
SP_VECTOR static void follow(float d, size_t count, const float *restrict w, float *restrict average) {
    float rest = 1 - d;
    for (size_t i = 0; i < count; i++) average[i] = d * average[i] + rest * w[i];
}

static void average_block(sp_update *update, const sp_update_step *step, size_t offset, size_t count) {
    if (update->averaged)
        follow(step->average, count, update->weights->packed + offset, update->averaged->packed + offset);
}

/* Some parameters, from `offset` of the packed weights on. */
static void move_block(sp_update *update, const sp_update_step *step, size_t offset, size_t count,
                       const float *gradient) {
    float *state[SP_OPTIM_STATES] = {NULL};
    for (int i = 0; i < SP_OPTIM_STATES && update->state[i]; i++) state[i] = update->state[i] + offset;
    sp_optim_update(&step->rule, count, gradient, update->weights->packed + offset, state);
    if (update->panels == 0) average_block(update, step, offset, count); /* else it may be bounded first */
}

static void move_tile(sp_update *update, const sp_update_step *step, const sp_tile *tile, const float *gradient) {
    move_block(update, step, tile->offset, tile->count, gradient);
    move_block(update, step, tile->bias, tile->biases, gradient + tile->count);
    if (tile->scales > 0) move_block(update, step, tile->scale, tile->scales, gradient + tile->count + tile->biases);
}

SP_VECTOR static void scale(float by, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) values[i] *= by;
}

/* ---- Rounds ------------------------------------------------------------------------------------- */

sp_update_step sp_update_at(const sp_update *update, double eta, size_t t) {
    /* At first the average has little to go by, and follows faster. */
    double early = (1.0 + (double)t) / (10.0 + (double)t);
    return (sp_update_step){.rule = sp_optim_at(&update->optim, eta, t),
                            .average = (float)(early < update->average ? early : update->average)};
}

void sp_update_tile(sp_update *update, const sp_update_step *step, size_t number, float *gradient) {
    const sp_tile *tile = &update->layout->tile[number];
    const float *weights = update->weights->packed;
    sp_optim_shape(&step->rule, tile->count, true, weights + tile->offset, gradient);
    sp_optim_shape(&step->rule, tile->biases, false, weights + tile->bias, gradient + tile->count);
    if (tile->scales > 0)
        sp_optim_shape(&step->rule, tile->scales, false, weights + tile->scale, gradient + tile->count + tile->biases);
    if (!update->kept) {
        move_tile(update, step, tile, gradient);
        return;
    }
    size_t count = sp_tile_floats(tile);
    memcpy(update->kept + tile->at, gradient, count * sizeof *gradient);
    update->squares[number] = sp_sum_of_squares(count, gradient);
}

bool sp_update_clips(const sp_update *update) {
    return update->kept != NULL;
}

void sp_update_clipped(sp_update *update, const sp_update_step *step, size_t number) {
    const sp_tile *tile = &update->layout->tile[number];
    double sum = 0;
    for (size_t i = 0; i < update->layout->tiles; i++) sum += update->squares[i];
    double share = update->clip_norm / (sqrt(sum) + 1e-6); /* as PyTorch's clip_grad_norm_ */
    float *gradient = update->kept + tile->at;
    if (share < 1) scale((float)share, sp_tile_floats(tile), gradient);
    move_tile(update, step, tile, gradient);
}

size_t sp_update_panels(const sp_update *update) {
    return update->panels;
}

enum { COLUMNS = 64 };

/* Columns first .. first + count - 1 of a panel, count at most COLUMNS. */
SP_VECTOR static void bound_columns(double most, size_t rows, size_t width, size_t count, float *weights) {
    double sum[COLUMNS] = {0};
    float by[COLUMNS];
    for (size_t row = 0; row < rows; row++)
        for (size_t j = 0; j < count; j++) sum[j] += (double)weights[row * width + j] * weights[row * width + j];
    bool any = false;
    for (size_t j = 0; j < count; j++) {
        by[j] = sum[j] > most * most ? (float)(most / sqrt(sum[j])) : 1;
        any = any || by[j] != 1;
    }
    for (size_t row = 0; any && row < rows; row++)
        for (size_t j = 0; j < count; j++) weights[row * width + j] *= by[j];
}

void sp_update_bound(sp_update *update, const sp_update_step *step, size_t number) {
    place at = update->place[number];
    const sp_layer_layout *lay = &update->layout->layers[at.layer];
    const sp_panel *panel = &lay->panel[at.panel];
    size_t rows = update->layout->net->layers[at.layer].inputs;
    float *weights = update->weights->packed + panel->offset;
    for (size_t first = 0; first < panel->width; first += COLUMNS) {
        size_t left = panel->width - first;
        bound_columns(update->max_norm, rows, panel->width, left < COLUMNS ? left : COLUMNS, weights + first);
    }
    average_block(update, step, panel->offset, rows * panel->width);
    average_block(update, step, lay->bias + panel->first, panel->width);
    if (update->layout->net->layers[at.layer].norm != SP_NORM_NONE)
        average_block(update, step, lay->scale + panel->first, panel->width);
}

const sp_weights *sp_update_average(const sp_update *update) {
    return update->averaged;
}

void sp_update_share_moments(sp_update *update) {
    size_t first = update->layout->statistics, count = update->layout->packed - first;
    if (update->averaged)
        memcpy(update->averaged->packed + first, update->weights->packed + first, count * sizeof(float));
}

/* ---- There and back ------------------------------------------------------------------------------ */

/* Every vector that a step changes, each as long as the packed weights; returns how many there are. */
static size_t vectors(const sp_update *update, float *vector[SP_OPTIM_STATES + 2]) {
    size_t count = 0;
    vector[count++] = update->weights->packed;
    for (int i = 0; i < SP_OPTIM_STATES && update->state[i]; i++) vector[count++] = update->state[i];
    if (update->averaged) vector[count++] = update->averaged->packed;
    return count;
}

bool sp_update_save(sp_update *update) {
    float *vector[SP_OPTIM_STATES + 2];
    size_t count = vectors(update, vector), length = update->layout->packed;
    if (!update->saved) update->saved = sp_allocate(count, sp_bytes(length, sizeof(float)));
    for (size_t i = 0; update->saved && i < count; i++)
        memcpy(update->saved + i * length, vector[i], length * sizeof(float));
    return update->saved != NULL;
}

void sp_update_restore(sp_update *update) {
    float *vector[SP_OPTIM_STATES + 2];
    size_t count = vectors(update, vector), length = update->layout->packed;
    for (size_t i = 0; i < count; i++) memcpy(vector[i], update->saved + i * length, length * sizeof(float));
}

/* ---- To and from a file -------------------------------------------------------------------------- */

enum { NAME = 40 };

/* Of the vector that stands at `index` in vectors(); of its copy, too. */
static void name_of(const sp_update *update, size_t index, bool copy, char name[NAME]) {
    size_t states = sp_optim_states(update->optim.name);
    const char *before = copy ? "start." : "";
    if (index == 0)
        snprintf(name, NAME, "%sweights", before);
    else if (index <= states)
        snprintf(name, NAME, "%soptimizer%zu", before, index);
    else
        snprintf(name, NAME, "%saverage", before);
}

void sp_update_record(const sp_update *update, bool kept, sp_record *record) {
    float *vector[SP_OPTIM_STATES + 2];
    size_t count = vectors(update, vector), length = update->layout->packed;
    for (size_t i = 0; i < (kept ? 2 * count : count); i++) {
        char name[NAME];
        name_of(update, i % count, i >= count, name);
        sp_weights view = {update->layout, i < count ? vector[i] : update->saved + (i - count) * length};
        float *plain = sp_record_floats(record, name, update->layout->net->floats);
        if (plain) sp_weights_store(&view, plain);
    }
}

sp_status sp_update_take(sp_update *update, bool kept, const sp_safetensors *file, sp_error *error) {
    float *vector[SP_OPTIM_STATES + 2];
    size_t count = vectors(update, vector), length = update->layout->packed, floats = update->layout->net->floats;
    float *plain = sp_allocate(floats, sizeof *plain);
    if (!plain) return sp_fail_memory(error, "the checkpoint", sp_bytes(floats, sizeof *plain));
    sp_status status = SP_OK;
    for (size_t i = 0; i < (kept ? 2 * count : count) && !status; i++) {
        char name[NAME];
        name_of(update, i % count, i >= count, name);
        sp_weights view = {update->layout, i < count ? vector[i] : update->saved + (i - count) * length};
        status = sp_safetensors_copy(file, name, floats, 0, plain, error);
        if (!status) sp_weights_load(&view, plain);
    }
    free(plain);
    return status;
}

/* ---- Life ---------------------------------------------------------------------------------------- */

static bool list_panels(sp_update *update) {
    const sp_layout *layout = update->layout;
    size_t count = 0;
    for (size_t l = 0; l < layout->net->depth; l++) count += layout->layers[l].panels;
    update->place = calloc(count, sizeof *update->place);
    for (size_t l = 0; update->place && l < layout->net->depth; l++)
        for (size_t p = 0; p < layout->layers[l].panels; p++) update->place[update->panels++] = (place){l, p};
    return update->place != NULL;
}

static bool allocate(sp_update *update, sp_error *error) {
    const sp_layout *layout = update->layout;
    for (size_t i = 0; i < sp_optim_states(update->optim.name); i++) {
        update->state[i] = sp_allocate_zeroed(layout->packed, sizeof(float));
        if (!update->state[i]) return false;
    }
    if (update->clip_norm > 0) {
        update->kept = sp_allocate_zeroed(layout->all_tiles, sizeof(float));
        update->squares = calloc(layout->tiles, sizeof *update->squares);
        if (!update->kept || !update->squares) return false;
    }
    if (update->max_norm > 0 && !list_panels(update)) return false;
    if (update->average > 0) {
        if (sp_weights_create(layout, &update->averaged, error)) return false;
        memcpy(update->averaged->packed, update->weights->packed, layout->packed * sizeof(float));
    }
    return true;
}

size_t sp_update_bytes(const sp_plan *plan) {
    size_t vectors = sp_optim_states(plan->optim.name) + (plan->average > 0);
    return sp_bytes(vectors * plan->layout->packed + (plan->clip_norm > 0) * plan->layout->all_tiles, sizeof(float));
}

sp_status sp_update_create(const sp_plan *plan, sp_weights *weights, sp_update **update, sp_error *error) {
    sp_update *made = calloc(1, sizeof *made);
    if (made)
        *made = (sp_update){.layout = weights->layout,
                            .weights = weights,
                            .optim = plan->optim,
                            .clip_norm = plan->clip_norm,
                            .max_norm = plan->max_norm,
                            .average = plan->average};
    if (!made || !allocate(made, error)) {
        sp_update_destroy(made);
        return error->faults > 0 ? error->status : sp_fail_memory(error, "the optimizer", sp_update_bytes(plan));
    }
    *update = made;
    return SP_OK;
}

void sp_update_destroy(sp_update *update) {
    if (!update) return;
    for (int i = 0; i < SP_OPTIM_STATES; i++) free(update->state[i]);
    free(update->kept);
    free(update->saved);
    free(update->squares);
    free(update->place);
    sp_weights_destroy(update->averaged);
    free(update);
}
