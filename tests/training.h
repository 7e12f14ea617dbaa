/* A training up to its first step, and steps of it: for tests of what happens within an epoch. */
#ifndef SP_TESTS_TRAINING_H
#define SP_TESTS_TRAINING_H

#include "config.h"
#include "step.h"

typedef struct training {
    sp_config *config;
    sp_data *data;
    sp_plan plan;
    sp_weights *weights;
    sp_stepper *stepper;
    float *parameters; /* the initial ones */
} training;

/* Everything before the first step but the stepper, from assignments such as "train.batch_size=37", NULL at the end. */
training training_prepare(const char *const *assignments);

/* Takes the parameters as weights, and makes the stepper. */
void training_start(training *made);
void training_release(training *made);

/* Steps over the training rows as they stand. */
void training_epoch(training *made, double rate);

/*
 * Hash of what an epoch has made of the weights, which are finite, and of their average, where there is one. Releases
 * the training.
 */
uint64_t bits_after_an_epoch(training *made);

/*
 * Threads and reduction are how fast; all else is what: expects `bits_of` the settings, of at most 9, to be the same at
 * 1, 2, 3, 4 and 7 threads and with both reductions.
 */
void expect_same_bits(uint64_t (*bits_of)(const char *const *settings), const char *const *settings);

#endif
