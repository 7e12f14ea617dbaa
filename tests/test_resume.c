/* A training that is interrupted and goes on ends with the bits of one that never was. */
#include "base/hash.h"
#include "faults.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Iris: 105 rows to train on in 7 mini-batches, the last smaller; more settings, separated by blanks. */
static const char base[] = "data.train=data/iris.csv data.validation=0.3 data.normalize=standard network.hidden=12,9 "
                           "train.batch_size=16 train.epochs=6 parallel.shards=3 optimizer.learning_rate=0.05";

static sp_config *configure(const char *dir, int threads, const char *more) {
    sp_error error = {0};
    sp_config *config = keep(sp_config_create());
    char *all =
        format_text("%s output.dir=%s parallel.threads=%d output.checkpoint_seconds=0 %s", base, dir, threads, more);
    for (char *word = strtok(all, " "); word; word = strtok(NULL, " "))
        must(sp_config_set(config, word, &error), error);
    return config;
}

/* Ends a training, or has a checkpoint written, after a step. */
typedef struct moment {
    size_t epoch, step;
    bool seen;
    size_t steps; /* that were made in all */
} moment;

static bool stop_at(void *context, const sp_progress *progress) {
    moment *m = context;
    m->steps++;
    m->seen = m->seen || (progress->epoch == m->epoch && progress->step == m->step);
    return m->seen;
}

static sp_status train(bool resumes, sp_config *config, moment *at, sp_summary *summary, sp_error *error) {
    sp_observer observer = {.context = at, .on_step = stop_at};
    *error = (sp_error){0};
    sp_status status = resumes ? sp_train_resume(config, at ? &observer : NULL, summary, error)
                               : sp_train(config, at ? &observer : NULL, summary, error);
    return status;
}

static void expect_same_summary(const sp_summary *one, const sp_summary *other, const char *what) {
    cr_expect_eq(one->weights_xxh64, other->weights_xxh64, "%s", what);
    cr_expect_str_eq(one->status, other->status, "%s", what);
    cr_expect(one->epochs == other->epochs && one->best_epoch == other->best_epoch, "%s", what);
    bool neither = isnan(one->train_loss) && isnan(other->train_loss);
    cr_expect(neither || one->train_loss == other->train_loss, "%s: %g, %g", what, one->train_loss, other->train_loss);
}

/* Trains without a break, then with one after each of the steps named, at other numbers of threads. */
static void check(const char *settings, const moment *breaks, size_t count) {
    sp_error error;
    sp_summary whole, parts = {0};
    const char *one = scratch_path("whole"), *other = scratch_path("parts");
    size_t steps = 0;
    moment counted = {0};
    must(train(false, configure(one, 2, settings), &counted, &whole, &error), error);
    for (size_t i = 0; i <= count; i++) {
        moment at = i < count ? breaks[i] : (moment){0};
        must(train(i > 0, configure(other, i % 2 ? 4 : 1, settings), &at, &parts, &error), error);
        cr_expect_eq(at.seen, i < count, "%s: break %zu was to come", settings, i);
        if (i < count) cr_expect_str_eq(parts.status, "interrupted", "%s: %zu", settings, i);
        steps += at.steps;
    }
    cr_expect_eq(steps, counted.steps, "%s: no step is done twice", settings);
    expect_same_summary(&whole, &parts, settings);
    expect_same_runs(one, other, settings);
}

/* Within an epoch; after its last but one step, which has the last one with it; at its end; twice in one. */
static void check_everywhere(const char *settings) {
    static const moment within[] = {{.epoch = 2, .step = 3}}, near[] = {{.epoch = 3, .step = 6}},
                        end[] = {{.epoch = 4, .step = 7}},
                        often[] = {{.epoch = 1, .step = 1},
                                   {.epoch = 1, .step = 5},
                                   {.epoch = 2, .step = 7},
                                   {.epoch = 5, .step = 2}};
    check(settings, within, 1);
    check(settings, near, 1);
    check(settings, end, 1);
    check(settings, often, 4);
}

Test(resume, every_optimizer) {
    static const char *const names[] = {"sgd",     "momentum", "nesterov", "adagrad",
                                        "rmsprop", "adam",     "amsgrad",  "adamw"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_everywhere(format_text("optimizer.name=%s optimizer.weight_decay=0.01", names[i]));
}

/* Full batches: an epoch is a step. */
Test(resume, rprop) {
    static const moment ends[] = {{.epoch = 1, .step = 1}, {.epoch = 4, .step = 1}};
    check("optimizer.name=rprop train.batch_size=full", ends, 2);
}

Test(resume, every_schedule) {
    static const char *const names[] = {"constant", "step",      "exponential", "linear",
                                        "cosine",   "one_cycle", "polynomial"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_everywhere(format_text("optimizer.name=momentum schedule.name=%s schedule.step_epochs=2 "
                                     "schedule.factor=0.7 schedule.warmup_epochs=1.5",
                                     names[i]));
    check_everywhere("schedule.name=cosine schedule.cycle_epochs=2 schedule.cycle_growth=2");
    check_everywhere("optimizer.learning_rate=0.3 schedule.name=plateau schedule.plateau_patience=0 "
                     "train.monitor=validation_loss");
}

Test(resume, noise_normalisation_and_averages) {
    check_everywhere("network.dropout=0.25 network.input_dropout=0.1 network.input_noise=0.1");
    check_everywhere("network.normalization=batch optimizer.ema=0.9");
    check_everywhere("network.normalization=layer optimizer.name=adam");
    check_everywhere("optimizer.clip_norm=0.5 optimizer.max_norm=1 optimizer.ema=0.8");
    check_everywhere("network.activation=tanh train.monitor=validation_macro_f1");
    check_everywhere("parallel.reduction=private data.validation= optimizer.name=adam");
    check_everywhere("parallel.kernels=blas optimizer.name=momentum");
    check_everywhere("parallel.kernels=reference optimizer.name=adam");
    check_everywhere("train.shuffle=no train.class_weights=balanced");
}

/* What the layers of wide networks are like is kept panel by panel. */
Test(resume, layers_of_several_panels) {
    check_everywhere("network.hidden=130,70 optimizer.name=adam optimizer.learning_rate=0.01");
}

Test(resume, early_stopping) {
    static const moment breaks[] = {{.epoch = 2, .step = 4}, {.epoch = 5, .step = 7}};
    check("train.epochs=100 train.patience=6 train.monitor=validation_loss optimizer.learning_rate=1", breaks, 2);
    sp_summary summary;
    sp_error error;
    must(train(true,
               configure(scratch_path("parts"), 2,
                         "train.epochs=100 train.patience=6 "
                         "train.monitor=validation_loss optimizer.learning_rate=1"),
               NULL, &summary, &error),
         error);
    cr_expect_str_eq(summary.status, "stopped_early", "and so it stays");
}

static void count_rollbacks(void *context, const char *line) {
    *(int *)context += strstr(line, "half the learning rate") != NULL;
}

/* Epochs that are undone go back to their beginning, which is before the interruption; the last is, four times. */
Test(resume, rollback) {
    static const moment breaks[] = {{.epoch = 2, .step = 3}, {.epoch = 5, .step = 3}, {.epoch = 5, .step = 8}};
    static const char settings[] = "optimizer.name=momentum optimizer.learning_rate=6 data.train=data/digits.csv "
                                   "network.hidden=24 train.batch_size=100 train.epochs=5 train.on_nan=rollback";
    int rollbacks = 0;
    sp_observer observer = {.context = &rollbacks, .on_warning = count_rollbacks};
    sp_error error = {0};
    sp_summary summary;
    must(sp_train(configure(scratch_path("run"), 2, settings), &observer, &summary, &error), error);
    cr_assert_geq(rollbacks, 3, "in the midst of what is resumed");
    check(settings, breaks, 3);
}

/* Images as a training bends them are functions of seed, step and row. */
Test(resume, augmentation) {
    enum { ROWS = 60, SIDE = 8 };
    unsigned char images[16 + ROWS * SIDE * SIDE] = {0, 0, 8, 3, 0, 0, 0, ROWS, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    unsigned char labels[8 + ROWS] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    for (int i = 0; i < ROWS; i++) labels[8 + i] = (unsigned char)(i % 3);
    for (int i = 0; i < ROWS * SIDE * SIDE; i++)
        images[16 + i] = (unsigned char)((i * 7919 + i / 64 % 3 * 60 * (i % 64 / 20)) % 251);
    const char *image_path = write_bytes("images", images, sizeof images);
    const char *label_path = write_bytes("labels", labels, sizeof labels);
    check_everywhere(
        format_text("data.train=%s data.train_labels=%s data.validation= train.batch_size=9 augment.shift=1 "
                    "augment.rotate=10 augment.elastic_alpha=3",
                    image_path, label_path));
}

/* ---- What may change, and what may not ---------------------------------------------------------- */

/* A training of iris that was interrupted in epoch 3 of 6. */
static void interrupted(const char *more) {
    sp_error error;
    sp_summary summary;
    moment at = {.epoch = 3, .step = 2};
    must(train(false, configure(scratch_path("run"), 2, more), &at, &summary, &error), error);
}

/* Resumes it with `more`, and expects the refusal. */
static void expect_refused(const char *more, sp_status status, const char *says) {
    sp_error error;
    sp_summary summary;
    expect_fault(train(true, configure(scratch_path("run"), 2, more), NULL, &summary, &error), error, status, says);
}

Test(resume, changed_keys_are_refused_by_name) {
    static const char *const changes[][2] = {
        {"train.seed=2", "train.seed = '2', but this run was trained with '1'"},
        {"network.hidden=12,8", "network.hidden = '12, 8', but this run was trained with '12, 9'"},
        {"network.activation=tanh", "network.activation = 'tanh', but this run was trained with 'relu'"},
        {"optimizer.name=adam", "optimizer.name = 'adam', but this run was trained with 'sgd'"},
        {"optimizer.learning_rate=0.06", "optimizer.learning_rate = '0.06', but this run was trained with '0.05'"},
        {"optimizer.ema=0.9", "optimizer.ema = '0.9', but this run was trained with '0'"},
        {"train.batch_size=17", "train.batch_size = '17', but"},
        {"parallel.shards=2", "parallel.shards = '2', but"},
        {"train.shuffle=no", "train.shuffle = 'no', but"},
        {"data.validation=0.2", "data.validation = '0.2', but this run was trained with '0.3'"},
        {"data.normalize=minmax", "data.normalize = 'minmax', but"},
        {"schedule.name=cosine", "schedule.name = 'cosine', but"},
        {"train.epochs=2", "train.epochs = '2', but this run was trained with '6': more epochs than that are done"},
        {"train.patience=4", "train.patience = '4', but this run was trained with '9': it might have stopped earlier"},
    };
    interrupted("train.patience=9");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        expect_refused(format_text("train.patience=9 %s", changes[i][0]), SP_BAD_CONFIG, changes[i][1]);
    expect_refused("train.patience=9 parallel.kernels=reference", SP_BAD_CONFIG,
                   "the kernels are reference, but this run");
    interrupted("");
    expect_refused("data.validation=", SP_BAD_CONFIG, "data.validation = '', but this run was trained with '0.3'");
    sp_error error;
    sp_summary summary;
    cr_expect_eq(
        train(true, configure(scratch_path("run"), 2, "train.seed=2 train.shuffle=no"), NULL, &summary, &error),
        SP_BAD_CONFIG);
    cr_expect_eq(error.faults, 2, "all at once: %s", error.text);
}

Test(resume, epochs_where_the_schedule_looks_ahead_are_refused) {
    interrupted("schedule.name=linear");
    expect_refused("schedule.name=linear train.epochs=8", SP_BAD_CONFIG,
                   "train.epochs = '8', but this run was trained with '6': the learning rates of its schedule depend");
}

/* More epochs of a schedule that does not look ahead, and more patience, are what a longer run would have had. */
Test(resume, epochs_and_patience_may_become_more) {
    sp_error error;
    sp_summary whole, parts;
    must(train(false, configure(scratch_path("whole"), 2, "train.epochs=9 train.patience=8"), NULL, &whole, &error),
         error);
    interrupted("train.patience=5");
    must(train(true, configure(scratch_path("run"), 1, "train.epochs=6 train.patience=5"), NULL, &parts, &error),
         error);
    cr_expect_str_eq(parts.status, "completed");
    must(train(true, configure(scratch_path("run"), 1, "train.epochs=9 train.patience=8"), NULL, &parts, &error),
         error);
    expect_same_summary(&whole, &parts, "three epochs more");
    expect_same_runs(scratch_path("whole"), scratch_path("run"), "three epochs more");
}

Test(resume, files_and_folders_may_move) {
    sp_error error;
    sp_summary whole, parts;
    must(train(false, configure(scratch_path("whole"), 2, ""), NULL, &whole, &error), error);
    interrupted("");
    cr_assert_eq(
        run("cp data/iris.csv '%s/other.csv' && mv '%s' '%s/moved'", scratch(), scratch_path("run"), scratch()).status,
        0);
    must(train(true,
               configure(scratch_path("moved"), 3,
                         format_text("data.train=%s parallel.reduction=private output.checkpoint_every=1",
                                     scratch_path("other.csv"))),
               NULL, &parts, &error),
         error);
    expect_same_summary(&whole, &parts, "moved");
}

Test(resume, changed_data_are_refused) {
    run("cp data/iris.csv '%s/d.csv'; cp data/iris.csv '%s/v.csv'", scratch(), scratch());
    char *data = format_text("data.train=%s data.validation=%s", scratch_path("d.csv"), scratch_path("v.csv"));
    interrupted(data);
    run("sed -i '$ s/5.1/5.2/' '%s/d.csv'", scratch());
    expect_refused(data, SP_BAD_DATA, "/d.csv: data.train: holds other data (150 rows, hash ");
    run("cp data/iris.csv '%s/d.csv'; sed -i '$ d' '%s/v.csv'", scratch(), scratch());
    expect_refused(data, SP_BAD_DATA, "/v.csv: data.validation: holds other data (149 rows, hash ");
    run("cp data/iris.csv '%s/v.csv'", scratch());
    sp_error error;
    sp_summary summary;
    must(train(true, configure(scratch_path("run"), 2, data), NULL, &summary, &error), error);
}

Test(resume, metrics_that_were_altered_are_refused) {
    interrupted("");
    run("sed -i '2 s/^1,/1,9/' '%s'", scratch_path("run/metrics.csv"));
    expect_refused("", SP_BAD_DATA, "run/metrics.csv: is not as the checkpoint left it");
    run("rm '%s'", scratch_path("run/metrics.csv"));
    expect_refused("", SP_BAD_CONFIG, "run/metrics.csv: cannot be opened");
}

/* ---- Damage --------------------------------------------------------------------------------------- */

Test(resume, a_model_is_no_checkpoint) {
    interrupted("");
    run("cd '%s'; cp model.safetensors checkpoint.safetensors; rm -f checkpoint.previous.safetensors",
        scratch_path("run"));
    expect_refused("", SP_BAD_CONFIG, "run/checkpoint.safetensors: was written by shardprop ");
}

/* Puts other digits in the place of a number of the checkpoint, and a checksum that fits. */
static void set_numbers(const char *path, const char *name, const char *numbers) {
    struct stat about;
    cr_assert_eq(stat(path, &about), 0);
    size_t size = (size_t)about.st_size;
    char *bytes = read_text(path), hash[17];
    char *at = memmem(bytes, size, name, strlen(name)), *seal = memmem(bytes, size, "\"xxh64\":\"", 9);
    cr_assert(at && seal);
    memcpy(at + strlen(name), numbers, strlen(numbers));
    memset(seal + 9, '0', 16);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)sp_hash_bytes(bytes, size, 0));
    memcpy(seal + 9, hash, 16);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* Epochs and steps that no training of this plan has, of a file whose checksum is right. */
Test(resume, places_beyond_the_training_are_refused) {
    static const char *const places[] = {"0000000000000007 0000000000000000 ", "0000000000000006 0000000000000001 ",
                                         "0000000000000001 0000000000000007 ", "ffffffffffffffff 0000000000000001 ",
                                         "ffffffffffffffff 0000000000000000 ", "0000000000000001 ffffffffffffffff "};
    const char *path = scratch_path("run/checkpoint.safetensors");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        interrupted("");
        run("rm -f '%s'", scratch_path("run/checkpoint.previous.safetensors"));
        set_numbers(path, "\"standing\":\"", places[i]);
        sp_error error;
        sp_summary summary;
        sp_status status = train(true, configure(scratch_path("run"), 2, ""), NULL, &summary, &error);
        cr_expect(status == SP_BAD_DATA || status == SP_BAD_CONFIG, "%s: %d", places[i], (int)status);
        cr_expect(strstr(error.text, "is no place of this training") || strstr(error.text, "more epochs than that"),
                  "%s: %s", places[i], error.text);
    }
}

/* ---- While training goes on ------------------------------------------------------------------------ */

static bool always(void *context) {
    ++*(size_t *)context;
    return true;
}

/* As many as the disk takes: no bit changes, and the last of them is of the end. */
Test(resume, checkpoints_while_training_goes_on_change_nothing) {
    static const char settings[] =
        "train.epochs=40 optimizer.name=adam optimizer.learning_rate=0.01 network.dropout=0.2 "
        "network.hidden=40,30 output.checkpoint_every=1";
    size_t asked = 0;
    sp_observer observer = {.context = &asked, .wants_checkpoint = always};
    sp_error error = {0};
    sp_summary plain, saved, again;
    must(train(false, configure(scratch_path("plain"), 2, settings), NULL, &plain, &error), error);
    must(sp_train(configure(scratch_path("saved"), 4, settings), &observer, &saved, &error), error);
    cr_expect_eq(asked, 40 * 7, "once a step");
    expect_same_summary(&plain, &saved, settings);
    expect_same_runs(scratch_path("plain"), scratch_path("saved"), settings);
    cr_expect_eq(run("test -e '%s/checkpoint.previous.safetensors'", scratch_path("saved")).status, 0, "several");
    /* One from the midst: the same end. */
    run("cd '%s/saved' && mv checkpoint.previous.safetensors checkpoint.safetensors", scratch());
    must(train(true, configure(scratch_path("saved"), 3, settings), NULL, &again, &error), error);
    expect_same_summary(&plain, &again, settings);
    expect_same_runs(scratch_path("plain"), scratch_path("saved"), settings);
}
