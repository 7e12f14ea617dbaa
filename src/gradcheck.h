/* Backpropagation against central differences. */
#ifndef SP_GRADCHECK_H
#define SP_GRADCHECK_H

#include "data/dataset.h"
#include "plan.h"
#include "step.h"

/* What is compared of a layer: its weights, biases and scales; of a plain layer, no scales. */
enum { SP_GRADCHECK_WEIGHTS, SP_GRADCHECK_BIASES, SP_GRADCHECK_SCALES, SP_GRADCHECK_TENSORS };

/* What was found in one of them. */
typedef struct sp_gradcheck {
    size_t checked; /* parameters compared */
    size_t skipped; /* where the loss has a kink (relu) within the step of the difference */
    double error;   /* ||g - d|| / (||g|| + ||d||) over those compared, of which no tensor counts as less than a
                       hundredth of another of its layer; 0 when all vanish */
} sp_gradcheck;

/* A correct network stays below this; one wrong sign or factor does not. */
#define SP_GRADCHECK_BOUND 1e-4

/*
 * Compares dJ/dw of the first mini-batch (at most 64 rows of it), by the shards and the reduction of training, with
 * central differences (J(w + h) - J(w - h)) / 2h of a loss that is computed in double
 * precision by plain loops that share nothing with the passes. Under batch normalisation that is the loss as training
 * has it: rows are normalised by those of their shard; of more rows, where else a shard would have less than four. At
 * most `sample` weights, biases and scales of every layer are drawn by `seed`. `result` [depth, SP_GRADCHECK_TENSORS].
 * `parameters` are the weights to check at. SP_FAILED: no memory.
 */
sp_status sp_gradcheck_run(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_stepper *stepper,
                           const float *parameters, size_t sample, uint64_t seed, sp_gradcheck *result,
                           sp_error *error);

#endif
