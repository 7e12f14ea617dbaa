#include "out/judgement.h"

#include "base/error.h"
#include "base/memory.h"
#include "origin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Mistakes --------------------------------------------------------------------------------------- */

/* Takes a mistake among the `most` that are worst, of equal ones the first. */
static void take(sp_judgement *j, size_t most, sp_mistake one) {
    size_t at = j->mistake_count;
    while (at > 0 && j->mistakes[at - 1].error < one.error) at--;
    if (at == most) return;
    if (j->mistake_count < most) j->mistake_count++;
    memmove(j->mistakes + at + 1, j->mistakes + at, (j->mistake_count - at - 1) * sizeof one);
    j->mistakes[at] = one;
}

/* Of a single output for two classes: it speaks for the second. */
static float output_of(const float *output, size_t outputs, size_t class) {
    return outputs > 1 ? output[class] : class == 1 ? output[0] : 1 - output[0];
}

static void find_wrong_classes(sp_judgement *j, size_t most) {
    const sp_predictions *p = &j->judge->predictions;
    for (size_t i = 0; i < p->rows; i++) {
        const float *output = p->output + i * p->outputs;
        size_t truth = (size_t)p->truth.classes[i], predicted = sp_predicted_class(p->outputs, output);
        if (truth == predicted) continue;
        float wanted = output_of(output, p->outputs, truth);
        j->wrong++;
        take(j, most,
             (sp_mistake){i, truth, predicted, output_of(output, p->outputs, predicted),
                          -log(fmax((double)wanted, 1e-30))});
    }
}

/* Several targets are of units of their own: each counts by its deviation from the mean. */
static sp_status find_far_values(sp_judgement *j, size_t most, sp_error *error) {
    const sp_predictions *p = &j->judge->predictions;
    double *scale = sp_allocate_zeroed(p->outputs, sizeof *scale);
    if (!scale) return sp_fail_memory(error, "the mistakes", sp_bytes(p->outputs, sizeof *scale));
    for (size_t k = 0; k < p->outputs; k++) {
        double sum = 0, squares = 0, rows = (double)p->rows;
        for (size_t i = 0; i < p->rows; i++) sum += (double)p->truth.values[i * p->outputs + k];
        for (size_t i = 0; i < p->rows; i++) {
            double d = (double)p->truth.values[i * p->outputs + k] - sum / rows;
            squares += d * d;
        }
        scale[k] = squares > 0 ? rows / squares : 1;
    }
    for (size_t i = 0; i < p->rows; i++) {
        double miss = 0;
        for (size_t k = 0; k < p->outputs; k++) {
            double d = (double)p->output[i * p->outputs + k] - (double)p->truth.values[i * p->outputs + k];
            miss += d * d * scale[k];
        }
        if (miss > 0) take(j, most, (sp_mistake){.at = i, .error = miss});
    }
    free(scale);
    return SP_OK;
}

/* ---- Making one --------------------------------------------------------------------------------------- */

static const sp_part *choose_part(sp_judgement *j) {
    j->rows_name = j->data->test.rows.count > 0         ? "test"
                   : j->data->validation.rows.count > 0 ? "validation"
                                                        : "training";
    return j->data->test.rows.count > 0         ? &j->data->test
           : j->data->validation.rows.count > 0 ? &j->data->validation
                                                : &j->data->train;
}

static bool same_names(const sp_names *a, const sp_names *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->text[i], b->text[i]) != 0) return false;
    return true;
}

/* Whether the data are still those that the model learned. */
static sp_status check_data(const sp_run_view *run, const sp_data *data, sp_error *error) {
    const sp_model *model = run->model;
    sp_origin origin;
    bool known;
    if (data->task != model->task || data->preprocess.features != model->net->inputs ||
        !same_names(&data->classes, &model->classes) ||
        (data->task != SP_CLASSIFICATION && data->train.data->targets != model->net->outputs))
        return sp_fail(error, SP_BAD_DATA, "%s: holds other columns or classes than the model has learned",
                       data->train.data->table->path);
    if (!run->summary) return SP_OK;
    const sp_kernels *kernels;
    sp_status status = sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
    if (status) return status;
    sp_origin_describe(run->config, data, kernels, &origin);
    return sp_origin_check_data(&origin, run->summary, &known, error);
}

static sp_status count(sp_judgement *j, size_t most, sp_error *error) {
    const sp_predictions *predictions = &j->judge->predictions;
    j->mistakes = sp_allocate(most, sizeof *j->mistakes);
    if (!j->mistakes) return sp_fail_memory(error, "the mistakes", sp_bytes(most, sizeof *j->mistakes));
    if (j->data->task == SP_REGRESSION) return find_far_values(j, most, error);
    if (j->data->task != SP_CLASSIFICATION) return SP_OK;
    j->classes = j->data->classes.count;
    j->confusion = calloc(sp_bytes(j->classes, j->classes), sizeof *j->confusion);
    if (!j->confusion) return sp_fail_memory(error, "the confusion matrix", sp_bytes(j->classes, j->classes));
    sp_count_confusions(predictions, j->classes, j->confusion);
    find_wrong_classes(j, most);
    return SP_OK;
}

static sp_status judge(const sp_run_view *run, sp_judgement *j, size_t most, sp_error *error) {
    sp_tally tally;
    sp_status status = sp_data_load(run->config, &j->data, error);
    if (!status) status = check_data(run, j->data, error);
    if (status) return status;
    j->part = choose_part(j);
    if (!sp_model_item_names(run->model, &j->names)) return sp_fail_memory(error, "the names", sizeof(char *));
    status = sp_model_judge_part(run->model, &j->data->preprocess, j->part, 0, &j->judge, &tally, error);
    return status ? status : count(j, most, error);
}

sp_judgement *sp_judgement_create(sp_run_view *run, size_t most) {
    sp_error fault = {0};
    if (!run->config || !run->model) return NULL;
    sp_judgement *made = calloc(1, sizeof *made);
    sp_status status = made ? judge(run, made, most, &fault) : sp_fail_memory(&fault, "the mistakes", sizeof *made);
    if (!status) return made;
    sp_run_view_note(run, "The model is not judged here: %.*s", (int)strcspn(fault.text, "\n"), fault.text);
    sp_judgement_destroy(made);
    return NULL;
}

void sp_judgement_destroy(sp_judgement *judgement) {
    if (!judgement) return;
    sp_judge_destroy(judgement->judge);
    sp_data_destroy(judgement->data);
    sp_names_clear(&judgement->names);
    free(judgement->confusion);
    free(judgement->mistakes);
    free(judgement);
}

bool sp_judgement_has_images(const sp_judgement *judgement) {
    const sp_table *table = judgement->part->data->table;
    return table->bytes && table->values && table->height > 0 && table->height * table->width == table->features;
}

size_t sp_judgement_row(const sp_judgement *judgement, const sp_mistake *mistake) {
    return judgement->part->rows.index[mistake->at];
}
