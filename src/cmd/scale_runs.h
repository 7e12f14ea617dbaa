/* The run directories of a scaling experiment: runs/NAME in its folder. */
#ifndef SP_CMD_SCALE_RUNS_H
#define SP_CMD_SCALE_RUNS_H

#include "out/scaling.h"

/* Writes the run's name: "b64-s4-t2-1" of its first measurement, "...-phases", "...-check"; 0 of repetition: "-trial".
 */
void sp_scale_name_run(const sp_scale_point *point, size_t repetition, sp_scale_run *run);

/*
 * Removes run directories that are called so, in runs/ of the folder, then that if nothing else was in it. Whatever has
 * another name, is a link, or holds something but no config.ini stays; a lock and a config in part are nothing.
 */
void sp_scale_remove_runs(const char *folder);

#endif
