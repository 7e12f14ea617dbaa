/* A model judged on the rows of a file, as the library hands it out. */
#include "base/error.h"
#include "base/memory.h"
#include "model.h"

#include <math.h>
#include <stdlib.h>

struct sp_evaluation {
    size_t rows;
    sp_scores *scores; /* owned */
    size_t classes;    /* 0: the task has none */
    size_t *confusion; /* owned [classes, classes]: truth, prediction */
    size_t *places;    /* owned [classes]: rows whose class was the first, the second, ... of the outputs */
    size_t dropped;    /* rows left out */
    char remark[600];  /* on the file; empty: none */
};

static sp_status count(sp_evaluation *evaluation, const sp_predictions *predictions, sp_error *error) {
    size_t classes = evaluation->classes, bytes = sp_bytes(sp_bytes(classes, classes), sizeof *evaluation->confusion);
    if (classes == 0) return SP_OK;
    evaluation->confusion = calloc(sp_bytes(classes, classes), sizeof *evaluation->confusion);
    evaluation->places = calloc(classes, sizeof *evaluation->places);
    if (!evaluation->confusion || !evaluation->places) return sp_fail_memory(error, "the confusion matrix", bytes);
    sp_count_confusions(predictions, classes, evaluation->confusion);
    sp_count_places(predictions, evaluation->places);
    return SP_OK;
}

static sp_status judge_file(const sp_model *model, const char *path, const char *labels_path, size_t threads,
                            sp_evaluation *evaluation, sp_error *error) {
    sp_dataset *dataset;
    sp_judge *judge = NULL;
    sp_tally tally;
    sp_status status = sp_model_load_data(model, path, labels_path, true, &dataset, error);
    if (status) return status;
    status = sp_model_judge_dataset(model, dataset, threads, &judge, &tally, error);
    evaluation->dropped = dataset->table->dropped;
    if (!sp_table_remark(dataset->table, evaluation->remark, sizeof evaluation->remark)) *evaluation->remark = '\0';
    sp_dataset_destroy(dataset);
    if (!status) {
        evaluation->rows = judge->predictions.rows;
        evaluation->classes = model->classes.count;
        evaluation->scores = judge->scores;
        judge->scores = NULL; /* the evaluation's now */
        status = count(evaluation, &judge->predictions, error);
    }
    sp_judge_destroy(judge);
    return status;
}

sp_status sp_evaluation_create(const sp_model *model, const char *path, const char *labels_path, size_t threads,
                               sp_evaluation **evaluation, sp_error *error) {
    sp_evaluation *made = calloc(1, sizeof *made);
    if (!made) return sp_fail_memory(error, "the evaluation", sizeof *made);
    sp_status status = judge_file(model, path, labels_path, threads, made, error);
    if (status) {
        sp_evaluation_destroy(made);
        return status;
    }
    *evaluation = made;
    return SP_OK;
}

void sp_evaluation_destroy(sp_evaluation *evaluation) {
    if (!evaluation) return;
    sp_scores_destroy(evaluation->scores);
    free(evaluation->confusion);
    free(evaluation->places);
    free(evaluation);
}

size_t sp_evaluation_rows(const sp_evaluation *evaluation) {
    return evaluation->rows;
}

size_t sp_evaluation_dropped(const sp_evaluation *evaluation) {
    return evaluation->dropped;
}

const char *sp_evaluation_remark(const sp_evaluation *evaluation) {
    return *evaluation->remark ? evaluation->remark : NULL;
}

size_t sp_evaluation_items(const sp_evaluation *evaluation) {
    return evaluation->scores->items;
}

double sp_evaluation_value(const sp_evaluation *evaluation, sp_metric metric) {
    return evaluation->scores->value[metric];
}

double sp_evaluation_item(const sp_evaluation *evaluation, size_t item, sp_metric metric) {
    return evaluation->scores->item[item].value[metric];
}

size_t sp_evaluation_support(const sp_evaluation *evaluation, size_t item) {
    return evaluation->scores->item[item].support;
}

size_t sp_evaluation_predicted(const sp_evaluation *evaluation, size_t item) {
    return evaluation->scores->item[item].predicted;
}

double sp_evaluation_top_k(const sp_evaluation *evaluation, size_t k) {
    size_t hits = 0;
    if (evaluation->classes == 0) return NAN;
    for (size_t place = 0; place < k && place < evaluation->classes; place++) hits += evaluation->places[place];
    return (double)hits / (double)evaluation->rows;
}

size_t sp_evaluation_confusion(const sp_evaluation *evaluation, size_t truth, size_t predicted) {
    return evaluation->classes > 0 ? evaluation->confusion[truth * evaluation->classes + predicted] : 0;
}
