/* The learning rate of every step of a training. */
#ifndef SP_SCHEDULE_H
#define SP_SCHEDULE_H

#include "base/record.h"

#include <stddef.h>

/*
 * eta0 is optimizer.learning_rate, e the number of whole epochs done, p the share of the training that is done (0 in
 * the first step, less than 1 in the last).
 */
typedef enum sp_schedule_name {
    SP_SCHEDULE_CONSTANT,    /* eta0 */
    SP_SCHEDULE_STEP,        /* eta0 factor^floor(e / every) */
    SP_SCHEDULE_EXPONENTIAL, /* eta0 factor^e */
    SP_SCHEDULE_LINEAR,      /* eta0 (1 - p + final p) */
    SP_SCHEDULE_COSINE,    /* eta0 (final + (1 - final) (1 + cos(pi c)) / 2), c: p, or the share of a cycle that is done
                              (Loshchilov, Hutter: SGDR, ICLR 2017) */
    SP_SCHEDULE_ONE_CYCLE, /* up from eta0/25 to eta0 by a half cosine, down to eta0/250000 by another (Smith, Topin
                              2018, with the constants of PyTorch's OneCycleLR) */
    SP_SCHEDULE_POLYNOMIAL, /* eta0 (final + (1 - final) (1 - p)^power) */
    SP_SCHEDULE_PLATEAU     /* eta0, times factor whenever `patience` epochs brought nothing better */
} sp_schedule_name;

/* Names in the order above, NULL at the end. */
extern const char *const sp_schedule_names[];

typedef struct sp_schedule {
    sp_schedule_name name;
    double rate;                 /* eta0 */
    double factor, final, power; /* as above; final: the last rate, as a share of eta0 */
    size_t every;                /* epochs: of a stair of step, of the first cycle of cosine (0: one for all) */
    size_t growth;               /* cosine: each cycle is so many times as long as the one before */
    double peak;                 /* one_cycle: the share of the training at which it turns */
    size_t patience;             /* plateau */
    double warmup;               /* epochs, at first, in which the rate rises in equal steps; the rest follows */
    size_t epoch_steps, steps;   /* of an epoch, of the whole training */
    double lowered;              /* plateau: what the rate has come down to, as a share of eta0; at first 1 */
    double best;                 /* plateau: the best value so far, */
    size_t since_best;           /* and the epochs since; both at first 0 */
} sp_schedule;

/* The learning rate of step `step` (from 0, over all epochs). */
double sp_schedule_rate(const sp_schedule *schedule, size_t step);

/* plateau: tells what an epoch (from 1) came to; larger is better. Better by less than 0.01 % is no better. */
void sp_schedule_observe(sp_schedule *schedule, size_t epoch, double value);

/* What of it changes while training goes on, and back. */
void sp_schedule_record(const sp_schedule *schedule, sp_record *record);
sp_status sp_schedule_take(sp_schedule *schedule, const sp_safetensors *file, sp_error *error);

/* Whether its rates depend on how long the whole training is. */
bool sp_schedule_knows_its_end(const sp_schedule *schedule);

#endif
