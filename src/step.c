#include "step.h"

#include "base/barrier.h"
#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "reduce.h"
#include "shard.h"
#include "team.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct sp_stepper {
    const sp_layout *layout; /* borrowed, of the weights */
    sp_weights *weights;     /* borrowed */
    sp_pass *pass;           /* owned */
    sp_shards *shards;       /* owned */
    sp_team team;
    size_t threads,
        batch_size;     /* threads: of the segment of steps at hand; shards and tiles are cut into as many parts */
    size_t *first_tile; /* owned [most threads + 1]: tiles of part p are first_tile[p] .. first_tile[p + 1] - 1 */
    float **gradients;  /* owned [shards]: each shard's, all tiles; NULL: reduction is fused */
    float **scratch;    /* owned [most threads]: of the reduction */
    sp_optimizer optimizer;
    float eta;
    bool (*on_step)(void *context, size_t steps); /* NULL: nobody watches */
    void *context;
    float *collect; /* where the sums go instead of an update, by tile->at; NULL: update */
    bool stop;
};

/* ---- The mini-batch step ---------------------------------------------------------------- */

/* One shard's gradient of one tile. */
typedef struct tile_of {
    sp_stepper *t;
    const sp_tile *tile;
} tile_of;

/* private: it was computed with the shard. fused: it is computed now, while the tile is in cache. */
static const float *shard_gradient(void *context, size_t shard, float *room) {
    const tile_of *of = context;
    sp_stepper *t = of->t;
    if (t->gradients) return t->gradients[shard] + of->tile->at;
    sp_pass_gradient(t->pass, t->shards->workspace, of->tile, t->shards->slices[shard], room);
    return room;
}

static void update(sp_stepper *t, const sp_tile *tile, const float *gradient) {
    float *packed = t->weights->packed;
    sp_optim_update(t->optimizer, t->eta, tile->count, gradient, packed + tile->offset);
    sp_optim_update(t->optimizer, t->eta, tile->biases, gradient + tile->count, packed + tile->bias);
    sp_weights_transpose_tile(t->weights, tile);
}

/* One part of the shards of the mini-batch: forward and backward, each shard on rows of its own. */
static void run_shards(sp_stepper *t, sp_batch batch, size_t part) {
    size_t first = t->shards->count * part / t->threads, last = t->shards->count * (part + 1) / t->threads;
    sp_shards_run(t->shards, t->pass, t->weights, batch, first, last);
    for (size_t s = first; s < last && t->gradients; s++)
        for (size_t i = 0; i < t->layout->tiles; i++) {
            const sp_tile *tile = &t->layout->tile[i];
            sp_pass_gradient(t->pass, t->shards->workspace, tile, t->shards->slices[s], t->gradients[s] + tile->at);
        }
}

/* One part of the tiles of the weights: the shards' gradients summed in a fixed order, one update. */
static void reduce_and_update(sp_stepper *t, size_t part) {
    for (size_t i = t->first_tile[part]; i < t->first_tile[part + 1]; i++) {
        const sp_tile *tile = &t->layout->tile[i];
        float *gradient = t->scratch[part];
        sp_reduce_sum(t->shards->count, tile->count + tile->biases, shard_gradient, &(tile_of){t, tile}, gradient,
                      t->layout->most_tile);
        if (t->collect)
            memcpy(t->collect + tile->at, gradient, (tile->count + tile->biases) * sizeof *gradient);
        else
            update(t, tile, gradient);
    }
}

/* Cuts the tiles into `threads` parts of about the same size. */
static void share_tiles(sp_stepper *t, size_t threads) {
    size_t tile = 0;
    t->threads = threads;
    for (size_t part = 0; part < threads; part++) {
        t->first_tile[part] = tile;
        size_t until = t->layout->all_tiles * (part + 1) / threads;
        while (tile < t->layout->tiles && t->layout->tile[tile].at + t->layout->tile[tile].count / 2 < until) tile++;
    }
    t->first_tile[threads] = t->layout->tiles;
}

/* Steps first .. last - 1 of the epoch: one fork, one join, and two barriers a step. */
static void run_steps(sp_stepper *t, const uint32_t *order, size_t rows, size_t first, size_t last) {
    sp_barrier barrier = {0};
#pragma omp parallel num_threads((int)t->threads)
    for (size_t step = first; step < last && !t->stop; step++) {
        /* OpenMP may give fewer threads than were asked for: then some do the work of several. */
        size_t mine = (size_t)omp_get_thread_num(), given = (size_t)omp_get_num_threads();
        sp_batch batch = sp_batch_at(order, rows, t->batch_size, step);

        for (size_t part = mine; part < t->threads; part += given) run_shards(t, batch, part);
        sp_barrier_wait(&barrier, (unsigned)given); /* every shard has been forward and backward */

        /* Between the two barriers, so that all threads see the same answer after the second. */
        if (mine == 0) t->stop = t->on_step && t->on_step(t->context, step + 1);

        for (size_t part = mine; part < t->threads; part += given) reduce_and_update(t, part);
        sp_barrier_wait(&barrier, (unsigned)given); /* every weight is new */
    }
}

sp_tally sp_stepper_epoch(sp_stepper *t, const uint32_t *order, size_t rows, double eta,
                          bool (*on_step)(void *context, size_t steps), void *context) {
    size_t steps = sp_batch_count(rows, t->batch_size);
    t->eta = (float)eta;
    t->stop = false;
    t->on_step = on_step;
    t->context = context;
    memset(t->shards->tallies, 0, t->shards->count * sizeof *t->shards->tallies);

    for (size_t done = 0, count; done < steps && !t->stop; done += count) {
        size_t threads;
        count = sp_team_next(&t->team, steps - done, &threads);
        if (threads != t->threads) share_tiles(t, threads);
        double started = sp_host_seconds();
        run_steps(t, order, rows, done, done + count);
        sp_team_report(&t->team, count, sp_host_seconds() - started);
    }

    sp_tally sum = {0};
    for (size_t s = 0; s < t->shards->count; s++) sp_tally_add(&sum, &t->shards->tallies[s]);
    return sum;
}

size_t sp_stepper_threads(const sp_stepper *t) {
    return t->team.best;
}

sp_tally sp_stepper_step(sp_stepper *t, sp_batch batch, double eta) {
    return sp_stepper_epoch(t, batch.rows, batch.count, eta, NULL, NULL);
}

/* From tile order to the plain vector of net.h. */
static void unpack(const sp_layout *layout, const float *collected, float *gradients) {
    for (size_t i = 0; i < layout->tiles; i++) {
        const sp_tile *tile = &layout->tile[i];
        const sp_layer *layer = &layout->net->layers[tile->layer];
        const sp_panel *panel = &layout->layers[tile->layer].panel[tile->panel];
        const float *from = collected + tile->at;
        for (size_t row = 0; row < tile->rows; row++)
            memcpy(gradients + layer->weights + (tile->row + row) * layer->outputs + panel->first,
                   from + row * panel->width, panel->columns * sizeof *gradients);
        if (tile->biases > 0)
            memcpy(gradients + layer->bias + panel->first, from + tile->count, panel->columns * sizeof *gradients);
    }
}

sp_status sp_stepper_gradients(sp_stepper *t, sp_batch batch, float *gradients, sp_tally *tally, sp_error *error) {
    t->collect = sp_allocate(t->layout->all_tiles, sizeof *t->collect);
    if (!t->collect) return sp_fail_memory(error, "the gradients", sp_bytes(t->layout->all_tiles, sizeof(float)));
    *tally = sp_stepper_step(t, batch, 0);
    unpack(t->layout, t->collect, gradients);
    free(t->collect);
    t->collect = NULL;
    return SP_OK;
}

/* ---- Life --------------------------------------------------------------------------------- */

static bool allocate_private(sp_stepper *t) {
    t->gradients = calloc(t->shards->count, sizeof *t->gradients);
    for (size_t s = 0; t->gradients && s < t->shards->count; s++) {
        t->gradients[s] = sp_allocate_zeroed(t->layout->all_tiles, sizeof(float));
        if (!t->gradients[s]) return false;
    }
    return t->gradients != NULL;
}

static bool allocate_scratch(sp_stepper *t) {
    t->first_tile = calloc(t->team.most + 1, sizeof *t->first_tile);
    t->scratch = calloc(t->team.most, sizeof *t->scratch);
    if (!t->first_tile || !t->scratch) return false;
    for (size_t i = 0; i < t->team.most; i++) {
        t->scratch[i] = sp_allocate(sp_reduce_scratch(t->shards->count) * t->layout->most_tile, sizeof(float));
        if (!t->scratch[i]) return false;
    }
    share_tiles(t, t->team.most);
    return true;
}

sp_status sp_stepper_prepare(sp_stepper *stepper, size_t rows, sp_error *error) {
    size_t shards = stepper->shards->count;
    sp_status status = sp_pass_prepare(stepper->pass, rows / shards, error);
    return status ? status : sp_pass_prepare(stepper->pass, sp_shard_most_rows(rows, shards), error);
}

sp_status sp_stepper_create(const sp_plan *plan, const sp_data *data, sp_optimizer optimizer, sp_weights *weights,
                            sp_stepper **stepper, sp_error *error) {
    sp_stepper *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the step", sizeof *made);
    *made = (sp_stepper){.layout = weights->layout,
                         .weights = weights,
                         .team = sp_team_create(plan->threads, !plan->threads_follow),
                         .batch_size = plan->batch_size,
                         .optimizer = optimizer};
    sp_status status = sp_pass_create(weights->layout, true, &made->pass, error);
    if (!status)
        status = sp_shards_create(weights->layout, plan->batch_size, plan->shards, data->train.data, &data->preprocess,
                                  &made->shards, error);
    if (!status && (!allocate_scratch(made) || (plan->reduction == SP_REDUCTION_PRIVATE && !allocate_private(made))))
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
    for (size_t i = 0; stepper->scratch && i < stepper->team.most; i++) free(stepper->scratch[i]);
    free(stepper->gradients);
    free(stepper->scratch);
    free(stepper->first_tile);
    sp_shards_destroy(stepper->shards);
    sp_pass_destroy(stepper->pass);
    free(stepper);
}
