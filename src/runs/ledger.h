/* What has come of the trials of a batch, in memory and in the file batch.json of the batch's folder. */
#ifndef SP_LEDGER_H
#define SP_LEDGER_H

#include "runs/trial.h"

typedef enum sp_trial_state {
    SP_TRIAL_WAITING,
    SP_TRIAL_RUNNING,
    SP_TRIAL_PAUSED,  /* has reached a rung of the halving */
    SP_TRIAL_DROPPED, /* by the halving */
    SP_TRIAL_DONE,    /* completed, or stopped early */
    SP_TRIAL_FAILED   /* or diverged */
} sp_trial_state;

enum { SP_MOST_RUNGS = 32 };

typedef struct sp_trial_record {
    sp_trial_state state;
    sp_trial_result result;     /* what its run directory said when it last ended */
    size_t rungs;               /* that it has reached (without halving 1, when it is done), */
    double rung[SP_MOST_RUNGS]; /* and what it had come to there, larger is better */
    bool before;                /* it had ended before this batch was begun or gone on with */
    char why[400];              /* it failed */
} sp_trial_record;

/* "waiting", "running", ... */
const char *sp_trial_state_name(sp_trial_state state);

/* What a result is worth: larger is better; NaN: nothing. */
double sp_trial_worth(const sp_trial_result *result);

/*
 * Reads what has come of `trials` before into records [trials->count], which are zeros: of those whose fingerprint is
 * still the same and whose run directories are as they were left; what they had come to at rungs where the halving was
 * by the same eta (0: none). Whatever else there is, or is wrong with the file,
 * they are waiting; nothing is lost by that but the time to look at their checkpoints.
 */
void sp_ledger_read(const sp_trials *trials, size_t eta, sp_trial_record *records);

/* Replaces the file, whole or not at all. */
sp_status sp_ledger_write(const sp_trials *trials, size_t eta, const sp_trial_record *records, sp_error *error);

#endif
