#include "step.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "math/finite.h"
#include "norm.h"
#include "reduce.h"
#include "stepper.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

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

/* Shards of mini-batch `step`, if there is one, and nobody wants to look at the one before. */
static void cut_step(sp_stepper *t, size_t step) {
    if (!t->broken && step < sp_batch_count(t->rows, t->batch_size))
        sp_shards_cut(t->shards, sp_stepper_batch(t, step).count);
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
            run_step(t, w, sp_stepper_batch(t, step), step);
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
        if (threads != t->crew->threads) sp_stepper_share_out(t, threads);
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
