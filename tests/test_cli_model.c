/* A trained model in use: evaluate, predict, info, its file in other hands. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Trains a config (and options) into model/ of the scratch folder; the path of that. */
static const char *trained(const char *what) {
    outcome result = run("shardprop train --quiet %s -s output.dir='%s'", what, scratch_path("model"));
    cr_assert_eq(result.status, 0, "%s: %s", what, result.err);
    return scratch_path("model");
}

/* The classes c of a, b in a CSV of that text, learned by heart. */
static const char *trained_on(const char *text) {
    char *what;
    const char *config = write_text("c.ini", "[data]\nnormalize = minmax\n[network]\nhidden = 16\n"
                                             "[optimizer]\nlearning_rate = 0.5\n[train]\nepochs = 300\n");
    what = format_text("%s -s data.train=%s", config, write_text("train.csv", text));
    return trained(what);
}

/* What predict prints for a CSV of that text. */
static char *predicted(const char *model, const char *text, const char *options) {
    outcome result = run("shardprop predict %s %s %s", options, model, write_text("rows.csv", text));
    cr_assert_eq(result.status, 0, "%s", result.err);
    cr_assert_str_empty(result.err);
    return result.out;
}

/* ---- Predictions ---------------------------------------------------------------------------- */

/* The share of rows of `data` whose last column is what predict says. */
static double share_right(const char *model, const char *data) {
    outcome result =
        run("shardprop predict %s %s > '%s' && paste -d, '%s' '%s' | "
            "LC_ALL=C awk -F, 'NR > 1 { right += $1 == $NF } END { printf \"%%.6f\\n\", right / (NR - 1) }'",
            model, data, scratch_path("p.csv"), scratch_path("p.csv"), data);
    cr_assert_eq(result.status, 0, "%s", result.err);
    return atof(result.out);
}

Test(cli_predict, agrees_with_evaluate) {
    static const char *const sets[] = {"iris", "digits"};
    for (int i = 0; i < 2; i++) {
        char what[80], data[80];
        snprintf(what, sizeof what, "configs/%s.ini -s train.epochs=3", sets[i]);
        snprintf(data, sizeof data, "data/%s.csv", sets[i]);
        const char *model = trained(what);
        outcome score = run("shardprop evaluate %s %s", model, data);
        cr_assert_eq(score.status, 0, "%s", score.err);
        double accuracy = number_after(score.out, "accuracy");
        cr_expect(accuracy > 0.5 && accuracy < 1, "errors to agree on: %s", score.out);
        cr_expect_float_eq(share_right(model, data), accuracy, 1e-6);
        cr_expect_eq(number_after(score.out, "rows"), (double)lines_of(read_text(data)) - 1);
    }
}

Test(cli_predict, probabilities_sum_to_one_and_the_largest_is_the_prediction) {
    outcome result =
        run("shardprop predict --probabilities %s data/digits.csv", trained("configs/digits.ini -s train.epochs=1"));
    cr_assert_eq(lines_of(result.out), 1798);
    char *at = result.out;
    cr_expect(strncmp(at, "prediction,0,1,2,3,4,5,6,7,8,9\n", 31) == 0, "%.60s", at);
    at += 31;
    for (int row = 0; row < 1797; row++) {
        double sum = 0, largest = -1;
        long best = -1, prediction = strtol(at, &at, 10);
        for (int j = 0; j < 10; j++) {
            cr_assert_eq(*at, ',', "row %d", row);
            double probability = strtod(at + 1, &at);
            cr_assert(probability >= 0 && probability <= 1);
            sum += probability;
            if (probability > largest) largest = probability, best = j;
        }
        cr_assert_eq(*at++, '\n');
        cr_assert_eq(prediction, best, "row %d", row);
        cr_assert_float_eq(sum, 1, 1e-5, "row %d: %.9g", row, sum);
    }
}

/* The first row of a file, with its header, and the same among others: the same probabilities, to the last digit. */
Test(cli_predict, a_row_does_not_depend_on_its_neighbours) {
    const char *model = trained("configs/iris.ini -s train.epochs=3");
    char *all = run("shardprop predict --probabilities %s data/iris.csv", model).out;
    for (int rows = 1; rows <= 20; rows++) {
        char *few = run("head -n %d data/iris.csv > '%s' && shardprop predict --probabilities %s '%s'", rows + 1,
                        scratch_path("few.csv"), model, scratch_path("few.csv"))
                        .out;
        cr_expect(strncmp(all, few, strlen(few)) == 0, "%d rows: %s", rows, few);
    }
}

Test(cli_predict, into_a_file_whole_or_not_at_all) {
    const char *model = trained("configs/iris.ini -s train.epochs=3"), *path = write_text("p.csv", "as it was\n");
    outcome direct = run("shardprop predict %s data/iris.csv", model);
    outcome failed = run("shardprop predict %s data/digits.csv --output %s", model, path);
    expect_refused_line(&failed, 3, "has no column 'sepal_length'");
    cr_expect_str_eq(read_text(path), "as it was\n", "a failure leaves the old file");
    outcome result = run("shardprop predict %s data/iris.csv --output %s", model, path);
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_str_empty(result.out);
    cr_expect_str_empty(result.err);
    cr_expect_str_eq(read_text(path), direct.out);
    cr_expect_str_eq(run("ls %s | grep p.csv", scratch()).out, "p.csv\n", "nothing temporary is left");
    outcome nowhere = run("shardprop predict %s data/iris.csv -o %s/p.csv", model, path);
    expect_refused_line(&nowhere, 1, "cannot be written (Not a directory)");
}

/* Four points, each of its own class: what is said depends on both columns. */
static const char corners[] = "a,b,c\n0,0,none\n1,0,left\n0,1,right\n1,1,both\n";

Test(cli_predict, finds_columns_by_name) {
    const char *model = trained_on(corners);
    static const char answer[] = "prediction\nleft\nright\n";
    cr_expect_str_eq(predicted(model, "a,b,c\n1,0,both\n0,1,both\n", ""), answer, "labels are not looked at");
    cr_expect_str_eq(predicted(model, "a,b,c\n1,0,\n0,1,?\n", ""), answer, "labels that are yet to come");
    cr_expect_str_eq(predicted(model, "a,b\n1,0\n0,1\n", ""), answer, "without the label");
    cr_expect_str_eq(predicted(model, "b,c,a\n0,none,1\n1,none,0\n", ""), answer, "in another order");
    cr_expect_str_eq(predicted(model, "b,note,a\n0,some text,1\n1,,0\n", ""), answer, "with another column");
    cr_expect_str_eq(predicted(model, "1,0\n0,1\n", ""), answer, "without a header, by position");
    cr_expect_str_eq(predicted(model, "1,0,none\n0,1,none\n", ""), answer, "without a header, with the label");
    cr_expect_str_eq(predicted(model, "\"a\",\"b\"\r\n\"1\",\"0\"\r\n\"0\",\"1\"", ""), answer, "quoted");
    cr_expect_str_eq(predicted(model, "a,b\n1,0\n", ""), "prediction\nleft\n", "a single row");
    outcome result = run("shardprop predict %s %s", model, write_text("rows.csv", "a,c\n1,none\n"));
    expect_refused_line(&result, 3, "rows.csv:1: has no column 'b', which the model needs; add it");
}

Test(cli_predict, reads_gzipped_rows) {
    const char *model = trained_on(corners), *packed = write_gzip("rows.gz", "a,b\n1,1\n", 8);
    cr_expect_str_eq(run("shardprop predict %s %s", model, packed).out, "prediction\nboth\n");
}

Test(cli_predict, quotes_class_names_for_readers_of_csv) {
    const char *model = trained_on("a,b,c\n0,0,\"one, two\"\n1,0,\"say \"\"hi\"\"\"\n0,1,plain\n1,1,\" blank\"\n");
    const char *rows = "a,b\n0,0\n1,0\n0,1\n1,1\n";
    cr_expect_str_eq(predicted(model, rows, ""), "prediction\n\"one, two\"\n\"say \"\"hi\"\"\"\nplain\n\" blank\"\n");
    char *whole = predicted(model, rows, "-p");
    whole[strcspn(whole, "\n")] = '\0';
    cr_expect_str_eq(whole, "prediction,\" blank\",\"one, two\",plain,\"say \"\"hi\"\"\"");
    /* What predict wrote is a CSV that the program reads: its predictions as labels. */
    outcome result =
        run("shardprop predict %s %s > '%s' && printf 'a,b\\n0,0\\n1,0\\n0,1\\n1,1\\n' | paste -d, - '%s' | "
            "sed 1s/prediction/c/ > '%s' && shardprop evaluate %s '%s'",
            model, scratch_path("rows.csv"), scratch_path("p.csv"), scratch_path("p.csv"), scratch_path("again.csv"),
            model, scratch_path("again.csv"));
    cr_expect_eq(number_after(result.out, "accuracy"), 1.0, "%s%s", result.out, result.err);
}

Test(cli_predict, values_of_a_line) {
    char rows[2000];
    int used = sprintf(rows, "x,y\n");
    for (int i = -20; i <= 20; i++) used += sprintf(rows + used, "%g,%g\n", i / 10.0, 2 * i / 10.0 + 1);
    const char *data = write_text("line.csv", rows);
    const char *config = write_text("c.ini", "[data]\ntarget = y\n[network]\nhidden =\n[train]\nepochs = 200\n");
    char what[300];
    snprintf(what, sizeof what, "%s -s data.train=%s", config, data);
    const char *model = trained(what);
    char *at = predicted(model, "x\n-1\n0\n0.25\n10\n", "");
    static const double expected[] = {-1, 1, 1.5, 21};
    cr_assert_eq(strncmp(at, "prediction\n", 11), 0, "%s", at);
    at += 11;
    for (int i = 0; i < 4; i++) {
        double value = strtod(at, &at);
        cr_expect_float_eq(value, expected[i], 1e-3, "%g: %g", expected[i], value);
    }
    cr_expect_str_eq(at, "\n");
    outcome score = run("shardprop evaluate %s %s", model, data);
    cr_expect_eq(score.status, 0, "%s", score.err);
    cr_expect_lt(number_after(score.out, "loss"), 1e-6);
    cr_expect_null(strstr(score.out, "accuracy"), "regression has none");
    cr_expect(strstr(run("shardprop info %s", model).out, "task           regression\n"));
}

/* ---- The file in other hands ---------------------------------------------------------------- */

/* Reads the model, normalises and runs forward as the documents say, and compares with predict. */
static const char reader[] =
    "import csv, json, os, sys\n"
    "import numpy as np\n"
    "model, rows, predictions = sys.argv[1:]\n"
    "raw = open(model, 'rb').read()\n"
    "length = int.from_bytes(raw[:8], 'little')\n"
    "header, data = json.loads(raw[8:8 + length]), raw[8 + length:]\n"
    "about = header.pop('__metadata__')\n"
    "widths = [int(w) for w in about['widths'].split()]\n"
    "names = [f'layer{l}.{part}' for l in range(1, len(widths)) for part in ('weight', 'bias')]\n"
    "assert list(header) == names, list(header)\n"
    "assert (8 + length) % 8 == 0, 'the tensors are aligned'\n"
    "end, tensor = 0, {}\n"
    "for l in range(1, len(widths)):\n"
    "    for name, shape in ((f'layer{l}.weight', [widths[l - 1], widths[l]]), (f'layer{l}.bias', [widths[l]])):\n"
    "        entry = header[name]\n"
    "        start, end_before = entry['data_offsets'][0], end\n"
    "        assert entry['dtype'] == 'F32' and entry['shape'] == shape, (name, entry)\n"
    "        assert start == end_before, 'one tensor after the other'\n"
    "        end = entry['data_offsets'][1]\n"
    "        tensor[name] = np.frombuffer(data[start:end], '<f4').reshape(shape).astype('f8')\n"
    "assert end == len(data), 'nothing behind the last'\n"
    "classes, features = json.loads(about['classes']), json.loads(about['features'])\n"
    "with open(rows) as stream:\n"
    "    samples = np.array([[float(row[f]) for f in features] for row in csv.DictReader(stream)])\n"
    "assert samples.shape[1] == widths[0]\n"
    "shift, scale = (np.array([float(v) for v in about[k].split()]) for k in ('input_shift', 'input_scale'))\n"
    "a = (samples - shift) * scale\n"
    "def softmax(z):\n"
    "    z = np.exp(z - z.max(axis=1, keepdims=True))\n"
    "    return z / z.sum(axis=1, keepdims=True)\n"
    "f = {'relu': lambda z: np.maximum(z, 0), 'tanh': np.tanh, 'sigmoid': lambda z: 1 / (1 + np.exp(-z)),\n"
    "     'identity': lambda z: z, 'softmax': softmax}\n"
    "for l, activation in enumerate(about['activations'].split(), 1):\n"
    "    a = f[activation](a @ tensor[f'layer{l}.weight'] + tensor[f'layer{l}.bias'])\n"
    "with open(predictions) as stream:\n"
    "    said = list(csv.reader(stream))\n"
    "assert said[0] == ['prediction'] + (classes if a.shape[1] == len(classes) else [classes[1]]), said[0]\n"
    "theirs = np.array([[float(v) for v in row[1:]] for row in said[1:]])\n"
    "assert theirs.shape == a.shape, (theirs.shape, a.shape)\n"
    "difference = np.abs(theirs - a).max()\n"
    "assert difference < 1e-5, difference\n"
    "best = a.argmax(axis=1) if a.shape[1] > 1 else (a[:, 0] > 0.5).astype(int)\n"
    "assert [row[0] for row in said[1:]] == [classes[b] for b in best]\n"
    "print('parameters', sum(t.size for t in tensor.values()))\n";

static bool have_numpy(void) {
    return run("/usr/bin/python3 -c 'import numpy'").status == 0;
}

/* Expects that numpy computes what predict says, for a model of `what`. */
static void expect_same_in_numpy(const char *what, const char *data) {
    const char *model = trained(what), *predictions = scratch_path("p.csv");
    outcome result = run("shardprop predict -p %s %s -o %s && /usr/bin/python3 %s %s/model.safetensors %s %s", model,
                         data, predictions, write_text("reader.py", reader), model, data, predictions);
    cr_expect_eq(result.status, 0, "%s: %s", what, result.err);
    outcome info = run("shardprop info %s", model);
    cr_expect_eq(number_after(result.out, "parameters"), number_after(info.out, "parameters"), "%s", result.out);
}

Test(cli_model, numpy_reads_it_and_computes_the_same) {
    if (!have_numpy()) cr_skip_test("numpy is not there");
    expect_same_in_numpy("configs/iris.ini -s train.epochs=5", "data/iris.csv");
    expect_same_in_numpy("configs/digits.ini -s train.epochs=1 -s network.hidden=20,12,9 "
                         "-s network.activation=relu,tanh,sigmoid",
                         "data/digits.csv");
    expect_same_in_numpy("configs/digits.ini -s train.epochs=1 -s train.loss=squared_error -s data.normalize=unit",
                         "data/digits.csv");
    expect_same_in_numpy("configs/xor.ini", "data/xor.csv"); /* one output for two classes */
    expect_same_in_numpy("configs/iris.ini -s train.epochs=5 -s network.hidden=", "data/iris.csv");
}

Test(cli_model, info_masks_names_that_a_terminal_would_obey) {
    const char *csv =
        write_text("d.csv", "x,\"the\x1b[2J,target\"\n1,\"a\nb\"\n2,\"c, d\"\n3,e\n4,\"a\nb\"\n5,\"c, d\"\n6,e\n");
    const char *config =
        write_text("c.ini", format_text("[data]\ntrain = %s\n[train]\nepochs = 1\n[output]\ndir = %s\n", csv,
                                        scratch_path("masked")));
    outcome trained = run("shardprop train '%s' -q", config);
    cr_assert_eq(trained.status, 0, "%s", trained.err);
    outcome info = run("shardprop info '%s'", scratch_path("masked"));
    cr_expect(strstr(info.out, "classes        3: a?b, \"c, d\", e\n"), "%s", info.out);
    cr_expect(strstr(info.out, "target         \"the?[2J,target\"\n"), "%s", info.out);
}

Test(cli_model, a_missing_value_is_refused_in_words_of_a_model) {
    const char *csv = write_text("d.csv", "x,z,y\n1,2,a\n2,3,b\n3,4,a\n4,5,b\n");
    const char *config =
        write_text("c.ini", format_text("[data]\ntrain = %s\n[train]\nepochs = 1\n[output]\ndir = %s\n", csv,
                                        scratch_path("strict")));
    outcome trained = run("shardprop train '%s' -q", config);
    cr_assert_eq(trained.status, 0, "%s", trained.err);
    const char *holes = write_text("holes.csv", "x,z,y\n1,2,a\n2,?,b\n");
    static const char *const commands[] = {"predict", "evaluate"};
    for (int i = 0; i < 2; i++) {
        outcome result = run("shardprop %s '%s' '%s'", commands[i], scratch_path("strict"), holes);
        cr_expect_eq(result.status, 3);
        cr_expect(strstr(result.err,
                         "holes.csv:3: field 2 is '?', a missing value, and the model takes none; fill it in, "
                         "leave the row out, or train with data.missing = mean"),
                  "%s", result.err);
    }
}

Test(cli_model, info_says_what_is_in_it) {
    outcome result = run("shardprop train -q configs/iris.ini -s output.dir=%s", scratch_path("model"));
    outcome info = run("shardprop info %s", scratch_path("model"));
    cr_expect_eq(info.status, 0);
    cr_expect_str_empty(info.err);
    char *expected;
    expected = format_text("task           classification\n"
                           "loss           cross_entropy\n"
                           "normalize      standard\n"
                           "classes        3: setosa, versicolor, virginica\n"
                           "features       4: sepal_length, sepal_width, petal_length, petal_width\n"
                           "target         species\n"
                           "layer  1       4 x 16, tanh\n"
                           "layer  2       16 x 3, softmax\n"
                           "parameters     131\n"
                           "weights_xxh64  %s\n",
                           hash_of(&result));
    cr_expect_str_eq(info.out, expected);
    cr_expect_str_eq(run("shardprop info %s/model.safetensors", scratch_path("model")).out, expected,
                     "a file is as good as its directory");
    info = run("shardprop info %s", trained("configs/digits.ini -s train.epochs=1"));
    for (char *line = strtok(info.out, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 80, "64 features: %s", line);
}

/* ---- Files that are no models --------------------------------------------------------------- */

static void expect_no_model(const char *path, int status, const char *says) {
    outcome result = run("shardprop info %s", path);
    expect_refused_line(&result, status, says);
    result = run("shardprop evaluate %s data/iris.csv", path);
    expect_refused_line(&result, status, says);
    result = run("shardprop predict %s data/iris.csv", path);
    expect_refused_line(&result, status, says);
}

Test(cli_model, missing_or_foreign_files) {
    expect_no_model(scratch_path("missing"), 2, "missing: cannot be opened (No such file or directory)");
    expect_no_model(scratch(), 2, "holds no model.safetensors; name the directory of a finished run");
    expect_no_model("data/iris.csv", 3, "data/iris.csv: is not a safetensors file");
    expect_no_model(write_text("m", ""), 3, "is not a safetensors file (shorter than 8 bytes)");
    expect_no_model(write_bytes("m", "\x10\0\0\0\0\0\0\0not JSON, not it", 24), 3, "its header is not JSON");
    expect_no_model(write_bytes("m", "\2\0\0\0\0\0\0\0{}", 10), 3, "is no model of shardprop");
    expect_no_model(write_bytes("m", "\2\0\0\0\0\0\0\0[]", 10), 3, "its header is not JSON");
    expect_no_model(write_bytes("m", "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), 3,
                    "its header is longer than the file");
}

static size_t read_model(const char *model, char bytes[5000]) {
    char path[300];
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, 5000, file);
    fclose(file);
    cr_assert(size > 500 && size < 5000);
    return size;
}

Test(cli_model, truncated_anywhere) {
    char bytes[5000];
    size_t size = read_model(trained("configs/iris.ini -s train.epochs=1"), bytes);
    for (size_t cut = 0; cut < size; cut += cut + 30 < size ? 30 : size - cut > 1 ? size - cut - 1 : 1) {
        outcome result = run("shardprop info %s", write_bytes("m", bytes, cut));
        expect_refused_line(&result, 3, "/m: ");
    }
}

/* Writes the model with the text `from` of its header replaced by one as long, and no checksum. */
static const char *doctored(const char *bytes, size_t size, const char *from, const char *to) {
    char copy[5000];
    memcpy(copy, bytes, size);
    char *at = memmem(copy, size, from, strlen(from));
    cr_assert(at && strlen(from) == strlen(to), "%s", from);
    memcpy(at, to, strlen(to));
    at = memmem(copy, size, "\"xxh64\"", 7);
    cr_assert_not_null(at);
    memcpy(at, "\"xxh46\"", 7);
    return write_bytes("m", copy, size);
}

Test(cli_model, damaged_header) {
    char bytes[5000];
    size_t size = read_model(trained("configs/iris.ini -s train.epochs=1"), bytes);
    static const char *const cases[][3] = {
        {"\"shardprop\"", "\"sharpdrop\"", "is no model of shardprop (its metadata does not say so)"},
        {"cross_entropy", "cross_atrophy", "its loss, task or normalisation is unknown"},
        {"cross_entropy", "squared_error", "do not fit its layers"},
        {"classification", "classificatiom", "its loss, task or normalisation is unknown"},
        {"4 16 3", "4 16 2", "do not fit its layers"},
        {"4 16 3", "4 17 3", "it is shorter than its tensors"},
        {"4 16 3", "9 9999", "it is shorter than its tensors"},
        {"4 16 3", "4 16 x", "its widths or activations are malformed"},
        {"4 16 3", "4 -1 3", "its widths or activations are malformed"},
        {"tanh softmax", "tahn softmax", "its widths or activations are malformed"},
        {"layer2.bias", "layer2.bais", "has no tensor layer2.bias"},
        {"[4,16]", "[16,4]", "tensor layer1.weight is not float32 of the shape"},
        {"\"F32\"", "\"F16\"", "tensor layer1.weight is not float32"},
        {"[0,256]", "[1,256]", "tensor layer1.weight is not float32 of the shape"},
        {"[0,256]", "[9,265]", NULL}, /* another place within the file: nothing can tell */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("shardprop info %s", doctored(bytes, size, cases[i][0], cases[i][1]));
        if (cases[i][2])
            expect_refused_line(&result, 3, cases[i][2]);
        else
            cr_expect_leq(result.status, 3);
    }
}

/* Whatever byte is wrong, the program says so in one line or reads a model; it never dies of it. */
Test(cli_model, any_wrong_byte_of_the_header) {
    char bytes[5000];
    size_t size = read_model(trained("configs/xor.ini -s train.epochs=1"), bytes);
    for (size_t at = 0; at < size; at += 13) {
        char kept = bytes[at];
        bytes[at] ^= 0x15;
        outcome result = run("shardprop info %s", write_bytes("m", bytes, size));
        cr_expect(result.status == 0 || result.status == 3, "status %d at byte %zu", result.status, at);
        cr_expect_eq(lines_of(result.err), result.status == 0 ? 0 : 1, "%s", result.err);
        bytes[at] = kept;
    }
}
