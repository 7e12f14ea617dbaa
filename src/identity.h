/*
 * What a checkpoint is of: the configuration, the data as they are used, the kernels. A training goes on to the bits of
 * one that was never interrupted only where all of that is the same, as far as it matters.
 */
#ifndef SP_IDENTITY_H
#define SP_IDENTITY_H

#include "base/record.h"
#include "origin.h"
#include "plan.h"

/* `config` as the plan has resolved it. */
void sp_identity_record(const sp_config *config, const sp_origin *origin, sp_record *record);

/*
 * Whether a training that is planned so may go on from the file, after `epochs` whole epochs. What may differ: where
 * files are, threads, reduction, [output]; train.epochs, where the schedule does not depend on it; and train.patience,
 * where it becomes more. SP_BAD_CONFIG, SP_BAD_DATA: every other difference, by its name.
 */
sp_status sp_identity_check(const sp_config *config, const sp_origin *origin, const sp_plan *plan, size_t epochs,
                            const sp_safetensors *file, sp_error *error);

#endif
