/* The data of one training: rows for training, validation and test, ready to gather. */
#ifndef SP_DATA_DATASET_H
#define SP_DATA_DATASET_H

#include "data/classes.h"
#include "data/preprocess.h"
#include "data/split.h"

/* One file: its values, and what each row should come to. */
typedef struct sp_dataset {
    sp_table *table;  /* owned */
    int32_t *classes; /* owned [rows]: classification */
    float *values;    /* owned [rows, targets]: regression, multilabel (0 or 1) */
    size_t targets;   /* values of a row; 0: classification */
    float *weights;   /* owned [rows]: of each row in the training loss, 1 on average; NULL: all 1 */
    const sp_preprocess
        *scale; /* borrowed [targets]: what the losses are of, as of values; NULL: of these themselves */
} sp_dataset;

/* Some rows of a data set; borrows the data set, owns the row numbers. Empty: count 0. */
typedef struct sp_part {
    const sp_dataset *data;
    sp_rows rows;
} sp_part;

typedef struct sp_data {
    sp_task task;
    bool guessed;     /* the task: nobody has said it */
    sp_names classes; /* empty: another task */
    sp_preprocess preprocess;
    sp_preprocess target_scale; /* of the targets; features 0: they are as they are */
    sp_dataset *files[3];       /* owned: of training, validation, test; NULL: none of its own */
    sp_part train, validation, test;
} sp_data;

/* Loads all that `config` names. SP_BAD_CONFIG, SP_BAD_DATA, SP_FAILED: see data/table.h. */
sp_status sp_data_load(const sp_config *config, sp_data **data, sp_error *error);
void sp_data_destroy(sp_data *data);

/* SP_FAILED: rows could not be read from a cache; see sp_table_check. */
sp_status sp_data_check(const sp_data *data, sp_error *error);
bool sp_data_has_failed(const sp_data *data);

/* Where it was guessed that many whole numbers are classes, which may be values: writes that, a line for people. */
bool sp_data_doubt(const sp_data *data, char *text, size_t size);

/* What a target is called, for people: "column 'age'", or by its index. Of IDX nothing: false. */
bool sp_data_target_title(const sp_data *data, size_t target, char *text, size_t size);

/* How `config` has CSVs cached, whose values may take so much memory together, of which some take `used` already. */
sp_cache_options sp_data_cache_options(const sp_config *config, size_t used);

/*
 * Loads one file and, where it is labelled, gives its rows `classes` or values.
 * SP_BAD_DATA: see data/classes.h.
 */
sp_status sp_dataset_load(const char *path, const char *labels_path, const sp_table_options *options, sp_task task,
                          const sp_names *classes, sp_dataset **dataset, sp_error *error);
void sp_dataset_destroy(sp_dataset *dataset);

#endif
