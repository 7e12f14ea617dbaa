/* shardprop info MODEL */
#include "base/hash.h"
#include "cmd/command.h"
#include "model.h"

#include <stdio.h>
#include <string.h>

/* Names in one line of at most 80 columns. */
static void print_names(const char *title, const sp_names *names) {
    enum { COLUMNS = 80 };
    int used = printf("%-14s %zu:", title, names->count);
    for (size_t i = 0; i < names->count; i++) {
        if (used + (int)strlen(names->text[i]) + 6 > COLUMNS) {
            printf(" ...");
            break;
        }
        used += printf(" %s%s", names->text[i], i + 1 < names->count ? "," : "");
    }
    putchar('\n');
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_model *model;
    sp_status status = sp_model_load(options->operand[0], &model, error);
    if (status) return status;
    const sp_net *net = model->net;
    printf("%-14s %s\n", "task", model->task == SP_CLASSIFICATION ? "classification" : "regression");
    printf("%-14s %s\n", "loss", sp_loss_names[net->loss]);
    printf("%-14s %s\n", "normalize", sp_normalize_names[model->preprocess.kind]);
    if (model->classes.count > 0) print_names("classes", &model->classes);
    if (model->features.count > 0) print_names("features", &model->features);
    if (model->target_name) printf("%-14s %s\n", "target", model->target_name);
    for (size_t l = 0; l < net->depth; l++)
        printf("%-6s %-7zu %zu x %zu, %s%s%s\n", "layer", l + 1, net->layers[l].inputs, net->layers[l].outputs,
               net->layers[l].norm != SP_NORM_NONE ? sp_norm_names[net->layers[l].norm] : "",
               net->layers[l].norm != SP_NORM_NONE ? " normalization, " : "",
               sp_activation_names[net->layers[l].activation]);
    printf("%-14s %zu\n", "parameters", net->parameters);
    printf("%-14s %016llx\n", "weights_xxh64", (unsigned long long)sp_hash_floats(model->parameters, net->parameters));
    sp_model_destroy(model);
    return SP_OK;
}

const sp_command sp_command_info = {
    .name = "info",
    .operands = "MODEL",
    .summary = "what a model file holds",
    .help = "MODEL is a model file or a run directory. weights_xxh64 is the hash of the\n"
            "weights in it (the best ones; summary.json has that of the last).\n",
    .operand_count = 1,
    .run = run,
};
