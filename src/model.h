/* A trained network with all that prediction needs, and its file. */
#ifndef SP_MODEL_H
#define SP_MODEL_H

#include "data/dataset.h"
#include "judge.h"
#include "net.h"

struct sp_model {
    sp_net *net;       /* owned */
    float *parameters; /* owned [net->floats] */
    sp_task task;
    sp_names classes;  /* empty: regression */
    sp_names features; /* columns of the training file; empty: it named none */
    char *target_name; /* owned; NULL: the training file named none */
    size_t target_column;
    sp_preprocess preprocess;
};

/* A model of `net`, which it takes, and of what `data` says; its parameters are not set. */
sp_status sp_model_create(sp_net *net, const sp_data *data, sp_model **model, sp_error *error);

/* Loads a labelled or (`labelled` false) any file as this model reads it. */
sp_status sp_model_load_data(const sp_model *model, const char *path, const char *labels_path, bool labelled,
                             sp_dataset **dataset, sp_error *error);

/*
 * Outputs [rows, d(L)] of all rows of a data set; `threads` 0: as many as are allowed. SP_FAILED: no
 * memory.
 */
sp_status sp_model_predict_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, float *outputs,
                                   sp_error *error);

/* Judges the model on all rows of a labelled data set; the caller destroys the judge. SP_FAILED: no memory. */
sp_status sp_model_judge_dataset(const sp_model *model, const sp_dataset *dataset, size_t threads, sp_judge **judge,
                                 sp_tally *tally, sp_error *error);

#endif
