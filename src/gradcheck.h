/* Backpropagation against central differences. */
#ifndef SP_GRADCHECK_H
#define SP_GRADCHECK_H

#include "data/dataset.h"
#include "plan.h"
#include "step.h"

/* What was found in one layer's weights or biases. */
typedef struct sp_gradcheck {
    size_t checked; /* parameters compared */
    size_t skipped; /* where the loss has a kink (relu) within the step of the difference */
    double error;   /* ||g - d|| / (||g|| + ||d||) over those compared; 0 when both vanish */
} sp_gradcheck;

/* A correct network stays below this; one wrong sign or factor does not. */
#define SP_GRADCHECK_BOUND 1e-4

/*
 * Compares dJ/dw of the first mini-batch (at most 64 rows of it), by the shards and the reduction of training, with
 * central differences (J(w + h) - J(w - h)) / 2h of a loss that is computed in double
 * precision by plain loops that share nothing with the passes. At most `sample` weights and
 * `sample` biases of every layer are drawn by `seed`. `result` [2 * depth]: weights and biases
 * of layer 1, 2, ... `parameters` are the weights to check at. SP_FAILED: no memory.
 */
sp_status sp_gradcheck_run(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_stepper *stepper,
                           const float *parameters, size_t sample, uint64_t seed, sp_gradcheck *result,
                           sp_error *error);

#endif
