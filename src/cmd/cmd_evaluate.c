/* shardprop evaluate MODEL DATA */
#include "cmd/command.h"

#include <math.h>
#include <stdio.h>

static sp_status run(const sp_options *options, sp_error *error) {
    sp_model *model;
    sp_score score;
    sp_status status = sp_model_load(options->operand[0], &model, error);
    if (status) return status;
    status = sp_evaluate(model, options->operand[1], options->labels, 0, &score, error);
    sp_model_destroy(model);
    if (status) return status;
    printf("rows      %zu\nloss      %.9g\n", score.rows, score.loss);
    if (!isnan(score.accuracy)) printf("accuracy  %.6f\n", score.accuracy);
    return SP_OK;
}

const sp_command sp_command_evaluate = {
    .name = "evaluate",
    .operands = "MODEL DATA",
    .summary = "loss and accuracy of a model on labelled rows",
    .help = "MODEL is a model file or a run directory. DATA is a CSV or IDX file, plain or\n"
            "gzipped, read as the model's training rows were.\n",
    .operand_count = 2,
    .options = SP_OPTION_LABELS,
    .run = run,
};
