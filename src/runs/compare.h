/* Two runs held against each other, bit by bit, in all that does not depend on the clock or on threads. */
#ifndef SP_COMPARE_H
#define SP_COMPARE_H

#include "shardprop.h"

enum { SP_DIFFERENCE = 400 };

typedef struct sp_comparison {
    size_t epochs, columns; /* of metrics.csv that were compared: all but seconds and samples_per_second */
    size_t tensors, values; /* of model.safetensors; its other texts are compared, too */
    size_t figures;         /* of summary.json: how it ended, losses, metrics, counts, weights_xxh64 */
    size_t epochs_off, values_off, figures_off; /* that differ; epochs that only one has as well */
    char metrics[SP_DIFFERENCE], model[SP_DIFFERENCE], summary[SP_DIFFERENCE]; /* the first difference; empty: none */
} sp_comparison;

/* `run`, `again`: run directories that are complete. SP_BAD_CONFIG, SP_BAD_DATA: a file is missing, or damaged. */
sp_status sp_compare_runs(const char *run, const char *again, sp_comparison *comparison, sp_error *error);

/* The first of all differences, by the time at which it arose; NULL: all is the same. */
const char *sp_comparison_first(const sp_comparison *comparison);

#endif
