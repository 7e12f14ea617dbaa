/*
 * Checkpoints: all that a training goes on from, as a safetensors file.
 *
 * The state is copied between two steps, which takes as long as copying memory does; a thread of its own writes the
 * copy while training goes on. Random numbers are functions of what they are for (base/random.h), so that epoch and
 * step are all of their state. Every part of the training records its own: see sp_stepper_record and its kin.
 */
#ifndef SP_CHECKPOINT_H
#define SP_CHECKPOINT_H

#include "best.h"
#include "diagnose.h"
#include "origin.h"
#include "plan.h"
#include "rundir.h"
#include "schedule.h"
#include "step.h"

/* How far a training has come. */
typedef struct sp_standing {
    size_t epochs, steps; /* whole epochs that are done, and steps of the one under way */
    size_t samples;       /* rows trained on in whole epochs, undone ones too */
    size_t rollbacks;
    double step_seconds;  /* in the steps of all that, */
    double epoch_seconds; /* in those of the epoch under way, */
    double seconds;       /* and in all, since the start */
} sp_standing;

/* The parts of a training that has a state; all borrowed. */
typedef struct sp_checkpoint_of {
    const sp_config *config; /* as resolved by the plan */
    const sp_origin *origin;
    const sp_plan *plan;
    const sp_net *net;
    float *best_weights; /* [net->floats] */
    sp_best *best;
    sp_schedule *schedule;
    sp_stepper *stepper;
    sp_diagnosis *diagnosis;
    sp_rundir *rundir;
} sp_checkpoint_of;

typedef struct sp_checkpoint sp_checkpoint;

/* Makes the room for the copy, so that taking one needs no memory. SP_FAILED: there is none. */
sp_status sp_checkpoint_create(sp_checkpoint_of of, sp_checkpoint **checkpoint, sp_error *error);

/* Waits until the last one is written. */
void sp_checkpoint_destroy(sp_checkpoint *checkpoint);

/* Bytes of the copy. */
size_t sp_checkpoint_bytes(const sp_plan *plan, const sp_net *net, bool undoable);

/* Copies the state now and has it written; waits for the one before, if that is not written yet. */
void sp_checkpoint_take(sp_checkpoint *checkpoint, const sp_standing *standing);

/* Whether one is being written; and whether one could not be. */
bool sp_checkpoint_is_busy(sp_checkpoint *checkpoint);
bool sp_checkpoint_has_failed(sp_checkpoint *checkpoint);

/* Waits until all is written. SP_FAILED: it could not be; the one before is as it was. */
sp_status sp_checkpoint_finish(sp_checkpoint *checkpoint, sp_error *error);

/* ---- Back ---- */

/*
 * Opens the checkpoint of the directory, or the one before where it is damaged: *warning (SP_ERROR_TEXT bytes) then
 * says so, else it is empty. *file is NULL with SP_OK: there is none. SP_BAD_DATA: damaged, and there is none before
 * it; SP_BAD_CONFIG: of another version.
 */
sp_status sp_checkpoint_open(const sp_rundir *rundir, sp_safetensors **file, char *warning, sp_error *error);

/*
 * Whether the training that is planned may go on from it, and where it stands. As sp_identity_check; SP_BAD_DATA:
 * malformed.
 */
sp_status sp_checkpoint_check(const sp_safetensors *file, const sp_config *config, const sp_origin *origin,
                              const sp_plan *plan, sp_standing *standing, sp_error *error);

/* Sets the state to that of the file, which was checked, and goes on with its metrics.csv. */
sp_status sp_checkpoint_load(const sp_safetensors *file, sp_checkpoint_of of, const sp_standing *standing,
                             sp_error *error);

#endif
