/*
 * Whether a run can be had again: its config.ini is trained anew, and every bit compared.
 *
 * What the promise does not hold for (another version, compiler or type of processor) is told, and compared all the
 * same.
 */
#ifndef SP_VERIFY_H
#define SP_VERIFY_H

#include "runs/compare.h"

enum { SP_MOST_NOTES = 8, SP_NOTE = 300 };

typedef struct sp_verification {
    char status[20];      /* how the run ended, as in its summary.json */
    size_t epochs, steps; /* whole epochs of it; mini-batches of one that was cut short */
    size_t threads;       /* that trained it again */
    bool interrupted;     /* the observer ended it: nothing was compared */
    sp_comparison comparison;
    size_t notes;
    char note[SP_MOST_NOTES][SP_NOTE]; /* why bits may differ though nothing is wrong */
} sp_verification;

/*
 * Trains the run in the directory `run` again, into the folder `again`, and compares. `threads` 0: as many as are
 * allowed and useful. An interrupted run is trained as far as it came. SP_OK whether they are the same or not.
 * SP_BAD_CONFIG: the run has not ended, files of it are missing, or those that its config names cannot be found from
 * here; SP_BAD_DATA: data have changed since, or a file of the run is damaged. As sp_train else.
 */
sp_status sp_verify(const char *run, const char *again, size_t threads, const sp_observer *observer,
                    sp_verification *verification, sp_error *error);

#endif
