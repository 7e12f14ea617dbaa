#include "step.h"

#include "base/error.h"
#include "reduce.h"
#include "shard.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct sp_stepper {
    sp_shard_task task;
    size_t shards, threads, batch_size, tiles;
    sp_shard **shard;  /* owned [shards] */
    float **gradients; /* owned [shards]: each shard's, borrowed */
    float *parameters; /* borrowed */
    sp_optimizer optimizer;
    float eta;
    bool stop;
};

/* ---- The mini-batch step: every thread of a parallel region calls these together ---------- */

/* The mini-batch is split into shards; each goes forward and backward into a gradient buffer
 * of its own. Which thread takes which shard changes nothing but the time. */
static void run_shards(sp_stepper *t, sp_batch batch) {
#pragma omp for schedule(static)
    for (size_t s = 0; s < t->shards; s++) sp_shard_run(t->shard[s], &t->task, batch, s, t->shards);
    /* The barrier here: every gradient is there. */
}

/* The buffers are reduced in a fixed order and applied in one gradient-descent update, tile by
 * tile, while the sum is in cache. */
static void reduce_and_update(sp_stepper *t) {
#pragma omp for schedule(static)
    for (size_t tile = 0; tile < t->tiles; tile++) {
        float gradient[SP_TILE];
        size_t first;
        size_t count = sp_reduce_tile(t->gradients, t->shards, t->task.net->parameters, tile, gradient, &first);
        sp_optim_update(t->optimizer, t->eta, count, gradient, t->parameters + first);
    }
    /* The barrier here: every weight is new. */
}

sp_tally sp_stepper_epoch(sp_stepper *t, const uint32_t *order, size_t rows, double eta,
                          bool (*on_step)(void *context, size_t steps), void *context) {
    size_t steps = sp_batch_count(rows, t->batch_size);
    t->eta = (float)eta;
    t->stop = false;
    for (size_t s = 0; s < t->shards; s++) t->shard[s]->tally = (sp_tally){0};

#pragma omp parallel num_threads((int)t->threads)
    for (size_t step = 0; step < steps && !t->stop; step++) {
        run_shards(t, sp_batch_at(order, rows, t->batch_size, step));
        /* Between the two barriers, so that all threads see the same answer after the second. */
#pragma omp master
        t->stop = on_step && on_step(context, step + 1);
        reduce_and_update(t);
    }

    sp_tally sum = {0};
    for (size_t s = 0; s < t->shards; s++) sp_tally_add(&sum, &t->shard[s]->tally);
    return sum;
}

sp_tally sp_stepper_step(sp_stepper *t, sp_batch batch, double eta) {
    return sp_stepper_epoch(t, batch.rows, batch.count, eta, NULL, NULL);
}

sp_tally sp_stepper_gradients(sp_stepper *t, sp_batch batch, float *gradients) {
    for (size_t s = 0; s < t->shards; s++) t->shard[s]->tally = (sp_tally){0};
#pragma omp parallel num_threads((int)t->threads)
    {
        run_shards(t, batch);
#pragma omp for schedule(static)
        for (size_t tile = 0; tile < t->tiles; tile++) {
            float sum[SP_TILE];
            size_t first;
            size_t count = sp_reduce_tile(t->gradients, t->shards, t->task.net->parameters, tile, sum, &first);
            memcpy(gradients + first, sum, count * sizeof *sum);
        }
    }
    sp_tally sum = {0};
    for (size_t s = 0; s < t->shards; s++) sp_tally_add(&sum, &t->shard[s]->tally);
    return sum;
}

/* ---- Life --------------------------------------------------------------------------------- */

/* Each shard is made by the thread that the static schedule gives it to in every step. */
static sp_status create_shards(sp_stepper *t, size_t rows, sp_error *error) {
#pragma omp parallel for schedule(static) num_threads((int)t->threads)
    for (size_t s = 0; s < t->shards; s++) {
        sp_error own = {0};
        if (sp_shard_create(t->task.net, rows, &t->shard[s], &own) == SP_OK) continue;
#pragma omp critical(sp_create_shards)
        if (error->status == SP_OK) *error = own;
    }
    for (size_t s = 0; s < t->shards && error->status == SP_OK; s++) t->gradients[s] = t->shard[s]->gradients;
    return error->status;
}

sp_status sp_stepper_create(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_optimizer optimizer,
                            float *parameters, sp_stepper **stepper, sp_error *error) {
    sp_stepper *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_stepper){
            .task = {net, plan->kernels, parameters, data->train.data, &data->preprocess},
            .shards = plan->shards,
            .threads = plan->threads,
            .batch_size = plan->batch_size,
            .tiles = sp_reduce_tiles(net->parameters),
            .parameters = parameters,
            .optimizer = optimizer,
        };
        made->shard = calloc(plan->shards, sizeof *made->shard);
        made->gradients = calloc(plan->shards, sizeof *made->gradients);
    }
    sp_status status = SP_OK;
    if (!made || !made->shard || !made->gradients)
        status = sp_fail_memory(error, "the shards", plan->shards * sizeof *made->shard);
    else
        status = create_shards(made, plan->shard_rows, error);
    if (status) {
        sp_stepper_destroy(made);
        return status;
    }
    *stepper = made;
    return SP_OK;
}

void sp_stepper_destroy(sp_stepper *stepper) {
    if (!stepper) return;
    for (size_t s = 0; stepper->shard && s < stepper->shards; s++) sp_shard_destroy(stepper->shard[s]);
    free(stepper->shard);
    free(stepper->gradients);
    free(stepper);
}
