/* The data of a training as its configuration names it: files, shares, and what is fitted to which rows. */
#include "base/file.h"
#include "data/dataset.h"
#include "faults.h"
#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Loads what assignments such as "data.test=0.2" name. */
static sp_status load(const char *const *assignments, sp_data **data, sp_error *error) {
    sp_config *config = sp_config_create();
    sp_status status = SP_OK;
    for (; *assignments && !status; assignments++) status = sp_config_set(config, *assignments, error);
    if (!status) status = sp_data_load(config, data, error);
    sp_config_destroy(config);
    return status;
}

static sp_data *loaded(const char *const *assignments) {
    sp_error error = {0};
    sp_data *data;
    must(load(assignments, &data, &error), error);
    return data;
}

#define LOADED(...) loaded((const char *[]){__VA_ARGS__, NULL})

/* "KEY=PATH" of a fresh file in the scratch folder, whose name ends as the key. */
static const char *file_of_bytes(const char *key, const void *bytes, size_t size) {
    static int files;
    char name[40], *assignment = NULL;
    snprintf(name, sizeof name, "%d-%s", files++, key);
    assignment = format_text("%s=%s", key, write_bytes(name, bytes, size));
    return assignment;
}

static const char *file(const char *key, const char *text) {
    return file_of_bytes(key, text, strlen(text));
}

static float value_at(const sp_part *part, size_t at) {
    const sp_table *table = part->data->table;
    return ((const float *)table->values)[part->rows.index[at] * table->features];
}

Test(dataset, a_file_alone_is_all_for_training) {
    sp_data *data = LOADED("data.train=data/iris.csv");
    cr_expect_eq(data->task, SP_CLASSIFICATION);
    cr_expect_eq(data->classes.count, 3);
    cr_expect_str_eq(data->classes.text[0], "setosa");
    cr_expect_eq(data->train.rows.count, 150);
    cr_expect_eq(data->validation.rows.count, 0);
    cr_expect_eq(data->test.rows.count, 0);
    for (int i = 0; i < 150; i++) cr_expect_eq(data->train.data->classes[i], i / 50);
    sp_data_destroy(data);
}

/* Shares are of all rows, whichever comes first; together they are every row once. */
Test(dataset, shares_of_the_training_file) {
    sp_data *data = LOADED("data.train=data/iris.csv", "data.test=0.2", "data.validation=0.3");
    const sp_part *const parts[] = {&data->train, &data->validation, &data->test};
    static const size_t rows[] = {75, 45, 30};
    size_t seen[150] = {0};
    for (int p = 0; p < 3; p++) {
        size_t of_class[3] = {0};
        cr_assert_eq(parts[p]->rows.count, rows[p]);
        cr_expect_eq(parts[p]->data, data->files[0], "no file of its own");
        for (size_t i = 0; i < rows[p]; i++) {
            seen[parts[p]->rows.index[i]]++;
            of_class[parts[p]->data->classes[parts[p]->rows.index[i]]]++;
        }
        for (int c = 0; c < 3; c++) cr_expect_eq(of_class[c], rows[p] / 3, "part %d, class %d", p, c);
    }
    for (int i = 0; i < 150; i++) cr_expect_eq(seen[i], 1);
    sp_data_destroy(data);
}

Test(dataset, the_seed_draws_the_shares) {
    sp_data *one = LOADED("data.train=data/iris.csv", "data.test=0.2", "train.seed=1");
    sp_data *again = LOADED("data.train=data/iris.csv", "data.test=0.2", "train.seed=1", "data.normalize=standard");
    sp_data *two = LOADED("data.train=data/iris.csv", "data.test=0.2", "train.seed=2");
    sp_data *swapped = LOADED("data.train=data/iris.csv", "data.validation=0.2", "train.seed=1");
    size_t bytes = 30 * sizeof(uint32_t);
    cr_expect_arr_eq(one->test.rows.index, again->test.rows.index, bytes);
    cr_expect_arr_neq(one->test.rows.index, two->test.rows.index, bytes);
    cr_expect_arr_neq(one->test.rows.index, swapped->validation.rows.index, bytes, "another draw");
    sp_data_destroy(one);
    sp_data_destroy(again);
    sp_data_destroy(two);
    sp_data_destroy(swapped);
}

/* The statistics of what is left for training once the shares are gone, and of nothing else. */
Test(dataset, normalisation_is_fitted_to_the_training_rows_alone) {
    char text[400] = "x,y\n";
    for (int i = 0; i < 20; i++) sprintf(text + strlen(text), "%d.5,%d.25\n", i * i, i);
    sp_data *data = LOADED(file("data.train", text), "data.test=0.25", "data.validation=0.25", "data.normalize=minmax");
    cr_assert_eq(data->task, SP_REGRESSION);
    cr_assert_eq(data->train.rows.count, 10);
    float least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < 10; i++) {
        least = fminf(least, value_at(&data->train, i));
        most = fmaxf(most, value_at(&data->train, i));
    }
    cr_expect_eq(data->preprocess.shift[0], least);
    cr_expect_eq(data->preprocess.scale[0], (float)(1.0 / ((double)most - (double)least)));
    cr_expect(most - least < 361, "else nothing would tell training rows from all rows: take another seed");
    sp_data_destroy(data);

    data = LOADED(file("data.train", "1,0.5\n3,1.5\n"), file("data.test", "-50,1\n50,1\n"), "data.normalize=standard");
    cr_expect(data->preprocess.shift[0] == 2 && data->preprocess.scale[0] == 1);
    sp_data_destroy(data);
}

Test(dataset, test_and_validation_as_files) {
    sp_data *data = LOADED(file("data.train", "a,b,y\n1,2,no\n3,4,yes\n5,6,no\n"),
                           file("data.test", "y,b,a\nyes,8,7\n"), file("data.validation", "9,10,no\n11,12,yes\n"));
    cr_expect_eq(data->train.rows.count, 3);
    cr_expect_eq(data->test.rows.count, 1);
    cr_expect_eq(data->validation.rows.count, 2);
    cr_expect_eq(value_at(&data->test, 0), 7, "columns by name");
    cr_expect_eq(value_at(&data->validation, 1), 11, "columns by position");
    cr_expect_eq(data->test.data->classes[0], 1);
    cr_expect(data->validation.data->classes[0] == 0 && data->validation.data->classes[1] == 1);
    sp_data_destroy(data);
}

/* A file beside a share: the share is of the training file. */
Test(dataset, a_file_beside_a_share) {
    sp_data *data = LOADED("data.train=data/iris.csv", "data.test=data/iris.csv", "data.validation=0.1");
    cr_expect_eq(data->train.rows.count, 135);
    cr_expect_eq(data->validation.rows.count, 15);
    cr_expect_eq(data->test.rows.count, 150);
    cr_expect_neq(data->test.data, data->train.data);
    sp_data_destroy(data);
}

Test(dataset, the_target_of_the_training_file_is_that_of_the_others) {
    sp_data *data =
        LOADED(file("data.train", "y,a,b\n0.5,1,2\n1.5,3,4\n"), file("data.test", "2.5,5,6\n"), "data.target=y");
    cr_expect_eq(value_at(&data->test, 0), 5);
    cr_expect_eq(data->test.data->values[0], 2.5);
    sp_data_destroy(data);
}

Test(dataset, a_task_that_is_set_wins_over_the_targets) {
    sp_data *data = LOADED("data.train=data/xor.csv", "data.task=regression");
    cr_expect(data->task == SP_REGRESSION && data->classes.count == 0);
    cr_expect_eq(data->train.data->values[1], 1);
    sp_data_destroy(data);
    data = LOADED(file("data.train", "1,0.5\n2,1.5\n3,0.5\n"), "data.task=classification");
    cr_expect(data->task == SP_CLASSIFICATION && data->classes.count == 2);
    cr_expect_str_eq(data->classes.text[1], "1.5");
    sp_data_destroy(data);
}

static const char *idx_file(const char *key, unsigned char rows, bool labels) {
    unsigned char bytes[64] = {0, 0, 8, labels ? 1 : 2, 0, 0, 0, rows, 0, 0, 0, 2};
    size_t header = labels ? 8 : 12;
    for (unsigned char i = 0; i < 2 * rows; i++) bytes[header + i] = labels ? i % 2 : (unsigned char)(100 * i);
    return file_of_bytes(key, bytes, header + (labels ? rows : 2u * rows));
}

Test(dataset, idx_files_with_their_labels) {
    sp_data *data = LOADED(idx_file("data.train", 4, false), idx_file("data.train_labels", 4, true),
                           idx_file("data.test", 2, false), idx_file("data.test_labels", 2, true),
                           "data.validation=0.5", "data.normalize=unit");
    cr_expect_eq(data->train.rows.count, 2);
    cr_expect_eq(data->validation.rows.count, 2);
    cr_expect_eq(data->test.rows.count, 2);
    cr_expect_str_eq(data->classes.text[1], "1");
    cr_expect_eq(data->test.data->classes[1], 1);
    float sample[2];
    sp_preprocess_gather(&data->preprocess, data->test.data->table, (uint32_t[]){1}, 1, sample,
                         data->test.data->table->features);
    cr_expect_float_eq(sample[0], 200 / 255.0, 1e-7);
    sp_data_destroy(data);
}

/* Nothing is half loaded: the first fault ends it, with the file that has it. */
Test(dataset, files_that_do_not_go_together_are_refused) {
    const char *train = file("data.train", "a,b,y\n1,2,no\n3,4,yes\n");
    const struct {
        const char *assignment;
        sp_status status;
        const char *says;
    } cases[] = {
        {file("data.test", "1,2,no,4\n"), SP_BAD_DATA, "data.test:1: has 4 columns; 2 features and the target"},
        {file("data.test", "1,2\n"), SP_BAD_DATA, "data.test:1: has 2 columns; 2 features and the target"},
        {file("data.validation", "a,c,y\n1,2,no\n"), SP_BAD_DATA, "data.validation:1: has no column 'b'"},
        {file("data.validation", "a,b\n1,2\n"), SP_BAD_DATA, "data.validation:1: has no column 'y' with the labels"},
        {file("data.test", "1,2,maybe\n"), SP_BAD_DATA, "data.test:1: the label 'maybe' is none of the 2 classes"},
        {idx_file("data.test", 2, false), SP_BAD_CONFIG, "data.test: is IDX, which holds no labels"},
        {"data.test=0.1", SP_BAD_DATA, "leaves one side empty"},
        {"data.test=no-such-file", SP_BAD_CONFIG, "no-such-file: cannot be opened"},
        {"data.task=regression", SP_BAD_DATA, "data.train:2: the target 'no' is not a finite number"},
        {"data.target=z", SP_BAD_CONFIG, "data.train:1: has no column 'z'"},
    };
    sp_error error;
    sp_data *data;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(load((const char *[]){train, cases[i].assignment, NULL}, &data, &error), error, cases[i].status,
                     cases[i].says);
}

/* What is wrong with an IDX file of training, validation or test. */
static const char *broken(const char *key, bool labels) {
    unsigned char bytes[] = {0, 0, 8, labels ? 1 : 2, 0, 0, 0, 4, 0, 0, 0, 2, 1};
    return file_of_bytes(key, bytes, sizeof bytes);
}

/*
 * Files are read side by side, and whichever is found broken first: of several the first is told, in the order of
 * training, validation, test, and of samples before labels.
 */
Test(dataset, of_several_broken_files_the_first_is_told) {
    static const char *const keys[] = {"data.train", "data.train_labels", "data.validation", "data.validation_labels",
                                       "data.test",  "data.test_labels"};
    enum { FILES = sizeof keys / sizeof *keys };
    for (unsigned set = 1; set < 1u << FILES; set++) {
        const char *assignments[FILES + 1] = {NULL}, *first = NULL;
        for (unsigned i = 0; i < FILES; i++) {
            bool labels = i % 2 == 1, bad = set >> i & 1;
            assignments[i] = bad ? broken(keys[i], labels) : idx_file(keys[i], 4, labels);
            if (bad && !first) first = strchr(assignments[i], '=') + 1;
        }
        char says[300];
        snprintf(says, sizeof says, "%s: %s", first, strstr(first, "labels") ? "goes on after row" : "is truncated in");
        sp_error error;
        sp_data *data;
        expect_fault(load(assignments, &data, &error), error, SP_BAD_DATA, says);
    }
}

/* A test file that is not there says so, but not before the training file has told what is wrong with it. */
Test(dataset, a_missing_file_waits_for_its_turn) {
    sp_error error;
    sp_data *data;
    const char *const good = file("data.train", "1,2,a\n3,4,b\n"), *const bad = file("data.train", "1,2,a\n3,x,b\n");
    expect_fault(load((const char *[]){good, "data.test=none", "data.validation=nothing", NULL}, &data, &error), error,
                 SP_BAD_CONFIG, "nothing: cannot be opened");
    expect_fault(load((const char *[]){bad, "data.test=none", NULL}, &data, &error), error, SP_BAD_DATA,
                 "data.train:2: field 2 is 'x'");
    expect_fault(load((const char *[]){good, "data.test=0.9", "data.validation=none", NULL}, &data, &error), error,
                 SP_BAD_CONFIG, "none: cannot be opened");
}

/* Who feeds pipes may do so one after the other: none is opened before the one ahead of it was read. */
Test(dataset, pipes_are_read_in_their_turn) {
    enum { ROWS = 200 };
    unsigned char images[8 + 4 + ROWS * 1000] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 1000 >> 8, 1000 & 255};
    unsigned char labels[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    for (int i = 0; i < ROWS; i++) labels[8 + i] = i % 2; /* more than a pipe holds */
    const char *const files[] = {write_bytes("images", images, sizeof images),
                                 write_bytes("labels", labels, sizeof labels)};
    const char *const pipes[] = {scratch_path("images-pipe"), scratch_path("labels-pipe")};
    char command[2000], train[600], train_labels[600];
    for (int i = 0; i < 2; i++) cr_assert_eq(mkfifo(pipes[i], 0666), 0);
    snprintf(command, sizeof command, "{ cat '%s' >'%s'; cat '%s' >'%s'; } &", files[0], pipes[0], files[1], pipes[1]);
    snprintf(train, sizeof train, "data.train=%s", pipes[0]);
    snprintf(train_labels, sizeof train_labels, "data.train_labels=%s", pipes[1]);
    cr_assert_eq(system(command), 0);
    sp_data *data = LOADED(train, train_labels);
    cr_expect_eq(data->train.rows.count, ROWS);
    cr_expect_eq(data->classes.count, 2);
    sp_data_destroy(data);
}

/* ---- Tables ---- */

static void expect_features(const sp_data *data, const sp_part *part, const sp_json *expected, const char *what) {
    size_t features = data->preprocess.features, rows = part->rows.count;
    double numbers[200];
    float found[200];
    cr_assert(rows * features <= 200 && sp_json_items(expected) == rows * features, "%s", what);
    golden_numbers(expected, numbers, rows * features);
    sp_preprocess_gather(&data->preprocess, part->data->table, part->rows.index, rows, found, features);
    for (size_t i = 0; i < rows * features; i++)
        cr_expect_float_eq(found[i], numbers[i], 1e-6 * fmax(1, fabs(numbers[i])),
                           "%s: row %zu, feature %zu: %g, not %g", what, i / features, i % features, (double)found[i],
                           numbers[i]);
}

/* Texts, holes and numbers of the training file and of another as scikit-learn has them. */
Test(dataset, tables_become_what_scikit_learn_makes_of_them) {
    sp_error error = {0};
    char *text;
    size_t size;
    must(sp_file_read("tests/reference/tabular.json", 1 << 20, &text, &size, &error), error);
    sp_json *root = sp_json_parse(text, size);
    cr_assert_not_null(root);
    size_t cases = 0;
    for (const sp_json *one = sp_json_first(sp_json_member(root, "cases")); one; one = sp_json_next(one), cases++) {
        const char *normalize = sp_json_text(sp_json_member(one, "normalize"));
        sp_data *data =
            LOADED(file("data.train", sp_json_text(sp_json_member(root, "train"))),
                   file("data.test", sp_json_text(sp_json_member(root, "new"))), "data.target=y",
                   "data.categorical=onehot", "data.missing=mean", format_text("data.normalize=%s", normalize));
        cr_assert_eq(data->preprocess.features, golden_number(sp_json_member(one, "features")));
        expect_features(data, &data->train, sp_json_member(one, "train"), normalize);
        expect_features(data, &data->test, sp_json_member(one, "new"), normalize);
        sp_data_destroy(data);
    }
    cr_expect_eq(cases, 3);
    sp_json_destroy(root);
    free(text);
}

/* Rows that are drawn for a test give neither means nor categories. */
Test(dataset, means_and_categories_of_the_training_rows_alone) {
    char text[2000] = "c,x,y\n";
    for (int i = 0; i < 40; i++) {
        sprintf(text + strlen(text), "t%d,", i);
        if (i % 4 != 0) sprintf(text + strlen(text), "%d", i * i);
        sprintf(text + strlen(text), ",%d.5\n", i);
    }
    sp_data *data = LOADED(file("data.train", text), "data.test=0.25", "data.validation=0.25",
                           "data.categorical=onehot", "data.missing=mean");
    const sp_rows *rows = &data->train.rows;
    double sum = 0, count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->index[i] % 4 == 0) continue;
        sum += rows->index[i] * rows->index[i];
        count++;
    }
    cr_assert_eq(rows->count, 20);
    cr_expect_float_eq(data->preprocess.fill[1], sum / count, 1e-4);
    cr_assert_eq(data->preprocess.features, 21, "a category of each training row, and x");
    float found[20 * 21];
    sp_preprocess_gather(&data->preprocess, data->train.data->table, rows->index, 20, found, 21);
    for (int i = 0; i < 20; i++) {
        float categories = 0;
        for (int j = 0; j < 20; j++) categories += found[i * 21 + j];
        cr_expect_eq(categories, 1);
    }
    sp_preprocess_gather(&data->preprocess, data->test.data->table, data->test.rows.index, 10, found, 21);
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 20; j++) cr_expect_eq(found[i * 21 + j], 0);
    sp_data_destroy(data);
}

/* Weights are of the training rows, 1 on average over these; targets are fitted to them alone, too. */
Test(dataset, weights_and_scaled_targets_of_the_training_rows) {
    char text[2000] = "w,x,y\n";
    for (int i = 0; i < 40; i++) sprintf(text + strlen(text), "%d,%d,%d.5\n", i % 5, i, i * i);
    sp_data *data =
        LOADED(file("data.train", text), "data.test=0.25", "data.sample_weight=w", "data.normalize_targets=minmax");
    const sp_rows *rows = &data->train.rows;
    const sp_dataset *set = data->train.data;
    double sum = 0, before = 0;
    for (size_t i = 0; i < rows->count; i++) before += rows->index[i] % 5;
    float unit = (float)((double)rows->count / before);
    float least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < rows->count; i++) {
        uint32_t row = rows->index[i];
        sum += set->weights[row];
        cr_expect_eq(set->weights[row] == 0, row % 5 == 0);
        if (row % 5 > 0) cr_expect_float_eq(set->weights[row] / (float)(row % 5), unit, 1e-6);
        least = fminf(least, set->values[row]);
        most = fmaxf(most, set->values[row]);
    }
    cr_expect_float_eq(sum, (double)rows->count, 1e-4);
    cr_expect_eq(data->preprocess.features, 1, "the weight is no feature");
    cr_expect_eq(data->target_scale.shift[0], least);
    cr_expect_eq(data->target_scale.scale[0], (float)(1 / ((double)most - (double)least)));
    cr_expect_eq(set->scale, &data->target_scale);
    sp_data_destroy(data);
}
