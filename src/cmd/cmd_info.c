/* shardprop info MODEL */
#include "base/hash.h"
#include "cmd/command.h"
#include "cmd/fit.h"
#include "model.h"

#include <stdio.h>
#include <string.h>

enum { TITLE = 14 };

static void print_title(const char *title) {
    size_t columns = sp_columns_of(title);
    sp_write_fitted(stdout, title, columns > TITLE ? columns : TITLE, false);
}

static void print_names(const char *title, const sp_names *names) {
    size_t width = sp_columns_of(title);
    print_title(title);
    sp_item_line line = {.stream = stdout, .used = width > TITLE ? width : TITLE};
    line.used += (size_t)printf(" %zu:", names->count);
    for (size_t i = 0; i < names->count; i++) sp_add_item(&line, names->text[i], "", i + 1 == names->count);
    putchar('\n');
}

static void print_target(const char *name) {
    print_title("target");
    putchar(' ');
    sp_write_item(stdout, name);
    putchar('\n');
}

/* Which columns of a file are what. */
static void print_columns(const sp_columns *columns) {
    char title[80];
    if (columns->feature_names.count > 0) print_names("features", &columns->feature_names);
    for (size_t j = 0; j < columns->features; j++) {
        const sp_names *categories = &columns->categories[j].names;
        if (categories->count == 0) continue;
        snprintf(title, sizeof title, "  column %zu", columns->feature_at[j]);
        if (columns->feature_names.count > 0) snprintf(title, sizeof title, "  %.60s", columns->feature_names.text[j]);
        print_names(title, categories);
    }
    if (columns->target_names.count > 1)
        print_names("targets", &columns->target_names);
    else if (columns->target_names.count == 1)
        print_target(columns->target_names.text[0]);
    if (columns->missing != SP_MISSING_ERROR) printf("%-14s %s\n", "missing", sp_missing_names[columns->missing]);
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_model *model;
    sp_status status = sp_model_load(options->operand[0], &model, error);
    if (status) return status;
    const sp_net *net = model->net;
    printf("%-14s %s\n", "task", sp_task_names[model->task]);
    printf("%-14s %s\n", "loss", sp_loss_names[net->loss]);
    printf("%-14s %s\n", "normalize", sp_normalize_names[model->preprocess.kind]);
    if (model->classes.count > 0) print_names("classes", &model->classes);
    print_columns(&model->columns);
    if (model->target_scale.features > 0)
        printf("%-14s %s\n", "target scale", sp_normalize_names[model->target_scale.kind]);
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
