/* Training as a user runs it: what is learned, and what is left behind. */
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 8 }; /* of metrics.csv */

static const char header[] = "epoch,seconds,learning_rate,train_loss,train_accuracy,validation_loss,"
                             "validation_accuracy,samples_per_second";

/* Trains `what` (a config and options) into run/ of the scratch folder; what it prints is results alone. */
static outcome train(const char *what) {
    outcome result = run("shardprop train --quiet -s output.dir='%s' %s", scratch_path("run"), what);
    cr_assert_eq(result.status, 0, "%s: %s", what, result.err);
    cr_assert_str_empty(result.err);
    return result;
}

static cJSON *summary(void) {
    char *text = read_text(scratch_path("run/summary.json"));
    cJSON *root = cJSON_Parse(text);
    cr_assert_not_null(root, "summary.json is not JSON: %s", text);
    return keep(root);
}

/* A number of summary.json; NAN: null. */
static double number(const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(summary(), key);
    cr_assert(item && (cJSON_IsNumber(item) || cJSON_IsNull(item)), "%s is neither number nor null", key);
    return cJSON_IsNull(item) ? NAN : item->valuedouble;
}

static const char *text(const char *key) {
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(summary(), key));
    cr_assert_not_null(value, "%s is no text", key);
    return value;
}

/* The rows of metrics.csv, checked on the way, without the figures of single layers; an empty cell is NAN. */
static size_t read_metrics(double rows[][COLUMNS], size_t most) {
    char *at = read_text(scratch_path("run/metrics.csv"));
    cr_assert(strncmp(at, header, strlen(header)) == 0, "another header: %.200s", at);
    size_t count = 0;
    cr_assert(strncmp(at + strlen(header), ",layer1_gradient_norm,layer1_update_ratio,layer1_saturated,layer1_dead",
                      30) == 0);
    for (at = strchr(at, '\n') + 1; *at; count++) {
        cr_assert_lt(count, most);
        for (int j = 0; j < COLUMNS; j++) {
            char *end = at;
            rows[count][j] = *at == ',' || *at == '\n' ? NAN : strtod(at, &end);
            cr_assert_eq(*end, ',', "row %zu, column %d: '%.20s'", count + 1, j + 1, at);
            at = end + 1;
        }
        at = strchr(at, '\n') + 1;
        cr_assert_eq(rows[count][0], (double)count + 1);
    }
    return count;
}

/* ---- What is learned ------------------------------------------------------------------------ */

Test(cli_train, xor_without_an_error) {
    outcome result = train("configs/xor.ini");
    cr_expect(strstr(result.out, "completed after 2000 epochs in "), "%s", result.out);
    cr_expect(strstr(result.out, "\ntrain      accuracy 1.0000  loss "));
    cr_expect_null(strstr(result.out, "test "), "there are no test rows");
    cr_expect_eq(number("train_accuracy"), 1.0);
    cr_expect_lt(number("train_loss"), 0.05);
}

Test(cli_train, iris) {
    train("configs/iris.ini");
    cr_expect_geq(number("train_accuracy"), 0.95);
    cr_expect_geq(number("test_accuracy"), 0.9);
}

Test(cli_train, digits_to_97_percent) {
    train("configs/digits.ini");
    cr_expect_geq(number("test_accuracy"), 0.97);
    cr_expect_eq(number("parameters"), 64 * 128 + 128 + 128 * 10 + 10);
}

Test(cli_train, mnist_in_one_epoch) {
    static const char what[] = "configs/mnist.ini -s train.epochs=1 -s train.batch_size=100 -s network.hidden=100";
    char more[200];
    if (!have_mnist()) cr_skip_test("no MNIST");
    snprintf(more, sizeof more, "%s -s parallel.threads=1", what);
    outcome one = train(more);
    cr_expect_gt(number("test_accuracy"), 0.9);
    snprintf(more, sizeof more, "%s -s parallel.threads=4", what);
    outcome four = train(more);
    cr_expect_str_eq(hash_of(&four), hash_of(&one));
}

/* ---- What is left behind -------------------------------------------------------------------- */

Test(cli_train, run_directory_has_the_files_of_the_contract) {
    train("configs/iris.ini -s train.epochs=1");
    cr_expect_str_eq(run("ls -A %s", scratch_path("run")).out,
                     "checkpoint.safetensors\nconfig.ini\nmetrics.csv\nmodel.safetensors\nsummary.json\n");
}

Test(cli_train, metrics_have_a_row_an_epoch) {
    double rows[20][COLUMNS], samples = 0;
    train("configs/iris.ini -s train.epochs=7 -s data.validation=0.2");
    cr_assert_eq(read_metrics(rows, 20), 7);
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < COLUMNS; j++) cr_expect(isfinite(rows[i][j]), "row %d, column %d", i + 1, j + 1);
        cr_expect_float_eq(rows[i][2], 0.1, 1e-9);
        samples += rows[i][1] * rows[i][7];
    }
    cr_expect_float_eq(samples, 7 * 90, 63,
                       "microseconds aside, seconds times samples a second are the rows trained on");
    cr_expect_lt(rows[6][3], rows[0][3], "the loss falls");
    cr_expect_float_eq(number("samples_per_second") * number("train_seconds"), 7 * 90, 1e-3);
    cr_expect_geq(number("total_seconds"), number("train_seconds"));
}

Test(cli_train, metrics_leave_empty_what_is_not_measured) {
    double rows[2][COLUMNS];
    train("configs/iris.ini -s train.epochs=1 -s data.test=");
    cr_assert_eq(read_metrics(rows, 2), 1);
    cr_expect(isnan(rows[0][5]) && isnan(rows[0][6]), "no validation rows");
    cr_expect(!isnan(rows[0][3]) && !isnan(rows[0][4]));
    write_text("line.csv", "x,y\n1,0.5\n2,0.75\n3,1.125\n4,1.5\n");
    char what[300];
    snprintf(what, sizeof what, "configs/iris.ini -s data.train=%s -s data.target=y -s data.test= -s train.epochs=1",
             scratch_path("line.csv"));
    train(what);
    cr_assert_eq(read_metrics(rows, 2), 1);
    cr_expect(isnan(rows[0][4]), "regression has no accuracy");
    cr_expect(!isnan(rows[0][3]));
}

Test(cli_train, summary_has_the_keys_of_the_contract) {
    static const char *const keys[] = {"status",         "epochs",          "best_epoch",          "train_loss",
                                       "train_accuracy", "validation_loss", "validation_accuracy", "test_loss",
                                       "test_accuracy",  "train_seconds",   "total_seconds",       "samples_per_second",
                                       "threads",        "shards",          "parameters",          "weights_xxh64",
                                       "version"};
    outcome result = train("configs/xor.ini -s train.epochs=3");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_expect(cJSON_HasObjectItem(summary(), keys[i]), "no %s", keys[i]);
    cr_expect_str_eq(text("status"), "completed");
    cr_expect_str_eq(text("weights_xxh64"), hash_of(&result));
    cr_expect_str_eq(text("version"), sp_version());
    cr_expect_eq(number("epochs"), 3);
    cr_expect_eq(number("best_epoch"), 3, "without validation rows the last is the best");
    cr_expect(isnan(number("validation_loss")) && isnan(number("validation_accuracy")), "null: not measured");
    cr_expect(isnan(number("test_loss")) && isnan(number("test_accuracy")), "null: not measured");
    cr_expect(isfinite(number("train_loss")));
}

Test(cli_train, resolved_config_trains_to_the_same_weights) {
    outcome first = train("configs/digits.ini -s train.epochs=2 -s data.validation=0.1 -s train.seed=9");
    const char *config = scratch_path("kept.ini");
    run("cp %s %s", scratch_path("run/config.ini"), config);
    outcome second = train(config);
    cr_expect_str_eq(hash_of(&second), hash_of(&first));
    cr_expect_str_eq(read_text(scratch_path("run/config.ini")), read_text(config));
    /* In its own place, too: the old one moves aside after it has been read. */
    outcome third = run("shardprop train -q %s", scratch_path("run/config.ini"));
    cr_expect_eq(third.status, 0, "%s", third.err);
    cr_expect_str_eq(hash_of(&third), hash_of(&first));
}

Test(cli_train, a_second_run_keeps_the_first) {
    outcome first = train("configs/iris.ini -s train.epochs=1"), second = train("configs/iris.ini -s train.epochs=2");
    cr_expect_str_eq(run("ls -A %s", scratch_path("run")).out,
                     "checkpoint.safetensors\nconfig.ini\nmetrics.csv\nmodel.safetensors\nprevious\nsummary.json\n");
    cr_expect_str_eq(run("ls -A %s", scratch_path("run/previous")).out,
                     "checkpoint.safetensors\nconfig.ini\nmetrics.csv\nmodel.safetensors\nsummary.json\n");
    cr_expect(strstr(read_text(scratch_path("run/previous/summary.json")), hash_of(&first)));
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), hash_of(&second)));
    cr_expect_eq(lines_of(read_text(scratch_path("run/previous/metrics.csv"))), 2);
    outcome third = train("configs/iris.ini -s train.epochs=3");
    cr_expect(strstr(read_text(scratch_path("run/previous/summary.json")), hash_of(&second)),
              "the one before, not all");
    cr_expect(strstr(read_text(scratch_path("run/summary.json")), hash_of(&third)));
}

Test(cli_train, other_files_in_the_directory_stay) {
    run("mkdir %s", scratch_path("run"));
    write_text("run/notes.txt", "mine");
    train("configs/iris.ini -s train.epochs=1");
    train("configs/iris.ini -s train.epochs=1");
    cr_expect_str_eq(read_text(scratch_path("run/notes.txt")), "mine");
}

Test(cli_train, default_directory_is_runs_and_the_name_of_the_config) {
    char program[4096];
    cr_assert_not_null(realpath(SHARDPROP_PROGRAM, program));
    outcome result = run("cp data/iris.csv %s && cd %s && printf '[data]\\ntrain = iris.csv\\n[train]\\nepochs = 1\\n' "
                         "> first.try.ini && '%s' train -q first.try.ini && ls runs/first.try",
                         scratch(), scratch(), program);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "saved in runs/first.try\ncheckpoint.safetensors\nconfig.ini\n"), "%s", result.out);
}

/* ---- Validation ----------------------------------------------------------------------------- */

/* Splits iris into train.csv and val.csv, every third row to val.csv. */
static void split_iris(void) {
    run("awk 'NR == 1 || NR %% 3' data/iris.csv > %s; awk 'NR == 1 || NR %% 3 == 0' data/iris.csv > %s",
        scratch_path("train.csv"), scratch_path("val.csv"));
}

static const char *iris_parts(const char *more) {
    char *what;
    split_iris();
    what = format_text("configs/iris.ini -s data.train=%s -s data.validation=%s -s data.test= %s",
                       scratch_path("train.csv"), scratch_path("val.csv"), more);
    return what;
}

static void check_patience(const char *settings) {
    double rows[101][COLUMNS];
    outcome result = train(iris_parts(settings));
    size_t epochs = read_metrics(rows, 101), best = 0;
    for (size_t i = 1; i < epochs; i++)
        if (rows[i][6] > rows[best][6]) best = i;
    cr_expect_str_eq(text("status"), "stopped_early");
    cr_expect(strstr(result.out, "stopped early after "), "%s", result.out);
    cr_expect_lt(epochs, 100);
    cr_expect_eq(number("epochs"), (double)epochs);
    cr_expect_eq(number("best_epoch"), (double)best + 1, "the first of the best validation accuracy");
    cr_expect_eq(epochs, best + 1 + 4, "four epochs without a better one");
    cr_expect_float_eq(number("validation_accuracy"), rows[best][6], 1e-6);

    /* The saved weights are those of the best epoch, the hash is of the last. */
    outcome score = run("shardprop evaluate %s %s", scratch_path("run"), scratch_path("val.csv"));
    cr_expect_float_eq(number_after(score.out, "accuracy"), number("validation_accuracy"), 1e-6);
    cr_expect_float_eq(number_after(score.out, "loss"), rows[best][5], 1e-6);
    cr_expect_float_eq(number_after(score.out, "loss"), number("validation_loss"), 1e-6);
    cr_expect_null(strstr(run("shardprop info %s", scratch_path("run")).out, hash_of(&result)));
}

Test(cli_validation, patience_stops_and_the_best_weights_are_saved) {
    check_patience("-s train.patience=4");
    check_patience("-s train.patience=4 -s optimizer.ema=0.9");
    check_patience("-s train.patience=4 -s network.dropout=0.25");
}

Test(cli_validation, monitor_may_be_the_loss) {
    double rows[101][COLUMNS];
    train(iris_parts("-s train.monitor=validation_loss -s optimizer.learning_rate=1.5 -s train.epochs=30"));
    size_t epochs = read_metrics(rows, 101), best = 0;
    for (size_t i = 1; i < epochs; i++)
        if (rows[i][5] < rows[best][5]) best = i;
    cr_expect_eq(epochs, 30);
    cr_expect_eq(number("best_epoch"), (double)best + 1);
    cr_expect_float_eq(number("validation_loss"), rows[best][5], 1e-6);
}

/* optimizer.ema: it is the average that is judged and saved, and the training does not know. */
Test(cli_validation, an_average_of_the_weights_is_judged_and_saved) {
    double plain[31][COLUMNS], averaged[31][COLUMNS];
    outcome result = train(iris_parts("-s train.epochs=30"));
    cr_assert_eq(read_metrics(plain, 31), 30);
    const char *hash = hash_of(&result);
    result = train(iris_parts("-s train.epochs=30 -s optimizer.ema=0.98"));
    cr_assert_eq(read_metrics(averaged, 31), 30);
    cr_expect_str_eq(hash_of(&result), hash, "of the weights in training");
    size_t best = (size_t)number("best_epoch") - 1;
    for (size_t i = 0; i < 30; i++) {
        cr_expect_eq(averaged[i][3], plain[i][3], "training loss of epoch %zu", i + 1);
        cr_expect_neq(averaged[i][5], plain[i][5], "validation loss of epoch %zu", i + 1);
    }
    outcome score = run("shardprop evaluate %s %s", scratch_path("run"), scratch_path("val.csv"));
    cr_expect_float_eq(number_after(score.out, "loss"), averaged[best][5], 1e-6);
}

Test(cli_validation, shares_leave_the_rest_for_training) {
    outcome result = run("shardprop train configs/iris.ini -s data.validation=0.2 -s train.epochs=1 -s output.dir=%s",
                         scratch_path("run"));
    cr_expect(strstr(result.err, "\n90 rows in mini-batches of 16;"), "%s", result.err);
    cr_expect(strstr(result.out, "\nvalidation accuracy "), "%s", result.out);
    cr_expect(strstr(result.out, "\ntest       accuracy "), "%s", result.out);
}

Test(cli_validation, a_later_epoch_must_be_better_not_as_good) {
    double rows[21][COLUMNS];
    train(iris_parts("-s optimizer.learning_rate=0 -s train.patience=5 -s train.epochs=20"));
    cr_expect_eq(read_metrics(rows, 21), 6, "nothing moves: the first is the best");
    cr_expect_eq(number("best_epoch"), 1);
}

/* ---- Ends that are not happy ---------------------------------------------------------------- */

Test(cli_train, divergence_is_said_and_the_saved_weights_are_finite) {
    outcome result = run("shardprop train configs/digits.ini -s output.dir=%s -s optimizer.learning_rate=1000 "
                         "-s train.loss=squared_error -s network.output_activation=identity",
                         scratch_path("run"));
    cr_expect_eq(result.status, 1);
    cr_expect_str_empty(result.out);
    cr_expect(strstr(result.err, "shardprop: configs/digits.ini: the training diverged in epoch 1, step "), "%s",
              result.err);
    cr_expect(strstr(result.err, "lower optimizer.learning_rate"), "%s", result.err);
    cr_expect_null(strstr(result.err, "-nan"), "%s", result.err);
    cr_expect_str_eq(text("status"), "diverged");
    outcome score = run("shardprop evaluate %s data/digits.csv", scratch_path("run"));
    cr_expect_eq(score.status, 0, "%s", score.err);
    cr_expect(isfinite(number_after(score.out, "loss")), "%s", score.out);
}

Test(cli_train, directory_that_cannot_be_written) {
    const char *file = write_text("file", "");
    outcome result = run("shardprop train configs/iris.ini -s output.dir=%s/run", file);
    cr_expect_eq(result.status, 1);
    cr_expect_str_empty(result.out);
    cr_expect_eq(lines_of(result.err), 1, "before any work: %s", result.err);
    cr_expect(strstr(result.err, "/file/run: cannot be created ("), "%s", result.err);
    cr_expect_str_eq(read_text(file), "");
}

/* Sends `signals` ("-INT", say, or two of them) to a long training once it has done an epoch. */
static outcome interrupt(const char *first, const char *second) {
    run("rm -rf '%s'", scratch_path("run"));
    return run("\"%s\" train configs/digits.ini -s train.epochs=1000000 -s parallel.threads=2 -s output.dir='%s' &\n"
               "program=$!\n"
               "for i in $(seq 600); do\n"
               "    [ \"$(cat '%s' 2>&1 | wc -l)\" -gt 1 ] && break\n"
               "    sleep 0.1\n"
               "done\n"
               "kill %s $program\n"
               "[ -z '%s' ] || kill %s $program\n"
               "wait $program",
               SHARDPROP_PROGRAM, scratch_path("run"), scratch_path("run/metrics.csv"), first, second, second);
}

/* Whether a line is an error's: "shardprop: ...", but no warning, such as of a loss that stays, which may come first.
 */
static bool has_error_line(const char *err) {
    static const char error[] = "shardprop: ", warning[] = "shardprop: warning: ";
    for (const char *line = err; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, error, strlen(error)) == 0 && strncmp(line, warning, strlen(warning)) != 0) return true;
    return false;
}

Test(cli_interrupt, an_error_line_is_told_from_a_warning) {
    cr_expect_not(has_error_line("epoch 1/9 loss 1\nshardprop: warning: the training loss has stayed\n"));
    cr_expect(has_error_line("shardprop: warning: a\nshardprop: c.ini: cannot be read\n"));
}

/* Valid files that say how it ended, and how far it came. */
static void expect_interrupted(const outcome *result, int status) {
    static double rows[100000][COLUMNS];
    cr_expect_eq(result->status, status, "status %d\n%s", result->status, result->err);
    cr_expect(strstr(result->out, "interrupted after "), "%s", result->out);
    cr_expect_not(has_error_line(result->err), "%s", result->err);
    cr_expect_str_eq(text("status"), "interrupted");
    cr_expect_str_eq(text("weights_xxh64"), hash_of(result));
    size_t epochs = read_metrics(rows, 100000);
    double samples = 0;
    for (size_t i = 0; i < epochs; i++) samples += rows[i][1] * rows[i][7];
    cr_expect_eq(number("epochs"), (double)epochs);
    double counted = number("samples_per_second") * number("train_seconds");
    /* The epoch that was cut short is no row, but its steps count. */
    cr_expect(counted >= 0.99 * samples && counted < 1.01 * samples + 1797, "%g samples in steps, %g in epochs",
              counted, samples);
    outcome score = run("shardprop evaluate %s data/digits.csv", scratch_path("run"));
    cr_expect_eq(score.status, 0, "%s", score.err);
    cr_expect_str_eq(run("ls -A %s", scratch_path("run")).out,
                     "checkpoint.safetensors\nconfig.ini\nmetrics.csv\nmodel.safetensors\nsummary.json\n");
}

Test(cli_interrupt, by_ctrl_c) {
    outcome result = interrupt("-INT", "");
    expect_interrupted(&result, 128 + 2);
}

Test(cli_interrupt, by_a_scheduler) {
    outcome result = interrupt("-TERM", "");
    expect_interrupted(&result, 128 + 15);
}

/* timeout(1) sends its signal to the program and to its process group. */
Test(cli_interrupt, by_the_same_signal_twice) {
    outcome result = interrupt("-TERM", "-TERM");
    expect_interrupted(&result, 128 + 15);
    result = interrupt("-INT", "-INT");
    expect_interrupted(&result, 128 + 2);
}

/* Steps of single rows: hardly ever does an epoch end just then. */
Test(cli_interrupt, within_an_epoch_its_steps_are_told) {
    outcome result = run("\"%s\" train -q configs/digits.ini -s train.epochs=1000000 -s train.batch_size=1 "
                         "-s optimizer.learning_rate=0.001 -s data.validation=0.1 -s output.dir='%s' & program=$!\n"
                         "for i in $(seq 600); do [ \"$(cat '%s' 2>&1 | wc -l)\" -gt 2 ] && break; sleep 0.1; done\n"
                         "sleep 0.05; kill -INT $program; wait $program",
                         SHARDPROP_PROGRAM, scratch_path("run"), scratch_path("run/metrics.csv"));
    cr_expect_eq(result.status, 130, "%s", result.err);
    const char *summary = read_text(scratch_path("run/summary.json"));
    double epochs = number_after(summary, "\"epochs\":"), steps = number_after(summary, "\"steps\":");
    cr_assert(epochs > 0 && steps > 0, "%s", summary);
    cr_expect(strstr(result.out, format_text("interrupted after %.0f epoch%s and %.0f step%s in ", epochs,
                                             epochs == 1 ? "" : "s", steps, steps == 1 ? "" : "s")),
              "%s", result.out);
}

/* ---- What else may be asked for --------------------------------------------------------------- */

Test(cli_train, tells_where_the_time_goes_when_asked) {
    const char *const names[] = {"gather", "forward", "loss", "backward", "gradient", "update", "barrier"};
    train("configs/digits.ini -s train.epochs=2");
    cr_expect_null(cJSON_GetObjectItemCaseSensitive(summary(), "phases"), "nobody asked");
    outcome result = train("configs/digits.ini -s train.epochs=2 -s parallel.threads=2 --phases");
    const cJSON *phases = cJSON_GetObjectItemCaseSensitive(summary(), "phases");
    cr_assert_eq(cJSON_GetArraySize(phases), 7);
    double sum = 0;
    for (int i = 0; i < 7; i++) {
        const cJSON *seconds = cJSON_GetObjectItemCaseSensitive(phases, names[i]);
        cr_assert(cJSON_IsNumber(seconds), "%s", names[i]);
        cr_expect(strstr(result.out, names[i]), "%s is printed", names[i]);
        cr_expect_geq(seconds->valuedouble, 0);
        sum += seconds->valuedouble;
    }
    cr_expect_gt(sum, 0);
    cr_expect_leq(sum, 2 * number("train_seconds"), "two threads have no more time than that");
}

/* metrics.csv has the learning rate of an epoch's last step. */
Test(cli_train, a_schedule_and_an_optimizer_as_a_user_sets_them) {
    train("configs/iris.ini -s optimizer.name=adam -s optimizer.learning_rate=0.02 -s schedule.name=linear "
          "-s schedule.final=0.5 -s train.epochs=10 -s train.batch_size=full");
    double rows[10][COLUMNS];
    cr_assert_eq(read_metrics(rows, 10), 10);
    for (int i = 0; i < 10; i++) cr_expect_float_eq(rows[i][2], 0.02 * (1 - 0.5 * i / 10), 1e-9, "epoch %d", i + 1);
    cr_expect_lt(rows[9][3], rows[0][3]);
}

/* A learning rate that can only lose is lowered until epochs bring something again, or nothing at all. */
Test(cli_train, a_plateau_lowers_the_learning_rate) {
    double rows[9][COLUMNS];
    train(iris_parts("-s optimizer.learning_rate=1e-9 -s schedule.name=plateau -s schedule.plateau_patience=2 "
                     "-s schedule.factor=0.5 -s train.epochs=9"));
    cr_assert_eq(read_metrics(rows, 9), 9);
    const double expected[] = {1e-9, 1e-9, 1e-9, 1e-9, 5e-10, 5e-10, 5e-10, 2.5e-10, 2.5e-10};
    for (int i = 0; i < 9; i++) cr_expect_float_eq(rows[i][2], expected[i], 1e-15, "epoch %d: %g", i + 1, rows[i][2]);
}
