#include "step.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "crew.h"
#include "health.h"
#include "inputs.h"
#include "math/finite.h"
#include "norm.h"
#include "reduce.h"
#include "shard.h"
#include "stage.h"
#include "team.h"
#include "update.h"

#include <math.h>
#include <omp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct sp_stepper {
    const sp_layout *layout; /* borrowed, of the weights */
    sp_weights *weights;     /* borrowed */
    sp_pass *pass;           /* owned */
    sp_shards *shards;       /* owned */
    sp_stages *stages;       /* owned: as arranged for the threads at hand */
    sp_team team;
    sp_update *update; /* owned */
    sp_health *health; /* owned */
    sp_crew *crew;     /* owned; its lists: the stages, and behind them the rounds of the update */
    size_t *tiles;     /* owned [tiles]: their numbers, part by part */
    sp_inputs *inputs; /* owned [team.most]: each thread's own; NULL: they have none */
    float **gradients; /* owned [shards]: each shard's, all tiles; NULL: reduction is fused */
    size_t batch_size;
    uint64_t seed;                                /* of noise and dropout */
    double norm_momentum;                         /* of running moments */
    const sp_schedule *schedule;                  /* of the epoch at hand */
    const uint32_t *order;                        /* borrowed [rows]: likewise */
    size_t rows;                                  /* of an epoch */
    size_t updates;                               /* before the epoch at hand */
    size_t saved_updates;                         /* when all was saved */
    bool (*on_step)(void *context, size_t steps); /* NULL: nobody watches */
    void *context;
    float *collect; /* where the sums go instead of an update, by tile->at; NULL: update */
    size_t done;    /* steps of the epoch */
    size_t resumed; /* steps of the next one that are done already */
    /* A thread that is late may look at these while another sets them. */
    atomic_bool stop, broken; /* broken: the last step's loss is not finite, or its gradient */
    atomic_size_t unbounded;  /* the highest layer, from 1, whose gradient is not finite; 0: all are */
};

/* ---- Gradients ----------------------------------------------------------------------------- */

/* What a thread works in: with inputs of its own, of shards first .. last - 1 at least, where it has such. */
static sp_workspace *workspace_of(sp_stepper *t, const sp_worker *w, size_t layer, sp_batch batch, size_t first,
                                  size_t last) {
    if (!t->stages->own_inputs) return t->shards->workspace;
    sp_inputs *inputs = &t->inputs[w->number];
    if (layer == 0) sp_inputs_want(inputs, t->shards, t->layout, batch, first, last);
    return &inputs->view;
}

/* reduction = private: the gradients of some shards, all tiles, into buffers of their own. */
static void private_gradients(sp_stepper *t, const sp_worker *w, sp_batch batch, size_t first, size_t last) {
    const sp_workspace *workspace = workspace_of(t, w, 0, batch, first, last);
    for (size_t s = first; s < last; s++)
        for (size_t i = 0; i < t->layout->tiles; i++) {
            const sp_tile *tile = &t->layout->tile[i];
            sp_pass_gradient(t->pass, workspace, tile, t->shards->slices[s], t->gradients[s] + tile->at);
        }
}

/* The shards' gradients of one tile. */
typedef struct tile_of {
    sp_stepper *t;
    const sp_tile *tile;
    const sp_worker *worker;
    sp_batch batch;
} tile_of;

/* private: it was computed with the shard. fused: it is computed now, while the tile is in cache. */
static const float *shard_gradient(void *context, size_t shard, float *room) {
    const tile_of *of = context;
    sp_stepper *t = of->t;
    if (t->gradients) return t->gradients[shard] + of->tile->at;
    const sp_workspace *workspace = workspace_of(t, of->worker, of->tile->layer, of->batch, shard, shard + 1);
    sp_pass_gradient(t->pass, workspace, of->tile, t->shards->slices[shard], room);
    return room;
}

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

static void share_out(sp_stepper *t, size_t threads) {
    t->crew->threads = threads;
    sp_stages_arrange(t->stages, t->layout, t->batch_size, t->shards->count, threads, t->inputs != NULL);
    for (size_t s = 0; s < t->stages->count; s++) sp_crew_cut(t->crew, s, t->stages->stage[s].items);
    for (int round = 0; round < SP_UPDATE_MOST_ROUNDS - 1; round++) share_out_tiles(t, t->stages->count + round);
    sp_crew_cut(t->crew, t->stages->count + SP_UPDATE_MOST_ROUNDS - 1, sp_update_panels(t->update));
}

/* ---- The mini-batch step ---------------------------------------------------------------- */

/* Layer normalisation of some shards. */
static void normalise(sp_stepper *t, sp_operation operation, const sp_slice *slices, size_t count,
                      const sp_draw *draw) {
    sp_workspace *workspace = t->shards->workspace;
    if (operation.phase == SP_PHASE_FORWARD)
        sp_pass_normalise(t->pass, t->weights, workspace, operation.layer, slices, count, draw);
    else
        sp_pass_normalise_back(t->pass, t->weights, workspace, operation.layer, slices, count);
}

/* What has become of panels first .. last - 1 of a layer, for `count` shards from `shard` on. */
static void look(sp_stepper *t, size_t layer, size_t first, size_t last, size_t shard, size_t count, sp_batch batch) {
    sp_health_look(t->health, t->shards->workspace, layer, first, last, t->shards->slices + shard, shard, count,
                   sp_health_measures(t->health, batch.step - t->updates));
}

/* One operation on shards first .. last - 1, on all panels and strips or on one piece of them. */
static void operate(sp_stepper *t, sp_worker *w, sp_operation operation, const size_t *piece, sp_batch batch,
                    size_t first, size_t last) {
    const sp_layer_layout *lay = &t->layout->layers[operation.layer];
    const sp_slice *slices = t->shards->slices + first;
    size_t from = piece ? *piece : 0, count = last - first;
    sp_draw draw = {t->seed, batch.step};
    double since = sp_crew_clock(t->crew);
    sp_workspace *workspace =
        workspace_of(t, w, operation.phase == SP_PHASE_FORWARD ? operation.layer : 1, batch, first, last);
    if (t->stages->own_inputs) sp_crew_spent(t->crew, w, SP_PHASE_GATHER, &since);
    if (operation.normalise) {
        normalise(t, operation, slices, count, &draw);
        if (operation.phase == SP_PHASE_FORWARD) look(t, operation.layer, 0, lay->panels, first, count, batch);
        sp_crew_spent(t->crew, w, operation.phase, &since);
        return;
    }
    switch (operation.phase) {
    case SP_PHASE_GATHER:
        sp_shards_gather(t->shards, t->layout, batch, draw, first, last, workspace->activations[0]);
        break;
    case SP_PHASE_FORWARD:
        sp_pass_forward(t->pass, t->weights, workspace, operation.layer, from, piece ? from + 1 : lay->panels, slices,
                        count, &draw);
        if (t->layout->net->layers[operation.layer].norm != SP_NORM_LAYER) /* that has more to come */
            look(t, operation.layer, from, piece ? from + 1 : lay->panels, first, count, batch);
        break;
    case SP_PHASE_LOSS: sp_shards_loss(t->shards, t->pass, batch, first, last); break;
    case SP_PHASE_BACKWARD:
        sp_pass_backward(t->pass, t->weights, workspace, operation.layer, from, piece ? from + 1 : lay->strips, slices,
                         count, w->scratch);
        break;
    default: private_gradients(t, w, batch, first, last); break;
    }
    sp_crew_spent(t->crew, w, operation.phase, &since);
}

/* Forward and backward, as far as the stage goes: shard by shard, or piece by piece of its layer's weights. */
static void run_stage(sp_stepper *t, sp_worker *w, size_t number, sp_batch batch) {
    const sp_stage *stage = &t->stages->stage[number];
    size_t first, last, shards = t->shards->count;
    bool by_shards = stage->pieces == 0;
    while (sp_crew_take(t->crew, w, number, by_shards, &first, &last)) {
        if (by_shards) {
            for (size_t i = 0; i < stage->count; i++) operate(t, w, stage->operations[i], NULL, batch, first, last);
            continue;
        }
        size_t piece = first / stage->groups, group = first % stage->groups;
        operate(t, w, *stage->operations, &piece, batch, shards * group / stage->groups,
                shards * (group + 1) / stage->groups);
    }
}

/* Notes a layer whose gradient is not finite; the highest, whoever comes first: errors come down from there. */
static void note_unbounded(sp_stepper *t, size_t layer) {
    size_t highest = t->unbounded;
    while (highest <= layer && !atomic_compare_exchange_weak(&t->unbounded, &highest, layer + 1)) {
    }
}

/* A tile's weights, and the running moments of its columns, where it has the scales of batch normalisation. */
static void update_tile(sp_stepper *t, const sp_update_step *rule, size_t number, float *gradient) {
    const sp_tile *tile = &t->layout->tile[number];
    sp_update_tile(t->update, rule, number, gradient);
    if (tile->scales > 0 && t->layout->net->layers[tile->layer].norm == SP_NORM_BATCH)
        sp_norm_follow(t->weights, t->shards->workspace, tile, t->shards->slices, t->shards->count, t->norm_momentum);
}

/* Tile by tile: the shards' gradients summed in a fixed order, one update. */
static void reduce_and_update(sp_stepper *t, sp_worker *w, const sp_update_step *rule, sp_batch batch) {
    size_t first, last;
    bool measured = !t->collect && sp_health_measures(t->health, batch.step - t->updates);
    while (sp_crew_take(t->crew, w, t->stages->count, false, &first, &last)) {
        const sp_tile *tile = &t->layout->tile[t->tiles[first]];
        double since = sp_crew_clock(t->crew);
        sp_reduce_sum(t->shards->count, sp_tile_floats(tile), shard_gradient, &(tile_of){t, tile, w, batch}, w->scratch,
                      t->layout->most_tile);
        sp_crew_spent(t->crew, w, SP_PHASE_GRADIENT, &since);
        if (measured) sp_health_note(t->health, tile, t->weights, w->scratch);
        if (t->collect)
            memcpy(t->collect + tile->at, w->scratch, sp_tile_floats(tile) * sizeof(float));
        else if (!sp_all_finite(sp_tile_floats(tile), w->scratch))
            note_unbounded(t, tile->layer); /* its weights stay as they are */
        else
            update_tile(t, rule, t->tiles[first], w->scratch);
        sp_crew_spent(t->crew, w, SP_PHASE_UPDATE, &since);
    }
}

/* What some updates do when every gradient is known, and when every weight has moved. */
static void update_clipped(sp_stepper *t, sp_worker *w, const sp_update_step *rule) {
    size_t first, last;
    double since = sp_crew_clock(t->crew);
    while (sp_crew_take(t->crew, w, t->stages->count + 1, false, &first, &last))
        if (t->unbounded == 0) sp_update_clipped(t->update, rule, t->tiles[first]);
    sp_crew_spent(t->crew, w, SP_PHASE_UPDATE, &since);
}

static void update_bounded(sp_stepper *t, sp_worker *w, const sp_update_step *rule) {
    size_t first, last;
    double since = sp_crew_clock(t->crew);
    while (sp_crew_take(t->crew, w, t->stages->count + 2, false, &first, &last))
        sp_update_bound(t->update, rule, first);
    sp_crew_spent(t->crew, w, SP_PHASE_UPDATE, &since);
}

/* Whether the losses of all rows so far are finite: one that is not stays in the sum. */
static bool all_finite(const sp_shards *shards) {
    for (size_t s = 0; s < shards->count; s++)
        if (!isfinite(shards->tallies[s].loss)) return false;
    return true;
}

/* Mini-batch `step` of the epoch. */
static sp_batch batch_at(const sp_stepper *t, size_t step) {
    sp_batch batch = sp_batch_at(t->order, t->rows, t->batch_size, step);
    batch.step += t->updates;
    return batch;
}

/* Shards of mini-batch `step`, if there is one, and nobody wants to look at the one before. */
static void cut_step(sp_stepper *t, size_t step) {
    if (!t->broken && step < sp_batch_count(t->rows, t->batch_size)) sp_shards_cut(t->shards, batch_at(t, step).count);
}

/* The work of a stage, or of a round of the update, is done: by whoever did the last of it, after a whole step. */
static void finish(sp_stepper *t, sp_worker *w, size_t items, size_t steps_done) {
    if (!sp_crew_done(t->crew, w, items)) return;
    if (steps_done > 0) {
        t->done = steps_done;
        t->stop = (t->on_step && t->on_step(t->context, steps_done)) || t->unbounded > 0;
        t->broken = t->unbounded > 0; /* who sees this sees that it is time to stop, too */
        cut_step(t, steps_done);
    }
    sp_crew_next(t->crew);
}

/* The passes of a step are done. With a loss that is not finite the epoch ends, before a weight has followed it. */
static void finish_passes(sp_stepper *t, sp_worker *w, size_t items, size_t step) {
    if (!sp_crew_done(t->crew, w, items)) return;
    if (!t->collect && !all_finite(t->shards)) {
        t->done = step + 1;
        t->stop = true;
        t->broken = true;
    }
    sp_crew_next(t->crew);
}

/* One step of a thread; it is the others', too. */
static void run_step(sp_stepper *t, sp_worker *w, sp_batch batch, size_t step) {
    sp_update_step rule = sp_update_at(t->update, sp_schedule_rate(t->schedule, batch.step), batch.step + 1);
    size_t tiles = t->layout->tiles, panels = t->collect ? 0 : sp_update_panels(t->update);
    bool clips = !t->collect && sp_update_clips(t->update);
    for (size_t stage = 0; stage < t->stages->count; stage++) {
        size_t items = t->stages->stage[stage].items;
        run_stage(t, w, stage, batch);
        if (stage + 1 < t->stages->count)
            finish(t, w, items, 0); /* every shard has been through the stage */
        else
            finish_passes(t, w, items, step);
    }
    if (t->broken) return;
    reduce_and_update(t, w, &rule, batch);
    if (clips) {
        finish(t, w, tiles, 0); /* every gradient is known */
        update_clipped(t, w, &rule);
    }
    if (panels > 0) {
        finish(t, w, tiles, 0); /* every weight has moved */
        update_bounded(t, w, &rule);
    }
    finish(t, w, panels > 0 ? panels : tiles, step + 1); /* every weight is new */
}

/* Steps first .. last - 1 of the epoch, by all threads together: one fork, one join. */
static void run_steps(sp_stepper *t, size_t first, size_t last) {
    uint32_t round = sp_share_round(t->crew->share);
    cut_step(t, first);
#pragma omp parallel num_threads((int)t->crew->threads)
    {
        sp_worker *w = sp_crew_enter(t->crew, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads(), round);
        for (size_t step = first; step < last && !t->stop; step++) {
            if (t->inputs) sp_inputs_begin(&t->inputs[w->number]);
            run_step(t, w, batch_at(t, step), step);
        }
        sp_crew_leave(t->crew, w);
    }
}

sp_tally sp_stepper_epoch(sp_stepper *t, const uint32_t *order, size_t rows, const sp_schedule *schedule,
                          bool (*on_step)(void *context, size_t steps), void *context) {
    size_t steps = sp_batch_count(rows, t->batch_size), resumed = t->resumed;
    t->resumed = 0;
    t->schedule = schedule;
    t->stop = t->broken = false;
    t->unbounded = 0;
    t->order = order;
    t->rows = rows;
    t->on_step = on_step;
    t->context = context;
    if (resumed == 0) {
        sp_health_begin(t->health, rows, t->batch_size);
        memset(t->shards->tallies, 0, t->shards->count * sizeof *t->shards->tallies);
    }

    for (size_t done = resumed, count; done < steps && !t->stop; done += count) {
        size_t threads;
        count = sp_team_next(&t->team, steps - done, &threads);
        if (threads != t->crew->threads) share_out(t, threads);
        double started = sp_host_seconds();
        run_steps(t, done, done + count);
        sp_team_report(&t->team, count, sp_host_seconds() - started);
    }

    if (!t->collect) t->updates += steps; /* where it was stopped, no step follows */
    sp_update_share_moments(t->update);
    sp_tally sum = {0};
    for (size_t s = 0; s < t->shards->count; s++) sp_tally_add(&sum, &t->shards->tallies[s]);
    return sum;
}

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
        sp_shards_gather(t->shards, t->layout, batch_at(t, t->done - 1), (sp_draw){0}, 0, t->shards->count,
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

sp_tally sp_stepper_step(sp_stepper *t, sp_batch batch, double eta) {
    sp_schedule constant = {.rate = eta};
    return sp_stepper_epoch(t, batch.rows, batch.count, &constant, NULL, NULL);
}

sp_status sp_stepper_gradients(sp_stepper *t, sp_batch batch, float *gradients, sp_tally *tally, sp_error *error) {
    t->collect = sp_allocate(t->layout->all_tiles, sizeof *t->collect);
    if (!t->collect) return sp_fail_memory(error, "the gradients", sp_bytes(t->layout->all_tiles, sizeof(float)));
    *tally = sp_stepper_step(t, batch, 0);
    sp_layout_unpack(t->layout, t->collect, gradients);
    free(t->collect);
    t->collect = NULL;
    return SP_OK;
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
    if (t->team.most == 1 || !sp_inputs_may_own(t->layout, t->batch_size, t->shards->augmenter != NULL)) return SP_OK;
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
    if (!status) share_out(t, t->team.most);
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
