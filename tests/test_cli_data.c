/* Malformed data through the program: one line that names the file and the row, and no work lost. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line on stderr that starts with the file and holds `says`; nothing on stdout, no run directory. */
static void expect_refused(const outcome *result, int status, const char *file, const char *says) {
    char *start;
    start = format_text("shardprop: %s:", file);
    cr_expect_eq(result->status, status, "status %d for '%s'\n%s%s", result->status, says, result->out, result->err);
    cr_expect_str_empty(result->out);
    cr_expect_eq(lines_of(result->err), 1, "%s", result->err);
    cr_expect(strncmp(result->err, start, strlen(start)) == 0, "expected %s\ngot %s", start, result->err);
    cr_expect(strstr(result->err, says), "expected '%s'\ngot %s", says, result->err);
    cr_expect(access(scratch_path("run"), F_OK) != 0, "a run directory was made for '%s'", says);
}

/* Trains on `data` into `folder` of the scratch folder. */
static outcome train(const char *data, const char *labels, const char *folder) {
    const char *config = write_text("c.ini", "[network]\nhidden = 3\n[train]\nepochs = 1\n");
    return run("shardprop train -q %s -s data.train='%s' -s data.train_labels='%s' -s output.dir=%s", config, data,
               labels, scratch_path(folder));
}

/* ---- CSV ------------------------------------------------------------------------------------ */

/* A model with the features a and b and the classes x and y. */
static const char *csv_model(void) {
    outcome result = train(write_text("good.csv", "a,b,c\n1,2,x\n2,1,y\n1,3,x\n"), "", "model");
    cr_assert_eq(result.status, 0, "%s", result.err);
    return scratch_path("model");
}

typedef struct fault {
    const char *text;
    size_t size; /* 0: up to the '\0' */
    const char *says;
} fault;

/* Faults that any reader of rows must find, whatever it reads them for. */
static const fault csv_faults[] = {
    {"", 0, "is empty"},
    {"a,b,c\n", 0, "holds no rows"},
    {"a,b,c\n1,2,x\n1,2\n", 0, "d.csv:3: has 2 fields; the first row has 3"},
    {"a,b,c\n1,2,x\n1,2,x,3\n", 0, "d.csv:3: has 4 fields"},
    {"a,b,c\n\n1,2,x\n\n\n1,2\n", 0, "d.csv:6: has 2 fields"},
    {"a,b,c\r\n1,2,x\r\n1,2\r\n", 0, "d.csv:3: has 2 fields"},
    {"a,b,c\n1,2,x\n1,two,y\n", 0, "d.csv:3: field 2 is 'two'; a number"},
    {"a,b,c\n1,2,x\n1,,y\n", 0, "d.csv:3: field 2 is '', a missing value"},
    {"a,b,c\n1,2,x\n1,0x10,y\n", 0, "d.csv:3: field 2 is '0x10'; a number"},
    {"a,b,c\n1,2,x\n1,nan,y\n", 0, "d.csv:3: field 2 is 'nan'; a finite float32"},
    {"a,b,c\n1,2,x\n-inf,1,y\n", 0, "d.csv:3: field 1 is '-inf'; a finite float32"},
    {"a,b,c\n1,2,x\n1e39,1,y\n", 0, "d.csv:3: field 1 is '1e39'; a finite float32"},
    {"a,b,c\n1,2,x\n1,\"2\n,y\n", 0, "d.csv:3: the file ends within a quoted field"},
    {"a,b,c\n1,2,x\n1,2\"3,y\n", 0, "d.csv:3: a quote stands within a field"},
    {"a,b,c\n1,2,x\n1,2\0,y\n", 20, "d.csv:3: holds a NUL byte"},
    {"PK\x03\x04\x14\0\x06\0", 8, "is packed (zip, as xlsx is); unpack it, or pack it with gzip"}, /* a spreadsheet */
    {"\x1f\x8b\x08\x00", 4, "gzip"},
};

Test(cli_data, malformed_csv_through_train_evaluate_and_predict) {
    const char *model = csv_model();
    for (size_t i = 0; i < sizeof csv_faults / sizeof *csv_faults; i++) {
        const fault *one = &csv_faults[i];
        const char *path = write_bytes("d.csv", one->text, one->size ? one->size : strlen(one->text));
        outcome result = train(path, "", "run");
        expect_refused(&result, 3, path, one->says);
        result = run("shardprop evaluate %s %s", model, path);
        expect_refused(&result, 3, path, one->says);
        result = run("shardprop predict %s %s", model, path);
        expect_refused(&result, 3, path, one->says);
    }
}

Test(cli_data, csv_that_nothing_can_be_learned_from) {
    static const fault cases[] = {
        {"a,b,c\n1,2,x\n1,2,\n", 0, "d.csv:3: the target is empty"},
        {"a,b,c\n1,2,x\n3,4,x\n", 0, "every row has the label 'x'; classification needs two classes"},
        {"c\nx\ny\n", 0, "d.csv:1: has a single column"},
        {"1,two,x\n3,4,y\n", 0, "d.csv:1: field 2 is 'two' and not a number, others of this first row are"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_text("d.csv", cases[i].text);
        outcome result = train(path, "", "run");
        expect_refused(&result, 3, path, cases[i].says);
    }
}

Test(cli_data, target_that_is_not_there) {
    const char *path = write_text("d.csv", "a,b,c\n1,2,x\n3,4,y\n"), *config = write_text("c.ini", "[data]\n");
    static const char *const targets[] = {"d", "3", "-1"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        outcome result = run("shardprop train %s -s data.train=%s -s data.target=%s -s output.dir=%s", config, path,
                             targets[i], scratch_path("run"));
        expect_refused(&result, 2, path, "for data.target; use last, first, a name of the header or an index");
    }
}

Test(cli_data, regression_wants_finite_targets) {
    static const char *const targets[] = {"nan", "inf", "text", "1e39"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char text[80];
        snprintf(text, sizeof text, "a,y\n1,1.5\n2,2.5\n3,%s\n", targets[i]);
        const char *path = write_text("d.csv", text), *config = write_text("c.ini", "[data]\ntask = regression\n");
        outcome result = run("shardprop train %s -s data.train=%s -s output.dir=%s", config, path, scratch_path("run"));
        expect_refused(&result, 3, path, "d.csv:4: the target '");
    }
}

/* A value that is missing must not make a class of every other value. */
Test(cli_data, text_among_values_is_a_fault_and_no_class) {
    const char *path = write_text("d.csv", "a,y\n1,1.5\n2,NA\n3,2.25\n4,2.125\n");
    outcome result = train(path, "", "run");
    expect_refused(&result, 3, path, "d.csv:3: the target 'NA' is not a finite number, as regression needs");
}

Test(cli_data, shares_that_leave_a_side_empty) {
    const char *path = write_text("d.csv", "a,b,c\n1,2,x\n3,4,y\n"),
               *config = write_text("c.ini", "[data]\ntest = 0.1\n");
    outcome result = run("shardprop train %s -s data.train=%s -s output.dir=%s", config, path, scratch_path("run"));
    cr_expect_eq(result.status, 3);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
    cr_expect(strstr(result.err, "a share of 0.1 of 2 rows leaves one side empty"), "%s", result.err);
    cr_expect(access(scratch_path("run"), F_OK) != 0);
}

Test(cli_data, labels_that_were_not_trained_on) {
    const char *model = csv_model(), *path = write_text("d.csv", "a,b,c\n1,2,x\n1,2,z\n");
    outcome result = run("shardprop evaluate %s %s", model, path);
    expect_refused(&result, 3, path, "d.csv:3: the label 'z' is none of the 2 classes trained on (x to y)");
    path = write_text("d.csv", "a,b\n1,2\n");
    result = run("shardprop evaluate %s %s", model, path);
    expect_refused(&result, 3, path, "d.csv:1: has no column 'c' with the labels");
}

/* Test and validation files are held to what the training file says. */
Test(cli_data, parts_in_files_of_their_own) {
    const char *good = write_text("good.csv", "a,b,c\n1,2,x\n2,1,y\n1,3,x\n");
    const char *config = write_text("c.ini", "[train]\nepochs = 1\n");
    static const struct {
        const char *text, *says;
    } cases[] = {{"a,b,c\n1,2,x\n1,2\n", "d.csv:3: has 2 fields"},
                 {"a,x,c\n1,2,x\n", "d.csv:1: has no column 'b'"},
                 {"1,2,3,4\n", "d.csv:1: has 4 columns; 2 features and the target are wanted"},
                 {"a,b,c\n1,2,z\n", "d.csv:2: the label 'z' is none of the 2 classes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_text("d.csv", cases[i].text);
        for (int test = 0; test < 2; test++) {
            outcome result = run("shardprop train %s -s data.train=%s -s data.%s=%s -s output.dir=%s", config, good,
                                 test ? "test" : "validation", path, scratch_path("run"));
            expect_refused(&result, 3, path, cases[i].says);
        }
    }
}

/* ---- IDX ------------------------------------------------------------------------------------ */

enum { IMAGES = 12, PIXELS = 4 };

/* 12 images of 2 x 2, and their labels 0 and 1 in turn. */
static const unsigned char images[16 + IMAGES * PIXELS] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, 2, 0, 0, 0, 2, 200, 9};
static const unsigned char labels[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};

/* A file like `bytes`, with `value` at `at`, cut to `size`. */
static const char *altered(const char *name, const unsigned char *bytes, size_t size, size_t at, int value) {
    unsigned char copy[sizeof images];
    memcpy(copy, bytes, size);
    if (at < size) copy[at] = (unsigned char)value;
    return write_bytes(name, copy, size);
}

static const char *idx_model(void) {
    outcome result =
        train(write_bytes("images", images, sizeof images), write_bytes("labels", labels, sizeof labels), "model");
    cr_assert_eq(result.status, 0, "%s", result.err);
    return scratch_path("model");
}

/* Expects the same refusal, which names `blamed`, from all that read samples. */
static void expect_idx_refused(const char *model, const char *image_path, const char *label_path, const char *blamed,
                               const char *says) {
    outcome result = train(image_path, label_path, "run");
    expect_refused(&result, 3, blamed, says);
    result = run("shardprop evaluate %s %s --labels %s", model, image_path, label_path);
    expect_refused(&result, 3, blamed, says);
    if (blamed != image_path) return;
    result = run("shardprop predict %s %s", model, image_path);
    expect_refused(&result, 3, blamed, says);
}

Test(cli_data, malformed_idx_images) {
    const char *model = idx_model(), *good = scratch_path("labels");
    static const struct {
        size_t size, at;
        int value;
        const char *says;
    } cases[] = {
        {sizeof images, 0, 1, "magic number of neither IDX"},
        {sizeof images, 2, 0, "magic number of neither IDX"},
        {sizeof images, 2, 0x0d, "holds IDX values of type 0d; only unsigned bytes (08) are read"},
        {sizeof images, 3, 0, "magic number of neither IDX"},
        {sizeof images, 3, 9, "magic number of neither IDX"},
        {sizeof images, 3, 1, "has 1 dimension, as labels have"},
        {sizeof images, 7, 0, "holds no samples"},
        {sizeof images, 8, 0x7f, "claims samples of absurd size"},
        {sizeof images, 11, 0, "claims samples of absurd size"},
        {sizeof images, 7, 200, "is truncated in row 13: its header claims 200 rows of 4 bytes"},
        {sizeof images - 1, 99, 0, "is truncated in row 12: its header claims 12 rows of 4 bytes"},
        {sizeof images, 7, 11, "goes on after row 11, the last that its header claims"},
        {16, 99, 0, "is truncated in row 1"},
        {15, 99, 0, "its IDX header is truncated"},
        {4, 99, 0, "its IDX header is truncated"},
        {2, 99, 0, "magic number of neither IDX"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *bad = altered("bad", images, cases[i].size, cases[i].at, cases[i].value);
        expect_idx_refused(model, bad, good, bad, cases[i].says);
    }
}

Test(cli_data, malformed_idx_labels) {
    const char *model = idx_model(), *good = scratch_path("images");
    static const struct {
        size_t size, at;
        int value;
        const char *says;
    } cases[] = {
        {sizeof labels, 7, 11, "has 11 labels for the 12 samples of "},
        {sizeof labels, 7, 13, "has 13 labels for the 12 samples of "},
        {sizeof labels, 3, 2, "has 2 dimensions, as images have; labels have 1"},
        {sizeof labels - 1, 99, 0, "is truncated in row 12"},
        {sizeof labels, 0, 'x', "not the magic number of IDX"},
        {7, 99, 0, "its IDX header is truncated"},
        {0, 99, 0, "its IDX header is truncated"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *bad = altered("bad", labels, cases[i].size, cases[i].at, cases[i].value);
        expect_idx_refused(model, good, bad, bad, cases[i].says);
    }
    outcome result = run("shardprop evaluate %s %s -l %s", model, good, altered("bad", labels, sizeof labels, 9, 7));
    expect_refused(&result, 3, scratch_path("images"), "row 2: the label '7' is none of the 2 classes");
}

/* 100 bytes that claim 2^31 images must not cost the memory of 2^31 images. */
Test(cli_data, a_small_file_with_a_large_claim) {
    const char *model = idx_model(), *good = scratch_path("labels");
    unsigned char claim[100] = {0, 0, 8, 3, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2};
    const char *bad = write_bytes("bad", claim, sizeof claim);
    expect_idx_refused(model, bad, good, bad, "is truncated in row 22: its header claims 2147483648 rows");
    claim[4] = claim[5] = claim[6] = claim[7] = 0xff;
    bad = write_bytes("bad", claim, sizeof claim);
    expect_idx_refused(model, bad, good, bad, "is truncated in row 22: its header claims 4294967295 rows");
    memset(claim + 8, 0xff, 8);
    bad = write_bytes("bad", claim, sizeof claim);
    expect_idx_refused(model, bad, good, bad, "claims samples of absurd size");
}

Test(cli_data, damaged_gzip) {
    const char *model = idx_model(), *good = scratch_path("labels");
    const char *packed = write_gzip("packed", images, sizeof images);
    outcome whole = run("shardprop evaluate %s %s -l %s", model, packed, good);
    cr_assert_eq(whole.status, 0, "%s", whole.err);
    unsigned char bytes[200];
    FILE *file = fopen(packed, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cr_assert(size > 30 && size < sizeof bytes);
    for (size_t cut = 12; cut < size; cut++) {
        const char *bad = write_bytes("bad", bytes, cut);
        outcome result = run("shardprop evaluate %s %s -l %s", model, bad, good);
        expect_refused(&result, 3, bad, "the gzip stream is truncated");
    }
    bytes[size - 6] ^= 1; /* of the checksum */
    const char *bad = write_bytes("bad", bytes, size);
    expect_idx_refused(model, bad, good, bad, "the gzip stream is damaged");
}

/* ---- Files that do not go together are a wrong configuration --------------------------------- */

Test(cli_data, labels_too_many_or_too_few) {
    const char *model = idx_model(), *image_path = scratch_path("images"), *label_path = scratch_path("labels");
    outcome result = train(image_path, "", "run");
    expect_refused(&result, 2, image_path, "is IDX, which holds no labels; name the label file too");
    result = run("shardprop evaluate %s %s", model, image_path);
    expect_refused(&result, 2, image_path, "name the label file too");
    result = train("data/iris.csv", label_path, "run");
    expect_refused(&result, 2, "data/iris.csv", "is a CSV, whose labels are a column");
    result = train(label_path, image_path, "run");
    expect_refused(&result, 3, label_path, "has 1 dimension, as labels have");
}

Test(cli_data, files_that_cannot_be_opened) {
    const char *model = csv_model(), *missing = scratch_path("missing.csv");
    outcome result = train(missing, "", "run");
    expect_refused(&result, 2, missing, "cannot be opened (No such file or directory)");
    result = run("shardprop evaluate %s %s", model, missing);
    expect_refused(&result, 2, missing, "cannot be opened");
    result = run("shardprop predict %s %s", model, missing);
    expect_refused(&result, 2, missing, "cannot be opened");
    result = train("data", "", "run");
    expect_refused(&result, 2, "data", "is a folder; name a file");
}

Test(cli_data, data_of_another_shape_than_the_model) {
    const char *model = csv_model(), *image_path = write_bytes("images", images, sizeof images);
    outcome result = run("shardprop predict %s %s", model, image_path);
    expect_refused(&result, 3, image_path, "has samples of 4 values; 2 are wanted");
    const char *wide = write_text("d.csv", "1,2,3,4\n1,2,3,4\n");
    result = run("shardprop predict %s %s", model, wide);
    expect_refused(&result, 3, wide, "has 4 columns; 2 features (with or without the target) are wanted");
}
