/* Runs that are trained again, and what `verify` makes of runs that are not as they were. */
#include "model.h"
#include "support.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Trains digits, or another config, into NAME of the scratch folder. */
static const char *train(const char *name, const char *what) {
    const char *dir = scratch_path(name);
    outcome result = run("shardprop train --quiet -s output.dir='%s' %s", dir, what);
    cr_assert_eq(result.status, 0, "%s: %s", what, result.err);
    return dir;
}

static const char digits[] = "configs/digits.ini -s train.epochs=4 -s data.validation=0.1";

/* With TMPDIR a folder of its own, which has to be empty behind it. */
static outcome verify(const char *arguments) {
    const char *folder = scratch_path("tmp");
    outcome result = run("mkdir -p '%s'; TMPDIR='%s' shardprop verify %s", folder, folder, arguments);
    outcome left = run("ls -A '%s'", folder);
    cr_expect_str_empty(left.out, "left behind: %s", left.out);
    return result;
}

static void expect_same(const char *dir, const char *more) {
    outcome result = verify(format_text("'%s' --quiet %s", dir, more));
    cr_expect_eq(result.status, 0, "%s%s", result.out, result.err);
    cr_expect(strstr(result.out, "\nevery bit is the same\n"), "%s", result.out);
    cr_expect_str_empty(result.err);
}

static void expect_different(const char *dir, const char *says) {
    outcome result = verify(format_text("'%s' --quiet", dir));
    cr_expect_eq(result.status, 1, "%s%s", result.out, result.err);
    cr_expect(
        strstr(result.err, format_text("shardprop: %s: comes to other bits when it is trained again: %s", dir, says)),
        "%s", result.err);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
}

Test(cli_verify, a_run_is_the_same_at_every_number_of_threads) {
    const char *dir = train("run", digits);
    expect_same(dir, "");
    for (int threads = 1; threads <= 3; threads++) expect_same(dir, format_text("--threads %d", threads));
    outcome result = verify(format_text("'%s' -n 3", dir));
    cr_expect(strstr(result.out, ": completed after 4 epochs; trained again with 3 threads\n"), "%s", result.out);
    cr_expect(strstr(result.out, "4 tensors of 9610 values: the same\n"), "%s", result.out);
    cr_expect(strstr(result.err, "epoch 4/4 "), "it shows how far it has come: %s", result.err);
}

Test(cli_verify, other_settings_and_tasks) {
    expect_same(train("drop",
                      "configs/digits.ini -s train.epochs=3 -s network.dropout=0.3 -s network.normalization=batch "
                      "-s optimizer.name=adam -s optimizer.ema=0.9"),
                "");
    expect_same(train("values", "configs/concrete.ini -s train.epochs=3"), "");
    expect_same(train("early", "configs/iris.ini -s data.validation=0.2 -s train.patience=2"), "");
    cr_expect(strstr(read_text(scratch_path("early/summary.json")), "stopped_early"));
}

Test(cli_verify, a_figure_that_was_altered_is_named) {
    const char *dir = train("run", digits);
    run("sed -i '4s/^\\(3,[^,]*,[^,]*,[^,]*\\),[^,]*/\\1,0.125000/' '%s/metrics.csv'", dir);
    expect_different(dir, "epoch 3: train_accuracy is 0.125000, trained again 0.");
    train("run", digits);
    run("sed -i '$d' '%s/metrics.csv'", dir);
    expect_different(dir, "epoch 4: the run has 3 epochs, trained again 4\n");
    train("run", digits);
    run("sed -i 's/\"test_accuracy\":.*/\"test_accuracy\":\\t0.5,/' '%s/summary.json'", dir);
    expect_different(dir, "test_accuracy is 0.5, trained again 0.");
}

/* The last bit of one weight, in a file whose checksum is right. */
Test(cli_verify, a_weight_that_was_altered_is_named) {
    sp_error error = {0};
    sp_model *model;
    const char *dir = train("run", digits);
    must(sp_model_load(dir, &model, &error), error);
    float *weight = &model->parameters[model->net->layers[1].weights + 3 * 10 + 7], before = *weight;
    *weight = nextafterf(before, 9);
    float after = *weight;
    must(sp_model_save(model, format_text("%s/model.safetensors", dir), &error), error);
    sp_model_destroy(model);
    uint32_t bits[2];
    memcpy(&bits[0], &after, 4);
    memcpy(&bits[1], &before, 4);
    outcome result = verify(format_text("'%s' --json -q", dir));
    cr_expect_eq(result.status, 1);
    cJSON *root = keep(cJSON_Parse(result.out)), *entry = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "runs"), 0);
    cr_expect(cJSON_IsFalse(cJSON_GetObjectItem(root, "same")) && cJSON_IsFalse(cJSON_GetObjectItem(entry, "same")));
    cJSON *part = cJSON_GetObjectItem(cJSON_GetObjectItem(entry, "differences"), "model");
    cr_expect_eq(cJSON_GetObjectItem(part, "count")->valueint, 1);
    const char *first = cJSON_GetStringValue(cJSON_GetObjectItem(part, "first"));
    cr_expect(strncmp(first, "layer2.weight[3, 7] is ", 23) == 0, "%s", first);
    cr_expect(strstr(first, format_text("(%08x), trained again ", (unsigned)bits[0])), "%s", first);
    cr_expect(strstr(first, format_text("(%08x)", (unsigned)bits[1])), "%s", first);
    cr_expect_null(cJSON_GetObjectItem(cJSON_GetObjectItem(entry, "differences"), "metrics"));
}

Test(cli_verify, a_damaged_file_of_the_run_is_told) {
    const char *dir = train("run", digits);
    run("printf x | dd of='%s/model.safetensors' bs=1 seek=9000 conv=notrunc", dir);
    outcome result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 3, "%s", result.err);
    cr_expect(strstr(result.err, "/model.safetensors: is damaged or was altered"), "%s", result.err);
    run("printf 'epoch,seconds\\n1\\n' > '%s/metrics.csv'", dir);
    result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 3, "%s", result.err);
    cr_expect(strstr(result.err, "/metrics.csv:2: "), "%s", result.err);
}

/* Before anything is trained. */
static void expect_blamed(const char *dir, int status, const char *file, const char *says) {
    outcome result = verify(format_text("'%s'", dir));
    cr_expect_eq(result.status, status, "%s%s", result.out, result.err);
    cr_expect(strstr(result.err, format_text("shardprop: %s: %s", file, says)), "%s", result.err);
    cr_expect_null(strstr(result.err, "epoch 1/"), "%s", result.err);
}

Test(cli_verify, data_that_have_changed_are_named) {
    const char *data = scratch_path("data.csv");
    run("cp data/digits.csv '%s'", data);
    const char *dir = train("run", format_text("%s -s data.train='%s'", digits, data));
    expect_same(dir, "");
    run("sed 's/$/\\r/' data/digits.csv > '%s'", data);
    expect_same(dir, ""); /* the same values */
    run("sed '100s/^[0-9]*,[0-9]*/0,15/' data/digits.csv > '%s'", data);
    expect_blamed(dir, 3, data, "data.train: its values are others now (1797 rows, hash ");
    run("sed '100d' data/digits.csv > '%s'", data);
    expect_blamed(dir, 3, data, "data.train: its values are others now (1796 rows, hash ");
    run("sed '100s/[0-9]$/7/;101s/[0-9]$/7/' data/digits.csv > '%s'", data);
    expect_blamed(dir, 3, data, "data.train: its targets are others now (1797 rows, hash ");
    cr_expect_eq(lines_of(verify(format_text("'%s'", dir)).err), 2, "the run, and one line for the one file");
}

/* Four images of 2x2 pixels, and their labels. */
static const char *write_idx(const char *name, unsigned char magic, const char *bytes, int count) {
    unsigned char file[64] = {0, 0, 8, magic, 0, 0, 0, 8};
    size_t used = 8;
    for (int i = 1; i < magic; i++, used += 4) file[used + 3] = 2;
    memcpy(file + used, bytes, (size_t)count);
    return write_bytes(name, file, used + (size_t)count);
}

Test(cli_verify, labels_that_have_changed_are_named) {
    const char *images = write_idx("images", 3, "abcdefghijklmnopabcdefghijklmnop", 32);
    const char *labels = write_idx("labels", 1, "\0\1\0\1\1\0\0\1", 8);
    const char *config = write_text(
        "small.ini", format_text("[data]\ntrain = %s\ntrain_labels = %s\n[train]\nepochs = 2\n", images, labels));
    const char *dir = train("run", config);
    expect_same(dir, "");
    write_idx("labels", 1, "\0\1\0\1\0\1\0\1", 8);
    expect_blamed(dir, 3, labels, "data.train: its targets are others now (8 rows, hash ");
}

Test(cli_verify, a_model_to_start_from_that_has_changed_is_named) {
    const char *first = train("first", digits);
    const char *dir = train("run", format_text("%s -s network.init_from='%s'", digits, first));
    expect_same(dir, "");
    train("first", "configs/digits.ini -s train.epochs=1");
    expect_blamed(dir, 3, first, "network.init_from is another model than when the run started");
}

Test(cli_verify, paths_that_lead_nowhere_from_here) {
    const char *dir = train("run", digits);
    outcome result = run("program=$(realpath \"%s\"); cd / && \"$program\" verify '%s' -q", SHARDPROP_PROGRAM, dir);
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "/config.ini:"), "%s", result.err);
    cr_expect(strstr(result.err,
                     "data.train = 'data/digits.csv': there is no such file from this folder; call shardprop "
                     "from the folder in which the run was trained\n"),
              "%s", result.err);
    cr_expect_eq(lines_of(result.err), 1);
}

Test(cli_verify, what_the_promise_does_not_hold_for_is_said) {
    const char *dir = train("run", digits);
    run("sed -i 's/\"kernels\":.*/\"kernels\": \"xsmm for another\",/;s/\"version\":.*/\"version\": \"0.0.1\",/' "
        "'%s/summary.json'",
        dir);
    outcome result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "note: the run was trained with kernels xsmm for another, here they are "), "%s",
              result.out);
    cr_expect(strstr(result.out, "note: the run was trained by shardprop 0.0.1, this is "), "%s", result.out);
    /* As versions before this wrote it. */
    run("sed -i '/\"data\":/,$d' '%s/summary.json'; sed -i '$s/,$/}/' '%s/summary.json'", dir, dir);
    result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "did not note what its data were"), "%s", result.out);
}

/* ---- Other endings ------------------------------------------------------------------------------ */

/* Stops behind a step, as a signal would. */
static bool stop_at_step(void *context, const sp_progress *progress) {
    const size_t *at = context;
    return progress->epoch == at[0] && progress->step == at[1];
}

static const char *interrupt(const char *name, size_t epoch, size_t step) {
    sp_error error = {0};
    sp_summary summary;
    const char *dir = scratch_path(name);
    sp_config *config = keep(sp_config_create());
    must(sp_config_load(config, "configs/digits.ini", &error), error);
    must(sp_config_set(config, format_text("output.dir=%s", dir), &error), error);
    must(sp_config_set(config, "data.validation=0.1", &error), error);
    must(sp_config_set(config, "train.epochs=6", &error), error);
    sp_observer observer = {.context = (size_t[]){epoch, step}, .on_step = stop_at_step};
    must(sp_train(config, &observer, &summary, &error), error);
    sp_config_destroy(config);
    cr_assert_str_eq(summary.status, "interrupted");
    return dir;
}

Test(cli_verify, interrupted_runs_are_trained_as_far_as_they_came) {
    expect_same(interrupt("first", 1, 1), "");
    const char *within = interrupt("within", 3, 17);
    expect_same(within, "--threads 2");
    cr_expect(strstr(verify(format_text("'%s' -q", within)).out, ": interrupted after 2 epochs and 17 steps; trained"));
    const char *dir = interrupt("behind", 2, 40);
    outcome result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, ": interrupted after 2 epochs; trained again"), "%s", result.out);
    /* and once resumed, to the end */
    result = run("shardprop train -q --resume '%s'", dir);
    cr_assert_eq(result.status, 0, "%s", result.err);
    expect_same(dir, "");
}

Test(cli_verify, a_run_that_diverged_diverges_again) {
    const char *dir = scratch_path("run");
    outcome result =
        run("shardprop train -q configs/digits.ini -s output.dir='%s' -s optimizer.learning_rate=1e6", dir);
    cr_assert_eq(result.status, 1);
    result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, ": diverged after 0 epochs and "), "%s", result.out);
}

Test(cli_verify, a_run_without_an_end) {
    const char *dir = train("run", digits);
    run("rm '%s/summary.json'", dir);
    outcome result = verify(format_text("'%s' -q", dir));
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err,
                     "holds no summary.json: the run goes on still, or was cut off; end it first: shardprop "
                     "train --resume "),
              "%s", result.err);
}

Test(cli_verify, a_signal_ends_it_and_leaves_nothing) {
    const char *dir = train("run", digits), *folder = scratch_path("tmp");
    run("sed -i 's/^epochs = 4/epochs = 100000000/' '%s/config.ini'", dir);
    outcome result = run("mkdir '%s'; TMPDIR='%s' '%s' verify -q '%s' & program=$!\n"
                         "for i in $(seq 600); do [ \"$(ls '%s')\" ] && break; sleep 0.05; done\n"
                         "ls '%s'; sleep 0.2; kill -INT $program; wait $program",
                         folder, folder, SHARDPROP_PROGRAM, dir, folder, folder);
    cr_expect_eq(result.status, 130, "%s%s", result.out, result.err);
    cr_expect(strncmp(result.out, "shardprop-verify-", 17) == 0 && lines_of(result.out) == 1, "%s", result.out);
    cr_expect_str_empty(run("ls -A '%s'", folder).out);
    cr_expect_str_eq(result.err, "shardprop: interrupted: nothing was compared\n");
}

/* Data that never come hold it up, until a second signal, a while behind the first, ends it at once. */
Test(cli_verify, a_second_signal_leaves_nothing_either) {
    const char *data = scratch_path("rows.csv"), *folder = scratch_path("tmp");
    run("cp data/iris.csv '%s'", data);
    const char *dir = train("run", format_text("configs/iris.ini -s train.epochs=1 -s data.train='%s'", data));
    run("rm '%s'; mkfifo '%s'; mkdir '%s'", data, data, folder);
    outcome result = run("TMPDIR='%s' \"%s\" verify '%s' & program=$!\n"
                         "for i in $(seq 600); do [ \"$(ls '%s')\" ] && break; sleep 0.05; done\n"
                         "ls '%s'; sleep 0.2; kill -INT $program; sleep 2.2; kill -INT $program; wait $program",
                         folder, SHARDPROP_PROGRAM, dir, folder, folder);
    cr_expect_eq(result.status, 130, "%d: %s", result.status, result.err);
    cr_expect(strncmp(result.out, "shardprop-verify-", 17) == 0, "%s", result.out);
    cr_expect_str_empty(run("ls -A '%s'", folder).out);
}

/* ---- Folders ------------------------------------------------------------------------------------ */

Test(cli_verify, a_folder_of_runs) {
    train("all/b/seed-2", "configs/iris.ini -s train.epochs=3 -s train.seed=2");
    train("all/a", "configs/iris.ini -s train.epochs=3");
    train("all/a", "configs/iris.ini -s train.epochs=2"); /* the one before is in all/a/previous */
    const char *bad = train("all/c", "configs/iris.ini -s train.epochs=2");
    outcome result = verify(format_text("'%s' -q", scratch_path("all")));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(strstr(result.out, "\n3 runs: 3 the same, 0 different, 0 that could not be compared\n"), "%s",
              result.out);
    cr_expect_lt(strstr(result.out, "all/a: "), strstr(result.out, "all/b/seed-2: "));
    run("sed -i 's/\"epochs\":.*/\"epochs\": 7,/' '%s/summary.json'; rm '%s/summary.json'", bad, scratch_path("all/a"));
    result = verify(format_text("'%s' -q", scratch_path("all")));
    cr_expect_eq(result.status, 2, "the first fault is that of all/a: %s", result.err);
    cr_expect(strstr(result.out, "3 runs: 1 the same, 1 different, 1 that could not be compared\n"), "%s", result.out);
    cr_expect(strstr(result.err, "all/c: comes to other bits when it is trained again: epochs is 7, trained again 2\n"),
              "%s", result.err);
}

Test(cli_verify, wrong_usage) {
    static const char *const threads[] = {"0", "-1", "two", "5000"};
    for (int i = 0; i < 4; i++) {
        outcome result = run("shardprop verify runs --threads %s", threads[i]);
        cr_expect_eq(result.status, 2);
        cr_expect(strstr(result.err, "--threads: '"), "%s", result.err);
    }
    outcome result = run("shardprop verify '%s'", scratch());
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "holds no config.ini, nor do its folders; name a run directory"), "%s", result.err);
    result = run("shardprop verify data/iris.csv");
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "data/iris.csv: is no folder; name a run directory"), "%s", result.err);
    result = run("shardprop verify");
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "verify: too few arguments, it takes RUN..."), "%s", result.err);
}
