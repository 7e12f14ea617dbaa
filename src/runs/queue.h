/*
 * The queue of a batch: trainings as child processes, some side by side, each on its own share of the CPUs. What has
 * come of them is in the file batch.json of the batch's folder, replaced whole at every change, so that the queue goes
 * on behind whatever ended it.
 */
#ifndef SP_QUEUE_H
#define SP_QUEUE_H

#include "runs/ledger.h"

typedef struct sp_queue sp_queue;

typedef struct sp_queue_options {
    const char *program; /* that trains: an absolute path */
    size_t jobs;         /* trainings side by side, at most; at least 1 */
    size_t threads;      /* of all of them together; at least `jobs` */
    size_t eta;          /* halving: 1/eta of the combinations go on; 0: all are trained in full */
    long follow;         /* 0, or this process: children are told to end when it does */
} sp_queue_options;

/* What the observer may do; every member may be NULL. */
typedef struct sp_queue_observer {
    void *context;
    void (*on_end)(void *context, const sp_queue *queue, size_t trial);    /* of a training, for now or for good */
    void (*on_rung)(void *context, const sp_queue *queue, size_t dropped); /* some combinations were */
    void (*on_wait)(void *context, const sp_trial *trial, long process);   /* another has its run directory */
    bool (*on_tick)(void *context, const sp_queue *queue);                 /* some times a second; true: end */
} sp_queue_observer;

/*
 * Takes the batch's folder, which is made, and reads what has come of its trials before: those of the same fingerprint
 * whose run directories are as they were left. `trials` is borrowed. SP_FAILED: another batch has the folder, or it
 * cannot be written.
 */
sp_status sp_queue_create(const sp_trials *trials, const sp_queue_options *options, sp_queue **queue, sp_error *error);

/* Ends what still runs. */
void sp_queue_destroy(sp_queue *queue);

/*
 * Trains all that is not done, in order, those that were begun from their checkpoints. When the observer wants the end,
 * all trainings write checkpoints, and *interrupted is set. SP_FAILED: trainings have failed, each of them is named;
 * all others are done. Or batch.json cannot be written.
 */
sp_status sp_queue_run(sp_queue *queue, const sp_queue_observer *observer, bool *interrupted, sp_error *error);

const sp_trials *sp_queue_trials(const sp_queue *queue);
const sp_trial_record *sp_queue_record(const sp_queue *queue, size_t trial);
size_t sp_queue_count(const sp_queue *queue, sp_trial_state state);

/* What runs side by side now: the trial in a slot, or SP_QUEUE_FREE. */
enum { SP_QUEUE_FREE = -1 };
size_t sp_queue_slots(const sp_queue *queue);
long sp_queue_slot(const sp_queue *queue, size_t slot);

/* Rungs in all (1: no halving), and the one that is being climbed, from 0. */
size_t sp_queue_rungs(const sp_queue *queue);
size_t sp_queue_rung(const sp_queue *queue);

/* After how many epochs a trial reaches a rung. */
size_t sp_queue_rung_epochs(const sp_queue *queue, size_t trial, size_t rung);

#endif
