/* What is to be measured: the lists of --threads, --batch-sizes and --shards, and the config, made into curves. */
#ifndef SP_CMD_SCALE_PLAN_H
#define SP_CMD_SCALE_PLAN_H

#include "cmd/command.h"
#include "cmd/findings.h"
#include "out/scaling.h"

/*
 * Fills *scaling, without ceilings, epochs and runs; loads the data for that. Of a weak curve, batch size and shards
 * are multiplied by the threads. SP_BAD_CONFIG: wrong usage; else as sp_data_load and sp_plan_create.
 */
sp_status sp_scale_plan(const sp_options *options, const sp_findings *findings, sp_scaling *scaling, sp_error *error);

#endif
