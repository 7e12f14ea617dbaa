#include "eval.h"

#include "base/error.h"
#include "base/memory.h"
#include "batch.h"
#include "targets.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct sp_evaluator {
    const sp_layout *layout; /* borrowed */
    sp_pass *pass;           /* owned */
    size_t threads;
    sp_workspace **workspaces; /* owned [threads] */
    sp_targets *targets;       /* owned [threads] */
    sp_tally *tallies;         /* owned [blocks]: added in order */
};

static size_t blocks_of(size_t rows) {
    return (rows + SP_EVAL_ROWS - 1) / SP_EVAL_ROWS;
}

/*
 * Blocks of less than these rows go through the products with the rows behind them: libxsmm's code for the
 * narrowest panels sums in another order for fewer rows, and what a row comes to must not depend on its neighbours.
 */
enum { LEAST_ROWS = 16 };

static size_t whole_rows(size_t rows) {
    return rows > 0 && rows < LEAST_ROWS ? LEAST_ROWS : rows;
}

static size_t rows_of_workspace(size_t most) {
    return whole_rows(most < SP_EVAL_ROWS ? most : SP_EVAL_ROWS);
}

/* Prepares for whole blocks and for each part's last one. */
static sp_status prepare_blocks(sp_evaluator *evaluator, const sp_part *const *parts, size_t count, sp_error *error) {
    sp_status status = SP_OK;
    for (size_t i = 0; i < count && !status; i++) {
        size_t rows = parts[i]->rows.count;
        if (rows >= SP_EVAL_ROWS) status = sp_pass_prepare(evaluator->pass, SP_EVAL_ROWS, error);
        if (!status) status = sp_pass_prepare(evaluator->pass, whole_rows(rows % SP_EVAL_ROWS), error);
    }
    return status;
}

/* What thread `t` works with, for blocks of up to `rows` rows of any of the parts. */
static sp_status create_room(sp_evaluator *evaluator, size_t t, size_t rows, const sp_part *const *parts, size_t count,
                             sp_error *error) {
    sp_status status = sp_workspace_create(evaluator->layout, rows, 0, &evaluator->workspaces[t], error);
    if (!status) sp_workspace_clear(evaluator->workspaces[t], evaluator->layout, 0, rows);
    for (size_t i = 0; i < count && !status; i++)
        if (parts[i]->rows.count > 0)
            return sp_targets_create(parts[i]->data, rows, false, NULL, &evaluator->targets[t], error);
    return status;
}

static size_t most_rows(const sp_part *const *parts, size_t count) {
    size_t most = 0;
    for (size_t i = 0; i < count; i++) most = parts[i]->rows.count > most ? parts[i]->rows.count : most;
    return most;
}

/* More than blocks have nothing to do. */
static size_t useful_threads(size_t threads, size_t blocks) {
    return threads <= blocks ? threads : blocks > 0 ? blocks : 1;
}

size_t sp_evaluator_bytes(const sp_layout *layout, size_t threads, const sp_part *const *parts, size_t count) {
    size_t most = most_rows(parts, count), blocks = blocks_of(most), rows = rows_of_workspace(most);
    size_t targets = sp_bytes(rows, (layout->net->outputs + 1) * sizeof(float));
    return sp_bytes(useful_threads(threads, blocks), sp_workspace_bytes(layout, rows, 0) + targets) +
           sp_bytes(blocks, sizeof(sp_tally));
}

sp_status sp_evaluator_create(const sp_layout *layout, size_t threads, const sp_part *const *parts, size_t count,
                              sp_evaluator **evaluator, sp_error *error) {
    size_t most = most_rows(parts, count), blocks = blocks_of(most);
    threads = useful_threads(threads, blocks);
    sp_evaluator *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_evaluator){.layout = layout, .threads = threads};
        made->workspaces = calloc(threads, sizeof *made->workspaces);
        made->targets = calloc(threads, sizeof *made->targets);
        made->tallies = calloc(blocks + 1, sizeof *made->tallies);
    }
    sp_status status = SP_OK;
    if (!made || !made->workspaces || !made->targets || !made->tallies)
        status = sp_fail_memory(error, "the evaluation", sp_bytes(blocks, sizeof(sp_tally)));
    if (!status) status = sp_pass_create(layout, false, &made->pass, error);
    if (!status) status = prepare_blocks(made, parts, count, error);
    size_t room = rows_of_workspace(most);
    for (size_t t = 0; t < threads && !status; t++) status = create_room(made, t, room, parts, count, error);
    if (status) {
        sp_evaluator_destroy(made);
        return status;
    }
    *evaluator = made;
    return SP_OK;
}

void sp_evaluator_destroy(sp_evaluator *evaluator) {
    if (!evaluator) return;
    for (size_t t = 0; evaluator->workspaces && t < evaluator->threads; t++)
        sp_workspace_destroy(evaluator->workspaces[t]);
    for (size_t t = 0; evaluator->targets && t < evaluator->threads; t++) sp_targets_clear(&evaluator->targets[t]);
    free(evaluator->workspaces);
    free(evaluator->targets);
    sp_pass_destroy(evaluator->pass);
    free(evaluator->tallies);
    free(evaluator);
}

/* The block's rows of the part. */
static sp_batch block_at(const sp_part *part, size_t block) {
    return sp_batch_at(part->rows.index, part->rows.count, SP_EVAL_ROWS, block);
}

/* Gathers the rows and runs them forward, in the calling thread's workspace. */
static float *forward(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                      const sp_part *part, sp_batch rows) {
    sp_workspace *workspace = evaluator->workspaces[omp_get_thread_num()];
    sp_preprocess_gather(preprocess, part->data->table, rows.rows, rows.count, workspace->activations[0],
                         evaluator->layout->input_stride);
    sp_pass_outputs(evaluator->pass, weights, workspace, &(sp_slice){.count = whole_rows(rows.count)}, 1);
    return workspace->activations[evaluator->layout->net->depth];
}

static size_t output_stride(const sp_evaluator *evaluator) {
    return evaluator->layout->layers[evaluator->layout->net->depth - 1].stride;
}

/* In the calling thread's room. */
static void tally_block(const sp_evaluator *evaluator, const sp_dataset *data, sp_batch rows, const float *outputs,
                        sp_tally *tally) {
    const sp_net *net = evaluator->layout->net;
    sp_targets *targets = &evaluator->targets[omp_get_thread_num()];
    sp_targets_gather(targets, data, rows.rows, rows.count, 0);
    sp_truth truth = sp_targets_at(targets, 0);
    tally->rows = rows.count;
    tally->loss = sp_loss_rows(net->loss, net->shape, rows.count, net->outputs, output_stride(evaluator), outputs,
                               truth, 0, NULL, &tally->correct);
}

/* Hands on what the rows of a block came to. */
static void store_outputs(const sp_evaluator *evaluator, size_t block, size_t rows, float *result, float *outputs) {
    const sp_net *net = evaluator->layout->net;
    size_t stride = output_stride(evaluator);
    sp_loss_finish(net->loss, rows, net->outputs, stride, result);
    for (size_t i = 0; i < rows; i++)
        memcpy(outputs + (block * SP_EVAL_ROWS + i) * net->outputs, result + i * stride,
               net->outputs * sizeof *outputs);
}

/* Blocks go to whoever is free: a thread may have lost its core to another program for a while. Each has a place of
 * its own in the result, whoever does it. */
sp_tally sp_evaluate_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                          const sp_part *part, float *outputs) {
    size_t blocks = blocks_of(part->rows.count);
    if (blocks == 0) return (sp_tally){0}; /* no need to wake anybody */
#pragma omp parallel for schedule(dynamic) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        float *result = forward(evaluator, weights, preprocess, part, rows);
        tally_block(evaluator, part->data, rows, result, &evaluator->tallies[block]);
        if (outputs) store_outputs(evaluator, block, rows.count, result, outputs);
    }
    sp_tally sum = {0};
    for (size_t block = 0; block < blocks; block++) sp_tally_add(&sum, &evaluator->tallies[block]);
    return sum;
}

void sp_predict_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                     const sp_part *part, float *outputs) {
    size_t blocks = blocks_of(part->rows.count);
#pragma omp parallel for schedule(dynamic) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        float *result = forward(evaluator, weights, preprocess, part, rows);
        store_outputs(evaluator, block, rows.count, result, outputs);
    }
}
