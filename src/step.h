/* The mini-batch step, and the epoch that is made of them. */
#ifndef SP_STEP_H
#define SP_STEP_H

#include "batch.h"
#include "data/dataset.h"
#include "metrics.h"
#include "optim.h"
#include "plan.h"

/* Weights in training, and all that a step needs; made before the first epoch. */
typedef struct sp_stepper sp_stepper;

/*
 * Borrows everything it is handed; `parameters` [net->parameters] are moved by every step.
 * SP_FAILED when memory runs out.
 */
sp_status sp_stepper_create(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_optimizer optimizer,
                            float *parameters, sp_stepper **stepper, sp_error *error);
void sp_stepper_destroy(sp_stepper *stepper);

/* One step on `batch`, with learning rate `eta`. Returns its loss and hits, before the update. */
sp_tally sp_stepper_step(sp_stepper *stepper, sp_batch batch, double eta);

/* dJ/dw [parameters] of `batch`, by the same shards and the same sum, and no update. */
sp_tally sp_stepper_gradients(sp_stepper *stepper, sp_batch batch, float *gradients);

/*
 * One step a mini-batch of `order` [rows]. After each, `on_step` (NULL: nothing) is called by one
 * thread with the number of steps done; the epoch ends when it returns true. Returns loss and
 * hits over the epoch, each row's by the weights of its step.
 */
sp_tally sp_stepper_epoch(sp_stepper *stepper, const uint32_t *order, size_t rows, double eta,
                          bool (*on_step)(void *context, size_t steps), void *context);

#endif
