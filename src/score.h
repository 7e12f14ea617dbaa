/*
 * How good predictions are: numbers from outputs and truth, as scikit-learn defines them
 * (held against it by tests/test_metrics.c). All sums are in double, in the order of the rows.
 *
 * A quotient with nothing below the line, say the precision of a class that was never predicted,
 * is 0 (scikit-learn's zero_division=0). An area under the ROC curve needs rows of both
 * kinds; without, it is NaN, and left out of means.
 */
#ifndef SP_SCORE_H
#define SP_SCORE_H

#include "math/loss.h"
#include "shardprop.h"

/* Outputs of some rows, and what they should have been. */
typedef struct sp_predictions {
    size_t rows, outputs;
    const float *output; /* borrowed [rows, outputs] */
    sp_truth truth;      /* borrowed */
} sp_predictions;

/* One class, label or target. */
typedef struct sp_item_score {
    size_t support, predicted, hits; /* rows: of it, taken for it, both */
    double value[SP_METRICS];        /* NaN: not defined */
} sp_item_score;

/* What predictions come to, and the room that this takes: made once, filled as often as is wanted. */
typedef struct sp_scores {
    double value[SP_METRICS]; /* over all rows; NaN: not defined */
    size_t items;             /* classes, labels or targets */
    sp_item_score *item;      /* owned [items] */
    uint64_t *order;          /* owned [2, most rows]: to sort in */
} sp_scores;

/* For up to `rows` rows. SP_FAILED: no memory. */
sp_status sp_scores_create(size_t rows, size_t items, sp_scores **scores, sp_error *error);
void sp_scores_destroy(sp_scores *scores);

/*
 * Each sets all that its task has, but for the loss, and the rest to NaN.
 * Classes: truth.classes; a single output speaks for the second of two. `probabilities`: the outputs are such, so that
 * there is a log-loss.
 */
void sp_score_classes(sp_scores *scores, const sp_predictions *predictions, bool probabilities);

/* Labels: truth.values [rows, outputs] are 0 or 1; an output above 1/2 says 1. */
void sp_score_labels(sp_scores *scores, const sp_predictions *predictions);

/* Values: truth.values [rows, outputs] are any numbers. */
void sp_score_values(sp_scores *scores, const sp_predictions *predictions);

/* Adds to counts [classes, classes] each row at (its class, the class that is predicted). */
void sp_count_confusions(const sp_predictions *predictions, size_t classes, size_t *counts);

/* Adds to counts [classes] each row at the place of its class among the outputs, 0: the largest. */
void sp_count_places(const sp_predictions *predictions, size_t *counts);

#endif
