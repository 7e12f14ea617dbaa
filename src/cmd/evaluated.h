/* What evaluate has found, on its way to people and to programs. */
#ifndef SP_CMD_EVALUATED_H
#define SP_CMD_EVALUATED_H

#include "model.h"

/* All borrowed. */
typedef struct sp_evaluated {
    const sp_names *names; /* of the classes, labels or targets */
    const sp_model *model;
    const sp_evaluation *evaluation;
    size_t top_k; /* 0: not wanted */
} sp_evaluated;

/* The name of a class, label or target. */
const char *sp_item_name(const sp_evaluated *found, size_t item);

/* To stdout, in at most 80 columns. */
void sp_print_evaluation(const sp_evaluated *found);

/* To stdout. SP_FAILED: no memory. */
sp_status sp_print_evaluation_json(const sp_evaluated *found, sp_error *error);

#endif
