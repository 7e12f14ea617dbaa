/* Initial weights that are not drawn one by one: orthogonal matrices, and another model's. */
#include "base/random.h"
#include "config.h"
#include "golden.h"
#include "initial.h"
#include "math/orthogonal.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Orthogonal ---- */

/* Vectors [count, length] before and after: what is true of Q and of nothing else. */
static void check_vectors(const double *before, const double *after, size_t count, size_t length, double bound) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            double orthonormal = 0, r = 0; /* R = Q^T A: nothing below its diagonal, which is positive */
            for (size_t k = 0; k < length; k++) {
                orthonormal += after[i * length + k] * after[j * length + k];
                r += after[i * length + k] * before[j * length + k];
            }
            cr_assert_float_eq(orthonormal, i == j, bound, "%zu . %zu = %g", i, j, orthonormal);
            cr_assert(i < j || (i == j ? r > 0 : fabs(r) < bound * (double)length), "R[%zu][%zu] = %g", i, j, r);
        }
}

Test(initial, gram_and_schmidt_give_q_of_the_qr_decomposition) {
    const size_t sizes[][2] = {{1, 1}, {1, 5}, {3, 3}, {8, 9}, {17, 40}, {64, 64}, {100, 101}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t count = sizes[s][0], length = sizes[s][1];
        double *before = malloc(count * length * sizeof *before), *after = malloc(count * length * sizeof *after);
        for (size_t i = 0; i < count * length; i++) before[i] = sp_random_normal(s, SP_RANDOM_SAMPLE, i, 0);
        memcpy(after, before, count * length * sizeof *after);
        sp_orthonormalise(count, length, after);
        check_vectors(before, after, count, length, 1e-10);
        free(before), free(after);
    }
}

/* W of a layer as vectors: its columns, or its rows where these are fewer. `drawn`: the normal numbers it is made of.
 */
static void take_vectors(const sp_layer *layer, const float *parameters, double factor, bool drawn, double *vectors) {
    bool by_columns = layer->outputs <= layer->inputs;
    size_t count = by_columns ? layer->outputs : layer->inputs, length = by_columns ? layer->inputs : layer->outputs;
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < length; i++) {
            size_t row = by_columns ? i : v, column = by_columns ? v : i;
            size_t at = layer->weights + row * layer->outputs + column;
            vectors[v * length + i] = drawn ? sp_random_normal(5, SP_RANDOM_WEIGHTS, at, 0) : factor * parameters[at];
        }
}

Test(initial, orthogonal_weights_are_orthonormal_but_for_the_gain) {
    const size_t widths[] = {40, 30, 30, 64, 20, 3};
    const sp_activation activations[] = {SP_RELU, SP_TANH, SP_SELU, SP_LEAKY_RELU, SP_SOFTMAX};
    const double gains[] = {sqrt(2), 5.0 / 3, 0.75, sqrt(2 / 1.0001), 1};
    sp_error error = {0};
    sp_config *config = sp_config_create();
    sp_net *net;
    golden_set(config, "network.init=orthogonal");
    golden_set(config, "train.seed=5");
    must(sp_net_create(5, widths, activations, NULL, SP_CROSS_ENTROPY, &net, &error), error);
    float *parameters = malloc(net->parameters * sizeof *parameters);
    must(sp_initial_weights(config, net, parameters, &error), error);
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        static double before[64 * 64], after[64 * 64];
        take_vectors(layer, parameters, 0, true, before);
        take_vectors(layer, parameters, 1 / gains[l], false, after);
        bool by_columns = layer->outputs <= layer->inputs;
        check_vectors(before, after, by_columns ? layer->outputs : layer->inputs,
                      by_columns ? layer->inputs : layer->outputs, 1e-6);
        for (size_t i = 0; i < layer->outputs; i++) cr_expect_eq(parameters[layer->bias + i], 0);
    }
    free(parameters);
    sp_net_destroy(net);
    sp_config_destroy(config);
}

/* ---- Another model's ---- */

/* Trains a model to start from, and returns its run directory. */
static const char *trained(void) {
    outcome result =
        run("shardprop train configs/iris.ini --quiet -s network.hidden=8,5 -s output.dir=%s", scratch_path("model"));
    cr_assert_eq(result.status, 0, "%s", result.err);
    return scratch_path("model");
}

/* From the model with learning rate 0, the training ends where that one did; also by the name of its file. */
Test(initial, fine_tuning_starts_where_the_other_training_ended) {
    const char *model = trained(), *const files[] = {"", "/model.safetensors"};
    outcome tensors = run("shardprop info %s", model);
    for (int i = 0; i < 2; i++) {
        outcome result = run("shardprop train configs/iris.ini --quiet -s network.hidden=8,5 -s train.epochs=1 "
                             "-s optimizer.learning_rate=0 -s network.init_from=%s%s -s output.dir=%s",
                             model, files[i], scratch_path("tuned"));
        cr_assert_eq(result.status, 0, "%s", result.err);
        outcome same = run("shardprop info %s", scratch_path("tuned"));
        cr_expect(strstr(same.out, hash_of(&result)), "%s", same.out);
        cr_expect(strstr(tensors.out, hash_of(&result)), "%s: %s", tensors.out, hash_of(&result));
    }
    /* With other data of the same shape, these are normalised by themselves. */
    outcome other =
        run("LC_ALL=C awk -F, -v OFS=, 'NR > 1 { for (i = 1; i < NF; i++) $i = 10 * $i + 3 } 1' data/iris.csv > %s\n"
            "for data in data/iris.csv %s; do shardprop train configs/iris.ini --quiet "
            "-s network.hidden=8,5 -s train.epochs=1 -s optimizer.learning_rate=0 -s network.init_from=%s "
            "-s data.train=$data -s output.dir=%s | grep '^test '; done",
            scratch_path("scaled.csv"), scratch_path("scaled.csv"), model, scratch_path("tuned"));
    size_t line = strcspn(other.out, "\n") + 1;
    cr_assert_eq(lines_of(other.out), 2, "%s%s", other.out, other.err);
    cr_expect_float_eq(number_after(other.out, "loss"), number_after(other.out + line, "loss"), 1e-4, "%s", other.out);
}

static void expect_misfit(const char *command, const char *config, const char *settings, const char *says) {
    outcome result = run("shardprop %s configs/%s.ini -s network.init_from=%s -s output.dir=%s %s", command, config,
                         scratch_path("model"), scratch_path("refused"), settings);
    cr_expect_eq(result.status, 2, "%s: %s", settings, result.err);
    cr_expect(strstr(result.err, says), "%s: %s", settings, result.err);
}

Test(initial, a_model_that_does_not_fit_is_refused_by_its_first_layer_that_differs) {
    trained();
    const char *const commands[] = {"train", "check"};
    for (int i = 0; i < 2; i++) {
        const char *c = commands[i];
        expect_misfit(c, "iris", "-s network.hidden=8", "has 3 layers, this network 2; let network.hidden be");
        expect_misfit(c, "iris", "-s network.hidden=8,6", "is 8 x 5, of this network 8 x 6; let network.hidden be");
        expect_misfit(c, "digits", "-s network.hidden=8,5 -s network.activation=tanh", "layer 1 of ");
        expect_misfit(c, "digits", "-s network.hidden=8,5 -s network.activation=tanh",
                      "is 4 x 8, of this network 64 x 8; train on data with as many features");
        expect_misfit(c, "iris", "-s network.hidden=8,5 -s network.activation=tanh,relu", "layer 2 of ");
        expect_misfit(c, "iris", "-s network.hidden=8,5 -s network.activation=tanh,relu",
                      " is tanh, of this network relu; let network.activation be the model's");
        expect_misfit(c, "iris", "-s network.hidden=8,5 -s network.activation=tanh -s network.normalization=layer",
                      " has normalization none, of this network layer; let network.normalization be the model's");
        expect_misfit(c, "iris", "-s network.hidden=8,5 -s network.init_from=no/such", "no/such");
    }
}

Test(initial, another_number_of_classes_is_refused_with_the_line_of_the_config) {
    const char *model = trained();
    run("grep -v virginica data/iris.csv > %s", scratch_path("two.csv"));
    const char *config = write_text("two.ini", format_text("[data]\ntrain = %s\n[network]\nhidden = 8, 5\n"
                                                           "activation = tanh\ninit_from = %s\n",
                                                           scratch_path("two.csv"), model));
    outcome result = run("shardprop train %s -s output.dir=%s", config, scratch_path("refused"));
    cr_expect_eq(result.status, 2, "%s", result.err);
    cr_expect(strstr(result.err, "two.ini:6: layer 3 of "), "%s", result.err);
    cr_expect(strstr(result.err, " is 5 x 3, of this network 5 x 2; train on data with as many classes"), "%s",
              result.err);
}
