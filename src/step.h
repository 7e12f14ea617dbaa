/* The mini-batch step, and the epoch that is made of them. */
#ifndef SP_STEP_H
#define SP_STEP_H

#include "base/record.h"
#include "batch.h"
#include "data/dataset.h"
#include "metrics.h"
#include "optim.h"
#include "pass.h"
#include "plan.h"
#include "schedule.h"

/* All that a step needs; made before the first epoch. */
typedef struct sp_stepper sp_stepper;

/*
 * Borrows everything it is handed; every step moves `weights`. Ready for mini-batches of the
 * plan's size and the last one of an epoch. SP_FAILED: no memory, or no kernels for the network.
 */
sp_status sp_stepper_create(const sp_plan *plan, const sp_data *data, sp_weights *weights, sp_stepper **stepper,
                            sp_error *error);
void sp_stepper_destroy(sp_stepper *stepper);

/* Makes it ready for mini-batches of `rows` rows, at most the plan's. */
sp_status sp_stepper_prepare(sp_stepper *stepper, size_t rows, sp_error *error);

/* The average of the weights that the steps keep (optimizer.ema), the stepper's own; NULL: they keep none. */
const sp_weights *sp_stepper_average(const sp_stepper *stepper);

/* What the layers were like in the epoch that is over, [depth]. */
void sp_stepper_health(const sp_stepper *stepper, sp_layer_health *result);

/*
 * Whether the epoch that is over ended because a loss was not finite, or a gradient: *step is the number of that
 * mini-batch (from 1), *layer the highest layer with such a gradient (from 1), 0: it was the loss. Such a loss moves no
 * weight, such a gradient none of its own; the steps before are done.
 */
bool sp_stepper_broken(const sp_stepper *stepper, size_t *step, size_t *layer);

/* The passes of the last mini-batch, until the next epoch. */
const sp_workspace *sp_stepper_passes(const sp_stepper *stepper);

/* Keeps weights and optimizer as they are, before the first step too, so that the steps since can be undone; false: no
 * memory. */
bool sp_stepper_save(sp_stepper *stepper);
void sp_stepper_undo(sp_stepper *stepper);

/*
 * All that the steps to come depend on, of a training that has done `steps` steps (0: none) of the epoch under way:
 * weights, optimizer and average, and what that epoch has summed up; `undoable`: what sp_stepper_undo goes back to,
 * too. Between two steps, which is where on_step is called; and, within an epoch, only where sp_stepper_can_pause.
 */
void sp_stepper_record(const sp_stepper *stepper, size_t steps, bool undoable, sp_record *record);

/*
 * Back from the file, for a training that has done `epochs` whole epochs before: the next sp_stepper_epoch goes on
 * behind `steps`. SP_BAD_DATA, SP_FAILED: see base/record.h.
 */
sp_status sp_stepper_take(sp_stepper *stepper, size_t epochs, size_t steps, bool undoable, const sp_safetensors *file,
                          sp_error *error);

/* Whether an epoch can be left after so many steps; false: do the next one, too, or it has broken down. */
bool sp_stepper_can_pause(const sp_stepper *stepper, size_t steps);

/* Threads that its last steps were worth; the plan's, where they are fixed. */
size_t sp_stepper_threads(const sp_stepper *stepper);

/* From now on, the clock is looked at around every phase. */
void sp_stepper_time(sp_stepper *stepper);

/* Seconds of each phase since then, summed over the threads; NaN where nobody looked. */
void sp_stepper_phases(const sp_stepper *stepper, double seconds[SP_PHASES]);

/* What the busiest thread worked since then more than the mean, as a share of that; NaN likewise. */
double sp_stepper_imbalance(const sp_stepper *stepper);

/* One step on `batch`, with learning rate eta. Returns its loss and hits, before the update. */
sp_tally sp_stepper_step(sp_stepper *stepper, sp_batch batch, double eta);

/*
 * dJ/dw [net->parameters] of `batch`, by the same shards and the same sum, and no update. *tally: its
 * loss and hits. SP_FAILED: no memory.
 */
sp_status sp_stepper_gradients(sp_stepper *stepper, sp_batch batch, float *gradients, sp_tally *tally, sp_error *error);

/*
 * One step a mini-batch of `order` [rows], all or (sp_stepper_take) the rest of them, with the learning rates of the
 * schedule, of which every step so far was one. After each, `on_step` (NULL: nothing) is called by one thread with the
 * number of steps done; the epoch ends when it returns true. Returns loss and hits over the epoch, each row's by the
 * weights of its step.
 */
sp_tally sp_stepper_epoch(sp_stepper *stepper, const uint32_t *order, size_t rows, const sp_schedule *schedule,
                          bool (*on_step)(void *context, size_t steps), void *context);

#endif
