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
    made->parameters = sp_allocate_zeroed(net->floats, sizeof *made->parameters);
    if (table->target_name) made->target_name = strdup(table->target_name);
    bool good = made->parameters && !table->target_name == !made->target_name;
    good =
        good && sp_names_copy(&made->classes, &data->classes) && sp_names_copy(&made->features, &table->feature_names);
    sp_status status = good ? sp_preprocess_create(from->features, &made->preprocess, error)
                            : sp_fail_memory(error, "the weights", sp_bytes(net->floats, sizeof(float)));
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

/* BLAS takes the weights as they are, so that a single row costs no more than itself. */
sp_status sp_model_predict(const sp_model *model, size_t rows, const float *inputs, float *outputs, sp_error *error) {
    const sp_net *net = model->net;
    const sp_kernels *kernels;
    sp_layout *layout = NULL;
    sp_pass *pass = NULL;
    sp_workspace *workspace = NULL;
    size_t block = rows < SP_EVAL_ROWS ? rows : SP_EVAL_ROWS;
    sp_status status = sp_kernels_choose(SP_KERNELS_BLAS, &kernels, error);
    if (!status) status = sp_layout_create(net, kernels, &layout, error);
    if (!status) status = sp_pass_create(layout, false, &pass, error);
    if (!status) status = sp_pass_prepare(pass, block, error);
    if (!status) status = sp_pass_prepare(pass, block > 0 ? rows % block : 0, error);
    if (!status) status = sp_workspace_create(layout, block, 0, &workspace, error);
    if (!status) sp_workspace_clear(workspace, layout, 0, block);
    for (size_t first = 0; first < rows && !status; first += block) {
        size_t count = rows - first < block ? rows - first : block;
        sp_weights weights = {.layout = layout, .packed = model->parameters};
        sp_preprocess_apply(&model->preprocess, count, inputs + first * net->inputs, workspace->activations[0],
                            net->inputs);
        sp_pass_outputs(pass, &weights, workspace, &(sp_slice){.count = count}, 1);
        float *result = workspace->activations[net->depth];
        sp_loss_finish(net->loss, count, net->outputs, net->outputs, result);
        memcpy(outputs + first * net->outputs, result, count * net->outputs * sizeof *outputs);
    }
    sp_workspace_destroy(workspace);
    sp_pass_destroy(pass);
    sp_layout_destroy(layout);
    return status;
}

/* What it takes to run all rows of a data set through the model. */
typedef struct session {
    sp_layout *layout;
    sp_weights *weights;
    sp_evaluator *evaluator;
    sp_part part;
} session;

static sp_status session_open(const sp_model *model, const sp_dataset *dataset, size_t threads, session *opened,
                              sp_error *error) {
    const sp_kernels *kernels;
    size_t rows = dataset->table->rows;
    const sp_part *const parts[] = {&opened->part};
    *opened = (session){.part = {.data = dataset}};
    sp_status status = sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
    if (!status && !sp_rows_all(rows, &opened->part.rows))
        status = sp_fail_memory(error, "the rows", sp_bytes(rows, sizeof(uint32_t)));
    if (!status) status = sp_layout_create(model->net, kernels, &opened->layout, error);
    if (!status) status = sp_weights_create(opened->layout, &opened->weights, error);
    if (status) return status;
    sp_weights_load(opened->weights, model->parameters);
    return sp_evaluator_create(opened->layout, threads > 0 ? threads : sp_host_threads(), parts, 1, &opened->evaluator,
                               error);
}

static void session_close(session *opened) {
    sp_evaluator_destroy(opened->evaluator);
    sp_weights_destroy(opened->weights);
    sp_layout_destroy(opened->layout);
    sp_rows_clear(&opened->part.rows);
}

sp_status sp_model_predict_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, float *outputs,
                                   sp_error *error) {
    session opened;
    sp_status status = session_open(model, dataset, threads, &opened, error);
    if (!status) sp_predict_part(opened.evaluator, opened.weights, &model->preprocess, &opened.part, outputs);
    session_close(&opened);
    return status;
}

sp_status sp_model_judge_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, sp_judge **judge,
                                 sp_tally *tally, sp_error *error) {
    session opened;
    const sp_part *const parts[] = {&opened.part};
    sp_status status = session_open(model, dataset, threads, &opened, error);
    if (!status) status = sp_judge_create(model->net, model->task, model->classes.count, parts, 1, judge, error);
    if (!status) *tally = sp_judge_part(*judge, opened.evaluator, opened.weights, &model->preprocess, &opened.part);
    session_close(&opened);
    return status;
}

sp_status sp_evaluate(const sp_model *model, const char *path, const char *labels_path, size_t threads, sp_score *score,
                      sp_error *error) {
    sp_dataset *dataset;
    session opened;
    sp_status status = sp_model_load_data(model, path, labels_path, true, &dataset, error);
    if (status) return status;
    status = session_open(model, dataset, threads, &opened, error);
    if (!status) {
        sp_tally tally = sp_evaluate_part(opened.evaluator, opened.weights, &model->preprocess, &opened.part, NULL);
        *score = (sp_score){tally.rows, sp_tally_loss(&tally), dataset->classes ? sp_tally_accuracy(&tally) : NAN};
    }
    session_close(&opened);
    sp_dataset_destroy(dataset);
    return status;
}
