/*
 * The trainings of a batch: of every config one, or one for each run of its sweep; what each of them is called, what it
 * is trained from, and what it came to.
 */
#ifndef SP_TRIAL_H
#define SP_TRIAL_H

#include "runs/sweep.h"

typedef struct sp_trial {
    char *name;           /* owned: its run directory, below the batch's folder */
    char *label;          /* owned: of its group, for people */
    sp_config *config;    /* owned: with output.dir the run directory */
    size_t group;         /* trials of one group differ in train.seed alone */
    uint64_t fingerprint; /* of configuration, data and version: what makes it another training */
} sp_trial;

typedef struct sp_trials {
    const char *folder; /* borrowed: of the batch */
    size_t count, groups;
    sp_trial *trial; /* owned [count] */
    size_t keys;
    const sp_key **key; /* owned [keys]: that any sweep varies, but for train.seed */
} sp_trials;

/* A config of a batch; both borrowed. */
typedef struct sp_trial_source {
    const sp_config *base;
    const sp_sweep *sweep;
} sp_trial_source;

/*
 * Every training of `count` configs, in order, in run directories below `folder`. Of one config they are called as the
 * values of its sweep (sp_sweep_name); of several, that is in a folder with the config's name, or that name for one
 * without a sweep. The folder of the batch is kept, not copied. All files of data are read, for the fingerprints.
 *
 * SP_BAD_CONFIG, SP_BAD_DATA: every fault that can be told before training, of all of them.
 */
sp_status sp_trials_create(const sp_trial_source *sources, size_t count, const char *folder, sp_trials **trials,
                           sp_error *error);
void sp_trials_destroy(sp_trials *trials);

/* ---- What a run directory tells ---- */

/* Out of summary.json; NaN: not measured. */
typedef struct sp_trial_result {
    char status[16]; /* "completed", ...; empty: there is no such file, or it is damaged */
    char monitor[40];
    double value; /* of the monitored metric, in the epoch whose weights were saved */
    size_t epochs, best_epoch;
    double test_loss, test_accuracy, test_r2, train_seconds;
    char weights[17]; /* weights_xxh64 */
} sp_trial_result;

void sp_trial_result_read(const sp_trial *trial, sp_trial_result *result);

/* Whether a monitored metric is better if it is larger. */
bool sp_trial_larger_is_better(const char *monitor);

#endif
