#include "eval.h"

#include "base/error.h"
#include "base/memory.h"
#include "batch.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct sp_evaluator {
    const sp_layout *layout; /* borrowed */
    sp_pass *pass;           /* owned */
    size_t threads;
    sp_workspace **workspaces; /* owned [threads] */
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
static sp_status prepare_blocks(sp_evaluator *evaluator, const size_t *rows, size_t parts, sp_error *error) {
    sp_status status = SP_OK;
    for (size_t i = 0; i < parts && !status; i++) {
        if (rows[i] >= SP_EVAL_ROWS) status = sp_pass_prepare(evaluator->pass, SP_EVAL_ROWS, error);
        if (!status) status = sp_pass_prepare(evaluator->pass, whole_rows(rows[i] % SP_EVAL_ROWS), error);
    }
    return status;
}

sp_status sp_evaluator_create(const sp_layout *layout, size_t threads, const size_t *rows, size_t parts,
                              sp_evaluator **evaluator, sp_error *error) {
    size_t most = 0;
    for (size_t i = 0; i < parts; i++) most = rows[i] > most ? rows[i] : most;
    size_t blocks = blocks_of(most);
    if (threads > blocks) threads = blocks > 0 ? blocks : 1;
    sp_evaluator *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_evaluator){.layout = layout, .threads = threads};
        made->workspaces = calloc(threads, sizeof *made->workspaces);
        made->tallies = calloc(blocks + 1, sizeof *made->tallies);
    }
    sp_status status = SP_OK;
    if (!made || !made->workspaces || !made->tallies)
        status = sp_fail_memory(error, "the evaluation", sp_bytes(blocks, sizeof(sp_tally)));
    if (!status) status = sp_pass_create(layout, false, &made->pass, error);
    if (!status) status = prepare_blocks(made, rows, parts, error);
    size_t room = rows_of_workspace(most);
    for (size_t t = 0; t < threads && !status; t++) {
        status = sp_workspace_create(layout, room, false, &made->workspaces[t], error);
        if (!status) sp_workspace_clear(made->workspaces[t], layout, 0, room);
    }
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
    free(evaluator->workspaces);
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
    sp_pass_outputs(evaluator->pass, weights, workspace, &(sp_slice){0, whole_rows(rows.count)}, 1);
    return workspace->activations[evaluator->layout->net->depth];
}

static size_t output_stride(const sp_evaluator *evaluator) {
    return evaluator->layout->layers[evaluator->layout->net->depth - 1].stride;
}

static void tally_block(const sp_evaluator *evaluator, const sp_dataset *data, sp_batch rows, const float *outputs,
                        sp_tally *tally) {
    const sp_net *net = evaluator->layout->net;
    int32_t classes[SP_EVAL_ROWS];
    float values[SP_EVAL_ROWS];
    sp_dataset_gather_targets(data, rows.rows, rows.count, classes, values);
    sp_truth truth = data->classes ? (sp_truth){.classes = classes} : (sp_truth){.values = values};
    tally->rows = rows.count;
    tally->loss = sp_loss_rows(net->loss, rows.count, net->outputs, output_stride(evaluator), outputs, truth, 0, NULL,
                               &tally->correct);
}

/* Blocks go to whoever is free: a thread may have lost its core to another program for a while. Each has a place of
 * its own in the result, whoever does it. */
sp_tally sp_evaluate_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                          const sp_part *part) {
    size_t blocks = blocks_of(part->rows.count);
    if (blocks == 0) return (sp_tally){0}; /* no need to wake anybody */
#pragma omp parallel for schedule(dynamic) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        const float *outputs = forward(evaluator, weights, preprocess, part, rows);
        tally_block(evaluator, part->data, rows, outputs, &evaluator->tallies[block]);
    }
    sp_tally sum = {0};
    for (size_t block = 0; block < blocks; block++) sp_tally_add(&sum, &evaluator->tallies[block]);
    return sum;
}

void sp_predict_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                     const sp_part *part, float *outputs) {
    const sp_net *net = evaluator->layout->net;
    size_t blocks = blocks_of(part->rows.count), stride = output_stride(evaluator);
#pragma omp parallel for schedule(dynamic) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        float *result = forward(evaluator, weights, preprocess, part, rows);
        if (net->layers[net->depth - 1].activation == SP_SOFTMAX) sp_softmax(rows.count, net->outputs, stride, result);
        for (size_t i = 0; i < rows.count; i++)
            memcpy(outputs + (block * SP_EVAL_ROWS + i) * net->outputs, result + i * stride,
                   net->outputs * sizeof *outputs);
    }
}
