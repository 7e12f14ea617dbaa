/* shardprop predict MODEL DATA */
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "cmd/command.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

/* The outputs of all rows, fresh memory. */
static sp_status predict(const sp_model *model, const sp_dataset *dataset, float **outputs, sp_error *error) {
    size_t rows = dataset->table->rows, width = model->net->outputs;
    float *result = sp_allocate(rows, width * sizeof *result);
    if (!result) return sp_fail_memory(error, "the predictions", sp_bytes(rows, width * sizeof *result));
    sp_status status = sp_model_predict_dataset(model, dataset, 0, result, error);
    if (status) {
        free(result);
        return status;
    }
    *outputs = result;
    return SP_OK;
}

static void write_number(FILE *stream, float value) {
    char text[40];
    sp_print_real(value, text, sizeof text);
    fputs(text, stream);
}

/* ---- One prediction a row: classes, and the value of a single target ---- */

static void write_header(FILE *stream, const sp_model *model, bool probabilities) {
    fputs("prediction", stream);
    for (size_t j = 0; j < model->net->outputs && probabilities; j++) {
        fputc(',', stream);
        /* A single output of two classes speaks for the second. */
        size_t class = model->net->outputs == 1 ? 1 : j;
        if (model->classes.count > 0)
            sp_csv_write_field(stream, model->classes.text[class]);
        else
            fprintf(stream, "output_%zu", j);
    }
    fputc('\n', stream);
}

static void write_row(FILE *stream, const sp_model *model, const float *output, bool probabilities) {
    size_t width = model->net->outputs;
    if (model->classes.count > 0)
        sp_csv_write_field(stream, model->classes.text[sp_predicted_class(width, output)]);
    else
        write_number(stream, output[0]);
    for (size_t j = 0; j < width && probabilities; j++) {
        fputc(',', stream);
        write_number(stream, output[j]);
    }
    fputc('\n', stream);
}

/* ---- A column a target: labels, and the values of several ---- */

static void write_names(FILE *stream, const sp_names *names, bool probabilities) {
    for (size_t k = 0; k < names->count; k++) {
        if (k > 0) fputc(',', stream);
        sp_csv_write_field(stream, names->text[k]);
    }
    for (size_t k = 0; k < names->count && probabilities; k++) {
        char name[300];
        snprintf(name, sizeof name, "%.280s_probability", names->text[k]);
        fputc(',', stream);
        sp_csv_write_field(stream, name);
    }
    fputc('\n', stream);
}

static void write_targets(FILE *stream, const sp_model *model, const float *output, bool probabilities) {
    bool labels = model->task == SP_MULTILABEL;
    for (size_t k = 0; k < model->net->outputs; k++) {
        if (k > 0) fputc(',', stream);
        if (labels)
            fputc(output[k] > 0.5f ? '1' : '0', stream);
        else
            write_number(stream, output[k]);
    }
    for (size_t k = 0; k < model->net->outputs && labels && probabilities; k++) {
        fputc(',', stream);
        write_number(stream, output[k]);
    }
    fputc('\n', stream);
}

static void write_rows(FILE *stream, const sp_model *model, const sp_names *names, const float *outputs, size_t rows,
                       bool probabilities) {
    bool labels = model->task == SP_MULTILABEL, by_target = labels || model->columns.targets > 1;
    if (by_target)
        write_names(stream, names, labels && probabilities);
    else
        write_header(stream, model, probabilities);
    for (size_t i = 0; i < rows; i++)
        (by_target ? write_targets : write_row)(stream, model, outputs + i * model->net->outputs, probabilities);
}

static void warn_of_rows(const sp_options *options, const sp_dataset *dataset) {
    char remark[600];
    if (sp_table_remark(dataset->table, remark, sizeof remark)) sp_warn(options, remark);
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_model *model;
    sp_dataset *dataset = NULL;
    sp_output *output = NULL;
    float *outputs = NULL;
    sp_names names = {0};
    sp_status status = sp_model_load(options->operand[0], &model, error);
    if (status) return status;
    status = sp_options_read_as(options, model, error);
    if (!status) status = sp_model_load_data(model, options->operand[1], options->labels, false, &dataset, error);
    if (!status) warn_of_rows(options, dataset);
    if (!status && !sp_model_item_names(model, &names)) status = sp_fail_memory(error, "the names", sizeof(char *));
    if (!status) status = predict(model, dataset, &outputs, error);
    if (!status && options->output) status = sp_output_open(options->output, &output, error);
    if (!status) {
        FILE *stream = output ? sp_output_stream(output) : stdout;
        write_rows(stream, model, &names, outputs, dataset->table->rows, options->probabilities);
        if (output) status = sp_output_commit(output, error);
    }
    free(outputs);
    sp_names_clear(&names);
    sp_dataset_destroy(dataset);
    sp_model_destroy(model);
    return status;
}

const sp_command sp_command_predict = {
    .name = "predict",
    .operands = "MODEL DATA",
    .summary = "predictions of a model, one row a sample, as CSV",
    .help = "MODEL is a model file or a run directory. DATA is a CSV or IDX file, plain or\n"
            "gzipped, with or without the target; where it has a header, columns are found\n"
            "by name. Of several targets each has a column, and so has each label, 0 or 1.\n"
            "A text that no training row had counts as none, with a warning.\n"
            "\n"
            "--set takes data.cache, data.cache_dir and data.memory_mb.\n",
    .operand_count = 2,
    .options = SP_OPTION_SET | SP_OPTION_OUTPUT | SP_OPTION_PROBABILITIES | SP_OPTION_LABELS,
    .run = run,
};
