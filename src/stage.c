#include "stage.h"

#include "base/error.h"

#include <stdlib.h>

sp_status sp_stages_create(const sp_layout *layout, bool with_gradient, sp_stages **stages, sp_error *error) {
    size_t depth = layout->net->depth, most = 4 * depth + 2;
    const sp_layer *layers = layout->net->layers;
    sp_stages *made = calloc(1, sizeof *made);
    if (made) {
        made->operations = calloc(most, sizeof *made->operations);
        made->stage = calloc(most, sizeof *made->stage);
    }
    if (!made || !made->operations || !made->stage) {
        sp_stages_destroy(made);
        return sp_fail_memory(error, "the stages of a step", most * sizeof(sp_stage));
    }
    made->most = most;
    sp_operation *next = made->operations;
    *next++ = (sp_operation){.phase = SP_PHASE_GATHER};
    for (size_t l = 0; l < depth; l++) {
        *next++ = (sp_operation){SP_PHASE_FORWARD, l, false};
        if (layers[l].norm == SP_NORM_LAYER) *next++ = (sp_operation){SP_PHASE_FORWARD, l, true};
    }
    *next++ = (sp_operation){.phase = SP_PHASE_LOSS};
    for (size_t l = depth - 1; l > 0; l--) {
        *next++ = (sp_operation){SP_PHASE_BACKWARD, l, false};
        if (layers[l - 1].norm == SP_NORM_LAYER) *next++ = (sp_operation){SP_PHASE_BACKWARD, l - 1, true};
    }
    if (with_gradient) *next++ = (sp_operation){.phase = SP_PHASE_GRADIENT};
    made->operation_count = (size_t)(next - made->operations);
    *stages = made;
    return SP_OK;
}

void sp_stages_destroy(sp_stages *stages) {
    if (!stages) return;
    free(stages->operations);
    free(stages->stage);
    free(stages);
}

/* Panels or strips that an operation can be shared out by; 0 or 1: by rows alone. */
static size_t pieces_of(const sp_layout *layout, sp_operation operation) {
    if (operation.normalise) return 0;
    if (operation.phase == SP_PHASE_FORWARD) return layout->layers[operation.layer].panels;
    if (operation.phase == SP_PHASE_BACKWARD) return layout->layers[operation.layer].strips;
    return 0;
}

/*
 * The model: by rows, each thread reads all weights of a layer, most of which other cores have written; by pieces, it
 * reads its part of them, and the rows that other cores have written. That is worth two more waits where the weights
 * are so many floats more than the rows; also where there are fewer shards than threads. (Measured on four
 * cores, layers of 128 to 2048, batch 32 to 1024: within a few percent of the better of the two.) Rows that each
 * thread gathers for itself cost no wait, and nobody else has written them.
 */
enum { WORTH_A_WAIT = 32768, WORTH_OWN_INPUTS = 16384 };

static bool by_pieces(const sp_layout *layout, sp_operation operation, size_t rows, size_t shards, size_t threads,
                      bool own) {
    if (threads == 1 || pieces_of(layout, operation) < 2) return false;
    const sp_layer *layer = &layout->net->layers[operation.layer];
    size_t weights = layer->inputs * layer->outputs;
    size_t read = rows * (operation.phase == SP_PHASE_FORWARD ? layer->inputs : layer->outputs);
    if (own) return weights > WORTH_OWN_INPUTS;
    return weights > WORTH_A_WAIT + (shards < threads ? 0 : read);
}

/* A stage of one operation, by pieces. */
static sp_stage stage_by_pieces(const sp_layout *layout, const sp_operation *operation, size_t shards, size_t threads) {
    sp_stage stage = {.operations = operation, .count = 1, .groups = 1, .pieces = pieces_of(layout, *operation)};
    if (stage.pieces < 2 * threads) { /* too few to be shared out evenly */
        stage.groups = (2 * threads + stage.pieces - 1) / stage.pieces;
        if (stage.groups > shards) stage.groups = shards;
    }
    stage.items = stage.pieces * stage.groups;
    return stage;
}

void sp_stages_arrange(sp_stages *stages, const sp_layout *layout, size_t rows, size_t shards, size_t threads,
                       bool may_own) {
    /* Operation 0 gathers the inputs, 1 is the first layer. */
    stages->own_inputs = may_own && by_pieces(layout, stages->operations[1], rows, shards, threads, true);
    stages->count = 0;
    bool open = false; /* the last stage is by rows, and takes more */
    for (size_t i = stages->own_inputs; i < stages->operation_count; i++) {
        const sp_operation *operation = &stages->operations[i];
        bool pieces = by_pieces(layout, *operation, rows, shards, threads, stages->own_inputs && i == 1);
        if (!pieces && open) {
            stages->stage[stages->count - 1].count++;
            continue;
        }
        stages->stage[stages->count++] =
            pieces ? stage_by_pieces(layout, operation, shards, threads)
                   : (sp_stage){.operations = operation, .count = 1, .groups = 1, .items = shards};
        open = !pieces;
    }
}

bool sp_stages_by_panels(const sp_stages *stages, size_t layer) {
    for (size_t i = 0; i < stages->count; i++) {
        const sp_operation *operation = stages->stage[i].operations;
        if (stages->stage[i].pieces > 0 && operation->phase == SP_PHASE_FORWARD && operation->layer == layer)
            return true;
    }
    return false;
}
