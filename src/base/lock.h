/*
 * A lock on something that one process at a time may work with: a file that this one has locked (flock). It ends with
 * the process, however that ends, so that no lock is ever stale.
 */
#ifndef SP_BASE_LOCK_H
#define SP_BASE_LOCK_H

#include "shardprop.h"

typedef struct sp_lock sp_lock;

/*
 * Locks the file at `path`, which is made. *holder: 0; or the process that has it (-1: unknown), and then *lock is NULL
 * with SP_OK. Two locks in one process exclude each other, too. Where the file system knows no locks there is none.
 * SP_FAILED: the file cannot be made.
 */
sp_status sp_lock_take(const char *path, sp_lock **lock, long *holder, sp_error *error);

/*
 * Makes the folder, where it is missing, and locks it by the file NAME in it, for `command`, which has --output.
 * SP_BAD_CONFIG: too long a path; SP_FAILED: another process works there, or the file cannot be made.
 */
sp_status sp_lock_folder(const char *folder, const char *name, const char *command, sp_lock **lock, sp_error *error);

/* Gives it back, and removes the file. */
void sp_lock_release(sp_lock *lock);

#endif
