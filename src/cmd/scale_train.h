/* A training of a scaling experiment, as a process of its own: the runtime of OpenMP is set when a process starts. */
#ifndef SP_CMD_SCALE_TRAIN_H
#define SP_CMD_SCALE_TRAIN_H

#include "cmd/command.h"
#include "out/scaling.h"

/*
 * Trains with run->threads threads as `point` says, into runs/NAME of the folder, NAME being run->name, and fills the
 * rest of *run. What others do meanwhile is watched. SP_FAILED, SP_BAD_CONFIG, SP_BAD_DATA: the training's own fault,
 * or a signal ended it (sp_interrupted_by).
 */
sp_status sp_scale_train(const sp_options *options, const sp_scaling *scaling, const sp_scale_point *point,
                         sp_scale_run *run, sp_error *error);

#endif
