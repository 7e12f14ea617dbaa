#include "shard.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

sp_slice sp_shard_slice(size_t rows, size_t shards, size_t shard) {
    size_t first = rows * shard / shards, next = rows * (shard + 1) / shards;
    return (sp_slice){first, next - first};
}

size_t sp_shard_most_rows(size_t rows, size_t shards) {
    return (rows + shards - 1) / shards;
}

size_t sp_shard_auto(size_t batch_size) {
    size_t few = batch_size / 8 < 8 ? batch_size / 8 : 8;
    size_t many = batch_size / 32 < 64 ? batch_size / 32 : 64;
    size_t shards = few > many ? few : many;
    return shards > 0 ? shards : 1;
}

size_t sp_shard_bytes(const sp_net *net, size_t rows) {
    return sp_bytes(net->parameters, sizeof(float)) + sp_workspace_bytes(net, rows, true) +
           rows * (sizeof(int32_t) + sizeof(float));
}

sp_status sp_shard_create(const sp_net *net, size_t rows, sp_shard **shard, sp_error *error) {
    sp_shard *made = calloc(1, sizeof *made);
    if (made) {
        made->gradients = sp_allocate_zeroed(net->parameters, sizeof *made->gradients);
        made->classes = sp_allocate_zeroed(rows, sizeof *made->classes);
        made->values = sp_allocate_zeroed(rows, sizeof *made->values);
    }
    sp_status status = SP_OK;
    if (!made || !made->gradients || !made->classes || !made->values)
        status = sp_fail_memory(error, "a shard", sp_shard_bytes(net, rows));
    else
        status = sp_workspace_create(net, rows, true, &made->workspace, error);
    if (status) {
        sp_shard_destroy(made);
        return status;
    }
    *shard = made;
    return SP_OK;
}

void sp_shard_destroy(sp_shard *shard) {
    if (!shard) return;
    free(shard->gradients);
    sp_workspace_destroy(shard->workspace);
    free(shard->classes);
    free(shard->values);
    free(shard);
}

/* What the rows should come to, beside the rows themselves. */
static sp_truth gather_truth(sp_shard *shard, const sp_dataset *data, const uint32_t *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (data->classes)
            shard->classes[i] = data->classes[rows[i]];
        else
            shard->values[i] = data->values[rows[i]];
    }
    return data->classes ? (sp_truth){.classes = shard->classes} : (sp_truth){.values = shard->values};
}

void sp_shard_run(sp_shard *shard, const sp_shard_task *task, sp_batch batch, size_t index, size_t shards) {
    sp_slice slice = sp_shard_slice(batch.count, shards, index);
    if (slice.count == 0) { /* fewer rows than shards: it adds nothing to the sum */
        memset(shard->gradients, 0, task->net->parameters * sizeof *shard->gradients);
        return;
    }
    const uint32_t *rows = batch.rows + slice.first;
    sp_tally tally = {.rows = slice.count};

    sp_preprocess_gather(task->preprocess, task->data->table, rows, slice.count, shard->workspace->activations[0]);
    sp_truth truth = gather_truth(shard, task->data, rows, slice.count);
    sp_pass_forward(task->net, task->kernels, task->parameters, shard->workspace, slice.count);
    tally.loss = sp_pass_backward(task->net, task->kernels, task->parameters, shard->workspace, slice.count, truth,
                                  1.0f / (float)batch.count, shard->gradients, &tally.correct);
    sp_tally_add(&shard->tally, &tally);
}
