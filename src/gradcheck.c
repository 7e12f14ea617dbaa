#include "gradcheck.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "batch.h"
#include "shard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mini-batch and the weights in double precision. */
typedef struct reference {
    const sp_net *net;
    const sp_data *data;
    sp_batch batch;
    sp_shape shape;             /* of the loss */
    const float *class_weights; /* borrowed; NULL: all 1 */
    double *parameters;         /* owned */
    double *samples;            /* owned [batch, d(0)]: normalised */
    double *below, *above;      /* owned [widest of all layers]: one row on its way up */
    float *factors;             /* owned, likewise: of dropout */
    sp_draw draw;               /* the step's */
} reference;

static double activate(sp_activation activation, double z) {
    switch (activation) {
    case SP_SIGMOID: return 1.0 / (1.0 + exp(-z));
    case SP_TANH: return tanh(z);
    case SP_RELU: return z > 0 ? z : 0;
    case SP_LEAKY_RELU: return z > 0 ? z : 0.01 * z;
    case SP_ELU: return z > 0 ? z : expm1(z);
    case SP_SELU: return 1.05070098735548049342 * (z > 0 ? z : 1.67326324235437728481 * expm1(z));
    case SP_GELU: return z * erfc(-z / sqrt(2)) / 2;
    case SP_SILU: return z / (1 + exp(-z));
    case SP_SOFTPLUS: return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
    case SP_IDENTITY:
    case SP_SOFTMAX: /* these two are left to the loss */
    case SP_EXPONENTIAL: break;
    }
    return z;
}

/* y of output j in a row of the data set. */
static double wanted(const reference *ref, uint32_t row, size_t j) {
    const sp_dataset *set = ref->data->train.data;
    if (set->values) return set->values[row * set->targets + j];
    if (ref->net->outputs == 1) return set->classes[row];
    return (size_t)set->classes[row] == j;
}

static double output_loss(const reference *ref, double output, double y) {
    double miss = fabs(output - y), delta = ref->shape.delta;
    switch (ref->net->loss) {
    case SP_ABSOLUTE_ERROR: return miss;
    case SP_HUBER: return miss <= delta ? miss * miss / 2 : delta * (miss - delta / 2);
    case SP_BINARY_CROSS_ENTROPY: return fmax(output, 0) - y * output + log1p(exp(-fabs(output)));
    case SP_POISSON: return exp(output) - y * output;
    default: return miss * miss;
    }
}

static double cross_entropy(const reference *ref, uint32_t row, const double *output) {
    size_t outputs = ref->net->outputs;
    double largest = output[0], sum = 0, of_class = 0, smoothing = ref->shape.smoothing;
    for (size_t j = 1; j < outputs; j++) largest = fmax(largest, output[j]);
    for (size_t j = 0; j < outputs; j++) {
        sum += exp(output[j] - largest);
        of_class += ((1 - smoothing) * wanted(ref, row, j) + smoothing / (double)outputs) * output[j];
    }
    return largest + log(sum) - of_class;
}

static double row_loss(const reference *ref, uint32_t row, const double *output) {
    const sp_dataset *set = ref->data->train.data;
    double sum = 0, weight = set->weights ? set->weights[row] : 1;
    if (ref->class_weights) weight *= ref->class_weights[set->classes[row]];
    if (ref->net->loss == SP_CROSS_ENTROPY) return weight * cross_entropy(ref, row, output);
    for (size_t j = 0; j < ref->net->outputs; j++) sum += output_loss(ref, output[j], wanted(ref, row, j));
    return weight * sum;
}

/* Which units are dropped is the step's; what becomes of the gradients of the others is what is checked. */
static void drop(reference *ref, size_t number, size_t row, const sp_layer *layer) {
    sp_dropout_factors(ref->draw, number, row, layer->dropout, 0, layer->outputs, ref->factors);
    for (size_t j = 0; j < layer->outputs; j++) ref->above[j] *= ref->factors[j];
}

/* J over the mini-batch, from the definitions. */
static double batch_loss(reference *ref) {
    const sp_net *net = ref->net;
    double total = 0;
    for (size_t n = 0; n < ref->batch.count; n++) {
        memcpy(ref->below, ref->samples + n * net->inputs, net->inputs * sizeof(double));
        for (size_t l = 0; l < net->depth; l++) {
            const sp_layer *layer = &net->layers[l];
            for (size_t j = 0; j < layer->outputs; j++) ref->above[j] = ref->parameters[layer->bias + j];
            for (size_t i = 0; i < layer->inputs; i++)
                for (size_t j = 0; j < layer->outputs; j++)
                    ref->above[j] += ref->below[i] * ref->parameters[layer->weights + i * layer->outputs + j];
            for (size_t j = 0; j < layer->outputs; j++) ref->above[j] = activate(sp_net_applied(net, l), ref->above[j]);
            if (layer->dropout > 0) drop(ref, l + 1, n, layer);
            double *turn = ref->below;
            ref->below = ref->above;
            ref->above = turn;
        }
        total += row_loss(ref, ref->batch.rows[n], ref->below);
    }
    return total / (double)ref->batch.count;
}

static void reference_clear(reference *ref) {
    free(ref->parameters);
    free(ref->samples);
    free(ref->below);
    free(ref->above);
    free(ref->factors);
}

/* The same float32 inputs and weights that training sees, widened. */
static sp_status reference_create(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_batch batch,
                                  const float *parameters, reference *ref, sp_error *error) {
    size_t widest = net->widest > net->inputs ? net->widest : net->inputs, values = batch.count * net->inputs;
    *ref = (reference){.net = net,
                       .data = data,
                       .batch = batch,
                       .draw = {plan->seed, batch.step},
                       .shape = plan->shape,
                       .class_weights = plan->class_weights};
    ref->parameters = sp_allocate(net->parameters, sizeof(double));
    ref->samples = sp_allocate(values, sizeof(double));
    ref->below = sp_allocate(widest, sizeof(double));
    ref->above = sp_allocate(widest, sizeof(double));
    ref->factors = sp_allocate(widest, sizeof(float));
    float *gathered = sp_allocate(values, sizeof *gathered);
    sp_status status = SP_OK;
    if (!ref->parameters || !ref->samples || !ref->below || !ref->above || !ref->factors || !gathered) {
        status = sp_fail_memory(error, "the gradient check", sp_bytes(values, sizeof(double)));
    } else {
        sp_preprocess_gather(&data->preprocess, data->train.data->table, batch.rows, batch.count, gathered,
                             net->inputs);
        sp_shard_disturb(net, (sp_slice){0, batch.count}, ref->draw, net->inputs, gathered);
        for (size_t i = 0; i < values; i++) ref->samples[i] = gathered[i];
        for (size_t i = 0; i < net->parameters; i++) ref->parameters[i] = parameters[i];
    }
    free(gathered);
    return status;
}

/*
 * dJ/dw of parameter `index`. False where the slopes to the left and to the right differ
 * by more than curvature explains: a unit of relu switches within the step.
 */
static bool central_difference(reference *ref, size_t index, double here, double *slope) {
    double *w = &ref->parameters[index], kept = *w;
    double h = 1e-5 * fmax(1.0, fabs(kept));
    *w = kept + h;
    double right = batch_loss(ref);
    *w = kept - h;
    double left = batch_loss(ref);
    *w = kept;
    *slope = (right - left) / (2 * h);
    double kink = fabs((right - here) - (here - left)) / h;
    return kink <= 1e-3 * fabs(*slope) + 1e-7;
}

/* Compares up to `sample` of the `count` parameters from `first` on. */
static sp_gradcheck compare(reference *ref, const float *gradients, size_t first, size_t count, size_t sample,
                            uint64_t seed, double here) {
    sp_gradcheck found = {0};
    double difference = 0, backpropagated = 0, numerical = 0;
    for (size_t i = 0; i < sample && i < count; i++) {
        size_t index = first + (count <= sample ? i : sp_random_below(seed, SP_RANDOM_SAMPLE, i, first, count));
        double slope, gradient = gradients[index];
        if (!central_difference(ref, index, here, &slope)) {
            found.skipped++;
            continue;
        }
        found.checked++;
        difference += (gradient - slope) * (gradient - slope);
        backpropagated += gradient * gradient;
        numerical += slope * slope;
    }
    double scale = sqrt(backpropagated) + sqrt(numerical);
    /* Below the noise of the differences, both are nothing. */
    found.error = scale > 1e-9 ? sqrt(difference) / scale : 0;
    return found;
}

sp_status sp_gradcheck_run(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_stepper *stepper,
                           const float *parameters, size_t sample, uint64_t seed, sp_gradcheck *result,
                           sp_error *error) {
    enum { MOST_ROWS = 64 }; /* each difference costs two passes over them, in double and unblocked */
    reference ref = {0};
    const sp_rows *rows = &data->train.rows;
    float *gradients = sp_allocate(net->parameters, sizeof *gradients);
    uint32_t *order = sp_allocate(rows->count, sizeof *order);
    if (!gradients || !order) {
        free(gradients);
        free(order);
        return sp_fail_memory(error, "the gradients", sp_bytes(net->parameters, sizeof *gradients));
    }
    sp_batch_order(rows->index, rows->count, true, seed, 1, order);
    sp_batch batch = sp_batch_at(order, rows->count, plan->batch_size < MOST_ROWS ? plan->batch_size : MOST_ROWS, 0);
    sp_status status = reference_create(plan, net, data, batch, parameters, &ref, error);
    sp_tally tally;
    if (!status) status = sp_stepper_prepare(stepper, batch.count, error);
    if (!status) status = sp_stepper_gradients(stepper, batch, gradients, &tally, error);
    if (!status) {
        double here = batch_loss(&ref);
        for (size_t l = 0; l < net->depth; l++) {
            const sp_layer *layer = &net->layers[l];
            result[2 * l] = compare(&ref, gradients, layer->weights, layer->bias - layer->weights, sample, seed, here);
            result[2 * l + 1] = compare(&ref, gradients, layer->bias, layer->outputs, sample, seed, here);
        }
    }
    reference_clear(&ref);
    free(order);
    free(gradients);
    return status;
}
