#include "targets.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

sp_status sp_targets_create(const sp_dataset *data, size_t rows, bool training, const float *class_weights,
                            sp_targets *targets, sp_error *error) {
    *targets = (sp_targets){.width = data->targets, .scale = data->scale, .class_weights = class_weights};
    bool good = true;
    if (data->classes) good = (targets->classes = sp_allocate_zeroed(rows, sizeof *targets->classes));
    if (data->values && good)
        good = (targets->values = sp_allocate_zeroed(rows, sp_bytes(data->targets, sizeof *targets->values)));
    if (((training && data->weights) || class_weights) && good)
        good = (targets->weights = sp_allocate_zeroed(rows, sizeof *targets->weights));
    return good ? SP_OK : sp_fail_memory(error, "the targets", sp_bytes(rows, (data->targets + 2) * sizeof(float)));
}

void sp_targets_clear(sp_targets *targets) {
    free(targets->classes);
    free(targets->values);
    free(targets->weights);
    *targets = (sp_targets){0};
}

void sp_targets_gather(sp_targets *targets, const sp_dataset *data, const uint32_t *rows, size_t count, size_t first) {
    size_t width = targets->width;
    for (size_t i = 0; targets->classes && i < count; i++) targets->classes[first + i] = data->classes[rows[i]];
    for (size_t i = 0; targets->values && i < count; i++) {
        const float *values = data->values + rows[i] * width;
        if (targets->scale)
            sp_preprocess_apply(targets->scale, 1, values, targets->values + (first + i) * width, width);
        else
            memcpy(targets->values + (first + i) * width, values, width * sizeof(float));
    }
    for (size_t i = 0; targets->weights && i < count; i++) {
        float weight = data->weights ? data->weights[rows[i]] : 1;
        targets->weights[first + i] =
            targets->class_weights ? weight * targets->class_weights[data->classes[rows[i]]] : weight;
    }
}

sp_truth sp_targets_at(const sp_targets *targets, size_t first) {
    return (sp_truth){.classes = targets->classes ? targets->classes + first : NULL,
                      .values = targets->values ? targets->values + first * targets->width : NULL,
                      .weights = targets->weights ? targets->weights + first : NULL};
}
