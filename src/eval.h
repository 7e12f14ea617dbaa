/* Loss, metrics and predictions of a network over a set of rows. */
#ifndef SP_EVAL_H
#define SP_EVAL_H

#include "data/dataset.h"
#include "metrics.h"
#include "pass.h"

/*
 * Rows go forward in blocks of this many, whatever the number of threads: a row's bits
 * depend on how many rows stand with it in a product.
 */
enum { SP_EVAL_ROWS = 256 };

/* Workspaces for `threads` threads; made once, used after every epoch. */
typedef struct sp_evaluator sp_evaluator;

/* Ready for `count` parts; an empty one has no rows. */
sp_status sp_evaluator_create(const sp_layout *layout, size_t threads, const sp_part *const *parts, size_t count,
                              sp_evaluator **evaluator, sp_error *error);
void sp_evaluator_destroy(sp_evaluator *evaluator);

/* About how much memory that takes. */
size_t sp_evaluator_bytes(const sp_layout *layout, size_t threads, const sp_part *const *parts, size_t count);

/* Loss and hits over a labelled part of the data; `outputs` as below, NULL: not wanted. */
sp_tally sp_evaluate_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                          const sp_part *part, float *outputs);

/* Outputs [rows, d(L)] of a part: probabilities under cross_entropy, else a(L). */
void sp_predict_part(sp_evaluator *evaluator, const sp_weights *weights, const sp_preprocess *preprocess,
                     const sp_part *part, float *outputs);

#endif
