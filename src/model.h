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
    sp_names classes;           /* empty: another task */
    sp_columns columns;         /* of the training file; of text, the categories that have a feature, in their order */
    sp_preprocess preprocess;   /* from columns to inputs */
    sp_preprocess target_scale; /* of targets; features 0: the network learned them as they are */
    sp_config *reading;         /* owned: how files are cached (data.cache and its like); NULL: as is the default */
};

/* A model of `net`, which it takes where it succeeds, and of what `data` says; its parameters are not set. */
sp_status sp_model_create(sp_net *net, const sp_data *data, sp_model **model, sp_error *error);

/* Names of the classes, labels or targets: "output" where a file named none, of several with its number. False when
 * memory runs out. */
bool sp_model_item_names(const sp_model *model, sp_names *names);

/* From now on files are cached as `config` has it, which the model takes. */
void sp_model_read_as(sp_model *model, sp_config *config);

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

/* The same on a part of data that were read on their own, with the `preprocess` that was fitted to them; they have the
 * model's features, task and classes. */
sp_status sp_model_judge_part(const sp_model *model, const sp_preprocess *preprocess, const sp_part *part,
                              size_t threads, sp_judge **judge, sp_tally *tally, sp_error *error);

#endif
