/* Normalised networks from the command line: model files, predictions, faults. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const trained =
    "shardprop train configs/digits.ini --quiet -s output.dir=%s -s network.hidden=40,30 "
    "-s network.normalization=%s -s train.epochs=3 -s data.validation=0.1";

Test(cli_normal, a_model_is_evaluated_as_it_was_trained) {
    const char *const norms[] = {"batch", "layer", "batch,layer", "none,batch"};
    for (int i = 0; i < 4; i++) {
        const char *folder = scratch_path(norms[i]);
        outcome training = run(trained, folder, norms[i]);
        cr_assert_eq(training.status, 0, "%s", training.err);
        char *summary = read_text(format_text("%s/summary.json", folder));
        cr_expect_gt(number_after(summary, "\"test_accuracy\""), 0.9);
        /* By running moments: what is said of a row does not depend on the other rows. */
        outcome all = run("shardprop predict -p %s data/digits.csv", folder);
        outcome few = run("head -8 data/digits.csv > %s; shardprop predict -p %s %s", scratch_path("few.csv"), folder,
                          scratch_path("few.csv"));
        cr_assert_eq(all.status, 0, "%s", all.err);
        cr_expect_eq(strncmp(all.out, few.out, strlen(few.out)), 0, "%s: %s", norms[i], few.out);
        cr_expect_eq(lines_of(few.out), 8);
    }
}

Test(cli_normal, the_library_predicts_what_the_program_predicts) {
    outcome training = run(trained, scratch_path("run"), "batch,layer");
    cr_assert_eq(training.status, 0, "%s", training.err);
    sp_model *model;
    sp_error error = {0};
    must(sp_model_load(scratch_path("run"), &model, &error), error);
    float inputs[3 * 64], outputs[30], one[10];
    char *row = read_text("data/digits.csv");
    for (int i = 0; i < 3; i++) {
        row = strchr(row, '\n') + 1;
        for (int j = 0; j < 64; j++, row++) inputs[i * 64 + j] = strtof(row, &row);
    }
    must(sp_model_predict(model, 3, inputs, outputs, &error), error);
    must(sp_model_predict(model, 1, inputs + 128, one, &error), error);
    outcome predicted = run("shardprop predict -p %s data/digits.csv", scratch_path("run"));
    cr_assert_eq(predicted.status, 0, "%s", predicted.err);
    char *text = strchr(predicted.out, '\n') + 1;
    for (int i = 0; i < 3; i++) {
        text = strchr(text, ',') + 1; /* behind the class */
        for (int j = 0; j < 10; j++, text++) {
            double probability = strtod(text, &text);
            cr_expect_float_eq(probability, outputs[i * 10 + j], 2e-6, "row %d, class %d", i, j);
            if (i == 2) cr_expect_float_eq(one[j], outputs[20 + j], 2e-6);
        }
    }
    /* A file written from what was read is the same file. */
    must(sp_model_save(model, scratch_path("again.safetensors"), &error), error);
    outcome same = run("cmp %s/model.safetensors %s", scratch_path("run"), scratch_path("again.safetensors"));
    cr_expect_eq(same.status, 0, "%s", same.out);
    sp_model_destroy(model);
}

/* All of a model, its running moments too: with no learning, it says what it said. */
Test(cli_normal, a_training_goes_on_from_a_normalised_model) {
    run(trained, scratch_path("run"), "batch,layer");
    outcome on =
        run("shardprop train configs/digits.ini --quiet -s output.dir=%s -s network.hidden=40,30 "
            "-s network.normalization=batch,layer -s train.epochs=1 -s network.init_from=%s -s data.validation=0.1 "
            "-s optimizer.learning_rate=0 -s network.norm_momentum=0",
            scratch_path("on"), scratch_path("run"));
    cr_assert_eq(on.status, 0, "%s", on.err);
    outcome one = run("shardprop predict -p %s data/digits.csv", scratch_path("run"));
    outcome other = run("shardprop predict -p %s data/digits.csv", scratch_path("on"));
    cr_expect_str_eq(one.out, other.out);
}

/* Every way to begin sets scales and moments. */
Test(cli_normal, orthogonal_weights_go_with_it) {
    outcome result = run("shardprop train configs/digits.ini --quiet -s output.dir=%s -s network.init=orthogonal "
                         "-s network.normalization=batch -s train.epochs=4",
                         scratch_path("run"));
    cr_expect_eq(result.status, 0, "%s", result.err);
    cr_expect_gt(number_after(read_text(scratch_path("run/summary.json")), "\"test_accuracy\""), 0.9);
}

Test(cli_normal, check_and_info_name_it) {
    outcome checked = run("shardprop check configs/digits.ini -g -s network.hidden=40,30 -s "
                          "network.normalization=batch,layer -s train.batch_size=256 -s parallel.shards=64");
    cr_expect_eq(checked.status, 0, "%s%s", checked.out, checked.err);
    cr_expect(strstr(checked.out, "    1       64       40  batch          relu              2640\n"), "%s",
              checked.out);
    cr_expect(strstr(checked.out, "    2       40       30  layer          relu              1260\n"), "%s",
              checked.out);
    cr_expect(strstr(checked.out, "    1  scales "), "%s", checked.out);
    cr_expect(strstr(checked.out, "the gradients agree\n"), "%s", checked.out);
    run(trained, scratch_path("run"), "batch,layer");
    outcome info = run("shardprop info %s", scratch_path("run"));
    cr_expect(strstr(info.out, "layer  1       64 x 40, batch normalization, relu\n"), "%s", info.out);
    cr_expect(strstr(info.out, "layer  2       40 x 30, layer normalization, relu\n"), "%s", info.out);
    cr_expect(strstr(info.out, "layer  3       30 x 10, softmax\n"), "%s", info.out);
}

/* Replaces one text of a model file without checksum by another as long, and expects to be told. */
static void expect_refusal(const char *from, const char *to, const char *why) {
    outcome result =
        run("sed 's/%s/%s/; s/\"xxh64\"/\"xxh46\"/' %s/model.safetensors > %s; shardprop info %s", from, to,
            scratch_path("run"), scratch_path("broken.safetensors"), scratch_path("broken.safetensors"));
    cr_expect_eq(result.status, 3, "%s: %s", to, result.out);
    cr_expect(strstr(result.err, why), "%s", result.err);
}

Test(cli_normal, broken_model_files_are_refused) {
    run(trained, scratch_path("run"), "batch,layer");
    expect_refusal("batch layer", "batch lager", "its normalizations are malformed");
    expect_refusal("batch layer", "batch      ", "its normalizations are malformed");
    expect_refusal("\"norm_epsilon\"", "\"norm_upsilon\"", "its normalizations are malformed");
    expect_refusal("layer1.scale", "layer1.skale", "layer1.scale");
    /* The signs of all values turned: a variance is none. */
    outcome negative = run("python3 -c \"import struct; raw = bytearray(open('%s/model.safetensors', 'rb').read());"
                           "raw[11 + struct.unpack('<Q', raw[:8])[0]::4] = bytes(b ^ 128 for b in raw[11 + "
                           "struct.unpack('<Q', raw[:8])[0]::4]); "
                           "open('%s', 'wb').write(raw.replace(b'xxh64', b'xxh46'))\"; shardprop info %s",
                           scratch_path("run"), scratch_path("negative"), scratch_path("negative"));
    cr_expect_eq(negative.status, 3, "%s", negative.out);
    cr_expect(strstr(negative.err, "a running variance in it is negative"), "%s", negative.err);
}

static void expect_fault(const char *settings, const char *what) {
    outcome result = run("shardprop check configs/iris.ini %s", settings);
    cr_expect_eq(result.status, 2, "%s: %s", settings, result.out);
    cr_expect(strstr(result.err, what), "%s: %s", settings, result.err);
    cr_expect_eq(lines_of(result.err), 1, "%s", result.err);
}

Test(cli_normal, faults_have_their_place) {
    expect_fault("-s network.normalization=batch -s train.batch_size=1",
                 "--set: batch normalization needs two rows or more in each shard, but mini-batches of 1 row are cut "
                 "into 1 shard; use larger mini-batches, fewer shards, or normalization = layer\n");
    expect_fault("-s network.normalization=batch -s train.batch_size=9 -s parallel.shards=5",
                 "--set: batch normalization needs two rows or more in each shard, but mini-batches of 9 rows are cut "
                 "into 5 shards; use larger mini-batches, fewer shards, or normalization = layer\n");
    expect_fault("-s network.normalization=batch,layer,none",
                 "--set: network.normalization names 3 normalizations for 1 hidden layer; name one for all, or one "
                 "each\n");
    expect_fault("-s network.hidden= -s network.normalization=layer",
                 "--set: there is no hidden layer to normalise; name some in network.hidden, or set it to none\n");
    expect_fault("-s network.normalization=batsh",
                 "network.normalization = 'batsh' is not valid; did you mean 'batch'? it takes: list of none | batch | "
                 "layer\n");
    expect_fault("-s network.norm_epsilon=0",
                 "network.norm_epsilon = '0' is not valid; it takes: number from 1e-12 to");
    outcome file = run("printf '[data]\\ntrain = data/iris.csv\\n[network]\\nnormalization = batch\\n[train]\\n"
                       "batch_size = 3\\n[parallel]\\nshards = 2\\n' > %s; shardprop check %s",
                       scratch_path("c.ini"), scratch_path("c.ini"));
    cr_expect(strstr(file.err, "c.ini:8: batch normalization needs two rows"), "%s", file.err);
}
