/* The run directory: config.ini, metrics.csv, summary.json, model.safetensors; and what says whose it is. */
#ifndef SP_RUNDIR_H
#define SP_RUNDIR_H

#include "diagnose.h"
#include "origin.h"

typedef struct sp_rundir sp_rundir;

/* What a training goes on from, and the one before that, in case the first is damaged. */
#define SP_CHECKPOINT_NAME   "checkpoint.safetensors"
#define SP_CHECKPOINT_BEFORE "checkpoint.previous.safetensors"

/*
 * Makes the directory, where it is missing, and takes its lock. SP_FAILED: another training has that, or the directory
 * cannot be made.
 */
sp_status sp_rundir_open(const sp_config *config, sp_rundir **rundir, sp_error *error);

/* "DIR/NAME". SP_BAD_CONFIG: too long. */
enum { SP_RUNDIR_PATH = 4096 };
sp_status sp_rundir_path(const sp_rundir *rundir, const char *name, char path[SP_RUNDIR_PATH], sp_error *error);

/* Whether the directory has such a file. */
bool sp_rundir_has(const sp_rundir *rundir, const char *name);

/*
 * A new run: keeps the files of an earlier one in the folder previous/ (where those of a run before that one go, unless
 * the earlier one was ended in its first epoch: that goes then), writes config.ini and starts metrics.csv, with figures
 * of so many layers. SP_BAD_CONFIG: a config.ini is there that no run has written.
 */
sp_status sp_rundir_begin(sp_rundir *rundir, const sp_config *config, size_t layers, sp_error *error);

/* Whether there was one that moved. */
bool sp_rundir_kept(const sp_rundir *rundir);

/* How far metrics.csv goes: its bytes, and a hash of them, line by line. */
typedef struct sp_metrics_mark {
    uint64_t bytes, xxh64;
} sp_metrics_mark;

sp_metrics_mark sp_rundir_mark(const sp_rundir *rundir);

/*
 * Goes on with a run: writes config.ini, removes summary.json, which tells how it ended before, and cuts metrics.csv
 * off behind `mark`. SP_BAD_DATA: metrics.csv does not go that far, or is another.
 */
sp_status sp_rundir_continue(sp_rundir *rundir, const sp_config *config, size_t layers, sp_metrics_mark mark,
                             sp_error *error);

/* Appends a row to metrics.csv; it is in the file when this returns. */
sp_status sp_rundir_add_epoch(sp_rundir *rundir, const sp_epoch *epoch, sp_error *error);

/* Has metrics.csv on the disk, as far as it goes now. Another thread may do that. */
sp_status sp_rundir_sync(const sp_rundir *rundir, sp_error *error);
sp_status sp_rundir_save_model(sp_rundir *rundir, const sp_model *model, sp_error *error);
sp_status sp_rundir_save_summary(sp_rundir *rundir, const sp_summary *summary, const sp_diagnosis *diagnosis,
                                 const sp_origin *origin, sp_error *error);

/* Gives the lock back. */
void sp_rundir_destroy(sp_rundir *rundir);

#endif
