/* shardprop evaluate MODEL DATA */
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/evaluated.h"

enum { TOP_K = 5 }; /* where there are more classes than that */

/* What --top-k asks for; without, the usual one. SP_BAD_CONFIG: no such number. */
static sp_status choose_top_k(const sp_model *model, const char *text, size_t *top_k, sp_error *error) {
    size_t classes = sp_model_classes(model);
    long long k;
    *top_k = classes > TOP_K ? TOP_K : 0;
    if (!text) return SP_OK;
    if (classes == 0) return sp_fail(error, SP_BAD_CONFIG, "--top-k: the model has no classes; leave it out");
    if (!sp_parse_whole(text, &k) || k < 1 || (size_t)k > classes)
        return sp_fail(error, SP_BAD_CONFIG, "--top-k: '%s' is not valid; it takes: whole number from 1 to %zu", text,
                       classes);
    *top_k = (size_t)k;
    return SP_OK;
}

/* A row for each class, a column for each that it was taken for, both with their names. */
static void write_confusion(const sp_evaluated *found, FILE *stream) {
    size_t classes = sp_evaluation_items(found->evaluation);
    fputs("class", stream);
    for (size_t j = 0; j < classes; j++) {
        fputc(',', stream);
        sp_csv_write_field(stream, sp_item_name(found, j));
    }
    for (size_t i = 0; i < classes; i++) {
        fputc('\n', stream);
        sp_csv_write_field(stream, sp_item_name(found, i));
        for (size_t j = 0; j < classes; j++) fprintf(stream, ",%zu", sp_evaluation_confusion(found->evaluation, i, j));
    }
    fputc('\n', stream);
}

static sp_status save_confusion(const sp_evaluated *found, const char *path, sp_error *error) {
    sp_output *output;
    sp_status status = sp_output_open(path, &output, error);
    if (status) return status;
    write_confusion(found, sp_output_stream(output));
    return sp_output_commit(output, error);
}

static sp_status evaluate(const sp_model *model, const sp_options *options, sp_error *error) {
    sp_evaluation *evaluation;
    size_t top_k;
    sp_status status = choose_top_k(model, options->top_k, &top_k, error);
    if (!status && options->confusion && sp_model_classes(model) == 0)
        status = sp_fail(error, SP_BAD_CONFIG, "--confusion: the model has no classes; leave it out");
    if (status) return status;
    status = sp_evaluation_create(model, options->operand[1], options->labels, 0, &evaluation, error);
    if (status) return status;
    const char *remark = sp_evaluation_remark(evaluation);
    if (remark) sp_warn(options, remark);
    sp_names names = {0};
    if (!sp_model_item_names(model, &names)) status = sp_fail_memory(error, "the names", sizeof(char *));
    sp_evaluated found = {&names, model, evaluation, top_k};
    if (!status && options->confusion) status = save_confusion(&found, options->confusion, error);
    if (!status && options->json) status = sp_print_evaluation_json(&found, error);
    if (!status && !options->json) sp_print_evaluation(&found);
    sp_evaluation_destroy(evaluation);
    sp_names_clear(&names);
    return status;
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_model *model;
    sp_status status = sp_model_load(options->operand[0], &model, error);
    if (status) return status;
    status = sp_options_read_as(options, model, error);
    if (!status) status = evaluate(model, options, error);
    sp_model_destroy(model);
    return status;
}

const sp_command sp_command_evaluate = {
    .name = "evaluate",
    .operands = "MODEL DATA",
    .summary = "loss and metrics of a model on labelled rows",
    .help = "MODEL is a model file or a run directory. DATA is a CSV or IDX file, plain or\n"
            "gzipped, read as the model's training rows were.\n"
            "\n"
            "Of classes it prints accuracy, balanced accuracy, ROC-AUC and log-loss, then\n"
            "precision, recall and F1 of each class, and which are taken for which; of\n"
            "values R2, MAE and RMSE. What is undefined is shown as - (in JSON: null), but\n"
            "precision, recall and F1 are then 0.\n"
            "\n"
            "--set takes data.cache, data.cache_dir and data.memory_mb.\n",
    .operand_count = 2,
    .options = SP_OPTION_SET | SP_OPTION_LABELS | SP_OPTION_JSON | SP_OPTION_TOP_K | SP_OPTION_CONFUSION,
    .run = run,
};
