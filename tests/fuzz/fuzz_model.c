/* Any bytes as a model file; one that loads predicts a row and is written again. */
#include "input.h"
#include "shardprop.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    sp_error error = {0};
    sp_model *model;
    if (sp_model_load(fuzz_file(0, bytes, size), &model, &error)) return 0;
    float *inputs = calloc(sp_model_inputs(model), sizeof *inputs);
    float *outputs = calloc(sp_model_outputs(model), sizeof *outputs);
    if (inputs && outputs) sp_model_predict(model, 1, inputs, outputs, &error);
    free(inputs);
    free(outputs);
    sp_model_destroy(model);
    return 0;
}
