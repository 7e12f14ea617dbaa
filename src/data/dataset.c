#include "data/dataset.h"

#include "base/error.h"
#include "base/host.h"
#include "base/memory.h"
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAIN, VALIDATION, TEST };

void sp_dataset_destroy(sp_dataset *dataset) {
    if (!dataset) return;
    sp_table_destroy(dataset->table);
    free(dataset->classes);
    free(dataset->values);
    free(dataset->weights);
    free(dataset);
}

/* Labels as the task wants them; the texts they came from are then no longer needed. */
static sp_status assign_targets(sp_dataset *dataset, sp_task task, const sp_names *classes, sp_error *error) {
    sp_table *table = dataset->table;
    if (!table->labelled) return SP_OK;
    sp_status status = task == SP_CLASSIFICATION
                           ? sp_classes_assign(table, classes, &dataset->classes, error)
                           : sp_values_assign(table, task == SP_MULTILABEL, &dataset->values, error);
    dataset->targets = dataset->values ? table->columns.targets : 0;
    free(table->targets);
    free(table->target_texts);
    free(table->target_at);
    table->targets = NULL;
    table->target_texts = NULL;
    table->target_at = NULL;
    return status;
}

/* A data set of that table, which it then owns, and which is destroyed on a fault. */
static sp_status create_dataset(sp_table *table, sp_dataset **dataset, sp_error *error) {
    sp_dataset *made = calloc(1, sizeof *made);
    if (!made) {
        sp_status status = sp_fail_memory(error, table->path, sizeof *made);
        sp_table_destroy(table);
        return status;
    }
    made->table = table;
    *dataset = made;
    return SP_OK;
}

sp_status sp_dataset_load(const char *path, const char *labels_path, const sp_table_options *options, sp_task task,
                          const sp_names *classes, sp_dataset **dataset, sp_error *error) {
    sp_table *table;
    sp_dataset *read = NULL;
    sp_status status = sp_table_read(path, labels_path && *labels_path ? labels_path : NULL, options, &table, error);
    if (!status) status = create_dataset(table, &read, error);
    if (!status) status = assign_targets(read, task, classes, error);
    if (status) {
        sp_dataset_destroy(read);
        return status;
    }
    *dataset = read;
    return SP_OK;
}

/* ---- The files of a training ---- */

enum { FILES = 3 };

/* A file for training, validation or test, and that of its labels; NULL: there is none of its own. */
typedef struct files {
    sp_source *rows[FILES], *labels[FILES]; /* owned */
} files;

static sp_status add_source(const char *path, sp_source **source, sp_error *error) {
    if (!*path) return SP_OK;
    *source = sp_source_create(path);
    return *source ? SP_OK : sp_fail_memory(error, path, sizeof(sp_error));
}

/* Opens what the configuration names, and reads side by side what can be. */
static sp_status open_files(const sp_config *config, files *opened, sp_error *error) {
    const char *const rows[FILES] = {config->data.train, config->data.validation, config->data.test};
    const char *const labels[FILES] = {config->data.train_labels, config->data.validation_labels,
                                       config->data.test_labels};
    sp_source *all[2 * FILES] = {NULL};
    for (int i = 0; i < FILES; i++) {
        if (i != TRAIN && sp_config_share(rows[i]) != 0) continue; /* rows of the training file */
        sp_status status = add_source(rows[i], &opened->rows[i], error);
        if (!status && opened->rows[i]) status = add_source(labels[i], &opened->labels[i], error);
        if (status) return status;
        all[2 * i] = opened->rows[i];
        all[2 * i + 1] = opened->labels[i];
    }
    sp_sources_read(all, 2 * FILES, sp_host_threads());
    return SP_OK;
}

static void close_files(files *opened) {
    for (int i = 0; i < FILES; i++) {
        sp_source_destroy(opened->rows[i]);
        sp_source_destroy(opened->labels[i]);
    }
}

sp_cache_options sp_data_cache_options(const sp_config *config, size_t used) {
    size_t set = (size_t)config->data.memory_mb, half = sp_host_memory() / 2;
    size_t most = set != SP_AUTO ? sp_bytes(set, 1 << 20) : half > 0 ? half : SIZE_MAX;
    return (sp_cache_options){.mode = (sp_cache_mode)config->data.cache,
                              .folder = config->data.cache_dir,
                              .most = most > used ? most - used : 0};
}

static sp_status take_file(const sp_config *config, files *opened, int which, const sp_table_options *how,
                           sp_data *data, sp_error *error) {
    static const char *const keys[FILES][2] = {{"data.train", "data.train_labels"},
                                               {"data.validation", "data.validation_labels"},
                                               {"data.test", "data.test_labels"}};
    sp_table *table;
    size_t used = 0;
    sp_status found = sp_config_find_file(config, keys[which][0], sp_source_path(opened->rows[which]), error);
    if (!found && opened->labels[which])
        found = sp_config_find_file(config, keys[which][1], sp_source_path(opened->labels[which]), error);
    if (found) return found;
    /* What those before take is no longer available memory; of a bound that is set they are a part. */
    for (int i = 0; i < FILES && config->data.memory_mb != SP_AUTO; i++)
        if (data->files[i]) used += sp_table_value_bytes(data->files[i]->table);
    sp_cache_options cache = sp_data_cache_options(config, used);
    sp_table_options options = *how;
    options.cache = &cache;
    sp_status status = sp_table_take(opened->rows[which], opened->labels[which], &options, &table, error);
    return status ? status : create_dataset(table, &data->files[which], error);
}

/* What the targets of the training file are for. SP_BAD_CONFIG: several, for a task of one. */
static sp_status decide_task(const sp_config *config, const sp_table *table, sp_task *task, sp_error *error) {
    char place[SP_PLACE];
    *task = config->data.task == SP_TASK_AUTO ? sp_task_of(table) : (sp_task)config->data.task;
    if (*task != SP_CLASSIFICATION || table->columns.targets == 1) return SP_OK;
    sp_config_place(config, "data.task", place, sizeof place);
    return sp_fail(error, SP_BAD_CONFIG,
                   "%s: classification has one target, but data.target names %zu; set data.task to multilabel or "
                   "regression",
                   place, table->columns.targets);
}

/* Headings such as 2019, 2020 are taken for data: then their target alone is no number. */
static sp_status check_first_row(const sp_config *config, const sp_table *table, sp_error *error) {
    enum { FEWEST_ROWS = 3 };
    char place[SP_PLACE];
    bool unsaid = config->data.header == SP_HEADER_AUTO && table->columns.target_names.count == 0;
    if (!unsaid || !table->target_texts || table->rows < FEWEST_ROWS || isfinite(table->targets[0])) return SP_OK;
    for (size_t i = 1; i < table->rows; i++)
        if (!isfinite(table->targets[i])) return SP_OK;
    sp_table_place(table, 0, place, sizeof place);
    return sp_fail(error, SP_BAD_DATA,
                   "%s: the target '%.40s' of this first row is the only one that is no number; set data.header to yes "
                   "if the row names the columns, to no if it is one of the data",
                   place, table->target_texts + table->target_at[0]);
}

/* The file with the training rows decides what the targets mean. */
static sp_status load_train(const sp_config *config, files *opened, sp_data *data, sp_error *error) {
    sp_table_options options = {.target = config->data.target,
                                .ignore = config->data.ignore,
                                .weight = config->data.sample_weight,
                                .header = (sp_header)config->data.header,
                                .separator = (sp_separator)config->data.separator,
                                .categorical = (sp_categorical)config->data.categorical,
                                .missing = (sp_missing)config->data.missing};
    sp_status status = take_file(config, opened, TRAIN, &options, data, error);
    if (status) return status;
    sp_dataset *train = data->files[TRAIN];
    status = check_first_row(config, train->table, error);
    if (!status) status = decide_task(config, train->table, &data->task, error);
    data->guessed = config->data.task == SP_TASK_AUTO;
    if (!status && data->task == SP_CLASSIFICATION) status = sp_classes_find(train->table, &data->classes, error);
    if (!status) status = assign_targets(train, data->task, &data->classes, error);
    if (!status && !sp_rows_all(train->table->rows, &data->train.rows))
        status = sp_fail_memory(error, "the rows", train->table->rows * 4);
    data->train.data = train;
    return status;
}

/* A part that is a file of its own, read as the training file was. */
static sp_status load_part(const sp_config *config, files *opened, sp_data *data, int which, sp_part *part,
                           sp_error *error) {
    if (!opened->rows[which]) return SP_OK;
    sp_table_options options = {.target = config->data.target,
                                .header = (sp_header)config->data.header,
                                .separator = (sp_separator)config->data.separator,
                                .categorical = (sp_categorical)config->data.categorical,
                                .missing = (sp_missing)config->data.missing,
                                .known = &data->files[TRAIN]->table->columns};
    sp_status status = take_file(config, opened, which, &options, data, error);
    if (!status) status = assign_targets(data->files[which], data->task, &data->classes, error);
    if (status) return status;
    part->data = data->files[which];
    size_t rows = part->data->table->rows;
    return sp_rows_all(rows, &part->rows) ? SP_OK : sp_fail_memory(error, "the rows", rows * 4);
}

/* Validation or test rows that are a share of all rows of the training file. */
static sp_status draw_part(const sp_config *config, sp_data *data, int which, const char *value, sp_part *part,
                           sp_error *error) {
    double share = sp_config_share(value);
    if (share == 0) return SP_OK;
    /* Shares are of all rows, though those of the test set may be gone already. */
    double of_left = share * (double)data->files[TRAIN]->table->rows / (double)data->train.rows.count;
    part->data = data->train.data;
    return sp_rows_take_share(&data->train.rows, of_left < 1 ? of_left : 1, data->train.data->classes,
                              data->classes.count, (uint64_t)config->train.seed, (uint64_t)which, &part->rows, error);
}

/* ---- What is fitted to the training rows ---- */

/* Weights that are 1 on average: so the learning rate means the same whatever their unit. */
static sp_status take_weights(sp_data *data, sp_error *error) {
    sp_dataset *train = data->files[TRAIN];
    const sp_rows *rows = &data->train.rows;
    double sum = 0;
    if (!train->table->weights) return SP_OK;
    train->weights = train->table->weights;
    train->table->weights = NULL;
    for (size_t i = 0; i < rows->count; i++) sum += train->weights[rows->index[i]];
    if (!(sum > 0))
        return sp_fail(error, SP_BAD_DATA, "%s: every training row has the weight 0; give some of them more",
                       train->table->path);
    for (size_t i = 0; i < train->table->rows; i++)
        train->weights[i] = (float)(train->weights[i] * ((double)rows->count / sum));
    return SP_OK;
}

static sp_status fit_targets(const sp_config *config, sp_data *data, sp_error *error) {
    static const sp_normalize kinds[] = {SP_NORMALIZE_NONE, SP_NORMALIZE_STANDARD, SP_NORMALIZE_MINMAX};
    const sp_dataset *train = data->files[TRAIN];
    sp_normalize kind = kinds[config->data.normalize_targets];
    char place[SP_PLACE];
    if (kind == SP_NORMALIZE_NONE) return SP_OK;
    if (data->task != SP_REGRESSION) {
        sp_config_place(config, "data.normalize_targets", place, sizeof place);
        return sp_fail(error, SP_BAD_CONFIG, "%s: data.normalize_targets is for regression; set it to none", place);
    }
    sp_table targets = {.rows = train->table->rows, .features = train->targets, .values = train->values};
    sp_status status = sp_preprocess_fit(kind, &targets, &data->train.rows, &data->target_scale, error);
    for (int i = 0; i < FILES && !status; i++)
        if (data->files[i]) data->files[i]->scale = &data->target_scale;
    return status;
}

static sp_status load(const sp_config *config, files *opened, sp_data *data, sp_error *error) {
    sp_status status = open_files(config, opened, error);
    if (!status) status = load_train(config, opened, data, error);
    if (!status) status = load_part(config, opened, data, VALIDATION, &data->validation, error);
    if (!status) status = load_part(config, opened, data, TEST, &data->test, error);
    if (!status) status = draw_part(config, data, TEST, config->data.test, &data->test, error);
    if (!status) status = draw_part(config, data, VALIDATION, config->data.validation, &data->validation, error);
    if (!status) status = take_weights(data, error);
    if (!status) status = fit_targets(config, data, error);
    if (status) return status;
    return sp_preprocess_fit((sp_normalize)config->data.normalize, data->files[TRAIN]->table, &data->train.rows,
                             &data->preprocess, error);
}

sp_status sp_data_load(const sp_config *config, sp_data **data, sp_error *error) {
    files opened = {{NULL}, {NULL}};
    sp_data *loaded = calloc(1, sizeof *loaded);
    if (!loaded) return sp_fail_memory(error, "the data", sizeof *loaded);
    sp_status status = load(config, &opened, loaded, error);
    close_files(&opened);
    if (status) {
        sp_data_destroy(loaded);
        return status;
    }
    *data = loaded;
    return SP_OK;
}

/* ---- What there is to say of them ---- */

bool sp_data_target_title(const sp_data *data, size_t target, char *text, size_t size) {
    const sp_columns *columns = &data->train.data->table->columns;
    if (columns->target_names.count > target)
        snprintf(text, size, "column '%.60s'", columns->target_names.text[target]);
    else if (columns->target_at)
        snprintf(text, size, "column %zu", columns->target_at[target]);
    else
        return false;
    return true;
}

bool sp_data_doubt(const sp_data *data, char *text, size_t size) {
    enum { USUAL = 10 }; /* so many classes are often numbered */
    char title[100];
    double number;
    if (!data->guessed || data->task != SP_CLASSIFICATION || data->classes.count <= USUAL) return false;
    if (!sp_data_target_title(data, 0, title, sizeof title)) return false;
    for (size_t k = 0; k < data->classes.count; k++)
        if (!sp_parse_real(data->classes.text[k], &number)) return false;
    snprintf(text, size,
             "%s: %zu different whole numbers are taken for classes; data.task = regression takes them for values",
             title, data->classes.count);
    return true;
}

bool sp_data_has_failed(const sp_data *data) {
    for (int i = 0; i < FILES; i++)
        if (data->files[i] && data->files[i]->table->store && sp_store_has_failed(data->files[i]->table->store))
            return true;
    return false;
}

sp_status sp_data_check(const sp_data *data, sp_error *error) {
    sp_status status = SP_OK;
    for (int i = 0; i < FILES && !status; i++)
        if (data->files[i]) status = sp_table_check(data->files[i]->table, error);
    return status;
}

void sp_data_destroy(sp_data *data) {
    if (!data) return;
    for (int i = 0; i < 3; i++) sp_dataset_destroy(data->files[i]);
    sp_rows_clear(&data->train.rows);
    sp_rows_clear(&data->validation.rows);
    sp_rows_clear(&data->test.rows);
    sp_names_clear(&data->classes);
    sp_preprocess_clear(&data->preprocess);
    sp_preprocess_clear(&data->target_scale);
    free(data);
}
