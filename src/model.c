#include "model.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ----------------------------------------------------------------------------- */

sp_status sp_model_create(sp_net *net, const sp_data *data, sp_model **model, sp_error *error) {
    const sp_table *table = data->train.data->table;
    const sp_preprocess *from = &data->preprocess;
    sp_model *made = calloc(1, sizeof *made);
    if (!made) {
        sp_net_destroy(net);
        return sp_fail_memory(error, "the model", sizeof *made);
    }
    made->net = net;
    made->task = data->task;
    made->target_column = table->target_column;
    made->parameters = sp_allocate_zeroed(net->parameters, sizeof *made->parameters);
    if (table->target_name) made->target_name = strdup(table->target_name);
    bool good = made->parameters && !table->target_name == !made->target_name;
    good =
        good && sp_names_copy(&made->classes, &data->classes) && sp_names_copy(&made->features, &table->feature_names);
    sp_status status = good ? sp_preprocess_create(from->features, &made->preprocess, error)
                            : sp_fail_memory(error, "the weights", sp_bytes(net->parameters, sizeof(float)));
    if (status) {
        sp_model_destroy(made);
        return status;
    }
    made->preprocess.kind = from->kind;
    memcpy(made->preprocess.shift, from->shift, from->features * sizeof *from->shift);
    memcpy(made->preprocess.scale, from->scale, from->features * sizeof *from->scale);
    *model = made;
    return SP_OK;
}

void sp_model_destroy(sp_model *model) {
    if (!model) return;
    sp_net_destroy(model->net);
    free(model->parameters);
    sp_names_clear(&model->classes);
    sp_names_clear(&model->features);
    free(model->target_name);
    sp_preprocess_clear(&model->preprocess);
    free(model);
}

size_t sp_model_inputs(const sp_model *model) {
    return model->net->inputs;
}
size_t sp_model_outputs(const sp_model *model) {
    return model->net->outputs;
}
size_t sp_model_parameters(const sp_model *model) {
    return model->net->parameters;
}
size_t sp_model_classes(const sp_model *model) {
    return model->classes.count;
}
const char *sp_model_class_name(const sp_model *model, size_t index) {
    return model->classes.text[index];
}

/* ---- Use -------------------------------------------------------------------------------- */

sp_status sp_model_load_data(const sp_model *model, const char *path, const char *labels_path, bool labelled,
                             sp_dataset **dataset, sp_error *error) {
    char column[24];
    snprintf(column, sizeof column, "%zu", model->target_column);
    sp_table_options options = {.target = column,
                                .features = model->net->inputs,
                                .names = &model->features,
                                .target_name = model->target_name,
                                .target_optional = !labelled};
    return sp_dataset_load(path, labels_path, &options, model->task, &model->classes, dataset, error);
}

sp_status sp_model_predict(const sp_model *model, size_t rows, const float *inputs, float *outputs, sp_error *error) {
    const sp_net *net = model->net;
    const sp_kernels *kernels;
    sp_workspace *workspace;
    sp_status status = sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
    if (!status) status = sp_workspace_create(net, rows < SP_EVAL_ROWS ? rows : SP_EVAL_ROWS, false, &workspace, error);
    if (status) return status;
    /* The blocks of eval.c: the same rows give the same bits. */
    for (size_t first = 0; first < rows; first += SP_EVAL_ROWS) {
        size_t count = rows - first < SP_EVAL_ROWS ? rows - first : SP_EVAL_ROWS;
        memcpy(workspace->activations[0], inputs + first * net->inputs, count * net->inputs * sizeof *inputs);
        sp_preprocess_apply(&model->preprocess, count, workspace->activations[0]);
        float *result = sp_pass_forward(net, kernels, model->parameters, workspace, count);
        if (net->layers[net->depth - 1].activation == SP_SOFTMAX) sp_softmax(count, net->outputs, result);
        memcpy(outputs + first * net->outputs, result, count * net->outputs * sizeof *outputs);
    }
    sp_workspace_destroy(workspace);
    return SP_OK;
}

/* Scores a labelled data set, all of it. */
static sp_status score_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, sp_score *score,
                               sp_error *error) {
    const sp_kernels *kernels;
    sp_evaluator *evaluator = NULL;
    sp_part part = {.data = dataset};
    size_t rows = dataset->table->rows;
    sp_status status = sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
    if (!status && !sp_rows_all(rows, &part.rows)) status = sp_fail_memory(error, "the rows", rows * sizeof(uint32_t));
    if (!status)
        status = sp_evaluator_create(model->net, kernels, threads > 0 ? threads : sp_host_threads(), rows, &evaluator,
                                     error);
    if (!status) {
        sp_tally tally = sp_evaluate_part(evaluator, model->parameters, &model->preprocess, &part);
        *score = (sp_score){rows, sp_tally_loss(&tally), dataset->classes ? sp_tally_accuracy(&tally) : NAN};
    }
    sp_evaluator_destroy(evaluator);
    sp_rows_clear(&part.rows);
    return status;
}

sp_status sp_evaluate(const sp_model *model, const char *path, const char *labels_path, size_t threads, sp_score *score,
                      sp_error *error) {
    sp_dataset *dataset;
    sp_status status = sp_model_load_data(model, path, labels_path, true, &dataset, error);
    if (status) return status;
    status = score_dataset(model, dataset, threads, score, error);
    sp_dataset_destroy(dataset);
    return status;
}
