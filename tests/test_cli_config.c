/* Configurations as a user writes them: what is refused, and how. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* `shardprop train` on the config at `path`; its run directory is run/ of the scratch folder. */
static outcome train_file(const char *path, const char *more) {
    return run("shardprop train '%s' --set output.dir='%s' %s", path, scratch_path("run"), more);
}

static outcome train_text(const char *text, const char *more) {
    return train_file(write_text("c.ini", text), more);
}

/* Exit 2, nothing on stdout, no run directory. */
static void expect_refused(const outcome *result) {
    cr_expect_eq(result->status, 2, "status %d\n%s%s", result->status, result->out, result->err);
    cr_expect_str_empty(result->out);
    cr_expect(access(scratch_path("run"), F_OK) != 0, "a run directory was made");
}

/* The start of every fault in line `line` of c.ini. */
static const char *place(int line) {
    char *text;
    text = format_text("shardprop: %s:%d: ", scratch_path("c.ini"), line);
    return text;
}

/* Expects that `text` is refused with one line alone: line number, and all of `says`. */
static void expect_fault(const char *text, int line, const char *says) {
    outcome result = train_text(text, "");
    expect_refused(&result);
    cr_expect_eq(lines_of(result.err), 1, "one fault, one line:\n%s", result.err);
    const char *start = place(line);
    cr_expect(strncmp(result.err, start, strlen(start)) == 0, "expected %s\ngot %s", start, result.err);
    cr_expect(strstr(result.err, says), "expected '%s'\ngot %s", says, result.err);
}

static const char iris[] = "[data]\ntrain = data/iris.csv\n"; /* two lines, to put others behind */

/* A config whose first two lines are those of `iris`. */
static const char *with_iris(const char *rest) {
    char *text;
    text = format_text("%s%s", iris, rest);
    return text;
}

/* ---- One fault each ------------------------------------------------------------------------- */

Test(cli_config, unknown_section_or_key_names_the_nearest) {
    /* One fault, however much stands in the section, and though nothing does. */
    expect_fault(with_iris("[netwrk]\nhidden = 3\nactivation = no\n"), 3,
                 "unknown section [netwrk]; did you mean [network]?");
    expect_fault(with_iris("[Train]\n"), 3, "did you mean [train]?");
    expect_fault(with_iris("normalise = unit\n"), 3, "unknown key 'normalise' in [data]; did you mean 'normalize'?");
    expect_fault(with_iris("[network]\nlearning_rate = 1\n"), 4, "did you mean 'learning_rate' of [optimizer]?");
}

Test(cli_config, every_kind_of_slip_of_the_finger_finds_the_key) {
    static const char *const keys[][2] = {
        {"network", "hidden"}, {"optimizer", "learning_rate"}, {"train", "batch_size"}, {"data", "normalize"}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        const char *name = keys[k][1];
        size_t length = strlen(name);
        char text[8000], says[80];
        int used = sprintf(text, "%s[%s]\n", iris, keys[k][0]);
        for (size_t i = 0; i < length; i++) { /* a letter: left out, doubled, another, capital, swapped with the next */
            used += sprintf(text + used, "%.*s%s = 1\n", (int)i, name, name + i + 1);
            used += sprintf(text + used, "%.*s%c%s = 1\n", (int)i, name, name[i], name + i);
            used += sprintf(text + used, "%.*s%c%s = 1\n", (int)i, name, 'q', name + i + 1);
            used += sprintf(text + used, "%.*s%c%s = 1\n", (int)i, name, name[i] == '_' ? '-' : toupper(name[i]),
                            name + i + 1);
            if (i + 1 < length && name[i] != name[i + 1])
                used += sprintf(text + used, "%.*s%c%c%s = 1\n", (int)i, name, name[i + 1], name[i], name + i + 2);
        }
        outcome result = train_text(text, "");
        expect_refused(&result);
        snprintf(says, sizeof says, "in [%s]; did you mean '%s'?", keys[k][0], name);
        size_t lines = lines_of(result.err);
        cr_expect_eq(lines, lines_of(text) - 3, "%zu faults of %zu", lines, lines_of(text) - 3);
        for (char *line = strtok(result.err, "\n"); line; line = strtok(NULL, "\n"))
            cr_expect(strstr(line, says), "expected '%s'\ngot %s", says, line);
    }
}

Test(cli_config, repeated_key_names_the_first_line) {
    expect_fault(with_iris("[train]\nseed = 1\n\nseed = 2\n"), 6,
                 "train.seed is repeated; it is set in line 4 already");
    expect_fault(with_iris("[train]\nseed = 1\n[data]\ntarget = last\n[train]\nseed = 1\n"), 8, "set in line 4");
}

Test(cli_config, values_out_of_range_or_of_the_wrong_type_name_the_range) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[train]\nepochs = 0", "train.epochs = '0' is not valid; it takes: whole number from 1 to 1000000000"},
        {"[train]\nepochs = 1e3", "'1e3' is not valid; it takes: whole number"},
        {"[train]\nepochs = ten", "'ten' is not valid; it takes: whole number"},
        {"[train]\nepochs =", "train.epochs = '' is not valid"},
        {"[train]\nepochs = 99999999999999999999", "is not valid"},
        {"[train]\nbatch_size = -1", "whole number from 1 to 1000000000, or full"},
        {"[train]\nbatch_size = 0", "is not valid"},
        {"[train]\nseed = 4294967296", "whole number from 0 to 4294967295"},
        {"[train]\nseed = 1.5", "is not valid"},
        {"[train]\nshuffle = maybe", "it takes: no | yes"},
        {"[optimizer]\nlearning_rate = -0.1", "number from 0 to 1000000"},
        {"[optimizer]\nlearning_rate = nan", "is not valid"},
        {"[optimizer]\nlearning_rate = 0,1", "is not valid"},
        {"[optimizer]\nlearning_rate = 0x10", "is not valid"},
        {"[network]\nhidden = 3,,4", "list of whole numbers from 1 to 1048576"},
        {"[network]\nhidden = 3 4", "is not valid"},
        {"[network]\nhidden = 0", "is not valid"},
        {"[network]\nactivation =", "list of sigmoid | tanh | relu | leaky_relu | elu"},
        {"[parallel]\nthreads = 0", "whole number from 1 to 4096, or auto"},
        {"[parallel]\nshards = many", "is not valid"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_fault(with_iris(cases[i].text), 4, cases[i].says);
}

Test(cli_config, names_of_other_programs_find_the_key_and_the_choice) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[optimizer]\nlr = 1", "unknown key 'lr' in [optimizer]; did you mean 'learning_rate'?"},
        {"[train]\nlr = 1", "unknown key 'lr' in [train]; did you mean 'learning_rate' of [optimizer]?"},
        {"[train]\nbatch = 1", "did you mean 'batch_size'?"},
        {"[train]\nnum_epochs = 1", "did you mean 'epochs'?"},
        {"[train]\nbogus = 1", "unknown key 'bogus' in [train]; it has: epochs, batch_size, loss, "},
        {"[train]\nloss = mse", "did you mean 'squared_error'? it takes: auto | squared_error"},
        {"[train]\nloss = MAE", "did you mean 'absolute_error'?"},
        {"[train]\nloss = ce", "did you mean 'cross_entropy'?"},
        {"[train]\nloss = crossentropy", "did you mean 'cross_entropy'?"},
        {"[train]\nloss = bce", "did you mean 'binary_cross_entropy'?"},
        {"[train]\nloss = hinge", "'hinge' is not valid; it takes: auto"},
        {"[network]\nactivation = swish", "did you mean 'silu'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_fault(with_iris(cases[i].text), 4, cases[i].says);
}

Test(cli_config, an_empty_folder_is_the_default) {
    write_text("named.ini", iris);
    outcome result = run("top=$PWD; cd '%s' && ln -s \"$top/data\" . && \"$top/%s\" train named.ini -q "
                         "--set output.dir= --set train.epochs=1",
                         scratch(), SHARDPROP_PROGRAM);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect(access(scratch_path("runs/named/config.ini"), F_OK) == 0);
}

Test(cli_config, a_folder_that_cannot_be_made_names_its_option) {
    const char *config = write_text("c.ini", iris), *file = write_text("file", "");
    outcome result = run("shardprop batch '%s' -o '%s'", config, file);
    cr_expect(result.status == 1 && strstr(result.err, "set --output to a folder"), "%s", result.err);
    result = run("shardprop scale '%s' -o '%s'", config, file);
    cr_expect(result.status == 1 && strstr(result.err, "set --output to a folder"), "%s", result.err);
    result = run("shardprop train '%s' --set output.dir='%s'", config, file);
    cr_expect(result.status == 1 && strstr(result.err, "set output.dir to a folder"), "%s", result.err);
    cr_assert_eq(
        run("shardprop train '%s' -q --set train.epochs=1 --set output.dir='%s'", config, scratch_path("run")).status,
        0);
    result = run("shardprop report '%s' --png '%s'", scratch_path("run"), file);
    cr_expect(result.status == 1 && strstr(result.err, "set --png to a folder"), "%s", result.err);
}

Test(cli_config, a_bad_choice_names_the_nearest_and_all) {
    expect_fault(with_iris("[train]\nloss = squared_eror\n"), 4,
                 "did you mean 'squared_error'? it takes: auto | squared_error | cross_entropy");
    expect_fault(with_iris("[network]\nactivation = relu, tahn\n"), 4, "is not valid");
    expect_fault(with_iris("[network]\nactivation = Relu\n"), 4, "did you mean 'relu'?");
    expect_fault(with_iris("[network]\nactivation = softmax\n"), 4, "softplus | identity");
    expect_fault(with_iris("normalize = zscore\n"), 3, "it takes: none | unit | minmax | standard");
}

Test(cli_config, lines_that_are_no_lines_of_a_config) {
    expect_fault("; above all\nseed = 1\n[data]\ntrain = data/iris.csv\n", 2,
                 "key 'seed' stands before any section; put it under one, say [train]");
    expect_fault(with_iris("header\n"), 3, "is neither [section] nor key = value");
    expect_fault(with_iris("[train\n"), 3, "is neither [section] nor key = value");
    expect_fault(format_text("[data]\ntrain = data/iris.csv\n%0250d = 1\n", 1), 3,
                 "has more before its '=' than any key; write key = value");
    expect_fault(format_text("[data]\ntrain = data/iris.csv\ntest = %032767d/x\n", 1), 3,
                 "text of at most 32768 bytes");
    expect_fault(with_iris("normalize;= unit\n"), 3, "unknown key 'normalize;' in [data]; did you mean 'normalize'?");
    expect_fault(with_iris("normalize ; = unit\n"), 3, "is neither [section] nor key = value");
}

/* A CSV with `columns` columns of long names and three rows for each of `classes` classes, the last column. */
static const char *wide_table(int columns, int classes) {
    char *text = format_text("%0*d", columns * (classes * 3 + 1) * 24 + 100, 0), *at = text;
    for (int j = 0; j < columns; j++) at += sprintf(at, "a_rather_long_name_%03d,", j);
    at += sprintf(at, "label\n");
    for (int i = 0; i < 3 * classes; i++) {
        for (int j = 0; j < columns; j++) at += sprintf(at, "%d,", (7 * i + 3 * j) % 11);
        at += sprintf(at, "class%d\n", i % classes);
    }
    return write_text("wide.csv", text);
}

/* "FIRST, FIRST, ..." of names or numbers, `count` of them. */
static char *long_list(const char *format, int count) {
    char *text = format_text("%0*d", 40 * count, 0), *at = text;
    for (int i = 0; i < count; i++) {
        at += sprintf(at, "%s", i > 0 ? ", " : "");
        at += sprintf(at, format, i);
    }
    return text;
}

Test(cli_config, long_values_are_taken_written_and_read_back) {
    const char *table = wide_table(300, 120), *ignored = long_list("a_rather_long_name_%03d", 290);
    const char *weights = long_list("1.%03d", 120);
    const char *dir = scratch_path(format_text("%0200d/%0200d", 1, 2));
    const char *config = write_text("c.ini", format_text("[data]\ntrain = %s\nignore = %s ; many\n[train]\nepochs = 2\n"
                                                         "class_weights = %s # all\n[output]\ndir = %s\n"
                                                         "checkpoint_every = 1\n",
                                                         table, ignored, weights, dir));
    outcome first = run("shardprop train '%s' -q", config);
    cr_assert_eq(first.status, 0, "%s", first.err);
    const char *written = read_text(format_text("%s/config.ini", dir));
    cr_expect(strstr(written, format_text("\nignore = %s\n", ignored)), "%.3000s", written);
    cr_expect(strstr(written, format_text("\nclass_weights = %s\n", weights)), "%.3000s", written);
    outcome again = run("shardprop train '%s/config.ini' --set output.dir='%s'", dir, scratch_path("again"));
    cr_assert_eq(again.status, 0, "%s", again.err);
    expect_same_runs(dir, scratch_path("again"), "trained by its config.ini");
    outcome resumed = run("shardprop train '%s' -q --resume --set train.epochs=3", config);
    cr_expect_eq(resumed.status, 0, "%s", resumed.err);
    /* What differs behind the first thousand bytes differs. */
    outcome other =
        run("shardprop train '%s' -q --resume --set train.epochs=4 --set 'data.ignore=%s, 290'", config, ignored);
    cr_expect_eq(other.status, 2);
    cr_expect(strstr(other.err, "data.ignore = "), "%s", other.err);
}

Test(cli_config, several_targets_by_long_names) {
    const char *table = write_text("t.csv", "x,the_strength_of_the_concrete_in_megapascal_after_seven_days_in_water,"
                                            "the_strength_of_the_concrete_in_megapascal_after_four_weeks_in_water,"
                                            "the_strength_of_the_concrete_in_megapascal_after_a_quarter_of_a_year\n"
                                            "1,2,3,4.5\n2,3,4,5.5\n3,4,5,6.5\n");
    outcome result = train_text(
        format_text("[data]\ntrain = %s\ntarget = the_strength_of_the_concrete_in_megapascal_after_seven_days_"
                    "in_water, the_strength_of_the_concrete_in_megapascal_after_four_weeks_in_water, "
                    "the_strength_of_the_concrete_in_megapascal_after_a_quarter_of_a_year\n[train]\nepochs = 1\n",
                    table),
        "-q");
    cr_expect_eq(result.status, 0, "%s", result.err);
}

/* `text` as UTF-16, with a mark or without. */
static size_t widen(const char *text, bool big, bool marked, char *wide) {
    size_t used = 0;
    if (marked) {
        wide[used++] = (char)(big ? 0xfe : 0xff);
        wide[used++] = (char)(big ? 0xff : 0xfe);
    }
    for (; *text; text++) {
        wide[used++] = big ? '\0' : *text;
        wide[used++] = big ? *text : '\0';
    }
    return used;
}

Test(cli_config, utf16_is_one_fault) {
    for (int i = 0; i < 4; i++) {
        char wide[400];
        size_t size = widen("[data]\ntrain = data/iris.csv\n", i % 2, i < 2, wide);
        outcome result = train_file(write_bytes("c.ini", wide, size), "");
        expect_refused(&result);
        cr_expect_str_eq(result.err,
                         format_text("shardprop: %s: is UTF-16; save it as UTF-8\n", scratch_path("c.ini")));
    }
}

Test(cli_config, lines_may_end_in_carriage_returns_alone) {
    outcome result = train_text("[data]\rtrain = data/iris.csv\r[train]\repochs = 1\rhidn = 3\r", "");
    expect_refused(&result);
    cr_expect(strstr(result.err, place(5)) && strstr(result.err, "unknown key 'hidn'"), "%s", result.err);
}

Test(cli_config, nul_byte) {
    static const char bytes[] = "[data]\ntrain = data/iris.csv\n[train]\nse\0ed = 3\n";
    outcome result = train_file(write_bytes("c.ini", bytes, sizeof bytes - 1), "");
    expect_refused(&result);
    cr_expect_eq(lines_of(result.err), 1);
    cr_expect(strstr(result.err, place(4)) && strstr(result.err, "holds a NUL byte"), "%s", result.err);
}

Test(cli_config, files_that_cannot_be_read) {
    outcome missing = train_file(scratch_path("missing.ini"), "");
    expect_refused(&missing);
    cr_expect(strstr(missing.err, "missing.ini: cannot be opened (No such file or directory)"), "%s", missing.err);
    outcome folder = train_file("configs", "");
    expect_refused(&folder);
    cr_expect_str_eq(folder.err, "shardprop: configs: is a folder; name a file\n");
    outcome data = train_file("data/digits.csv", ""); /* a likely slip, and many faults */
    expect_refused(&data);
    cr_expect(strstr(data.err, "data/digits.csv:1: is "), "%s", data.err);
}

Test(cli_config, without_training_rows) {
    static const char *const texts[] = {"", "; nothing yet\n", "[data]\n", "[data]\ntrain =\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        outcome result = train_text(texts[i], "");
        expect_refused(&result);
        cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
        cr_expect(strstr(result.err, "data.train is missing; name the file with the training rows"), "%s", result.err);
    }
}

/* ---- What several keys say together --------------------------------------------------------- */

Test(cli_config, keys_that_contradict_each_other) {
    static const struct {
        const char *rest;
        int line;
        const char *says;
    } cases[] = {
        {"test_labels = l\n", 3, "data.test_labels is set, but data.test names no file"},
        {"validation_labels = l\nvalidation = 0.1\n", 3, "data.validation_labels is set, but data.validation names"},
        {"test = 1\n", 3, "data.test = 1 is a number but no share; use one between 0 and 1, or a path"},
        {"test = 0\n", 3, "is a number but no share"},
        {"validation = -0.1\n", 3, "is a number but no share"},
        {"test = 1.5\nvalidation = 0.2\n", 3, "is a number but no share"},
        {"test = 0.5\nvalidation = 0.5\n", 4, "the shares for test and validation leave no training rows"},
        {"[network]\nhidden = 4, 5\nactivation = relu, tanh, relu\n", 5,
         "network.activation names 3 activations for 2 hidden layers; name one for all, or one each"},
        {"task = regression\n[train]\nloss = cross_entropy\n", 5, "cross_entropy is for classes"},
        {"[optimizer]\nname = adam\nbeta2 = 1\n", 5, "never learns of a gradient; use less than 1"},
        {"[network]\noutput_activation = tanh\n[train]\nloss = binary_cross_entropy\n", 4, "brings its own sigmoid"},
        {"[network]\noutput_activation = relu\n[train]\nloss = poisson\n", 4, "poisson brings its own exponential"},
        {"[network]\noutput_activation = exponential\n[train]\nloss = huber\n", 4, "exponential goes with poisson"},
        {"[train]\nloss = huber\nlabel_smoothing = 0.1\n", 5, "label_smoothing is for cross_entropy"},
        {"[optimizer]\nema = 1\n", 4, "an average that keeps all (ema 1) never moves; use less than 1"},
        {"[train]\nbatch_size = 32\n[optimizer]\nname = rprop\n", 4, "set train.batch_size to full"},
        {"[optimizer]\nrprop_least = 3\nrprop_most = 2\n", 4, "the least step width is above rprop_most"},
        {"[schedule]\nwarmup_epochs = 3\n[train]\nepochs = 3\n", 4, "the warm-up is as long as the training"},
        {"task = regression\n[train]\nmonitor = validation_accuracy\n", 5, "regression has no accuracy"},
        {"task = regression\nvalidation = 0.2\n[train]\nmonitor = validation_macro_f1\n", 6,
         "regression has no F1; monitor validation_loss or validation_r2"},
        {"task = regression\nvalidation = 0.2\n[train]\nmonitor = validation_balanced_accuracy\n", 6,
         "regression has no balanced"},
        {"task = regression\nvalidation = 0.2\n[train]\nmonitor = validation_auc\n", 6, "regression has no ROC curve"},
        {"task = classification\nvalidation = 0.2\n[train]\nmonitor = validation_r2\n", 6,
         "classification has no R2; monitor "},
        {"[network]\noutput_activation = softmax\n[train]\nloss = squared_error\n", 4,
         "softmax goes with cross_entropy"},
        {"[network]\noutput_activation = sigmoid\n[train]\nloss = cross_entropy\n", 4,
         "cross_entropy brings its own softmax"},
        {"[train]\nmonitor = validation_auc\n", 4, "train.monitor needs validation rows; set data.validation"},
        {"[train]\npatience = 3\n", 4, "train.patience needs validation rows; set data.validation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(with_iris(cases[i].rest), cases[i].line, cases[i].says);
}

/* What a loss and weights of classes are made for, the data alone can show. */
Test(cli_config, losses_and_class_weights_want_fitting_targets) {
    static const struct {
        const char *rest;
        int line;
        const char *says;
    } cases[] = {
        {"[train]\nclass_weights = 1, 2\n", 4,
         "'1, 2' is none of none, balanced, or a number from 0 for each of the 3"},
        {"[train]\nclass_weights = 1, 2, -3\n", 4, "a number from 0 for each of the 3 classes"},
        {"[train]\nclass_weights = 1, 2, 3, 4\n", 4, "a number from 0 for each of the 3 classes"},
        {"[train]\nclass_weights = ballanced\n", 4, "'ballanced' is none of none, balanced"},
        {"[train]\nloss = poisson\n", 4, "poisson is for counts, but the targets of data/iris.csv are classes"},
        {"[network]\noutput_activation = sigmoid\n[train]\nlabel_smoothing = 0.1\n", 6,
         "label_smoothing is for cross_entropy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_fault(with_iris(cases[i].rest), cases[i].line, cases[i].says);

    write_text("values.csv", "x,y\n1,0.5\n2,1.5\n3,-1\n4,2.25\n");
    char text[300];
    snprintf(text, sizeof text, "[data]\ntrain = %s\n[train]\nclass_weights = balanced\n", scratch_path("values.csv"));
    expect_fault(text, 4, "train.class_weights is for classes; set it to none");
    snprintf(text, sizeof text, "[data]\ntrain = %s\n[train]\nloss = poisson\n", scratch_path("values.csv"));
    outcome result = train_text(text, "");
    cr_expect_eq(result.status, 3);
    cr_expect(strstr(result.err, "values.csv:4: the target is -1; poisson is for counts: 0 or more"), "%s", result.err);
    snprintf(text, sizeof text, "[data]\ntrain = %s\n[train]\nloss = binary_cross_entropy\n",
             scratch_path("values.csv"));
    result = train_text(text, "");
    cr_expect_eq(result.status, 3);
    cr_expect(strstr(result.err, "values.csv:3: the target is 1.5; binary_cross_entropy is for values from 0 to 1"),
              "%s", result.err);
}

/* What the data alone can show: a target of many different values is no class. */
Test(cli_config, cross_entropy_on_values) {
    write_text("values.csv", "x,y\n1,0.5\n2,0.25\n3,0.125\n");
    char text[300];
    snprintf(text, sizeof text, "[data]\ntrain = %s\n[train]\nloss = cross_entropy\n", scratch_path("values.csv"));
    expect_fault(text, 4, "cross_entropy is for classes, but the targets of");
    snprintf(text, sizeof text, "[data]\ntrain = %s\n[train]\nmonitor = validation_accuracy\n",
             scratch_path("values.csv"));
    expect_fault(text, 4, "regression has no accuracy");
    expect_fault("[data]\ntrain = data/iris.csv\nvalidation = 0.2\n[train]\nmonitor = validation_r2\n", 5,
                 "classification has no R2");
}

/* ---- All faults at once --------------------------------------------------------------------- */

Test(cli_config, all_faults_of_a_file_in_one_run) {
    outcome result = train_text("seed = 1\n"
                                "[data]\n"
                                "train = data/iris.csv\n"
                                "train = data/iris.csv\n"
                                "\n"
                                "[network] ; of the right name\n"
                                "hiden = 4\n"
                                "activation = rellu\n"
                                "[train]\n"
                                "epochs = -5\n"
                                "what is this\n"
                                "[otimizer]\n"
                                "learning_rate = 1\n",
                                "--set train.seed=-1 --set train.sed=1");
    expect_refused(&result);
    static const int lines[] = {1, 4, 7, 8, 10, 11, 12};
    cr_expect_eq(lines_of(result.err), 9, "%s", result.err);
    const char *at = result.err;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *start = place(lines[i]);
        cr_expect(strncmp(at, start, strlen(start)) == 0, "expected %s\ngot %s", start, at);
        cr_expect(memchr(at, ';', strcspn(at, "\n")), "what would be right is missing: %s", at);
        at += strcspn(at, "\n") + 1;
    }
    cr_expect(strncmp(at, "shardprop: --set train.seed=-1: ", 32) == 0, "%s", at);
    at += strcspn(at, "\n") + 1;
    cr_expect(strncmp(at, "shardprop: --set train.sed=1: ", 30) == 0, "%s", at);
}

Test(cli_config, contradictions_are_reported_beside_other_faults) {
    outcome result = train_text(with_iris("tset = 0.2\n[train]\npatience = 3\n"), "");
    expect_refused(&result);
    cr_expect_eq(lines_of(result.err), 2, "%s", result.err);
    cr_expect(strstr(result.err, "did you mean 'test'") && strstr(result.err, "needs validation rows"));
}

Test(cli_config, contradictions_too_are_all_reported) {
    outcome result = train_text("[data]\ntest = 2\nvalidation_labels = x\n[train]\npatience = 1\n", "");
    expect_refused(&result);
    cr_expect_eq(lines_of(result.err), 4, "%s", result.err);
    cr_expect(strstr(result.err, "data.train is missing"));
    cr_expect(strstr(result.err, place(2)) && strstr(result.err, place(3)) && strstr(result.err, place(5)));
}

Test(cli_config, more_faults_than_can_be_shown) {
    char text[20000];
    int used = sprintf(text, "[train]\n");
    for (int i = 0; i < 500; i++) used += sprintf(text + used, "nonsense_number_%d = 1\n", i);
    outcome result = train_text(text, "");
    expect_refused(&result);
    for (char *line = strtok(result.err, "\n"), *next; line; line = next) {
        next = strtok(NULL, "\n");
        cr_expect(strncmp(line, "shardprop: ", 11) == 0, "%s", line);
        if (!next) cr_expect(strstr(line, "(more faults follow; mend these first)"), "%s", line);
    }
}

/* ---- --set ---------------------------------------------------------------------------------- */

Test(cli_config, set_that_is_none_is_refused) {
    static const char *const cases[][2] = {
        {"epochs=3", "is not an assignment; write section.key=value"},
        {"train.epochs", "is not an assignment; write section.key=value"},
        {"=", "is not an assignment"},
        {".epochs=3", "is not an assignment"},
        {"train.=3", "is not an assignment"},
        {"train.epoch=3", "unknown key 'epoch' in [train]; did you mean 'epochs'?"},
        {"train.learning_rate=3", "did you mean 'learning_rate' of [optimizer]?"},
        {"trian.epochs=3", "unknown section [trian]; did you mean [train]?"},
        {"train.epochs=0", "train.epochs = '0' is not valid; it takes: whole number from 1"},
        {"train.patience=2", "train.patience needs validation rows"},
    };
    const char *config = write_text("c.ini", iris);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("shardprop train %s -s output.dir=%s -s '%s'", config, scratch_path("run"), cases[i][0]);
        expect_refused(&result);
        cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
        cr_expect(strncmp(result.err, "shardprop: --set", 16) == 0, "%s", result.err);
        cr_expect(strstr(result.err, cases[i][1]), "expected '%s'\ngot %s", cases[i][1], result.err);
    }
}
