#include "model.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "config.h"
#include "eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life ----------------------------------------------------------------------------- */

/* IDX as the CSV that it might be: labels first, then the values. */
static bool columns_of_idx(size_t features, sp_columns *columns) {
    *columns = (sp_columns){.count = features + 1, .features = features, .targets = 1, .weight_at = SP_NOT_FOUND};
    columns->feature_at = sp_allocate(features, sizeof *columns->feature_at);
    columns->target_at = sp_allocate_zeroed(1, sizeof *columns->target_at);
    for (size_t j = 0; columns->feature_at && j < features; j++) columns->feature_at[j] = j + 1;
    return columns->feature_at && columns->target_at;
}

/* The categories that training rows had, each at its place. */
static bool keep_categories(const sp_columns *from, const sp_preprocess *preprocess, sp_columns *to) {
    to->categories = sp_allocate_zeroed(to->features, sizeof *to->categories);
    bool good = to->categories != NULL;
    for (size_t j = 0; j < to->features && preprocess->onehot && good; j++) {
        const sp_onehot *onehot = &preprocess->onehot[j];
        const char **ordered = sp_allocate(onehot->width, sizeof *ordered);
        good = ordered != NULL;
        for (size_t code = 0; code < onehot->codes && good; code++)
            if (onehot->place[code] >= 0) ordered[onehot->place[code]] = from->categories[j].names.text[code];
        for (size_t k = 0; k < onehot->width && good; k++) good = sp_categories_add(&to->categories[j], ordered[k]);
        free(ordered);
    }
    return good;
}

static sp_status describe_data(const sp_data *data, sp_model *model, sp_error *error) {
    const sp_columns *columns = &data->train.data->table->columns;
    const sp_preprocess *scale = &data->target_scale;
    model->task = data->task;
    bool good = columns->count > 0 ? sp_columns_copy(&model->columns, columns)
                                   : columns_of_idx(columns->features, &model->columns);
    good = good && keep_categories(columns, &data->preprocess, &model->columns) &&
           sp_names_copy(&model->classes, &data->classes);
    if (!good) return sp_fail_memory(error, "the columns", sp_bytes(columns->features, sizeof(size_t)));
    sp_status status = sp_preprocess_copy(&data->preprocess, &model->preprocess, error);
    return status || scale->features == 0 ? status : sp_preprocess_copy(scale, &model->target_scale, error);
}

sp_status sp_model_create(sp_net *net, const sp_data *data, sp_model **model, sp_error *error) {
    sp_model *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the model", sizeof *made);
    made->parameters = sp_allocate_zeroed(net->floats, sizeof *made->parameters);
    sp_status status = made->parameters ? describe_data(data, made, error)
                                        : sp_fail_memory(error, "the weights", sp_bytes(net->floats, sizeof(float)));
    if (status) {
        sp_model_destroy(made);
        return status;
    }
    made->net = net;
    *model = made;
    return SP_OK;
}

void sp_model_destroy(sp_model *model) {
    if (!model) return;
    sp_net_destroy(model->net);
    free(model->parameters);
    sp_names_clear(&model->classes);
    sp_columns_clear(&model->columns);
    sp_preprocess_clear(&model->preprocess);
    sp_preprocess_clear(&model->target_scale);
    sp_config_destroy(model->reading);
    free(model);
}

size_t sp_model_inputs(const sp_model *model) {
    return model->columns.features;
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

size_t sp_model_targets(const sp_model *model) {
    return model->columns.targets;
}
const char *sp_model_target_name(const sp_model *model, size_t index) {
    return model->columns.target_names.count > 0 ? model->columns.target_names.text[index] : NULL;
}
float sp_model_category(const sp_model *model, size_t column, const char *text) {
    return (float)sp_categories_find(&model->columns.categories[column], text);
}

bool sp_model_item_names(const sp_model *model, sp_names *names) {
    if (model->classes.count > 0) return sp_names_copy(names, &model->classes);
    if (model->columns.target_names.count > 0) return sp_names_copy(names, &model->columns.target_names);
    if (model->columns.targets == 1) return sp_names_add(names, "output");
    for (size_t k = 0; k < model->columns.targets; k++) {
        char name[32];
        snprintf(name, sizeof name, "output_%zu", k);
        if (!sp_names_add(names, name)) return false;
    }
    return true;
}

/* ---- Use -------------------------------------------------------------------------------- */

void sp_model_read_as(sp_model *model, sp_config *config) {
    sp_config_destroy(model->reading);
    model->reading = config;
}

sp_status sp_model_load_data(const sp_model *model, const char *path, const char *labels_path, bool labelled,
                             sp_dataset **dataset, sp_error *error) {
    sp_config *usual = model->reading ? NULL : sp_config_create();
    if (!model->reading && !usual) return sp_fail_memory(error, path, sizeof *usual);
    sp_cache_options cache = sp_data_cache_options(model->reading ? model->reading : usual, 0);
    sp_table_options options = {.missing = model->columns.missing,
                                .cache = &cache,
                                .separator = model->columns.separator,
                                .known = &model->columns,
                                .target_optional = !labelled,
                                .of_model = true};
    sp_status status = sp_dataset_load(path, labels_path, &options, model->task, &model->classes, dataset, error);
    if (!status && model->target_scale.features > 0) (*dataset)->scale = &model->target_scale;
    sp_config_destroy(usual);
    return status;
}

/* Where addresses are too few for one thread. */
static sp_status fail_addresses(const sp_kernels *kernels, sp_error *error) {
    return sp_fail(error, SP_FAILED,
                   "kernels: %s maps %zu MiB, and %zu MiB of addresses are left; raise that limit (ulimit -v)",
                   kernels->name, kernels->addresses >> 20, sp_host_addresses() >> 20);
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
    if (!status && !sp_kernels_fit(kernels, 1, 0)) status = fail_addresses(kernels, error);
    if (!status) sp_workspace_clear(workspace, layout, 0, block);
    for (size_t first = 0; first < rows && !status; first += block) {
        size_t count = rows - first < block ? rows - first : block;
        sp_weights weights = {.layout = layout, .packed = model->parameters};
        sp_preprocess_apply(&model->preprocess, count, inputs + first * model->preprocess.columns,
                            workspace->activations[0], net->inputs);
        sp_pass_outputs(pass, &weights, workspace, &(sp_slice){.count = count}, 1);
        float *result = workspace->activations[net->depth];
        sp_loss_finish(net->loss, count, net->outputs, net->outputs, result);
        memcpy(outputs + first * net->outputs, result, count * net->outputs * sizeof *outputs);
    }
    if (!status && model->target_scale.features > 0) sp_preprocess_undo(&model->target_scale, rows, outputs);
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
} session;

/* As many as addresses are left for: what rows come to is the same at any number. */
static size_t threads_that_fit(const sp_layout *layout, const sp_part *part, size_t threads) {
    while (threads > 1 && !sp_kernels_fit(layout->kernels, threads, sp_evaluator_bytes(layout, threads, &part, 1)))
        threads--;
    return threads;
}

static sp_status session_open(const sp_model *model, const sp_part *part, size_t threads, session *opened,
                              sp_error *error) {
    const sp_kernels *kernels;
    *opened = (session){0};
    sp_status status = sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
    if (!status) status = sp_layout_create(model->net, kernels, &opened->layout, error);
    if (!status) status = sp_weights_create(opened->layout, &opened->weights, error);
    if (status) return status;
    sp_weights_load(opened->weights, model->parameters);
    threads = threads_that_fit(opened->layout, part, threads > 0 ? threads : sp_host_threads());
    status = sp_evaluator_create(opened->layout, threads, &part, 1, &opened->evaluator, error);
    if (!status && !sp_kernels_fit(kernels, 1, 0)) status = fail_addresses(kernels, error);
    return status;
}

static void session_close(session *opened) {
    sp_evaluator_destroy(opened->evaluator);
    sp_weights_destroy(opened->weights);
    sp_layout_destroy(opened->layout);
}

static sp_status whole(const sp_dataset *dataset, sp_part *part, sp_error *error) {
    size_t rows = dataset->table->rows;
    *part = (sp_part){.data = dataset};
    return sp_rows_all(rows, &part->rows) ? SP_OK : sp_fail_memory(error, "the rows", sp_bytes(rows, sizeof(uint32_t)));
}

sp_status sp_model_predict_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, float *outputs,
                                   sp_error *error) {
    session opened = {0};
    sp_part part;
    sp_status status = whole(dataset, &part, error);
    if (!status) status = session_open(model, &part, threads, &opened, error);
    if (!status) sp_predict_part(opened.evaluator, opened.weights, &model->preprocess, &part, outputs);
    if (!status && model->target_scale.features > 0)
        sp_preprocess_undo(&model->target_scale, dataset->table->rows, outputs);
    if (!status) status = sp_table_check(dataset->table, error);
    session_close(&opened);
    sp_rows_clear(&part.rows);
    return status;
}

sp_status sp_model_judge_part(const sp_model *model, const sp_preprocess *preprocess, const sp_part *part,
                              size_t threads, sp_judge **judge, sp_tally *tally, sp_error *error) {
    session opened;
    sp_status status = session_open(model, part, threads, &opened, error);
    if (!status) status = sp_judge_create(model->net, model->task, model->classes.count, &part, 1, judge, error);
    if (!status) *tally = sp_judge_part(*judge, opened.evaluator, opened.weights, preprocess, part);
    if (!status) status = sp_table_check(part->data->table, error);
    session_close(&opened);
    return status;
}

sp_status sp_model_judge_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, sp_judge **judge,
                                 sp_tally *tally, sp_error *error) {
    sp_part part;
    sp_status status = whole(dataset, &part, error);
    if (!status) status = sp_model_judge_part(model, &model->preprocess, &part, threads, judge, tally, error);
    sp_rows_clear(&part.rows);
    return status;
}

sp_status sp_evaluate(const sp_model *model, const char *path, const char *labels_path, size_t threads, sp_score *score,
                      sp_error *error) {
    sp_dataset *dataset;
    session opened = {0};
    sp_part part;
    sp_status status = sp_model_load_data(model, path, labels_path, true, &dataset, error);
    if (status) return status;
    status = whole(dataset, &part, error);
    if (!status) status = session_open(model, &part, threads, &opened, error);
    if (!status) {
        sp_tally tally = sp_evaluate_part(opened.evaluator, opened.weights, &model->preprocess, &part, NULL);
        *score = (sp_score){tally.rows, sp_tally_loss(&tally), dataset->classes ? sp_tally_accuracy(&tally) : NAN};
        status = sp_table_check(dataset->table, error);
    }
    session_close(&opened);
    sp_rows_clear(&part.rows);
    sp_dataset_destroy(dataset);
    return status;
}
