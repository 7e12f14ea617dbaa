#include "judge.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

static sp_status make_room(sp_judge *judge, size_t items, const sp_part *const *parts, size_t count, sp_error *error) {
    size_t rows = 0, row_bytes = judge->net->outputs * sizeof *judge->outputs;
    const sp_dataset *data = NULL;
    for (size_t i = 0; i < count; i++) {
        if (parts[i]->rows.count > 0) data = parts[i]->data;
        rows = parts[i]->rows.count > rows ? parts[i]->rows.count : rows;
    }
    judge->outputs = sp_allocate(rows, row_bytes);
    if (!judge->outputs) return sp_fail_memory(error, "the predictions", sp_bytes(rows, row_bytes));
    sp_status status = data ? sp_targets_create(data, rows, false, NULL, &judge->targets, error) : SP_OK;
    judge->scale = judge->targets.scale;
    judge->targets.scale = NULL;
    return status ? status : sp_scores_create(rows, items, &judge->scores, error);
}

sp_status sp_judge_create(const sp_net *net, sp_task task, size_t classes, const sp_part *const *parts, size_t count,
                          sp_judge **judge, sp_error *error) {
    sp_judge *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the judge", sizeof *made);
    *made = (sp_judge){.net = net, .task = task};
    sp_status status = make_room(made, task == SP_CLASSIFICATION ? classes : net->outputs, parts, count, error);
    if (status) {
        sp_judge_destroy(made);
        return status;
    }
    *judge = made;
    return SP_OK;
}

size_t sp_judge_bytes(const sp_net *net, const sp_part *const *parts, size_t count) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) rows = parts[i]->rows.count > rows ? parts[i]->rows.count : rows;
    /* Outputs and what they should be; order to sort in. */
    return sp_bytes(rows, (2 * net->outputs + 1) * sizeof(float) + 2 * sizeof(uint64_t));
}

void sp_judge_destroy(sp_judge *judge) {
    if (!judge) return;
    free(judge->outputs);
    sp_targets_clear(&judge->targets);
    sp_scores_destroy(judge->scores);
    free(judge);
}

/* Whether outputs are probabilities of the classes, so that they have a log-loss. */
static bool says_probabilities(const sp_net *net) {
    return net->loss == SP_CROSS_ENTROPY || (net->outputs == 1 && net->layers[net->depth - 1].activation == SP_SIGMOID);
}

sp_tally sp_judge_part(sp_judge *judge, sp_evaluator *evaluator, const sp_weights *weights,
                       const sp_preprocess *preprocess, const sp_part *part) {
    sp_tally tally = sp_evaluate_part(evaluator, weights, preprocess, part, judge->outputs);
    if (judge->scale) sp_preprocess_undo(judge->scale, part->rows.count, judge->outputs);
    if (part->rows.count > 0) sp_targets_gather(&judge->targets, part->data, part->rows.index, part->rows.count, 0);
    judge->predictions = (sp_predictions){.rows = part->rows.count,
                                          .outputs = judge->net->outputs,
                                          .output = judge->outputs,
                                          .truth = sp_targets_at(&judge->targets, 0)};
    if (judge->task == SP_CLASSIFICATION)
        sp_score_classes(judge->scores, &judge->predictions, says_probabilities(judge->net));
    else if (judge->task == SP_MULTILABEL)
        sp_score_labels(judge->scores, &judge->predictions);
    else
        sp_score_values(judge->scores, &judge->predictions);
    judge->scores->value[SP_METRIC_LOSS] = sp_tally_loss(&tally);
    return tally;
}
