/* shardprop check: the plan without the work, and backpropagation against central differences. */
#include "support.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the training rows of a config are there; MNIST and its like are fetched or installed. */
static bool has_data(const char *config) {
    char path[300];
    const char *line = strstr(read_text(config), "\ntrain = ");
    cr_assert(line && sscanf(line, " train = %299s", path) == 1, "%s names no rows", config);
    if (access(path, R_OK) == 0) return true;
    fprintf(stderr, "%s left out, because %s is not there\n", config, path);
    return false;
}

/* The configs of configs/ whose data is there; `each` is handed one after the other. */
static void for_each_config(void (*each)(const char *path)) {
    glob_t found;
    cr_assert_eq(glob("configs/*.ini", 0, NULL, &found), 0, "no configs/; run from the top of the repository");
    cr_assert_geq(found.gl_pathc, 5);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        bool many = strstr(found.gl_pathv[i], "-sweep.ini"); /* many trainings: test_cli_batch.c */
        if (!many && has_data(found.gl_pathv[i])) each(found.gl_pathv[i]);
    }
    globfree(&found);
}

/* ---- The plan ------------------------------------------------------------------------------- */

static void expect_plan(const char *path) {
    static const char *const says[] = {"training    ",
                                       "\nfeatures    ",
                                       "\ntask        ",
                                       "\nloss        ",
                                       "\nlayer   inputs  outputs  normalization  activation  parameters\n",
                                       "\n  all ",
                                       "\nmini-batch  ",
                                       "\nshards      ",
                                       "\nthreads     ",
                                       "\nkernels     ",
                                       "\nstep        ",
                                       "\nmemory      "};
    outcome result = run("shardprop check %s -s output.dir=%s", path, scratch_path("run"));
    cr_expect_eq(result.status, 0, "%s: %s", path, result.err);
    cr_expect_str_empty(result.err);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        cr_expect(strstr(result.out, says[i]), "%s: no '%s' in\n%s", path, says[i], result.out);
    for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 80, "%s", line);
    cr_expect(access(scratch_path("run"), F_OK) != 0, "%s: something was written", path);
}

Test(cli_check, prints_the_plan_of_every_config_and_writes_nothing) {
    for_each_config(expect_plan);
}

Test(cli_check, the_plan_is_right) {
    outcome result = run("shardprop check configs/digits.ini -s data.validation=0.1 -s network.hidden=20,30 "
                         "-s network.activation=tanh,relu -s train.batch_size=37 -s parallel.shards=5 "
                         "-s parallel.threads=3");
    cr_assert_eq(result.status, 0, "%s", result.err);
    static const char *const says[] = {
        "training    1258 rows of data/digits.csv\n",
        "validation  180 rows of data/digits.csv\n",
        "test        359 rows of data/digits.csv\n",
        "features    64, normalize = standard\n",
        "task        classification, 10 classes (0 to 9)\n",
        "loss        cross_entropy\n",
        "    1       64       20  none           tanh              1300\n",
        "    2       20       30  none           relu               630\n",
        "    3       30       10  none           softmax            310\n",
        "  all                                                     2240\n",
        "mini-batch  37 rows; 34 steps an epoch\n",
        "shards      5 of at most 8 rows\n",
        "threads     3\n",
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        cr_expect(strstr(result.out, says[i]), "no '%s' in\n%s", says[i], result.out);
}

Test(cli_check, what_auto_comes_to) {
    outcome xor = run("shardprop check configs/xor.ini");
    cr_expect(strstr(xor.out, "\n    2        4        1  none           sigmoid              5\n"),
              "one output for two classes: %s", xor.out);
    cr_expect(strstr(xor.out, "mini-batch  4 rows; 1 step an epoch\n"), "full: %s", xor.out);
    outcome larger = run("shardprop check configs/xor.ini -s train.batch_size=1000");
    cr_expect_str_eq(larger.out, xor.out, "no mini-batch is larger than the data");
    outcome line = run("shardprop check configs/iris.ini -s data.target=sepal_length -s data.train=%s -s data.test=",
                       write_text("line.csv", "sepal_length,x\n0.5,1\n1.25,2\n1.5,4\n"));
    cr_expect(strstr(line.out, "\ntask        regression\ntarget      sepal_length\nloss        squared_error\n"),
              "%s%s", line.out, line.err);
    cr_expect(strstr(line.out, "       16        1  none           identity            17\n"), "%s", line.out);
}

Test(cli_check, refuses_what_train_refuses) {
    outcome config = run("shardprop check configs/iris.ini -s train.patience=3");
    cr_expect_eq(config.status, 2);
    outcome data =
        run("shardprop check configs/iris.ini -s data.train=%s", write_text("d.csv", "a,species\n1,x\nb,y\n"));
    cr_expect_eq(data.status, 3);
    cr_expect(strstr(data.err, "d.csv:3: field 1 is 'b'"), "%s", data.err);
    cr_expect_str_empty(data.out);
}

Test(cli_check, quiet) {
    outcome result = run("shardprop check --quiet configs/iris.ini");
    cr_expect_eq(result.status, 0);
    cr_expect_str_empty(result.out);
    cr_expect_str_empty(result.err);
}

/* ---- Gradients ------------------------------------------------------------------------------ */

/* Every layer was compared, none is wrong. */
static void expect_gradients(const outcome *result, const char *of) {
    cr_expect_eq(result->status, 0, "%s: %s%s", of, result->out, result->err);
    char *table = strstr(result->out, "\nlayer  of       checked  at a kink  relative error\n");
    cr_assert_not_null(table, "%s: %s", of, result->out);
    cr_expect(strstr(table, "\nthe gradients agree\n"), "%s: %s", of, table);
    cr_expect_null(strstr(table, "WRONG"), "%s: %s", of, table);
    size_t compared = 0;
    for (char *line = strtok(table, "\n"); line; line = strtok(NULL, "\n")) {
        long layer, checked, kinks;
        double error;
        if (sscanf(line, "%ld %*s %ld %ld %lf", &layer, &checked, &kinks, &error) != 4) continue;
        compared++;
        cr_expect_gt(checked, 0, "%s: nothing compared in %s", of, line);
        cr_expect_lt(error, 1e-4, "%s: %s", of, line);
    }
    cr_expect_geq(compared, 2, "%s: weights and biases of each layer", of);
}

static void expect_gradients_of(const char *path) {
    outcome result = run("shardprop check --gradients %s", path);
    expect_gradients(&result, path);
}

Test(cli_gradients, agree_on_every_config) {
    for_each_config(expect_gradients_of);
}

/* A network of `depth` hidden layers of `activation`, in batches that shards do not divide. */
static void expect_gradients_in(const char *activation, const char *loss, int depth, const char *batch) {
    static const char *const hidden[] = {"", "7", "7,5", "7,5,6"};
    char *what;
    what = format_text("-s network.hidden=%s -s network.activation=%s -s train.loss=%s -s train.batch_size=%s "
                       "-s parallel.shards=3",
                       hidden[depth], activation, loss, batch);
    outcome result = run("shardprop check -g configs/iris.ini %s", what);
    expect_gradients(&result, what);
    cr_expect_eq(number_after(result.out, "mini-batch"), strcmp(batch, "full") == 0 ? 120 : atoi(batch), "%s", what);
    free(what);
}

static void expect_gradients_of_activation(const char *activation) {
    static const char *const losses[] = {"cross_entropy", "squared_error"}, *const batches[] = {"1", "37", "full"};
    for (int depth = 0; depth <= 3; depth++)
        for (int loss = 0; loss < 2; loss++)
            for (int batch = 0; batch < 3; batch++)
                expect_gradients_in(activation, losses[loss], depth, batches[batch]);
}

Test(cli_gradients, sigmoid_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("sigmoid");
}

Test(cli_gradients, tanh_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("tanh");
}

Test(cli_gradients, relu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("relu");
}

Test(cli_gradients, leaky_relu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("leaky_relu");
}

Test(cli_gradients, elu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("elu");
}

Test(cli_gradients, selu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("selu");
}

Test(cli_gradients, gelu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("gelu");
}

Test(cli_gradients, silu_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("silu");
}

Test(cli_gradients, softplus_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("softplus");
}

Test(cli_gradients, identity_in_all_losses_depths_and_batches) {
    expect_gradients_of_activation("identity");
}

Test(cli_gradients, every_output_activation_under_squared_error) {
    static const char *const outputs[] = {"sigmoid", "tanh", "relu", "leaky_relu", "elu",
                                          "selu",    "gelu", "silu", "softplus",   "identity"};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        outcome result = run("shardprop check -g configs/iris.ini -s train.loss=squared_error -s network.hidden=9,8 "
                             "-s network.activation=tanh,sigmoid -s network.output_activation=%s",
                             outputs[i]);
        expect_gradients(&result, outputs[i]);
    }
}

Test(cli_gradients, one_output_for_values_and_for_two_classes) {
    outcome values = run("shardprop check -g configs/iris.ini -s data.target=petal_width -s data.task=regression "
                         "-s data.train=%s",
                         write_text("flowers.csv", "petal_width,a,b\n0.2,1,2\n1.5,2,1\n2.3,3,4\n1.1,0,1\n0.7,2,2\n"));
    expect_gradients(&values, "regression");
    outcome classes = run("shardprop check -g configs/xor.ini -s parallel.shards=3");
    expect_gradients(&classes, "two classes");
}

Test(cli_gradients, with_plain_loops_as_kernels) {
    outcome result = run("shardprop check -g configs/digits.ini -s parallel.kernels=reference");
    expect_gradients(&result, "reference kernels");
}
