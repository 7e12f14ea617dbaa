#include "inputs.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a core's second-level cache holds, or half of it. (Measured on two cores, 784-128-10: steps of 128 rows, 400 KB,
 * and of 32 rows take an eighth less time. Larger copies were not tried.)
 */
enum { MOST_BYTES = 1 << 20 };

size_t sp_inputs_bytes(const sp_layout *layout, size_t rows) {
    return sp_bytes(rows, sp_bytes(layout->input_stride, sizeof(float)));
}

bool sp_inputs_may_own(const sp_layout *layout, size_t rows, bool made) {
    const sp_net *net = layout->net;
    return !made && net->input_noise == 0 && net->input_dropout == 0 && sp_inputs_bytes(layout, rows) <= MOST_BYTES;
}

sp_status sp_inputs_create(const sp_shards *shards, const sp_layout *layout, sp_inputs *inputs, sp_error *error) {
    const sp_workspace *all = shards->workspace;
    *inputs = (sp_inputs){.view = *all};
    inputs->view.activations = calloc(all->depth + 1, sizeof *inputs->view.activations);
    inputs->gathered = calloc(shards->count, sizeof *inputs->gathered);
    inputs->rows = sp_allocate(all->rows, sp_bytes(layout->input_stride, sizeof(float)));
    if (!inputs->view.activations || !inputs->gathered || !inputs->rows)
        return sp_fail_memory(error, "the inputs", sp_inputs_bytes(layout, all->rows));
    memcpy(inputs->view.activations, all->activations, (all->depth + 1) * sizeof *all->activations);
    inputs->view.activations[0] = inputs->rows;
    return SP_OK;
}

void sp_inputs_clear(sp_inputs *inputs) {
    free(inputs->view.activations);
    free(inputs->gathered);
    free(inputs->rows);
    *inputs = (sp_inputs){0};
}

void sp_inputs_begin(sp_inputs *inputs) {
    inputs->step++;
}

void sp_inputs_want(sp_inputs *inputs, const sp_shards *shards, const sp_layout *layout, sp_batch batch, size_t first,
                    size_t last) {
    for (size_t s = first; s < last; s++) {
        if (inputs->gathered[s] == inputs->step) continue;
        sp_shards_gather(shards, layout, batch, (sp_draw){0}, s, s + 1, inputs->rows);
        inputs->gathered[s] = inputs->step;
    }
}
