#include "best.h"

#include <math.h>

sp_best sp_best_create(const sp_config *config, bool measured) {
    return (sp_best){
        .monitor = (sp_monitor)config->train.monitor, .measured = measured, .patience = (size_t)config->train.patience};
}

sp_metric sp_best_metric(const sp_best *best) {
    static const sp_metric metrics[] = {
        [SP_MONITOR_AUTO] = SP_METRICS,
        [SP_MONITOR_LOSS] = SP_METRICS,
        [SP_MONITOR_ACCURACY] = SP_METRICS,
        [SP_MONITOR_BALANCED_ACCURACY] = SP_METRIC_BALANCED_ACCURACY,
        [SP_MONITOR_MACRO_F1] = SP_METRIC_MACRO_F1,
        [SP_MONITOR_AUC] = SP_METRIC_AUC,
        [SP_MONITOR_R2] = SP_METRIC_R2,
    };
    return metrics[best->monitor];
}

double sp_best_value(const sp_best *best, const sp_epoch *epoch, const sp_scores *scores) {
    sp_metric metric = sp_best_metric(best);
    if (!best->measured) return -epoch->train_loss;
    if (metric < SP_METRICS) return scores->value[metric];
    return best->monitor == SP_MONITOR_LOSS ? -epoch->validation_loss : epoch->validation_accuracy;
}

bool sp_best_observe(sp_best *best, size_t epoch, double value) {
    if (isnan(value)) value = -INFINITY; /* any number is better */
    best->since++;
    if (best->measured && best->epoch > 0 && !(value > best->value)) return false;
    best->value = value;
    best->since = 0;
    best->epoch = epoch;
    return true;
}

bool sp_best_is_out_of_patience(const sp_best *best) {
    return best->patience > 0 && best->since >= best->patience;
}

const char *sp_best_name(const sp_best *best) {
    return best->measured ? sp_config_key("train", "monitor")->choices[best->monitor] : "train_loss";
}

double sp_best_reached(const sp_best *best) {
    if (best->epoch == 0 || isinf(best->value)) return NAN;
    return best->monitor == SP_MONITOR_LOSS ? -best->value : best->value;
}

void sp_best_record(const sp_best *best, sp_record *record) {
    sp_record_put_reals(record, "best.value", &best->value, 1);
    sp_record_put_counts(record, "best.epoch", (uint64_t[]){best->epoch, best->since}, 2);
}

sp_status sp_best_take(sp_best *best, const sp_safetensors *file, sp_error *error) {
    uint64_t counts[2];
    sp_status status = sp_record_take_reals(file, "best.value", &best->value, 1, error);
    if (!status) status = sp_record_take_counts(file, "best.epoch", counts, 2, error);
    if (status) return status;
    best->epoch = counts[0];
    best->since = counts[1];
    return SP_OK;
}
