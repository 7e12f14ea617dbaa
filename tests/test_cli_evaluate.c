/* What evaluate prints, against the predictions of predict; and metrics in a training. */
#include "base/json.h"
#include "golden.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trains into the scratch folder; the path of the run. */
static const char *trained(const char *what) {
    outcome result = run("shardprop train --quiet %s -s output.dir='%s'", what, scratch_path("run"));
    cr_assert_eq(result.status, 0, "%s: %s", what, result.err);
    return scratch_path("run");
}

static sp_json *evaluated(const char *model, const char *data) {
    outcome result = run("shardprop evaluate --json %s %s", model, data);
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_str_empty(result.err);
    sp_json *root = sp_json_parse(result.out, strlen(result.out));
    cr_assert_not_null(root, "no JSON: %.200s", result.out);
    return root;
}

static const sp_json *item_at(const sp_json *array, size_t index) {
    const sp_json *item = sp_json_first(array);
    for (size_t i = 0; i < index && item; i++) item = sp_json_next(item);
    cr_assert_not_null(item, "no item %zu", index);
    return item;
}

/* A number by its path, "macro.f1" or "classes.3.recall"; NaN: null. */
static double at(const sp_json *root, const char *path) {
    char *names = strdup(path), *rest;
    double number;
    for (char *name = strtok_r(names, ".", &rest); name && root; name = strtok_r(NULL, ".", &rest))
        root =
            strspn(name, "0123456789") == strlen(name) ? item_at(root, (size_t)atol(name)) : sp_json_member(root, name);
    cr_assert_not_null(root, "no %s", path);
    free(names);
    return sp_json_number(root, &number) ? number : NAN;
}

static double about_class(const sp_json *root, size_t class, const char *name) {
    char path[60];
    snprintf(path, sizeof path, "classes.%zu.%s", class, name);
    return at(root, path);
}

static void expect_narrow(const char *text) {
    char *copy = strdup(text);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        size_t columns = 0; /* characters: nothing in these tests is wider than one */
        for (const char *c = line; *c; c++) columns += (*c & 0xC0) != 0x80;
        cr_expect_leq(columns, 80, "%s", line);
    }
    free(copy);
}

/* ---- Classes -------------------------------------------------------------------------------- */

enum { DIGITS = 1797, TEN = 10 };

/* Truth and probabilities of the digits, from the data and from predict. */
static void read_digits(const char *model, int *truth, double (*p)[TEN]) {
    outcome result = run("shardprop predict -p %s data/digits.csv | tail -n +2 > '%s'\n"
                         "tail -n +2 data/digits.csv | sed 's/.*,//' | paste -d, - '%s'",
                         model, scratch_path("p"), scratch_path("p"));
    char *text = result.out;
    for (int i = 0; i < DIGITS; i++) {
        truth[i] = (int)strtol(text, &text, 10);
        strtol(text + 1, &text, 10); /* the prediction: the largest probability */
        for (int j = 0; j < TEN; j++) p[i][j] = strtod(text + 1, &text);
    }
    cr_assert_str_eq(text, "\n");
}

static double area_of(const int *truth, double (*p)[TEN], int class) {
    double won = 0, pairs = 0;
    for (int i = 0; i < DIGITS; i++)
        for (int j = 0; j < DIGITS && truth[i] == class; j++) {
            if (truth[j] == class) continue;
            won += p[i][class] > p[j][class] ? 1 : p[i][class] == p[j][class] ? 0.5 : 0;
            pairs++;
        }
    return won / pairs;
}

Test(cli_evaluate, numbers_of_classes_are_those_of_the_predictions) {
    static double p[DIGITS][TEN];
    static int truth[DIGITS];
    const char *model = trained("configs/digits.ini -s train.epochs=1");
    double counts[TEN][TEN] = {{0}}, log_loss = 0, among = 0, macro = 0, recalls = 0, areas = 0, right = 0;
    read_digits(model, truth, p);
    for (int i = 0; i < DIGITS; i++) {
        int best = 0, larger = 0;
        for (int j = 1; j < TEN; j++)
            if (p[i][j] > p[i][best]) best = j;
        for (int j = 0; j < TEN; j++) larger += p[i][j] > p[i][truth[i]];
        counts[truth[i]][best]++;
        among += larger < 5;
        right += best == truth[i];
        log_loss -= log(p[i][truth[i]]) / DIGITS;
    }
    sp_json *found = evaluated(model, "data/digits.csv");
    for (size_t c = 0; c < TEN; c++) {
        char path[40];
        double support = 0, predicted = 0;
        for (size_t j = 0; j < TEN; j++) {
            support += counts[c][j];
            predicted += counts[j][c];
            snprintf(path, sizeof path, "confusion.%zu.%zu", c, j);
            cr_expect_eq(at(found, path), counts[c][j], "%s", path);
        }
        double precision = counts[c][c] / predicted, recall = counts[c][c] / support;
        double f1 = 2 * precision * recall / (precision + recall), area = area_of(truth, p, (int)c);
        cr_expect_float_eq(about_class(found, c, "precision"), precision, 1e-12);
        cr_expect_float_eq(about_class(found, c, "recall"), recall, 1e-12);
        cr_expect_float_eq(about_class(found, c, "f1"), f1, 1e-12);
        cr_expect_float_eq(about_class(found, c, "auc"), area, 1e-12);
        cr_expect_eq(about_class(found, c, "support"), support);
        cr_expect_eq(about_class(found, c, "predicted"), predicted);
        macro += f1 / TEN;
        recalls += recall / TEN;
        areas += area / TEN;
    }
    cr_expect_eq(at(found, "rows"), DIGITS);
    cr_expect_float_eq(at(found, "accuracy"), right / DIGITS, 1e-12);
    cr_expect(right / DIGITS > 0.5 && right / DIGITS < 1, "errors to agree on");
    cr_expect_float_eq(at(found, "balanced_accuracy"), recalls, 1e-12);
    cr_expect_float_eq(at(found, "macro.f1"), macro, 1e-12);
    cr_expect_float_eq(at(found, "auc"), areas, 1e-12);
    cr_expect_eq(at(found, "top_k"), 5);
    cr_expect_float_eq(at(found, "top_k_accuracy"), among / DIGITS, 1e-12);
    cr_expect_float_eq(at(found, "log_loss"), log_loss, 1e-6, "float32 probabilities do not quite sum to 1");
    cr_expect_float_eq(at(found, "loss"), at(found, "log_loss"), 1e-6);
    cr_expect_str_eq(sp_json_text(sp_json_member(found, "task")), "classification");
    sp_json_destroy(found);
}

Test(cli_evaluate, the_table_says_the_same) {
    static const char *const sets[] = {"iris", "digits"};
    for (int i = 0; i < 2; i++) {
        char what[80], data[40], line[60];
        snprintf(what, sizeof what, "configs/%s.ini -s train.epochs=2", sets[i]);
        snprintf(data, sizeof data, "data/%s.csv", sets[i]);
        const char *model = trained(what);
        char *table = run("shardprop evaluate %s %s", model, data).out;
        sp_json *json = evaluated(model, data);
        expect_narrow(table);
        cr_expect_float_eq(number_after(table, "accuracy"), at(json, "accuracy"), 1e-6);
        cr_expect_float_eq(number_after(table, "balanced_accuracy"), at(json, "balanced_accuracy"), 1e-6);
        cr_expect_float_eq(number_after(table, "auc"), at(json, "auc"), 1e-6);
        cr_expect_float_eq(number_after(table, "macro mean"), at(json, "macro.precision"), 1e-4);
        cr_expect_float_eq(number_after(table, "weighted mean"), at(json, "weighted.precision"), 1e-4);
        cr_expect_eq(strstr(table, "top_5_accuracy") != NULL, i == 1, "three classes have no top five");
        /* The first class in the matrix: its name, then its row. */
        const char *matrix = strstr(table, "\nconfusion: ");
        snprintf(line, sizeof line, "\n%s", i == 0 ? "setosa" : "0");
        cr_assert(matrix && strstr(matrix, line), "%s", table);
        cr_expect_eq(number_after(matrix, line), at(json, "confusion.0.0"), "%s", table);
        sp_json_destroy(json);
    }
}

Test(cli_evaluate, top_k_and_the_matrix_as_a_file) {
    const char *model = trained("configs/iris.ini -s train.epochs=3"), *path = scratch_path("m.csv");
    outcome result = run("shardprop evaluate -k 2 --confusion %s %s data/iris.csv", path, model);
    cr_assert_eq(result.status, 0, "%s", result.err);
    double two = number_after(result.out, "top_2_accuracy");
    cr_expect(two >= number_after(result.out, "accuracy") && two <= 1, "%s", result.out);
    cr_expect_eq(number_after(run("shardprop evaluate -k 3 %s data/iris.csv", model).out, "top_3_accuracy"), 1.0);
    cr_expect_eq(number_after(run("shardprop evaluate -k 1 %s data/iris.csv", model).out, "top_1_accuracy"),
                 number_after(result.out, "accuracy"));
    sp_json *json = evaluated(model, "data/iris.csv");
    char expected[200];
    snprintf(expected, sizeof expected,
             "class,setosa,versicolor,virginica\nsetosa,%g,%g,%g\nversicolor,%g,%g,%g\nvirginica,%g,%g,%g\n",
             at(json, "confusion.0.0"), at(json, "confusion.0.1"), at(json, "confusion.0.2"), at(json, "confusion.1.0"),
             at(json, "confusion.1.1"), at(json, "confusion.1.2"), at(json, "confusion.2.0"), at(json, "confusion.2.1"),
             at(json, "confusion.2.2"));
    cr_expect_str_eq(read_text(path), expected);
    sp_json_destroy(json);
}

/* A training of `classes` classes, whose names are long and not ASCII, on rows that cannot tell them all apart. */
static const char *train_many(int classes) {
    char what[300];
    FILE *file = fopen(scratch_path("many.csv"), "w");
    fputs("x,y,name\n", file);
    for (int i = 0; i < 4 * classes; i++)
        fprintf(file, "%d,%d,Größe Ψ%03d so lang wie nötig und länger\n", i % classes / 3, i % 7, i % classes);
    cr_assert_eq(fclose(file), 0);
    snprintf(what, sizeof what, "configs/iris.ini -s data.train=%s -s data.test= -s data.target=last -s train.epochs=2",
             scratch_path("many.csv"));
    return trained(what);
}

/* The largest count of a matrix beside its diagonal. */
static double most_confused(const sp_json *matrix, size_t classes) {
    double most = 0;
    const sp_json *row = sp_json_first(matrix);
    for (size_t i = 0; i < classes; i++, row = sp_json_next(row)) {
        const sp_json *one = sp_json_first(row);
        for (size_t j = 0; j < classes; j++, one = sp_json_next(one))
            if (i != j && golden_number(one) > most) most = golden_number(one);
    }
    return most;
}

Test(cli_evaluate, many_classes_with_long_names_fit_the_table) {
    static const size_t numbers[] = {12, 30, 130};
    for (int i = 0; i < 3; i++) {
        size_t classes = numbers[i];
        const char *model = train_many((int)classes);
        char *table = run("shardprop evaluate %s %s", model, scratch_path("many.csv")).out;
        sp_json *json = evaluated(model, scratch_path("many.csv"));
        const sp_json *matrix = sp_json_member(json, "confusion"), *all = sp_json_member(json, "classes");
        expect_narrow(table);
        cr_assert_eq(sp_json_items(matrix), classes);
        cr_assert_eq(sp_json_items(all), classes);
        cr_expect_str_eq(sp_json_text(sp_json_member(item_at(all, 7), "name")),
                         "Größe Ψ007 so lang wie nötig und länger");
        if (classes < 100) cr_expect(strstr(table, "\nGröße Ψ007 so lang wie nöti. "), "%s", table);
        cr_expect_eq(strstr(table, "\n(the 20 lowest F1 of 130 classes; --json has all)\n") != NULL, classes > 100);
        const char *listed = strstr(table, "most often confused:\n");
        cr_expect_eq(listed != NULL, classes > 20, "%s", table);
        cr_expect_eq(strstr(table, "confusion: a row for each class") != NULL, classes <= 20, "%s", table);
        if (listed) cr_expect_eq(number_after(listed, ", "), most_confused(matrix, classes), "%s", table);
        sp_json_destroy(json);
    }
}

/* ---- Values ---------------------------------------------------------------------------------- */

Test(cli_evaluate, numbers_of_values_are_those_of_the_predictions) {
    enum { ROWS = 150 };
    run("sed 's/,[^,]*$//' data/iris.csv > '%s'", scratch_path("values.csv"));
    char what[300];
    snprintf(what, sizeof what, "configs/iris.ini -s data.train=%s -s data.task=regression -s data.target=petal_width",
             scratch_path("values.csv"));
    const char *model = trained(what), *data = scratch_path("values.csv");
    char *text = run("shardprop predict %s %s | tail -n +2 > '%s'; tail -n +2 %s | sed 's/.*,//' | paste -d, - '%s'",
                     model, data, scratch_path("p"), data, scratch_path("p"))
                     .out;
    double truth[ROWS], found[ROWS], mean = 0, squares = 0, misses = 0, spread = 0;
    for (int i = 0; i < ROWS; i++) {
        truth[i] = (float)strtod(text, &text);
        found[i] = strtod(text + 1, &text);
        mean += truth[i] / ROWS;
    }
    for (int i = 0; i < ROWS; i++) {
        squares += (found[i] - truth[i]) * (found[i] - truth[i]);
        misses += fabs(found[i] - truth[i]);
        spread += (truth[i] - mean) * (truth[i] - mean);
    }
    sp_json *json = evaluated(model, data);
    cr_expect_str_eq(sp_json_text(sp_json_member(json, "task")), "regression");
    cr_expect(squares > 0 && squares < spread, "%g of %g", squares, spread);
    cr_expect_float_eq(at(json, "r2"), 1 - squares / spread, 1e-6);
    cr_expect_float_eq(at(json, "mae"), misses / ROWS, 1e-6);
    cr_expect_float_eq(at(json, "rmse"), sqrt(squares / ROWS), 1e-6);
    cr_expect_str_eq(sp_json_text(sp_json_member(item_at(sp_json_member(json, "targets"), 0), "name")), "petal_width");
    cr_expect_eq(at(json, "targets.0.r2"), at(json, "r2"));
    char *table = run("shardprop evaluate %s %s", model, data).out;
    expect_narrow(table);
    cr_expect_float_eq(number_after(table, "r2"), at(json, "r2"), 1e-8);
    cr_expect_float_eq(number_after(table, "rmse"), at(json, "rmse"), 1e-8);
    sp_json_destroy(json);
}

Test(cli_evaluate, refuses_what_a_task_has_not) {
    static const char *const calls[][2] = {
        {"-k 0", "--top-k: '0' is not valid; it takes: whole number from 1 to 3"},
        {"-k 4", "--top-k: '4' is not valid; it takes: whole number from 1 to 3"},
        {"--top-k 1.5", "--top-k: '1.5' is not valid; it takes: whole number from 1 to 3"},
    };
    const char *model = trained("configs/iris.ini -s train.epochs=1");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        outcome result = run("shardprop evaluate %s %s data/iris.csv", calls[i][0], model);
        cr_expect_eq(result.status, 2);
        cr_expect_str_empty(result.out);
        cr_expect(strstr(result.err, calls[i][1]), "%s", result.err);
    }
    outcome result = run("shardprop evaluate --confusion /no/such/folder/m.csv %s data/iris.csv", model);
    cr_expect_eq(result.status, 1, "%s", result.err);
    cr_expect_str_empty(result.out);
    char what[300];
    snprintf(what, sizeof what, "configs/iris.ini -s data.train=%s -s data.task=regression -s data.target=last",
             write_text("xy.csv", "x,y\n1,0.5\n2,0.25\n3,0.125\n4,0.1\n5,0.2\n6,0.3\n"));
    model = trained(what);
    result = run("shardprop evaluate -k 2 %s %s", model, scratch_path("xy.csv"));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "--top-k: the model has no classes; leave it out"), "%s", result.err);
    result = run("shardprop evaluate --confusion %s %s %s", scratch_path("m.csv"), model, scratch_path("xy.csv"));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "--confusion: the model has no classes; leave it out"), "%s", result.err);
}

/* Rows of the second class alone: what cannot be said of them is not said. */
Test(cli_evaluate, classes_that_do_not_occur) {
    const char *model = trained("configs/iris.ini -s train.epochs=60");
    run("grep -E 'species|versicolor' data/iris.csv > '%s'", scratch_path("one.csv"));
    sp_json *json = evaluated(model, scratch_path("one.csv"));
    cr_expect(isnan(at(json, "auc")) && isnan(at(json, "classes.1.auc")) && isnan(at(json, "classes.0.auc")));
    cr_expect_eq(at(json, "classes.0.support"), 0);
    cr_expect_eq(at(json, "classes.0.f1"), 0);
    cr_expect_eq(at(json, "classes.1.precision"), 1);
    cr_expect_eq(at(json, "balanced_accuracy"), at(json, "accuracy"), "classes that do not occur do not count");
    char *table = run("shardprop evaluate %s %s", model, scratch_path("one.csv")).out;
    cr_expect(strstr(table, "\nauc                -\n"), "%s", table);
    sp_json_destroy(json);
}

/* ---- In a training --------------------------------------------------------------------------- */

/* Splits iris into train.csv and val.csv, with few of the last class to learn from. */
static const char *rare_iris(const char *more) {
    run("awk 'NR == 1 || (NR %% 3 && (NR < 104 || NR %% 6 == 1))' data/iris.csv > '%s';"
        "awk 'NR == 1 || NR %% 3 == 0' data/iris.csv > '%s'",
        scratch_path("train.csv"), scratch_path("val.csv"));
    return format_text("configs/iris.ini -s optimizer.learning_rate=0.4 -s data.train=%s %s", scratch_path("train.csv"),
                       more);
}

/* What the weights of every epoch come to on the validation rows, and which of them a monitor then keeps. */
Test(cli_monitor, keeps_the_best_epoch_by_any_metric) {
    enum { EPOCHS = 14 };
    static const char *const metrics[][2] = {{"validation_balanced_accuracy", "balanced_accuracy"},
                                             {"validation_macro_f1", "macro.f1"},
                                             {"validation_auc", "auc"}};
    double values[3][EPOCHS];
    char options[300];
    for (int e = 0; e < EPOCHS; e++) {
        snprintf(options, sizeof options, "-s data.test= -s train.epochs=%d", e + 1);
        const char *model = trained(rare_iris(options));
        sp_json *json = evaluated(model, scratch_path("val.csv"));
        for (int m = 0; m < 3; m++) values[m][e] = at(json, metrics[m][1]);
        sp_json_destroy(json);
    }
    for (int m = 0; m < 3; m++) {
        int best = 0;
        for (int e = 1; e < EPOCHS; e++)
            if (values[m][e] > values[m][best]) best = e;
        snprintf(options, sizeof options, "-s data.test= -s data.validation=%s -s train.epochs=%d -s train.monitor=%s",
                 scratch_path("val.csv"), EPOCHS, metrics[m][0]);
        const char *model = trained(rare_iris(options));
        sp_json *json = evaluated(model, scratch_path("val.csv"));
        char *summary = read_text(scratch_path("run/summary.json"));
        cr_expect_eq(number_after(summary, "\"best_epoch\""), best + 1, "%s", metrics[m][0]);
        cr_expect_eq(at(json, metrics[m][1]), values[m][best], "%s", metrics[m][0]);
        sp_json_destroy(json);
    }
    cr_expect(values[1][0] < values[1][EPOCHS - 1], "something was learned");
}

Test(cli_monitor, does_not_depend_on_threads) {
    char options[300];
    snprintf(options, sizeof options, "-s data.validation=0.3 -s train.monitor=validation_auc -s train.epochs=8");
    const char *what = rare_iris(options);
    outcome result = run("for t in 1 2 3 4 7; do for r in private fused; do\n"
                         "    shardprop train --quiet %s -s parallel.threads=$t -s parallel.reduction=$r "
                         "-s output.dir='%s' | grep weights_xxh64 &&\n"
                         "    cksum < '%s/model.safetensors'\n"
                         "done; done",
                         what, scratch_path("run"), scratch_path("run"));
    cr_assert_eq(lines_of(result.out), 20, "%s%s", result.out, result.err);
    size_t first = (size_t)(strchr(strchr(result.out, '\n') + 1, '\n') + 1 - result.out);
    for (size_t i = 1; i < 10; i++) cr_expect_arr_eq(result.out + i * first, result.out, first, "%s", result.out);
}

Test(cli_monitor, r2_is_of_regression) {
    char what[400];
    run("sed 's/,[^,]*$//' data/iris.csv > '%s'", scratch_path("values.csv"));
    snprintf(what, sizeof what,
             "configs/iris.ini -s data.train=%s -s data.task=regression -s data.target=petal_width "
             "-s data.validation=0.3 -s train.monitor=validation_r2 -s train.epochs=20",
             scratch_path("values.csv"));
    const char *model = trained(what);
    double by_r2 = number_after(read_text(scratch_path("run/summary.json")), "\"best_epoch\"");
    /* Of the same rows the lowest squared error is the highest R2. */
    strcat(what, " -s train.monitor=validation_loss");
    cr_expect_str_eq(trained(what), model);
    cr_expect_eq(number_after(read_text(scratch_path("run/summary.json")), "\"best_epoch\""), by_r2);
}

Test(cli_evaluate, summary_has_the_metrics_of_the_test_rows) {
    static const char *const classes[][2] = {
        {"test_balanced_accuracy", "balanced_accuracy"}, {"test_macro_f1", "macro.f1"}, {"test_auc", "auc"}};
    static const char *const values[] = {"test_r2", "test_mae", "test_rmse"};
    char options[300];
    snprintf(options, sizeof options, "-s data.test=%s -s train.epochs=20", scratch_path("val.csv"));
    const char *model = trained(rare_iris(options));
    sp_json *json = evaluated(model, scratch_path("val.csv"));
    char *text = read_text(scratch_path("run/summary.json"));
    sp_json *summary = sp_json_parse(text, strlen(text));
    for (int m = 0; m < 3; m++) {
        cr_expect_eq(at(summary, classes[m][0]), at(json, classes[m][1]), "%s", classes[m][0]);
        cr_expect(isnan(at(summary, values[m])), "%s", values[m]);
    }
    cr_expect_lt(at(summary, "test_macro_f1"), 1);
    sp_json_destroy(json);
    sp_json_destroy(summary);
}

Test(cli_evaluate, a_training_of_values_tells_r2) {
    run("sed 's/,[^,]*$//' data/iris.csv > '%s'", scratch_path("values.csv"));
    outcome result = run("shardprop train --quiet configs/iris.ini -s data.train=%s -s data.task=regression "
                         "-s data.target=petal_width -s data.test=%s -s output.dir=%s",
                         scratch_path("values.csv"), scratch_path("values.csv"), scratch_path("run"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    sp_json *json = evaluated(scratch_path("run"), scratch_path("values.csv"));
    char *summary = read_text(scratch_path("run/summary.json"));
    double r2 = at(json, "r2");
    cr_expect(r2 > 0.8 && r2 < 1, "%g", r2);
    cr_expect_float_eq(number_after(strstr(result.out, "\ntest "), "r2"), r2, 1e-4);
    cr_expect_eq(number_after(summary, "\"test_r2\""), r2);
    cr_expect_eq(number_after(summary, "\"test_mae\""), at(json, "mae"));
    cr_expect_eq(number_after(summary, "\"test_rmse\""), at(json, "rmse"));
    cr_expect(isnan(number_after(summary, "\"test_auc\"")));
    sp_json_destroy(json);
    run("head -2 '%s' > '%s'", scratch_path("values.csv"), scratch_path("one.csv"));
    result = run("shardprop evaluate %s %s", scratch_path("run"), scratch_path("one.csv"));
    cr_expect(strstr(result.out, "\nr2                 -\n"), "undefined, of a single row: %s", result.out);
}
