#include "shard.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

sp_slice sp_shard_slice(size_t rows, size_t shards, size_t shard) {
    size_t first = rows * shard / shards, next = rows * (shard + 1) / shards;
    return (sp_slice){first, next - first, shard};
}

size_t sp_shard_most_rows(size_t rows, size_t shards) {
    return (rows + shards - 1) / shards;
}

static const double least_flops = 0.5e6; /* of a shard */

size_t sp_shard_auto(size_t batch_size, double flops) {
    const size_t rows[] = {16, 32, 64}, most[] = {4, 8, 64};
    size_t shards = 1;
    for (int i = 0; i < 3; i++) {
        size_t possible = batch_size / rows[i] < most[i] ? batch_size / rows[i] : most[i];
        if (possible > shards) shards = possible;
    }
    double worth = flops / least_flops;
    return worth < 1 ? 1 : worth < (double)shards ? (size_t)worth : shards;
}

sp_status sp_shards_create(const sp_plan *plan, const sp_data *data, sp_shards **shards, sp_error *error) {
    size_t count = plan->shards, rows = plan->batch_size;
    sp_shards *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_shards){
            .count = count, .shape = plan->shape, .data = data->train.data, .preprocess = &data->preprocess};
        made->slices = sp_allocate_zeroed(count, sizeof *made->slices);
        made->tallies = sp_allocate_zeroed(count, sizeof *made->tallies);
    }
    sp_status status = SP_OK;
    if (!made || !made->slices || !made->tallies)
        status = sp_fail_memory(error, "the shards", sp_bytes(count, sizeof(sp_slice)));
    const sp_table *table = data->train.data->table;
    if (!status && sp_augment_is_on(&plan->augment))
        status = sp_augmenter_create(&plan->augment, table->height, table->width, count, &made->augmenter, error);
    if (!status) status = sp_targets_create(made->data, rows, true, plan->class_weights, &made->targets, error);
    if (!status) status = sp_workspace_create(plan->layout, rows, count, &made->workspace, error);
    if (status) {
        sp_shards_destroy(made);
        return status;
    }
    *shards = made;
    return SP_OK;
}

void sp_shards_destroy(sp_shards *shards) {
    if (!shards) return;
    free(shards->slices);
    free(shards->tallies);
    sp_targets_clear(&shards->targets);
    sp_augmenter_destroy(shards->augmenter);
    sp_workspace_destroy(shards->workspace);
    free(shards);
}

void sp_shard_disturb(const sp_net *net, sp_slice slice, sp_draw draw, size_t stride, float *samples) {
    if (net->input_noise > 0)
        sp_noise_add(draw, net->input_noise, slice.first, slice.count, net->inputs, stride, samples);
    if (net->input_dropout > 0)
        sp_dropout_apply(draw, 0, net->input_dropout, slice.first, slice.count, 0, net->inputs, stride, samples, NULL);
}

/* The samples of shard `s` in `samples` [slice.count, stride]: images changed, then everything normalised. */
static void gather_augmented(const sp_shards *shards, size_t s, const uint32_t *rows, sp_draw draw, size_t stride,
                             float *samples) {
    const sp_table *table = shards->data->table;
    const uint8_t *images = table->values;
    sp_slice slice = shards->slices[s];
    for (size_t i = 0; i < slice.count; i++) {
        float *sample = samples + i * stride;
        sp_augmenter_apply(shards->augmenter, s, draw, slice.first + i, images + rows[i] * table->features, sample);
        sp_preprocess_apply(shards->preprocess, 1, sample, sample, stride);
    }
}

void sp_shards_cut(sp_shards *shards, size_t rows) {
    for (size_t s = 0; s < shards->count; s++) shards->slices[s] = sp_shard_slice(rows, shards->count, s);
}

void sp_shards_gather(const sp_shards *shards, const sp_layout *layout, sp_batch batch, sp_draw draw, size_t first,
                      size_t last, float *inputs) {
    size_t stride = layout->input_stride;
    for (size_t s = first; s < last; s++) {
        sp_slice slice = shards->slices[s];
        const uint32_t *rows = batch.rows + slice.first;
        float *samples = inputs + slice.first * stride;
        if (shards->augmenter)
            gather_augmented(shards, s, rows, draw, stride, samples);
        else
            sp_preprocess_gather(shards->preprocess, shards->data->table, rows, slice.count, samples, stride);
        sp_shard_disturb(layout->net, slice, draw, stride, samples);
    }
}

void sp_shards_loss(sp_shards *shards, const sp_pass *pass, sp_batch batch, size_t first, size_t last) {
    for (size_t s = first; s < last; s++) {
        sp_slice slice = shards->slices[s];
        sp_targets_gather(&shards->targets, shards->data, batch.rows + slice.first, slice.count, slice.first);
        sp_truth truth = sp_targets_at(&shards->targets, slice.first);
        sp_tally tally = {.rows = slice.count};
        tally.loss = sp_pass_loss(pass, shards->workspace, slice, shards->shape, truth, 1.0f / (float)batch.count,
                                  &tally.correct);
        sp_tally_add(&shards->tallies[s], &tally);
    }
}
