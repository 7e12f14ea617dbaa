/* The rules that no key can break alone. */
#include "config.h"

#include "base/error.h"

#include <string.h>

/* A rule that is broken: `key` names the line to blame. */
static void fault(const sp_config *config, const char *key, const char *what, sp_error *error) {
    char place[SP_PLACE];
    sp_config_place(config, key, place, sizeof place);
    sp_fail(error, SP_BAD_CONFIG, "%s: %s", place, what);
}

const char *sp_output_fault(sp_loss loss, sp_activation output) {
    static const char *const brings[] = {
        [SP_CROSS_ENTROPY] = "cross_entropy brings its own softmax; set network.output_activation to auto",
        [SP_BINARY_CROSS_ENTROPY] =
            "binary_cross_entropy brings its own sigmoid; set network.output_activation to auto",
        [SP_POISSON] = "poisson brings its own exponential; set network.output_activation to auto",
    };
    if (sp_loss_takes_logits(loss)) return output == sp_output_of(loss, true) ? NULL : brings[loss];
    if (output == SP_SOFTMAX)
        return "softmax goes with cross_entropy; for other losses use sigmoid, tanh, relu or identity";
    if (output == SP_EXPONENTIAL)
        return "exponential goes with poisson; for other losses use relu, softplus or identity";
    return NULL;
}

const char *sp_monitor_fault(sp_monitor monitor, sp_task task) {
    static const char *const not_of_regression[] = {
        [SP_MONITOR_ACCURACY] = "regression has no accuracy; monitor validation_loss or validation_r2",
        [SP_MONITOR_BALANCED_ACCURACY] = "regression has no balanced accuracy; monitor validation_loss or "
                                         "validation_r2",
        [SP_MONITOR_MACRO_F1] = "regression has no F1; monitor validation_loss or validation_r2",
        [SP_MONITOR_AUC] = "regression has no ROC curve; monitor validation_loss or validation_r2",
        [SP_MONITOR_R2] = NULL,
    };
    if (task == SP_REGRESSION) return not_of_regression[monitor];
    if (task == SP_MULTILABEL &&
        (monitor == SP_MONITOR_ACCURACY || monitor == SP_MONITOR_BALANCED_ACCURACY || monitor == SP_MONITOR_R2))
        return "several labels have neither accuracy nor R2; monitor validation_loss, validation_macro_f1 or "
               "validation_auc";
    if (task == SP_CLASSIFICATION && monitor == SP_MONITOR_R2)
        return "classification has no R2; monitor validation_loss, validation_accuracy, validation_macro_f1 or the "
               "like";
    return NULL;
}

static void check_rows(const sp_config *config, const char *key, const char *value, const char *labels_key,
                       const char *labels, sp_error *error) {
    char what[200];
    double share;
    bool is_share = sp_parse_real(value, &share);
    if (is_share && !(share > 0 && share < 1)) {
        snprintf(what, sizeof what, "%s = %s is a number but no share; use one between 0 and 1, or a path", key, value);
        fault(config, key, what, error);
    }
    if (*labels && (is_share || !*value)) {
        snprintf(what, sizeof what, "%s is set, but %s names no file; set that too, or leave this out", labels_key,
                 key);
        fault(config, labels_key, what, error);
    }
}

/* A list that has one item for all hidden layers, or one each. */
static void check_one_each(const sp_config *config, const char *key, size_t named, const char *items, sp_error *error) {
    char what[160];
    size_t hidden = config->network.hidden.count;
    if (named <= 1 || named == hidden) return;
    snprintf(what, sizeof what, "%s names %zu %s for %zu hidden layer%s; name one for all, or one each", key, named,
             items, hidden, hidden == 1 ? "" : "s");
    fault(config, key, what, error);
}

sp_status sp_config_check(const sp_config *config, sp_error *error) {
    size_t before = error->faults;
    if (!*config->output.dir) fault(config, "output.dir", "output.dir is missing; name the folder of the run", error);
    if (!*config->data.train)
        fault(config, "data.train", "data.train is missing; name the file with the training rows", error);
    check_rows(config, "data.test", config->data.test, "data.test_labels", config->data.test_labels, error);
    check_rows(config, "data.validation", config->data.validation, "data.validation_labels",
               config->data.validation_labels, error);
    double test = sp_config_share(config->data.test), validation = sp_config_share(config->data.validation);
    if (test > 0 && test < 1 && validation > 0 && validation < 1 && test + validation >= 1)
        fault(config, "data.validation", "the shares for test and validation leave no training rows; lower one", error);

    check_one_each(config, "network.activation", config->network.activation.count, "activations", error);
    check_one_each(config, "network.dropout", config->network.dropout.count, "shares", error);
    check_one_each(config, "network.normalization", config->network.normalization.count, "normalizations", error);
    if (config->network.hidden.count == 0 && config->network.normalization.item[0] != SP_NORM_NONE)
        fault(config, "network.normalization",
              "there is no hidden layer to normalise; name some in network.hidden, or set it to none", error);
    int output = config->network.output_activation, loss = config->train.loss;
    const char *output_fault =
        loss == SP_AUTO || output == SP_AUTO ? NULL : sp_output_fault((sp_loss)(loss - 1), (sp_activation)(output - 1));
    if (output_fault) fault(config, "network.output_activation", output_fault, error);
    if (config->train.label_smoothing > 0 && loss != SP_AUTO && loss != SP_CROSS_ENTROPY + 1)
        fault(config, "train.label_smoothing", "label_smoothing is for cross_entropy; set it to 0", error);
    if (config->data.task == SP_REGRESSION && loss == SP_CROSS_ENTROPY + 1)
        fault(config, "train.loss", "cross_entropy is for classes; for regression use squared_error", error);
    if (config->data.task == SP_MULTILABEL && loss == SP_CROSS_ENTROPY + 1)
        fault(config, "train.loss", "cross_entropy is for classes; for multilabel use binary_cross_entropy", error);
    const char *monitor_fault = sp_monitor_fault((sp_monitor)config->train.monitor, (sp_task)config->data.task);
    if (monitor_fault) fault(config, "train.monitor", monitor_fault, error);
    /* Loss and accuracy may stand there without: they are what auto has become in the config.ini of a run. */
    if (config->train.monitor > SP_MONITOR_ACCURACY && !*config->data.validation)
        fault(config, "train.monitor", "train.monitor needs validation rows; set data.validation", error);
    bool means =
        config->optimizer.name == SP_ADAM || config->optimizer.name == SP_AMSGRAD || config->optimizer.name == SP_ADAMW;
    if (means && (config->optimizer.beta1 == 1 || config->optimizer.beta2 == 1))
        fault(config, config->optimizer.beta1 == 1 ? "optimizer.beta1" : "optimizer.beta2",
              "a mean that keeps all (beta 1) never learns of a gradient; use less than 1", error);
    if (config->optimizer.ema == 1)
        fault(config, "optimizer.ema", "an average that keeps all (ema 1) never moves; use less than 1", error);
    if (config->optimizer.name == SP_RPROP && config->train.batch_size != SP_AUTO)
        fault(config, "train.batch_size",
              "rprop goes by the signs of whole gradients, which mini-batches blur; set train.batch_size to full",
              error);
    if (config->optimizer.rprop_least > config->optimizer.rprop_most)
        fault(config, "optimizer.rprop_least", "the least step width is above rprop_most; lower it", error);
    if (config->schedule.warmup_epochs >= (double)config->train.epochs)
        fault(config, "schedule.warmup_epochs",
              "the warm-up is as long as the training (train.epochs); let it be shorter", error);
    if (config->train.patience > 0 && !*config->data.validation)
        fault(config, "train.patience", "train.patience needs validation rows; set data.validation", error);
    return error->faults > before ? SP_BAD_CONFIG : SP_OK;
}
