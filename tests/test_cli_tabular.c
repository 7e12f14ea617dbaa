/* Tables through the program: what it says of them, what it predicts, what it refuses. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char shop[] = "id;colour;price;sold;hot\n"
                           "1;red;1.5;1;0\n"
                           "2;\"sea; green\";2.5;0;1\n"
                           "3;red;;1;1\n"
                           "4;blue;4;0;0\n"
                           "5;blue;NA;1;0\n"
                           "6;red;3.5;0;1\n";

/* Trains on that with more lines of [data], into folder `run`. */
static outcome train_shop(const char *more) {
    const char *config = write_text("c.ini", format_text("[data]\ntrain = %s\nignore = id\n%s\n"
                                                         "[network]\nhidden = 3\n[train]\nepochs = 3\n",
                                                         write_text("shop.csv", shop), more));
    return run("shardprop train -q %s -s output.dir=%s", config, scratch_path("run"));
}

#define LABELS "target = sold, hot\ncategorical = onehot\nmissing = mean\n"

static void expect_in(const char *text, const char *says) {
    cr_expect(strstr(text, says), "expected '%s'\ngot %s", says, text);
}

static void expect_one_line(const outcome *result, int status, const char *says) {
    cr_expect_eq(result->status, status, "%d: %s", result->status, result->err);
    cr_expect_eq(lines_of(result->err), 1, "%s", result->err);
    expect_in(result->err, says);
}

/* ---- What is refused ---- */

Test(cli_tabular, each_key_takes_its_words) {
    static const char *const cases[][2] = {
        {"separator = colon", "data.separator = 'colon' is not valid; it takes: auto | comma | semicolon | tab | pipe"},
        {"categorical = yes", "data.categorical = 'yes' is not valid; it takes: error | onehot"},
        {"missing = zero", "data.missing = 'zero' is not valid; it takes: error | mean | drop"},
        {"normalize_targets = unit",
         "data.normalize_targets = 'unit' is not valid; it takes: none | standard | minmax"},
        {"task = labels", "it takes: auto | classification | regression | multilabel"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = train_shop(cases[i][0]);
        expect_one_line(&result, 2, cases[i][1]);
        expect_in(result.err, "c.ini:4: ");
    }
}

Test(cli_tabular, what_does_not_go_together) {
    static const struct {
        const char *data, *set;
        int status;
        const char *says;
    } cases[] = {
        {"target = sold", "", 3,
         "shop.csv:2: field 2 is 'red'; a number with a decimal point is wanted "
         "(data.categorical = onehot takes text"},
        {"target = sold\ncategorical = onehot", "", 3,
         "shop.csv:4: field 3 is '', a missing value; fill it in, leave "
         "the row out, or set data.missing to mean or drop"},
        {"target = sold, colour\nmissing = mean", "", 3, "shop.csv:2: field 2, a target, is 'red'"},
        {LABELS "task = classification", "", 2, "c.ini:7: classification has one target, but data.target names 2"},
        {LABELS "normalize_targets = standard", "", 2, "c.ini:7: data.normalize_targets is for regression"},
        {LABELS, "train.loss=cross_entropy", 2, "cross_entropy is for classes, but the targets of"},
        {LABELS, "train.loss=poisson", 2, "are labels; use binary_cross_entropy"},
        {LABELS, "train.class_weights=balanced", 2, "train.class_weights is for classes; set it to none"},
        {LABELS "validation = 0.3", "train.monitor=validation_accuracy", 2, "several labels have neither accuracy nor"},
        {LABELS "task = multilabel\nvalidation = 0.3", "train.monitor=validation_r2", 2,
         "several labels have neither accuracy nor R2"},
        {LABELS "task = regression\nnormalize_targets = minmax", "train.loss=poisson", 2,
         "poisson and binary_cross_entropy take targets as they are"},
        {"target = price\ncategorical = onehot\ntask = multilabel\nmissing = drop", "", 3,
         "shop.csv:2: the target '1.5' is not 0 or 1, as multilabel needs"},
        {"target = sold, price\ncategorical = onehot\ntask = multilabel\nmissing = drop", "", 3,
         "shop.csv:2: the target price '1.5' is not 0 or 1, as multilabel needs"},
        {LABELS "sample_weight = colour", "", 3, "shop.csv:2: field 2, the weight of the row, is 'red'; a finite"},
        {LABELS "sample_weight = weight", "", 2, "shop.csv:1: has no column 'weight' for data.sample_weight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = train_shop(cases[i].data);
        if (*cases[i].set)
            result = run("shardprop train -q %s -s output.dir=%s -s %s", scratch_path("c.ini"), scratch_path("run"),
                         cases[i].set);
        expect_one_line(&result, cases[i].status, cases[i].says);
    }
    write_text("zero.csv", "w,a,y\n0,1,2.5\n0,2,3.5\n0,3,1.5\n");
    outcome result = run("shardprop train -q %s -s data.train=%s -s data.ignore= -s data.sample_weight=w -s "
                         "data.target=y -s data.missing=error -s output.dir=%s",
                         write_text("d.ini", "[data]\n"), scratch_path("zero.csv"), scratch_path("run"));
    expect_one_line(&result, 3, "zero.csv: every training row has the weight 0; give some of them more");
}

/* ---- Labels ---- */

Test(cli_tabular, labels_are_predicted_by_their_names) {
    outcome result = train_shop(LABELS);
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *model = scratch_path("run"), *path = scratch_path("shop.csv");
    outcome plain = run("shardprop predict %s %s", model, path), all = run("shardprop predict -p %s %s", model, path);
    cr_assert(plain.status == 0 && lines_of(plain.out) == 7, "%s", plain.err);
    cr_expect(strncmp(plain.out, "sold,hot\n", 9) == 0, "%s", plain.out);
    const char *row = strchr(all.out, '\n') + 1, *bare = strchr(plain.out, '\n') + 1;
    cr_expect(strncmp(all.out, "sold,hot,sold_probability,hot_probability\n", 42) == 0, "%s", all.out);
    for (int i = 0; i < 6; i++, row = strchr(row, '\n') + 1, bare = strchr(bare, '\n') + 1) {
        int said[2], plainly[2];
        double probability[2];
        cr_assert_eq(sscanf(row, "%d,%d,%lf,%lf", &said[0], &said[1], &probability[0], &probability[1]), 4, "%s", row);
        cr_assert_eq(sscanf(bare, "%d,%d", &plainly[0], &plainly[1]), 2);
        for (int k = 0; k < 2; k++) {
            cr_expect(said[k] == plainly[k] && said[k] == (probability[k] > 0.5), "%s", row);
            cr_expect(probability[k] > 0 && probability[k] < 1);
        }
    }
}

/* Metrics of labels against counts from the predictions. */
Test(cli_tabular, labels_are_judged) {
    outcome result = train_shop(LABELS "validation = 0.34\n");
    cr_assert_eq(result.status, 0, "%s", result.err);
    const char *model = scratch_path("run"), *path = scratch_path("shop.csv");
    static const int truth[6][2] = {{1, 0}, {0, 1}, {1, 1}, {0, 0}, {1, 0}, {0, 1}};
    outcome predicted = run("shardprop predict -p %s %s", model, path);
    outcome json = run("shardprop evaluate %s %s --json", model, path),
            table = run("shardprop evaluate %s %s", model, path);
    double hits = 0, said = 0, wrong = 0, right_rows = 0, loss = 0;
    const char *row = strchr(predicted.out, '\n') + 1;
    for (int i = 0; i < 6; i++, row = strchr(row, '\n') + 1) {
        int says[2];
        double p[2];
        cr_assert_eq(sscanf(row, "%d,%d,%lf,%lf", &says[0], &says[1], &p[0], &p[1]), 4);
        for (int k = 0; k < 2; k++) {
            hits += says[k] && truth[i][k];
            said += says[k];
            wrong += says[k] != truth[i][k];
            loss -= log(truth[i][k] ? p[k] : 1 - p[k]) / 6;
        }
        right_rows += says[0] == truth[i][0] && says[1] == truth[i][1];
    }
    cr_assert(json.status == 0 && table.status == 0, "%s%s", json.err, table.err);
    expect_in(json.out, "\"multilabel\"");
    cr_expect_float_eq(number_after(json.out, "\"loss\""), loss, 1e-6);
    cr_expect_float_eq(number_after(json.out, "\"subset_accuracy\""), right_rows / 6, 1e-12);
    cr_expect_float_eq(number_after(json.out, "\"hamming_loss\""), wrong / 12, 1e-12);
    const char *micro = strstr(json.out, "\"micro\"");
    cr_assert_not_null(micro);
    cr_expect_float_eq(number_after(micro, "\"recall\""), hits / 6, 1e-12);
    cr_expect_float_eq(number_after(micro, "\"precision\""), said > 0 ? hits / said : 0, 1e-12);
    cr_expect_float_eq(number_after(table.out, "subset_accuracy"), right_rows / 6, 1e-6);
    cr_expect_float_eq(number_after(table.out, "hamming_loss"), wrong / 12, 1e-6);
    expect_in(table.out, "\nlabel ");
    expect_in(table.out, "\nsold ");
    expect_in(table.out, "\nhot ");
    result = run("shardprop evaluate %s %s --top-k 1", model, path);
    expect_one_line(&result, 2, "--top-k: the model has no classes");
}

Test(cli_tabular, the_best_epoch_by_a_metric_of_labels) {
    outcome result = train_shop(LABELS "validation = 0.34\ntest = 0.34\n");
    static const char *const monitors[] = {"validation_loss", "validation_macro_f1", "validation_auc"};
    for (int i = 0; i < 3; i++) {
        result = run("shardprop train -q %s -s output.dir=%s -s train.monitor=%s", scratch_path("c.ini"),
                     scratch_path("run"), monitors[i]);
        cr_expect_eq(result.status, 0, "%s", result.err);
    }
    char *summary = read_text(scratch_path("run/summary.json"));
    cr_expect(number_after(summary, "test_hamming_loss") >= 0 && number_after(summary, "test_subset_accuracy") >= 0);
    cr_expect(number_after(summary, "test_macro_f1") >= 0 && isnan(number_after(summary, "test_r2")));
    cr_expect(isnan(number_after(summary, "test_accuracy")) && number_after(summary, "dropped_rows") == 0);
}

/* ---- Several targets ---- */

Test(cli_tabular, several_values_have_a_column_each) {
    const char *text = "a,\"b,1\",c\n1,2.5,30\n2,3.5,10\n3,1.25,20\n";
    const char *config = write_text("c.ini", "[data]\ntarget = 1, c\nnormalize_targets = standard\n[train]\nepochs = "
                                             "2\n[optimizer]\nlearning_rate = 0.001\n");
    outcome result = run("shardprop train -q %s -s data.train=%s -s output.dir=%s", config, write_text("t.csv", text),
                         scratch_path("run"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    result = run("shardprop predict %s %s -p", scratch_path("run"), scratch_path("t.csv"));
    cr_expect(strncmp(result.out, "\"b,1\",c\n", 8) == 0, "%s", result.out);
    cr_expect_eq(lines_of(result.out), 4);
    double b, c;
    cr_expect_eq(sscanf(strchr(result.out, '\n') + 1, "%lf,%lf", &b, &c), 2);
    cr_expect(b > -5 && b < 10 && c > -50 && c < 90, "in the file's units: %s", result.out);
    result = run("shardprop evaluate %s %s --json", scratch_path("run"), scratch_path("t.csv"));
    expect_in(result.out, "\"b,1\"");
    cr_expect(number_after(result.out, "rmse") > 0);
    /* Without a header, they are numbered. */
    const char *bare = write_text("bare.csv", "1,2.5,30\n2,3.5,10\n3,1.25,20\n");
    result = run("shardprop train -q %s -s data.train=%s -s data.target=1-2 -s output.dir=%s", config, bare,
                 scratch_path("run"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    result = run("shardprop predict %s %s", scratch_path("run"), bare);
    cr_expect(strncmp(result.out, "output_0,output_1\n", 18) == 0, "%s", result.out);
    result = run("shardprop evaluate %s %s", scratch_path("run"), bare);
    expect_in(result.out, "\noutput_1 ");
}

/* ---- Texts and holes ---- */

Test(cli_tabular, check_and_info_tell_what_became_of_the_columns) {
    train_shop(LABELS);
    outcome result = run("shardprop check %s --gradients", scratch_path("c.ini"));
    cr_expect_eq(result.status, 0, "%s%s", result.out, result.err);
    expect_in(result.out, "features    4, ");
    expect_in(result.out, "columns     2, of them 1 of text, one-hot in 3 features\n");
    expect_in(result.out, "task        multilabel, 2 labels\n");
    expect_in(result.out, "loss        binary_cross_entropy\n");
    expect_in(result.out, "the gradients agree");
    result = run("shardprop info %s", scratch_path("run"));
    expect_in(result.out, "task           multilabel\n");
    expect_in(result.out, "features       2: colour, price\n");
    expect_in(result.out, "  colour       3: blue, red, sea; green\n");
    expect_in(result.out, "targets        2: sold, hot\n");
    expect_in(result.out, "missing        mean\n");
}

/* A text that no training row had is as good as none: the same prediction, and a warning. */
Test(cli_tabular, unseen_texts_are_warned_of) {
    train_shop(LABELS);
    const char *model = scratch_path("run");
    outcome pink = run("shardprop predict -p %s %s", model, write_text("p.csv", "price,colour\n2,pink\n2,red\n")),
            none = run("shardprop predict -p %s %s", model, write_text("n.csv", "price,colour\n2,?\n2,red\n"));
    cr_assert(pink.status == 0 && none.status == 0);
    cr_expect_str_eq(pink.out, none.out);
    cr_expect_str_empty(none.err);
    expect_one_line(&pink, 0, "shardprop: warning: ");
    expect_in(pink.err, "p.csv: 1 text that is not in the training file count");
    expect_in(pink.err, "line 2: 'pink')");
    pink = run("shardprop predict -q %s %s", model, scratch_path("p.csv"));
    cr_expect_str_empty(pink.err);
    outcome judged =
        run("shardprop evaluate %s %s", model, write_text("e.csv", "colour,price,sold,hot\npink,2,1,1\nred,2,0,1\n"));
    expect_one_line(&judged, 0, "e.csv: 1 text that is not");
}

Test(cli_tabular, rows_left_out_are_counted) {
    outcome result = train_shop("target = sold\ncategorical = onehot\nmissing = drop\n");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_eq(number_after(read_text(scratch_path("run/summary.json")), "dropped_rows"), 2);
    result = run("shardprop train %s -s output.dir=%s", scratch_path("c.ini"), scratch_path("run"));
    expect_in(result.err, "4 rows in mini-batches");
    expect_in(result.err, "shop.csv: 2 rows with missing values left out");
    result = run("shardprop check %s", scratch_path("c.ini"));
    expect_in(result.out, "2 rows with missing values left out");
    result = run("shardprop evaluate %s %s", scratch_path("run"), scratch_path("shop.csv"));
    cr_expect_eq(number_after(result.out, "rows"), 4);
    expect_in(result.out, "rows left out      2, with missing values\n");
    result = run("shardprop evaluate %s %s --json -q", scratch_path("run"), scratch_path("shop.csv"));
    cr_expect_eq(number_after(result.out, "dropped_rows"), 2);
    cr_expect_str_empty(result.err);
    result = run("shardprop predict %s %s", scratch_path("run"), scratch_path("shop.csv"));
    expect_one_line(&result, 3, "shop.csv:4: field 3 is '', a missing value, and there is no prediction without");
}

/* One set of rows in all dresses: separators, quotes, gzip, order of columns, no header. */
Test(cli_tabular, predictions_do_not_depend_on_how_the_file_is_written) {
    train_shop(LABELS);
    const char *model = scratch_path("run");
    static const char *const texts[] = {
        "colour,price\nred,1.5\nsea; green,\n",
        "price\tcolour\n1.5\tred\n\tsea; green\n",
        "\"price\"|\"colour\"|more\n1.50|\"red\"|x\nNA|sea; green|y\n",
        "0;red;1.5;0;0\n0;\"sea; green\";;0;0\n",
        "0,red,15e-1,0,1\nz,\"sea; green\",?,,\n",
        "red,1.5\nsea; green,\n",
        "9,red,1.5\n8,sea; green,\n",
    };
    char *first = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int packed = 0; packed < 2; packed++) {
            const char *path = packed ? write_gzip("d", texts[i], strlen(texts[i])) : write_text("d", texts[i]);
            outcome result = run("shardprop predict -p %s %s", model, path);
            cr_assert_eq(result.status, 0, "%s: %s", texts[i], result.err);
            if (!first) first = result.out;
            cr_expect_str_eq(result.out, first, "%s", texts[i]);
        }
}

/* The config of a run trains the same again. */
Test(cli_tabular, the_config_that_is_left_behind_says_all) {
    train_shop(LABELS "sample_weight = 2\nseparator = semicolon\nmissing = drop\n");
    outcome one = train_shop("target = sold, hot\ncategorical = onehot\nmissing = drop\nseparator = semicolon\n");
    outcome again = run("shardprop train -q %s -s output.dir=%s", scratch_path("run/config.ini"), scratch_path("two"));
    cr_assert(one.status == 0 && again.status == 0, "%s%s", one.err, again.err);
    cr_expect_str_eq(hash_of(&one), hash_of(&again));
}

/* ---- Model files ---- */

/* Files from before there were texts and several targets: tests/fuzz has two. */
Test(cli_tabular, older_models_are_read) {
    outcome result = run("shardprop evaluate tests/fuzz/seeds/model/iris data/iris.csv");
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_expect_float_eq(number_after(result.out, "accuracy"), 0.753333, 1e-6);
    result = run("shardprop info tests/fuzz/seeds/model/iris");
    expect_in(result.out, "target         species\n");
    result = run("shardprop predict tests/fuzz/seeds/model/xor data/xor.csv");
    cr_expect(result.status == 0 && lines_of(result.out) == 5, "%s", result.out);
}

/* The model of the shop with `from` replaced by `to`, as long. */
static const char *doctored(const char *from, const char *to) {
    char bytes[8000];
    FILE *file = fopen(scratch_path("run/model.safetensors"), "rb");
    cr_assert_not_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cr_assert(size < sizeof bytes && strlen(from) == strlen(to), "%s", from);
    char *at = memmem(bytes, size, from, strlen(from));
    cr_assert_not_null(at, "%s", from);
    memcpy(at, to, strlen(to));
    at = memmem(bytes, size, "\"xxh64\"", 7); /* without its checksum, it is looked at */
    cr_assert_not_null(at);
    memcpy(at, "\"xxh46\"", 7);
    return write_bytes("m", bytes, size);
}

Test(cli_tabular, models_are_not_believed) {
    static const char *const cases[][3] = {
        {"\"target_columns\":\"3 4\"", "\"target_columns\":\"3 3\"", "its columns or categories are malformed"},
        {"\"target_columns\":\"3 4\"", "\"target_columns\":\"3 9\"", "its columns or categories are malformed"},
        {"\"target_columns\":\"3 4\"", "\"target_columns\":\"3 x\"", "its columns or categories are malformed"},
        {"\"target_columns\":\"3 4\"", "\"target_columns\":\"334\"", "its columns or categories are malformed"},
        {"\"other_columns\":\"0\"", "\"other_columns\":\"3\"", "its columns or categories are malformed"},
        {"\\\"0\\\":[", "\\\"7\\\":[", "its columns or categories are malformed"},
        {"\\\"blue\\\",\\\"red\\\"", "\\\"blue\\\",\\\"blu\\\"", NULL},
        {"\\\"blue\\\",\\\"red\\\"", "\\\"red\\\", \\\"red\\\"", "its columns or categories are malformed"},
        {"\\\"blue\\\",\\\"red\\\"", "\\\"blue,\\\\\\\"red\\\"", "its features or target names do not"},
        {"\"missing\":\"mean\"", "\"missing\":\"meen\"", "its missing or separator is unknown"},
        {"\"input_fill\"", "\"input_full\"", "its categories or input_fill do not fit its inputs"},
        {"\"multilabel\"", "\"regression\"", NULL},
        {"[\\\"sold\\\",\\\"hot\\\"]", "[\\\"sold_\\\\\\\"hot\\\"]",
         "its features or target names do not fit its columns"},
    };
    outcome result = train_shop(LABELS);
    cr_assert_eq(result.status, 0, "%s", result.err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        result = run("shardprop info %s", doctored(cases[i][0], cases[i][1]));
        if (cases[i][2])
            expect_one_line(&result, 3, cases[i][2]);
        else
            cr_expect_eq(result.status, 0, "%s: %s", cases[i][1], result.err);
    }
}
