/* What steps are made with: how their work is shared out, what others ask of it, its memory. */
#include "stepper.h"

#include "base/error.h"
#include "base/memory.h"
#include "reduce.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---- Work shared out among the threads --------------------------------------------------------- */

/* Tile `i` of the `tiles` of a layer from `first` on, by rows: the first of each panel, then the second of each, ... */
static size_t tile_by_rows(const sp_layout *layout, size_t first, size_t tiles, size_t i) {
    size_t panels = layout->layers[layout->tile[first].layer].panels, high = tiles / panels;
    return first + i % panels * high + i / panels;
}

/*
 * The tiles: each part has its share of each layer's. In the order of the panels, so that a thread updates the
 * weights that it will go forward with. Where threads do not share out panels, and a layer has more inputs than
 * outputs, by rows, so that each reads its share of the inputs.
 */
static void share_out_tiles(sp_stepper *t, size_t list) {
    const sp_layout *layout = t->layout;
    size_t *bounds = sp_crew_bounds(t->crew, list), count = 0, threads = t->crew->threads;
    for (size_t part = 0; part < threads; part++) {
        bounds[part] = count;
        for (size_t first = 0, next; first < layout->tiles; first = next) {
            size_t l = layout->tile[first].layer;
            for (next = first; next < layout->tiles && layout->tile[next].layer == l;) next++;
            size_t tiles = next - first;
            bool by_rows = !sp_stages_by_panels(t->stages, l) && tiles % layout->layers[l].panels == 0 &&
                           layout->net->layers[l].inputs > layout->net->layers[l].outputs;
            for (size_t i = tiles * part / threads; i < tiles * (part + 1) / threads; i++)
                t->tiles[count++] = by_rows ? tile_by_rows(layout, first, tiles, i) : first + i;
        }
    }
    bounds[threads] = count;
}

void sp_stepper_share_out(sp_stepper *t, size_t threads) {
    t->crew->threads = threads;
    sp_stages_arrange(t->stages, t->layout, t->batch_size, t->shards->count, threads, t->inputs != NULL);
    for (size_t s = 0; s < t->stages->count; s++) sp_crew_cut(t->crew, s, t->stages->stage[s].items);
    for (int round = 0; round < SP_UPDATE_MOST_ROUNDS - 1; round++) share_out_tiles(t, t->stages->count + round);
    sp_crew_cut(t->crew, t->stages->count + SP_UPDATE_MOST_ROUNDS - 1, sp_update_panels(t->update));
}

/* ---- What others ask ---- */

const sp_weights *sp_stepper_average(const sp_stepper *t) {
    return sp_update_average(t->update);
}

void sp_stepper_health(const sp_stepper *t, sp_layer_health *result) {
    sp_health_end(t->health, t->weights, result);
}

bool sp_stepper_broken(const sp_stepper *t, size_t *step, size_t *layer) {
    *step = t->done;
    *layer = t->unbounded;
    return t->broken;
}

const sp_workspace *sp_stepper_passes(const sp_stepper *t) {
    sp_workspace *workspace = t->shards->workspace;
    if (t->stages->own_inputs)
        sp_shards_gather(t->shards, t->layout, sp_stepper_batch(t, t->done - 1), (sp_draw){0}, 0, t->shards->count,
                         workspace->activations[0]);
    return workspace;
}

bool sp_stepper_save(sp_stepper *t) {
    t->saved_updates = t->updates;
    return sp_update_save(t->update);
}

void sp_stepper_undo(sp_stepper *t) {
    t->updates = t->saved_updates;
    sp_update_restore(t->update);
}

bool sp_stepper_can_pause(const sp_stepper *t, size_t steps) {
    return t->unbounded == 0 && sp_health_is_due(t->health, steps);
}

void sp_stepper_record(const sp_stepper *t, size_t steps, bool undoable, sp_record *record) {
    double losses[SP_MOST_SHARDS];
    uint64_t counts[2 * SP_MOST_SHARDS];
    size_t shards = t->shards->count;
    for (size_t s = 0; s < shards; s++) {
        const sp_tally *tally = &t->shards->tallies[s];
        losses[s] = steps > 0 ? tally->loss : 0;
        counts[2 * s] = steps > 0 ? tally->correct : 0;
        counts[2 * s + 1] = steps > 0 ? tally->rows : 0;
    }
    sp_record_put_reals(record, "tallies.loss", losses, shards);
    sp_record_put_counts(record, "tallies.rows", counts, 2 * shards);
    sp_health_record(t->health, record);
    sp_update_record(t->update, undoable, record);
}

sp_status sp_stepper_take(sp_stepper *t, size_t epochs, size_t steps, bool undoable, const sp_safetensors *file,
                          sp_error *error) {
    double losses[SP_MOST_SHARDS];
    uint64_t counts[2 * SP_MOST_SHARDS];
    size_t shards = t->shards->count;
    sp_health_begin(t->health, t->rows, t->batch_size);
    sp_status status = sp_record_take_reals(file, "tallies.loss", losses, shards, error);
    if (!status) status = sp_record_take_counts(file, "tallies.rows", counts, 2 * shards, error);
    if (!status) status = sp_health_take(t->health, file, error);
    if (!status) status = sp_update_take(t->update, undoable, file, error);
    for (size_t s = 0; s < shards && !status; s++)
        t->shards->tallies[s] = (sp_tally){losses[s], counts[2 * s], counts[2 * s + 1]};
    t->updates = t->saved_updates = epochs * sp_batch_count(t->rows, t->batch_size);
    t->done = t->resumed = steps;
    return status;
}

size_t sp_stepper_threads(const sp_stepper *t) {
    return t->team.best;
}

void sp_stepper_time(sp_stepper *t) {
    t->crew->timed = true;
}

void sp_stepper_phases(const sp_stepper *t, double seconds[SP_PHASES]) {
    for (int phase = 0; phase < SP_PHASES; phase++) seconds[phase] = sp_crew_seconds(t->crew, (sp_phase)phase);
}

double sp_stepper_imbalance(const sp_stepper *t) {
    return sp_crew_imbalance(t->crew);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/*
 * A page lies on the NUMA node of the thread that writes it first: each thread clears the rows it will work on, and
 * moves the weights it will update to pages of its own.
 */
static bool settle(sp_stepper *t) {
    size_t threads = t->crew->threads, rows = t->batch_size;
    const size_t *bounds = sp_crew_bounds(t->crew, t->stages->count);
    bool moves = sp_place_nodes(t->crew->place) > 1;
    float *old = t->weights->packed, *packed = moves ? sp_allocate(t->layout->packed, sizeof(float)) : old;
    if (!packed) return false;
#pragma omp parallel num_threads((int)threads)
    {
        size_t number = (size_t)omp_get_thread_num(), given = (size_t)omp_get_num_threads();
        sp_worker *w = sp_crew_enter(t->crew, number, given, 0);
        for (size_t part = number; part < threads; part += given) {
            size_t first = rows * part / threads;
            sp_workspace_clear(t->shards->workspace, t->layout, first, rows * (part + 1) / threads - first);
            if (t->inputs) memset(t->inputs[part].rows, 0, sp_inputs_bytes(t->layout, rows));
            for (size_t i = bounds[part]; moves && i < bounds[part + 1]; i++) {
                const sp_tile *tile = &t->layout->tile[t->tiles[i]];
                memcpy(packed + tile->offset, old + tile->offset, tile->count * sizeof *packed);
                memcpy(packed + tile->bias, old + tile->bias, tile->biases * sizeof *packed);
                memcpy(packed + tile->scale, old + tile->scale, tile->scales * sizeof *packed);
            }
        }
        sp_crew_leave(t->crew, w);
    }
    size_t moments = t->layout->statistics;
    if (moves) memcpy(packed + moments, old + moments, (t->layout->packed - moments) * sizeof *packed);
    t->weights->packed = packed;
    if (moves) free(old);
    return true;
}

/* ---- Life --------------------------------------------------------------------------------- */

static bool allocate_private(sp_stepper *t) {
    t->gradients = calloc(t->shards->count, sizeof *t->gradients);
    for (size_t s = 0; t->gradients && s < t->shards->count; s++) {
        t->gradients[s] = sp_allocate(t->layout->all_tiles, sizeof(float));
        if (!t->gradients[s]) return false;
    }
    return t->gradients != NULL;
}

static sp_status create_inputs(sp_stepper *t, sp_error *error) {
    sp_status status = SP_OK;
    bool made = t->shards->augmenter || t->shards->data->table->store;
    if (t->team.most == 1 || !sp_inputs_may_own(t->layout, t->batch_size, made)) return SP_OK;
    t->inputs = calloc(t->team.most, sizeof *t->inputs);
    if (!t->inputs) return sp_fail_memory(error, "the inputs", t->team.most * sizeof *t->inputs);
    for (size_t i = 0; i < t->team.most && !status; i++)
        status = sp_inputs_create(t->shards, t->layout, &t->inputs[i], error);
    return status;
}

/* The threads, and what they go by. */
static sp_status gather_crew(sp_stepper *t, sp_error *error) {
    size_t scratch = sp_pass_scratch(t->layout);
    size_t sums = sp_reduce_scratch(t->shards->count) * t->layout->most_tile;
    t->tiles = calloc(t->layout->tiles, sizeof *t->tiles);
    if (!t->tiles) return sp_fail_memory(error, "the tiles", t->layout->tiles * sizeof *t->tiles);
    sp_status status = sp_crew_create(t->team.most, t->stages->most + SP_UPDATE_MOST_ROUNDS,
                                      scratch > sums ? scratch : sums, &t->crew, error);
    if (!status) sp_stepper_share_out(t, t->team.most);
    return status;
}

sp_status sp_stepper_prepare(sp_stepper *stepper, size_t rows, sp_error *error) {
    size_t shards = stepper->shards->count;
    sp_status status = sp_pass_prepare(stepper->pass, rows / shards, error);
    return status ? status : sp_pass_prepare(stepper->pass, sp_shard_most_rows(rows, shards), error);
}

sp_status sp_stepper_create(const sp_plan *plan, const sp_data *data, sp_weights *weights, sp_stepper **stepper,
                            sp_error *error) {
    sp_stepper *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the step", sizeof *made);
    *made = (sp_stepper){.layout = weights->layout,
                         .weights = weights,
                         .team = sp_team_create(plan->threads, !plan->threads_follow),
                         .batch_size = plan->batch_size,
                         .rows = plan->rows,
                         .seed = plan->seed,
                         .norm_momentum = plan->norm_momentum};
    bool private = plan->reduction == SP_REDUCTION_PRIVATE;
    sp_status status = sp_pass_create(weights->layout, true, &made->pass, error);
    if (!status) status = sp_shards_create(plan, data, &made->shards, error);
    if (!status) status = sp_stages_create(weights->layout, private, &made->stages, error);
    if (!status) status = sp_update_create(plan, weights, &made->update, error);
    if (!status) status = sp_health_create(weights->layout, plan->shards, &made->health, error);
    if (!status) status = create_inputs(made, error);
    if (!status) status = gather_crew(made, error);
    if (!status && ((private && !allocate_private(made)) || !settle(made)))
        status = sp_fail_memory(error, "the gradients", plan->total_bytes);
    size_t last = plan->rows % plan->batch_size;
    if (!status) status = sp_stepper_prepare(made, plan->batch_size, error);
    if (!status && last > 0) status = sp_stepper_prepare(made, last, error);
    if (status) {
        sp_stepper_destroy(made);
        return status;
    }
    *stepper = made;
    return SP_OK;
}

void sp_stepper_destroy(sp_stepper *stepper) {
    if (!stepper) return;
    for (size_t s = 0; stepper->gradients && s < stepper->shards->count; s++) free(stepper->gradients[s]);
    for (size_t i = 0; stepper->inputs && i < stepper->team.most; i++) sp_inputs_clear(&stepper->inputs[i]);
    free(stepper->inputs);
    sp_update_destroy(stepper->update);
    sp_health_destroy(stepper->health);
    free(stepper->gradients);
    free(stepper->tiles);
    sp_crew_destroy(stepper->crew);
    sp_stages_destroy(stepper->stages);
    sp_shards_destroy(stepper->shards);
    sp_pass_destroy(stepper->pass);
    free(stepper);
}
