/*
 * Any bytes as a model file; its checksum is made to fit, unless it begins with an x. One that loads predicts a row.
 */
#include "input.h"
#include "seal.h"
#include "shardprop.h"

#include <stdlib.h>

void fuzz_prepare(void) {}

void fuzz_input(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_model *model;
    uint8_t *sealed = fuzz_seal(bytes, size);
    if (!sealed) return;
    if (!sp_model_load(fuzz_file(0, sealed, size), &model, &error)) {
        float *inputs = calloc(sp_model_inputs(model), sizeof *inputs);
        float *outputs = calloc(sp_model_outputs(model), sizeof *outputs);
        if (inputs && outputs) sp_model_predict(model, 1, inputs, outputs, &error);
        free(inputs);
        free(outputs);
        sp_model_destroy(model);
    }
    free(sealed);
}
