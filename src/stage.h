/*
 * The operations of a mini-batch step, in the stages that barriers part.
 *
 * Shards do not depend on one another, so that a thread can take some shards from their gathering to the errors of the
 * first layer without a barrier. It then reads all weights, for a few rows. Where that costs more than a barrier, the
 * threads share out the panels (backward: the strips) of a layer instead, each for all rows: then
 * everybody reads a part of the weights. Both do the same sums; which one is taken changes no bit. Of the first layer,
 * each thread can then gather the rows for itself (see inputs.h): nobody gathers for all. Layer normalisation
 * wants whole rows: it goes by shards, behind all panels.
 */
#ifndef SP_STAGE_H
#define SP_STAGE_H

#include "layout.h"

typedef struct sp_operation {
    sp_phase phase; /* gather to gradient */
    size_t layer;   /* from 0; forward and backward */
    bool normalise; /* layer normalisation, and back, of the layer's rows, when all its columns are there */
} sp_operation;

typedef struct sp_stage {
    const sp_operation *operations; /* borrowed from sp_stages */
    size_t count;
    size_t pieces; /* 0: items are shards; else panels or strips of its only operation, times */
    size_t groups; /* groups of shards */
    size_t items;
} sp_stage;

typedef struct sp_stages {
    sp_operation *operations; /* owned */
    size_t operation_count;
    sp_stage *stage; /* owned */
    size_t count, most;
    bool own_inputs; /* as arranged: threads gather for themselves */
} sp_stages;

/* All operations up to the update; with_gradient: those of the private gradients too. SP_FAILED: no memory. */
sp_status sp_stages_create(const sp_layout *layout, bool with_gradient, sp_stages **stages, sp_error *error);
void sp_stages_destroy(sp_stages *stages);

/*
 * Arranges them for mini-batches of `rows` rows in `shards` shards on `threads` threads, which may have inputs of
 * their own, or not.
 */
void sp_stages_arrange(sp_stages *stages, const sp_layout *layout, size_t rows, size_t shards, size_t threads,
                       bool may_own);

/* Whether the threads share out the panels of a layer, as arranged, when they go forward. */
bool sp_stages_by_panels(const sp_stages *stages, size_t layer);

#endif
