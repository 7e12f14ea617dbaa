#include "data/dataset.h"

#include "base/error.h"
#include "config.h"

#include <stdlib.h>

enum { TRAIN, VALIDATION, TEST };

void sp_dataset_destroy(sp_dataset *dataset) {
    if (!dataset) return;
    sp_table_destroy(dataset->table);
    free(dataset->classes);
    free(dataset->values);
    free(dataset);
}

void sp_dataset_gather_targets(const sp_dataset *dataset, const uint32_t *rows, size_t count, int32_t *classes,
                               float *values) {
    for (size_t i = 0; i < count; i++) {
        if (dataset->classes)
            classes[i] = dataset->classes[rows[i]];
        else
            values[i] = dataset->values[rows[i]];
    }
}

/* Labels as the task wants them; the texts they came from are then no longer needed. */
static sp_status assign_targets(sp_dataset *dataset, sp_task task, const sp_names *classes, sp_error *error) {
    sp_table *table = dataset->table;
    if (!table->labelled) return SP_OK;
    sp_status status = task == SP_CLASSIFICATION ? sp_classes_assign(table, classes, &dataset->classes, error)
                                                 : sp_values_assign(table, &dataset->values, error);
    free(table->targets);
    free(table->target_texts);
    free(table->target_at);
    table->targets = NULL;
    table->target_texts = NULL;
    table->target_at = NULL;
    return status;
}

static sp_status read_dataset(const char *path, const char *labels_path, const sp_table_options *options,
                              sp_dataset **dataset, sp_error *error) {
    sp_dataset *read = calloc(1, sizeof *read);
    if (!read) return sp_fail_memory(error, path, sizeof *read);
    sp_status status =
        sp_table_read(path, labels_path && *labels_path ? labels_path : NULL, options, &read->table, error);
    if (status) {
        sp_dataset_destroy(read);
        return status;
    }
    *dataset = read;
    return SP_OK;
}

sp_status sp_dataset_load(const char *path, const char *labels_path, const sp_table_options *options, sp_task task,
                          const sp_names *classes, sp_dataset **dataset, sp_error *error) {
    sp_dataset *read = NULL;
    sp_status status = read_dataset(path, labels_path, options, &read, error);
    if (!status) status = assign_targets(read, task, classes, error);
    if (status) {
        sp_dataset_destroy(read);
        return status;
    }
    *dataset = read;
    return SP_OK;
}

/* The file with the training rows decides what the targets mean. */
static sp_status load_train(const sp_config *config, sp_data *data, sp_error *error) {
    sp_table_options options = {.target = config->data.target, .header = (sp_header)config->data.header};
    sp_status status =
        read_dataset(config->data.train, config->data.train_labels, &options, &data->files[TRAIN], error);
    if (status) return status;
    const sp_table *table = data->files[TRAIN]->table;
    data->task = config->data.task == SP_TASK_AUTO ? sp_task_of(table) : (sp_task)config->data.task;
    if (data->task == SP_CLASSIFICATION) status = sp_classes_find(table, &data->classes, error);
    if (!status) status = assign_targets(data->files[TRAIN], data->task, &data->classes, error);
    if (!status && !sp_rows_all(table->rows, &data->train.rows))
        status = sp_fail_memory(error, "the rows", table->rows * 4);
    data->train.data = data->files[TRAIN];
    return status;
}

/* A part that is a file of its own, read as the training file was. */
static sp_status load_part(const sp_config *config, sp_data *data, int which, const char *path, const char *labels,
                           sp_part *part, sp_error *error) {
    const sp_table *train = data->files[TRAIN]->table;
    char column[24];
    snprintf(column, sizeof column, "%zu", train->target_column);
    sp_table_options options = {.target = train->bytes ? config->data.target : column,
                                .header = (sp_header)config->data.header,
                                .features = train->features,
                                .names = &train->feature_names,
                                .target_name = train->target_name};
    sp_status status = sp_dataset_load(path, labels, &options, data->task, &data->classes, &data->files[which], error);
    if (status) return status;
    part->data = data->files[which];
    size_t rows = part->data->table->rows;
    return sp_rows_all(rows, &part->rows) ? SP_OK : sp_fail_memory(error, "the rows", rows * 4);
}

/* Validation or test rows: none, a file, or a share of all rows of the training file. */
static sp_status make_part(const sp_config *config, sp_data *data, int which, const char *value, const char *labels,
                           sp_part *part, sp_error *error) {
    double share = sp_config_share(value);
    if (!*value) return SP_OK;
    if (share == 0) return load_part(config, data, which, value, labels, part, error);
    /* Shares are of all rows, though those of the test set may be gone already. */
    double of_left = share * (double)data->files[TRAIN]->table->rows / (double)data->train.rows.count;
    part->data = data->train.data;
    return sp_rows_take_share(&data->train.rows, of_left < 1 ? of_left : 1, data->train.data->classes,
                              data->classes.count, (uint64_t)config->train.seed, (uint64_t)which, &part->rows, error);
}

sp_status sp_data_load(const sp_config *config, sp_data **data, sp_error *error) {
    sp_data *loaded = calloc(1, sizeof *loaded);
    if (!loaded) return sp_fail_memory(error, "the data", sizeof *loaded);
    sp_status status = load_train(config, loaded, error);
    if (!status)
        status = make_part(config, loaded, TEST, config->data.test, config->data.test_labels, &loaded->test, error);
    if (!status)
        status = make_part(config, loaded, VALIDATION, config->data.validation, config->data.validation_labels,
                           &loaded->validation, error);
    if (!status)
        status = sp_preprocess_fit((sp_normalize)config->data.normalize, loaded->files[TRAIN]->table,
                                   &loaded->train.rows, &loaded->preprocess, error);
    if (status) {
        sp_data_destroy(loaded);
        return status;
    }
    *data = loaded;
    return SP_OK;
}

void sp_data_destroy(sp_data *data) {
    if (!data) return;
    for (int i = 0; i < 3; i++) sp_dataset_destroy(data->files[i]);
    sp_rows_clear(&data->train.rows);
    sp_rows_clear(&data->validation.rows);
    sp_rows_clear(&data->test.rows);
    sp_names_clear(&data->classes);
    sp_preprocess_clear(&data->preprocess);
    free(data);
}
