/* What some rows should come to, gathered in the order in which they are trained on or judged. */
#ifndef SP_TARGETS_H
#define SP_TARGETS_H

#include "data/dataset.h"
#include "math/loss.h"

/* Room for the targets of some rows; whoever gathers some rows writes only those. */
typedef struct sp_targets {
    int32_t *classes;           /* owned [rows]; NULL: no classes */
    float *values;              /* owned [rows, width]; NULL: no values */
    float *weights;             /* owned [rows]; NULL: every row weighs 1 */
    const sp_preprocess *scale; /* borrowed: of the values; NULL: they are as they are */
    size_t width;               /* values of a row */
    const float *class_weights; /* borrowed [classes]: times the weights of rows of each class; NULL: all 1 */
} sp_targets;

/* Room for `rows` rows of data sets like `data`; `training`: with the weights of the rows, and with `class_weights`,
 * which may be NULL. SP_FAILED: no memory; `targets` can then
 * be cleared, too. */
sp_status sp_targets_create(const sp_dataset *data, size_t rows, bool training, const float *class_weights,
                            sp_targets *targets, sp_error *error);
void sp_targets_clear(sp_targets *targets);

/* Gathers what `count` rows of `data` should come to into rows first .. first + count - 1 of the room. */
void sp_targets_gather(sp_targets *targets, const sp_dataset *data, const uint32_t *rows, size_t count, size_t first);

/* The truth from row `first` of the room on. */
sp_truth sp_targets_at(const sp_targets *targets, size_t first);

#endif
