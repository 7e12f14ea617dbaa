#include "objective.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- Loss and output activation ---------------------------------------------------------------- */

static sp_loss loss_by_default(const sp_config *config, sp_task task) {
    /* An output activation that is no softmax can only mean another loss. */
    int output = config->network.output_activation;
    bool classes = task == SP_CLASSIFICATION;
    if (task == SP_MULTILABEL)
        return output == SP_AUTO || output == SP_SIGMOID + 1 ? SP_BINARY_CROSS_ENTROPY : SP_SQUARED_ERROR;
    if (output == SP_EXPONENTIAL + 1) return SP_POISSON;
    return classes && (output == SP_AUTO || output == SP_SOFTMAX + 1) ? SP_CROSS_ENTROPY : SP_SQUARED_ERROR;
}

/* Whether the loss is made for such targets. */
static sp_status check_task(const sp_config *config, sp_loss loss, sp_task task, sp_error *error) {
    const char *targets = task == SP_CLASSIFICATION ? "classes" : task == SP_MULTILABEL ? "labels" : "values", *right;
    char place[SP_PLACE];
    bool counts = loss == SP_POISSON;
    if (loss == SP_CROSS_ENTROPY && task != SP_CLASSIFICATION)
        right = task == SP_REGRESSION ? "squared_error, or set data.task to classification" : "binary_cross_entropy";
    else if (counts && task != SP_REGRESSION)
        right = task == SP_CLASSIFICATION ? "cross_entropy, or set data.task to regression" : "binary_cross_entropy";
    else
        return SP_OK;
    sp_config_place(config, "train.loss", place, sizeof place);
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s, but the targets of %s are %s; use %s", place,
                   counts ? "poisson is for counts" : "cross_entropy is for classes", config->data.train, targets,
                   right);
}

/* ---- Targets ----------------------------------------------------------------------------------- */

/* A part's first row whose target is below 0, or above `most`. */
static sp_status check_values(const sp_part *part, float most, const char *wanted, sp_error *error) {
    const sp_dataset *data = part->data;
    for (size_t i = 0; i < part->rows.count; i++) {
        size_t row = part->rows.index[i];
        for (size_t j = 0; j < data->targets; j++) {
            float value = data->values[row * data->targets + j];
            if (value >= 0 && value <= most) continue;
            char place[SP_PLACE];
            sp_table_place(data->table, row, place, sizeof place);
            return sp_fail(error, SP_BAD_DATA, "%s: the target is %g; %s", place, (double)value, wanted);
        }
    }
    return SP_OK;
}

static sp_status check_targets(sp_loss loss, const sp_data *data, sp_error *error) {
    const sp_part *const parts[] = {&data->train, &data->validation, &data->test};
    bool counts = loss == SP_POISSON, shares = loss == SP_BINARY_CROSS_ENTROPY && data->task == SP_REGRESSION;
    sp_status status = SP_OK;
    for (int i = 0; i < 3 && !status && (counts || shares); i++)
        status = counts ? check_values(parts[i], 3.402823466e38f, "poisson is for counts: 0 or more", error)
                        : check_values(parts[i], 1, "binary_cross_entropy is for values from 0 to 1", error);
    return status;
}

/* ---- All together ------------------------------------------------------------------------------ */

/* A fault that the line of `key` is to blame for. */
static sp_status blame(const sp_config *config, const char *key, const char *what, sp_error *error) {
    char place[SP_PLACE];
    sp_config_place(config, key, place, sizeof place);
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s", place, what);
}

sp_status sp_objective_resolve(sp_config *config, const sp_data *data, sp_error *error) {
    bool classes = data->task == SP_CLASSIFICATION;
    config->data.task = (int)data->task;
    if (config->train.loss == SP_AUTO) config->train.loss = (int)loss_by_default(config, data->task) + 1;
    sp_loss loss = (sp_loss)(config->train.loss - 1);
    sp_status status = check_task(config, loss, data->task, error);
    if (status) return status;
    if (config->network.output_activation == SP_AUTO)
        config->network.output_activation = (int)sp_output_of(loss, data->task != SP_REGRESSION) + 1;
    const char *fault = sp_output_fault(loss, (sp_activation)(config->network.output_activation - 1));
    if (fault) return blame(config, "network.output_activation", fault, error);
    if (data->target_scale.features > 0 && (loss == SP_POISSON || loss == SP_BINARY_CROSS_ENTROPY))
        return blame(config, "data.normalize_targets",
                     "poisson and binary_cross_entropy take targets as they are; set data.normalize_targets to none",
                     error);
    if (config->train.label_smoothing > 0 && loss != SP_CROSS_ENTROPY)
        return blame(config, "train.label_smoothing", "label_smoothing is for cross_entropy; set it to 0", error);
    if (config->train.monitor == SP_MONITOR_AUTO)
        config->train.monitor = classes ? SP_MONITOR_ACCURACY : SP_MONITOR_LOSS;
    fault = sp_monitor_fault((sp_monitor)config->train.monitor, data->task);
    if (fault) return blame(config, "train.monitor", fault, error);
    return check_targets(loss, data, error);
}

/* ---- Class weights ----------------------------------------------------------------------------- */

/* N / (K N_c), N_c of the training rows: all classes count alike (King, Zeng 2001; scikit-learn's "balanced"). */
static void balance(const sp_data *data, float *weights) {
    size_t classes = data->classes.count, rows = data->train.rows.count;
    for (size_t c = 0; c < classes; c++) weights[c] = 0;
    for (size_t i = 0; i < rows; i++) weights[data->train.data->classes[data->train.rows.index[i]]]++;
    for (size_t c = 0; c < classes; c++)
        weights[c] = weights[c] > 0 ? (float)((double)rows / ((double)classes * (double)weights[c])) : 0;
}

/* Numbers between commas; false: not just `count` of them, each 0 or more. */
static bool parse_weights(const char *text, float *weights, size_t count) {
    for (size_t c = 0; c < count; c++) {
        char number[40];
        size_t length = strcspn(text, ",");
        double value;
        if (length >= sizeof number) return false;
        snprintf(number, sizeof number, "%.*s", (int)length, text);
        char *start = number + strspn(number, " \t");
        start[strcspn(start, " \t")] = '\0';
        if (!sp_parse_real(start, &value) || !(value >= 0 && value <= 1e30)) return false;
        weights[c] = (float)value;
        text += length;
        if ((*text == ',') != (c + 1 < count)) return false;
        text += *text == ',';
    }
    return true;
}

sp_status sp_objective_class_weights(const sp_config *config, const sp_data *data, float **weights, sp_error *error) {
    const char *text = config->train.class_weights;
    size_t classes = data->classes.count;
    *weights = NULL;
    if (strcmp(text, "none") == 0) return SP_OK;
    if (data->task != SP_CLASSIFICATION)
        return blame(config, "train.class_weights", "train.class_weights is for classes; set it to none", error);
    float *made = sp_allocate(classes, sizeof *made);
    if (!made) return sp_fail_memory(error, "the weights of the classes", classes * sizeof *made);
    if (strcmp(text, "balanced") == 0) {
        balance(data, made);
    } else if (!parse_weights(text, made, classes)) {
        char what[200];
        free(made);
        snprintf(
            what, sizeof what,
            "train.class_weights = '%.60s' is none of none, balanced, or a number from 0 for each of the %zu classes",
            text, classes);
        return blame(config, "train.class_weights", what, error);
    }
    *weights = made;
    return SP_OK;
}
