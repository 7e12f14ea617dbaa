#include "eval.h"

#include "base/error.h"
#include "base/memory.h"
#include "batch.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct sp_evaluator {
    const sp_net *net;
    const sp_kernels *kernels;
    size_t threads;
    sp_workspace **workspaces; /* owned [threads] */
    sp_tally *tallies;         /* owned [blocks]: added in order */
    size_t blocks;             /* room for so many */
};

static size_t blocks_of(size_t rows) {
    return (rows + SP_EVAL_ROWS - 1) / SP_EVAL_ROWS;
}

sp_status sp_evaluator_create(const sp_net *net, const sp_kernels *kernels, size_t threads, size_t most_rows,
                              sp_evaluator **evaluator, sp_error *error) {
    size_t blocks = blocks_of(most_rows);
    if (threads > blocks) threads = blocks > 0 ? blocks : 1;
    sp_evaluator *made = calloc(1, sizeof *made);
    if (made) {
        *made = (sp_evaluator){.net = net, .kernels = kernels, .threads = threads, .blocks = blocks};
        made->workspaces = calloc(threads, sizeof *made->workspaces);
        made->tallies = calloc(blocks + 1, sizeof *made->tallies);
    }
    sp_status status = SP_OK;
    if (!made || !made->workspaces || !made->tallies) status = sp_fail_memory(error, "the evaluation", blocks);
    size_t rows = most_rows < SP_EVAL_ROWS ? most_rows : SP_EVAL_ROWS;
    for (size_t t = 0; t < threads && !status; t++)
        status = sp_workspace_create(net, rows, false, &made->workspaces[t], error);
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
    free(evaluator->tallies);
    free(evaluator);
}

/* The block's rows of the part. */
static sp_batch block_at(const sp_part *part, size_t block) {
    return sp_batch_at(part->rows.index, part->rows.count, SP_EVAL_ROWS, block);
}

/* Gathers the rows and runs them forward, in the calling thread's workspace. */
static float *forward(sp_evaluator *evaluator, const float *parameters, const sp_preprocess *preprocess,
                      const sp_part *part, sp_batch rows) {
    sp_workspace *workspace = evaluator->workspaces[omp_get_thread_num()];
    sp_preprocess_gather(preprocess, part->data->table, rows.rows, rows.count, workspace->activations[0]);
    return sp_pass_forward(evaluator->net, evaluator->kernels, parameters, workspace, rows.count);
}

static void tally_block(const sp_net *net, const sp_dataset *data, sp_batch rows, const float *outputs,
                        sp_tally *tally) {
    int32_t classes[SP_EVAL_ROWS];
    float values[SP_EVAL_ROWS];
    for (size_t i = 0; i < rows.count; i++) {
        if (data->classes)
            classes[i] = data->classes[rows.rows[i]];
        else
            values[i] = data->values[rows.rows[i]];
    }
    sp_truth truth = data->classes ? (sp_truth){.classes = classes} : (sp_truth){.values = values};
    tally->rows = rows.count;
    tally->loss = sp_loss_rows(net->loss, rows.count, net->outputs, outputs, truth, 0, NULL, &tally->correct);
}

sp_tally sp_evaluate_part(sp_evaluator *evaluator, const float *parameters, const sp_preprocess *preprocess,
                          const sp_part *part) {
    size_t blocks = blocks_of(part->rows.count);
#pragma omp parallel for schedule(static) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        const float *outputs = forward(evaluator, parameters, preprocess, part, rows);
        tally_block(evaluator->net, part->data, rows, outputs, &evaluator->tallies[block]);
    }
    sp_tally sum = {0};
    for (size_t block = 0; block < blocks; block++) sp_tally_add(&sum, &evaluator->tallies[block]);
    return sum;
}

void sp_predict_part(sp_evaluator *evaluator, const float *parameters, const sp_preprocess *preprocess,
                     const sp_part *part, float *outputs) {
    const sp_net *net = evaluator->net;
    size_t blocks = blocks_of(part->rows.count);
#pragma omp parallel for schedule(static) num_threads((int)evaluator->threads)
    for (size_t block = 0; block < blocks; block++) {
        sp_batch rows = block_at(part, block);
        float *block_outputs = forward(evaluator, parameters, preprocess, part, rows);
        if (net->layers[net->depth - 1].activation == SP_SOFTMAX) sp_softmax(rows.count, net->outputs, block_outputs);
        memcpy(outputs + block * SP_EVAL_ROWS * net->outputs, block_outputs,
               rows.count * net->outputs * sizeof *outputs);
    }
}
