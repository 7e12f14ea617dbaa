/* The run directory: config.ini, metrics.csv, summary.json, model.safetensors. */
#ifndef SP_RUNDIR_H
#define SP_RUNDIR_H

#include "diagnose.h"

typedef struct sp_rundir sp_rundir;

/*
 * Makes the directory, keeps the files of an earlier run in its folder previous/ (where those
 * of a run before that one go), writes config.ini and starts metrics.csv, with figures of so many layers.
 */
sp_status sp_rundir_create(const sp_config *config, size_t layers, sp_rundir **rundir, sp_error *error);

/* Appends a row to metrics.csv; it is in the file when this returns. */
sp_status sp_rundir_add_epoch(sp_rundir *rundir, const sp_epoch *epoch, sp_error *error);
sp_status sp_rundir_save_model(sp_rundir *rundir, const sp_model *model, sp_error *error);
sp_status sp_rundir_save_summary(sp_rundir *rundir, const sp_summary *summary, const sp_diagnosis *diagnosis,
                                 sp_error *error);
void sp_rundir_destroy(sp_rundir *rundir);

#endif
