#include "training.h"

#include "base/hash.h"
#include "base/memory.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>

training training_prepare(const char *const *assignments) {
    training made = {.config = sp_config_create()};
    sp_error error = {0};
    for (; *assignments; assignments++) must(sp_config_set(made.config, *assignments, &error), error);
    must(sp_data_load(made.config, &made.data, &error), error);
    must(sp_plan_create(made.config, made.data, &made.plan, &error), error);
    made.parameters = sp_allocate(made.plan.net->floats, sizeof(float));
    sp_net_initialise(made.plan.net, SP_INIT_AUTO, 0, 1, made.parameters);
    must(sp_weights_create(made.plan.layout, &made.weights, &error), error);
    return made;
}

void training_start(training *made) {
    sp_error error = {0};
    sp_weights_load(made->weights, made->parameters);
    must(sp_stepper_create(&made->plan, made->data, made->weights, &made->stepper, &error), error);
}

void training_release(training *made) {
    sp_stepper_destroy(made->stepper);
    sp_weights_destroy(made->weights);
    free(made->parameters);
    sp_plan_clear(&made->plan);
    sp_data_destroy(made->data);
    sp_config_destroy(made->config);
}

void training_epoch(training *made, double rate) {
    const sp_rows *rows = &made->data->train.rows;
    sp_schedule constant = {.rate = rate};
    sp_stepper_epoch(made->stepper, rows->index, rows->count, &constant, NULL, NULL);
}

uint64_t bits_after_an_epoch(training *made) {
    size_t floats = made->plan.net->floats;
    training_epoch(made, 0.1);
    sp_weights_store(made->weights, made->parameters);
    for (size_t i = 0; i < floats; i++) cr_assert(isfinite(made->parameters[i]), "weight %zu", i);
    uint64_t hash = sp_hash_floats(made->parameters, floats);
    if (sp_stepper_average(made->stepper)) {
        sp_weights_store(sp_stepper_average(made->stepper), made->parameters);
        hash = 31 * hash + sp_hash_floats(made->parameters, floats);
    }
    training_release(made);
    return hash;
}

void expect_same_bits(uint64_t (*bits_of)(const char *const *settings), const char *const *settings) {
    static const char *const threads[] = {"parallel.threads=1", "parallel.threads=2", "parallel.threads=3",
                                          "parallel.threads=4", "parallel.threads=7"};
    static const char *const reductions[] = {"parallel.reduction=private", "parallel.reduction=fused"};
    uint64_t first = 0;
    for (int i = 0; i < 10; i++) {
        const char *all[12] = {threads[i / 2], reductions[i % 2]};
        for (int j = 0; settings[j]; j++) all[j + 2] = settings[j];
        uint64_t bits = bits_of(all);
        if (i == 0) first = bits;
        cr_expect_eq(bits, first, "%s, %s, %s, %s, %s", settings[0], settings[1], settings[2], all[0], all[1]);
    }
}
