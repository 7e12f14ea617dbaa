/* An evaluation as a JSON document; README says what it holds. */
#include "base/error.h"
#include "base/json.h"
#include "cmd/evaluated.h"

#include <stdio.h>
#include <stdlib.h>

static const sp_metric rates[] = {SP_METRIC_PRECISION, SP_METRIC_RECALL, SP_METRIC_F1, SP_METRIC_AUC};
static const sp_metric errors[] = {SP_METRIC_R2, SP_METRIC_MAE, SP_METRIC_RMSE};

static bool add_value(sp_json *object, const sp_evaluation *evaluation, sp_metric metric) {
    return sp_json_add_number(object, sp_metric_name(metric), sp_evaluation_value(evaluation, metric));
}

/* Precision, recall and F1, of which `first` is the first. */
static bool add_average(sp_json *root, const char *name, const sp_evaluation *evaluation, sp_metric first) {
    sp_json *object = sp_json_add_object(root, name);
    bool good = true;
    for (int m = 0; m < 3; m++)
        good = sp_json_add_number(object, sp_metric_name(rates[m]),
                                  sp_evaluation_value(evaluation, (sp_metric)((int)first + m))) &&
               good;
    return good;
}

static bool add_items(sp_json *root, const char *name, const sp_evaluated *found, const sp_metric *metrics,
                      size_t count) {
    sp_json *array = sp_json_add_array(root, name);
    bool good = true;
    for (size_t k = 0; k < sp_evaluation_items(found->evaluation); k++) {
        sp_json *item = sp_json_append_object(array);
        good = sp_json_add_text(item, "name", sp_item_name(found, k)) && good;
        for (size_t m = 0; m < count; m++)
            good = sp_json_add_number(item, sp_metric_name(metrics[m]),
                                      sp_evaluation_item(found->evaluation, k, metrics[m])) &&
                   good;
        if (metrics != rates) continue;
        good = sp_json_add_count(item, "support", sp_evaluation_support(found->evaluation, k)) && good;
        good = sp_json_add_count(item, "predicted", sp_evaluation_predicted(found->evaluation, k)) && good;
    }
    return good;
}

/* An array of rows, one a true class. */
static bool add_confusion(sp_json *root, const sp_evaluation *evaluation) {
    size_t classes = sp_evaluation_items(evaluation), *row = calloc(classes, sizeof *row);
    sp_json *rows = sp_json_add_array(root, "confusion");
    bool good = row != NULL;
    for (size_t i = 0; i < classes && good; i++) {
        for (size_t j = 0; j < classes; j++) row[j] = sp_evaluation_confusion(evaluation, i, j);
        good = sp_json_append_counts(rows, row, classes);
    }
    free(row);
    return good;
}

static bool add_classification(sp_json *root, const sp_evaluated *found) {
    const sp_evaluation *evaluation = found->evaluation;
    bool good = add_value(root, evaluation, SP_METRIC_LOG_LOSS);
    good = add_value(root, evaluation, SP_METRIC_ACCURACY) && good;
    good = add_value(root, evaluation, SP_METRIC_BALANCED_ACCURACY) && good;
    if (found->top_k > 0) {
        good = sp_json_add_count(root, "top_k", found->top_k) && good;
        good = sp_json_add_number(root, "top_k_accuracy", sp_evaluation_top_k(evaluation, found->top_k)) && good;
    }
    good = add_value(root, evaluation, SP_METRIC_AUC) && good;
    good = add_average(root, "macro", evaluation, SP_METRIC_MACRO_PRECISION) && good;
    good = add_average(root, "weighted", evaluation, SP_METRIC_WEIGHTED_PRECISION) && good;
    good = add_items(root, "classes", found, rates, sizeof rates / sizeof *rates) && good;
    return add_confusion(root, evaluation) && good;
}

static bool add_multilabel(sp_json *root, const sp_evaluated *found) {
    const sp_evaluation *evaluation = found->evaluation;
    bool good = add_value(root, evaluation, SP_METRIC_SUBSET_ACCURACY);
    good = add_value(root, evaluation, SP_METRIC_HAMMING_LOSS) && good;
    good = add_value(root, evaluation, SP_METRIC_AUC) && good;
    good = add_average(root, "micro", evaluation, SP_METRIC_MICRO_PRECISION) && good;
    good = add_average(root, "macro", evaluation, SP_METRIC_MACRO_PRECISION) && good;
    good = add_average(root, "weighted", evaluation, SP_METRIC_WEIGHTED_PRECISION) && good;
    return add_items(root, "labels", found, rates, sizeof rates / sizeof *rates) && good;
}

static bool add_regression(sp_json *root, const sp_evaluated *found) {
    size_t count = sizeof errors / sizeof *errors;
    bool good = true;
    for (size_t m = 0; m < count; m++) good = add_value(root, found->evaluation, errors[m]) && good;
    return add_items(root, "targets", found, errors, count) && good;
}

sp_status sp_print_evaluation_json(const sp_evaluated *found, sp_error *error) {
    sp_json *root = sp_json_object();
    bool good = sp_json_add_text(root, "task", sp_task_names[found->model->task]);
    good = sp_json_add_count(root, "rows", sp_evaluation_rows(found->evaluation)) && good;
    good = sp_json_add_count(root, "dropped_rows", sp_evaluation_dropped(found->evaluation)) && good;
    good = add_value(root, found->evaluation, SP_METRIC_LOSS) && good;
    sp_task task = found->model->task;
    good = (task == SP_CLASSIFICATION ? add_classification
            : task == SP_MULTILABEL   ? add_multilabel
                                      : add_regression)(root, found) &&
           good;
    char *text = good ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, "the evaluation", sp_evaluation_items(found->evaluation));
    puts(text);
    free(text);
    return SP_OK;
}
