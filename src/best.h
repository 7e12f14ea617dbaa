/* Which epoch of a training is the best, and when it is time to stop. */
#ifndef SP_BEST_H
#define SP_BEST_H

#include "base/record.h"
#include "config.h"
#include "judge.h"

typedef struct sp_best {
    sp_monitor monitor;
    bool measured;   /* there are validation rows: without, the last epoch is the best */
    size_t patience; /* 0: without end */
    double value;    /* of the best epoch, larger is better */
    size_t epoch;    /* that is the best; 0: none yet */
    size_t since;    /* epochs since */
} sp_best;

sp_best sp_best_create(const sp_config *config, bool measured);

/* What makes an epoch the best, where that is not loss or accuracy; SP_METRICS: it is. */
sp_metric sp_best_metric(const sp_best *best);

/* What an epoch came to, larger is better: as monitored, of `scores`; without validation rows, by the training loss. */
double sp_best_value(const sp_best *best, const sp_epoch *epoch, const sp_scores *scores);

/* Whether an epoch that came to `value` is the best so far; then it is kept as such. */
bool sp_best_observe(sp_best *best, size_t epoch, double value);
bool sp_best_is_out_of_patience(const sp_best *best);

/* "validation_loss", ...; without validation rows "train_loss". */
const char *sp_best_name(const sp_best *best);

/* What that was in the best epoch, of validation rows; NaN: no number. */
double sp_best_reached(const sp_best *best);

void sp_best_record(const sp_best *best, sp_record *record);
sp_status sp_best_take(sp_best *best, const sp_safetensors *file, sp_error *error);

#endif
