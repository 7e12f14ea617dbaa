/* Run directories below a folder, as a batch leaves them. */
#ifndef SP_RUNDIRS_H
#define SP_RUNDIRS_H

#include "base/text.h"
#include "shardprop.h"

/*
 * Adds the paths of the run directories that `path` stands for: itself, where it holds a config.ini; else those in it
 * and in its folders, three deep, in the order of their names, without what a run keeps of the one before (previous/).
 * SP_BAD_CONFIG: it is no folder, or there is none in it.
 */
sp_status sp_rundirs_find(const char *path, sp_names *found, sp_error *error);

/*
 * The same of one operand of several: one that is there and holds no run is passed over, with a line in *passed.
 */
sp_status sp_rundirs_add(const char *path, sp_names *found, sp_error *passed, sp_error *error);

#endif
