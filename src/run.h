/* All that a training holds, from its configuration to its run directory. */
#ifndef SP_RUN_H
#define SP_RUN_H

#include "best.h"
#include "checkpoint.h"
#include "config.h"
#include "diagnose.h"
#include "judge.h"
#include "model.h"
#include "origin.h"
#include "plan.h"
#include "rundir.h"
#include "step.h"

/* Filled by prepare.c, used by train.c. Starts with {0} but for the observer. */
typedef struct sp_run {
    sp_config *config; /* owned: a copy, with what was resolved */
    sp_data *data;     /* owned */
    sp_plan plan;
    sp_origin origin;
    sp_model *model;             /* owned: its parameters are the best so far */
    sp_weights *weights;         /* owned: in training */
    float *parameters;           /* owned: the same as a plain vector, after each epoch */
    uint32_t *order;             /* owned [rows]: of the epoch */
    sp_schedule schedule;        /* and where it is */
    sp_stepper *stepper;         /* owned */
    const sp_weights *judged;    /* the stepper's: those in training, or their average */
    float *judged_parameters;    /* owned, of the average: as a plain vector; NULL: there is none */
    sp_evaluator *evaluator;     /* owned */
    sp_judge *judge;             /* owned: of the test rows, and of the validation rows where a metric is monitored */
    sp_rundir *rundir;           /* owned */
    const sp_observer *observer; /* NULL: nobody watches */
    sp_progress progress;
    double started, epoch_started;
    sp_standing at; /* an epoch that was cut short counts in its rows and seconds, at last */
    sp_best best;
    bool stopped;              /* the observer asked for the end */
    bool due;                  /* a checkpoint is, */
    double next_checkpoint;    /* or will be then */
    sp_checkpoint *checkpoint; /* owned */
    sp_safetensors *file;      /* owned: the checkpoint that this goes on from; NULL: from the beginning */
    sp_epoch last;
    sp_layer_health *health; /* owned [depth]: of the last epoch */
    sp_diagnosis *diagnosis; /* owned */
    char breakdown[4096];    /* why a loss, a gradient or a weight is not finite; empty: all are */
} sp_run;

/*
 * Everything that comes before the first step; `resumes`: of the training whose checkpoint is in the run directory,
 * where there is one. As sp_train and sp_train_resume. Whatever it comes to, the run has to be cleared.
 */
sp_status sp_run_prepare(sp_run *run, const sp_config *config, bool resumes, sp_error *error);

/* Waits for what is still being written. */
void sp_run_clear(sp_run *run);

/* Tells the observer. */
void sp_run_warn(const sp_run *run, const char *line);

/* Whether an epoch is undone where a loss is not finite. */
bool sp_run_rolls_back(const sp_run *run);

#endif
