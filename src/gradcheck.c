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
    size_t shards;
    sp_shape shape;             /* of the loss */
    const float *class_weights; /* borrowed; NULL: all 1 */
    double *parameters;         /* owned */
    double **rows;              /* owned [depth + 1], of which each [batch, d(l)]: the rows on their way up */
    double *sums;               /* owned [batch, widest]: W x of the layer whose parameters are compared */
    float *factors;             /* owned [widest]: of dropout, of one row */
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
    if (set->values) {
        double value = set->values[row * set->targets + j];
        return set->scale ? (value - set->scale->shift[j]) * set->scale->scale[j] : value;
    }
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

/* z := (z - mean) / sqrt(variance + epsilon) of `count` values, each `step` behind the one before. */
static void normalise(double epsilon, size_t count, size_t step, double *z) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < count; i++) mean += z[i * step] / (double)count;
    for (size_t i = 0; i < count; i++) variance += pow(z[i * step] - mean, 2) / (double)count;
    for (size_t i = 0; i < count; i++) z[i * step] = (z[i * step] - mean) / sqrt(variance + epsilon);
}

/* Of z [batch, outputs]: each row, or each column of each shard. */
static void normalise_layer(const reference *ref, const sp_layer *layer, double *z) {
    size_t width = layer->outputs;
    for (size_t n = 0; n < ref->batch.count && layer->norm == SP_NORM_LAYER; n++)
        normalise(ref->net->epsilon, width, 1, z + n * width);
    for (size_t s = 0; s < ref->shards && layer->norm == SP_NORM_BATCH; s++) {
        sp_slice slice = sp_shard_slice(ref->batch.count, ref->shards, s);
        for (size_t j = 0; j < width; j++)
            normalise(ref->net->epsilon, slice.count, width, z + slice.first * width + j);
    }
    for (size_t i = 0; i < ref->batch.count * width && layer->norm != SP_NORM_NONE; i++)
        z[i] *= ref->parameters[layer->scale + i % width];
}

/* Which units are dropped is the step's; what becomes of the gradients of the others is what is checked. */
static void drop(reference *ref, size_t number, const sp_layer *layer, double *above) {
    for (size_t n = 0; n < ref->batch.count; n++) {
        sp_dropout_factors(ref->draw, number, n, layer->dropout, 0, layer->outputs, ref->factors);
        for (size_t j = 0; j < layer->outputs; j++) above[n * layer->outputs + j] *= ref->factors[j];
    }
}

/* Columns `first` to `end` - 1 of W x of layer l, from 0, for all rows. */
static void sum_up(const reference *ref, size_t l, size_t first, size_t end, double *z) {
    const sp_layer *layer = &ref->net->layers[l];
    const double *weights = ref->parameters + layer->weights;
    size_t width = layer->outputs;
    for (size_t n = 0; n < ref->batch.count; n++) {
        const double *below = ref->rows[l] + n * layer->inputs;
        for (size_t j = first; j < end; j++) z[n * width + j] = 0;
        for (size_t i = 0; i < layer->inputs; i++)
            for (size_t j = first; j < end; j++) z[n * width + j] += below[i] * weights[i * width + j];
    }
}

/* What comes behind the sums of layer l, which lie where its results will. */
static void finish_layer(reference *ref, size_t l) {
    const sp_layer *layer = &ref->net->layers[l];
    double *above = ref->rows[l + 1];
    size_t width = layer->outputs;
    normalise_layer(ref, layer, above);
    for (size_t i = 0; i < ref->batch.count * width; i++)
        above[i] = activate(sp_net_applied(ref->net, l), above[i] + ref->parameters[layer->bias + i % width]);
    if (layer->dropout > 0) drop(ref, l + 1, layer, above);
}

/* J over the mini-batch, from the definitions, where layer l sums up to ref->sums. */
static double loss_from(reference *ref, size_t l) {
    const sp_net *net = ref->net;
    double total = 0;
    memcpy(ref->rows[l + 1], ref->sums, ref->batch.count * net->layers[l].outputs * sizeof(double));
    finish_layer(ref, l);
    for (size_t m = l + 1; m < net->depth; m++) {
        sum_up(ref, m, 0, net->layers[m].outputs, ref->rows[m + 1]);
        finish_layer(ref, m);
    }
    for (size_t n = 0; n < ref->batch.count; n++)
        total += row_loss(ref, ref->batch.rows[n], ref->rows[net->depth] + n * net->outputs);
    return total / (double)ref->batch.count;
}

static void reference_clear(reference *ref) {
    free(ref->parameters);
    for (size_t l = 0; ref->rows && l <= ref->net->depth; l++) free(ref->rows[l]);
    free(ref->rows);
    free(ref->sums);
    free(ref->factors);
}

static bool allocate_rows(reference *ref) {
    const sp_net *net = ref->net;
    ref->rows = calloc(net->depth + 1, sizeof *ref->rows);
    bool good = ref->rows != NULL;
    for (size_t l = 0; l <= net->depth && good; l++) {
        size_t width = l > 0 ? net->layers[l - 1].outputs : net->inputs;
        ref->rows[l] = sp_allocate(ref->batch.count, width * sizeof(double));
        good = ref->rows[l] != NULL;
    }
    return good;
}

/* The same float32 inputs and weights that training sees, widened. */
static sp_status reference_create(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_batch batch,
                                  const float *parameters, reference *ref, sp_error *error) {
    size_t values = batch.count * net->inputs;
    *ref = (reference){.net = net,
                       .data = data,
                       .batch = batch,
                       .shards = plan->shards,
                       .draw = {plan->seed, batch.step},
                       .shape = plan->shape,
                       .class_weights = plan->class_weights};
    ref->parameters = sp_allocate(net->parameters, sizeof(double));
    ref->sums = sp_allocate(batch.count, net->widest * sizeof(double));
    ref->factors = sp_allocate(net->widest, sizeof(float));
    float *gathered = sp_allocate(values, sizeof *gathered);
    sp_status status = SP_OK;
    if (!allocate_rows(ref) || !ref->parameters || !ref->sums || !ref->factors || !gathered) {
        status = sp_fail_memory(error, "the gradient check", sp_bytes(net->parameters, sizeof(double)));
    } else {
        sp_preprocess_gather(&data->preprocess, data->train.data->table, batch.rows, batch.count, gathered,
                             net->inputs);
        sp_shard_disturb(net, (sp_slice){.count = batch.count}, ref->draw, net->inputs, gathered);
        status = sp_table_check(data->train.data->table, error);
        for (size_t i = 0; i < values; i++) ref->rows[0][i] = gathered[i];
        for (size_t i = 0; i < net->parameters; i++) ref->parameters[i] = parameters[i];
    }
    free(gathered);
    return status;
}

/* A weight matters to the sums of its column alone. */
static void set_parameter(reference *ref, size_t l, size_t index, double value) {
    const sp_layer *layer = &ref->net->layers[l];
    size_t column = (index - layer->weights) % layer->outputs;
    ref->parameters[index] = value;
    if (index < layer->bias) sum_up(ref, l, column, column + 1, ref->sums);
}

/*
 * dJ/dw of parameter `index` of layer l. False where the slopes to the left and to the right differ
 * by more than curvature explains: a unit of relu switches within the step.
 */
static bool central_difference(reference *ref, size_t l, size_t index, double here, double *slope) {
    double kept = ref->parameters[index], h = 1e-5 * fmax(1.0, fabs(kept));
    set_parameter(ref, l, index, kept + h);
    double right = loss_from(ref, l);
    set_parameter(ref, l, index, kept - h);
    double left = loss_from(ref, l);
    set_parameter(ref, l, index, kept);
    *slope = (right - left) / (2 * h);
    double kink = fabs((right - here) - (here - left)) / h;
    return kink <= 1e-3 * fabs(*slope) + 1e-7;
}

/* Compares up to `sample` of the `count` parameters of layer l from `first` on; error: not yet divided by *scale. */
static sp_gradcheck compare(reference *ref, const float *gradients, size_t l, size_t first, size_t count, size_t sample,
                            uint64_t seed, double here, double *scale) {
    sp_gradcheck found = {0};
    double difference = 0, backpropagated = 0, numerical = 0;
    for (size_t i = 0; i < sample && i < count; i++) {
        size_t index = first + (count <= sample ? i : sp_random_below(seed, SP_RANDOM_SAMPLE, i, first, count));
        double slope, gradient = gradients[index];
        if (!central_difference(ref, l, index, here, &slope)) {
            found.skipped++;
            continue;
        }
        found.checked++;
        difference += (gradient - slope) * (gradient - slope);
        backpropagated += gradient * gradient;
        numerical += slope * slope;
    }
    *scale = sqrt(backpropagated) + sqrt(numerical);
    found.error = sqrt(difference);
    return found;
}

/*
 * The tensors of layer l, with ref->rows[l] before and ref->rows[l + 1] behind it as they are. Where all that is above
 * is linear, batch normalisation takes a bias away again: its gradient is nothing but rounding errors of that of the
 * weights, which is what it is held against then.
 */
static void compare_layer(reference *ref, const float *gradients, size_t l, size_t sample, uint64_t seed,
                          sp_gradcheck *result) {
    const double least = 0.01;
    const sp_layer *layer = &ref->net->layers[l];
    const size_t first[] = {layer->weights, layer->bias, layer->scale};
    const size_t count[] = {layer->bias - layer->weights, layer->outputs,
                            layer->norm != SP_NORM_NONE ? layer->outputs : 0};
    double scale[SP_GRADCHECK_TENSORS], most = 0;
    sum_up(ref, l, 0, layer->outputs, ref->sums);
    double here = loss_from(ref, l);
    for (int i = 0; i < SP_GRADCHECK_TENSORS; i++) {
        result[i] = compare(ref, gradients, l, first[i], count[i], sample, seed, here, &scale[i]);
        most = fmax(most, scale[i]);
    }
    loss_from(ref, l); /* for the layer above */
    for (int i = 0; i < SP_GRADCHECK_TENSORS; i++) {
        double by = fmax(scale[i], least * most);
        /* Below the noise of the differences, both are nothing. */
        result[i].error = by > 1e-9 ? result[i].error / by : 0;
    }
}

/* Rows of the mini-batch that is compared: each difference costs two passes up from its layer, in double and unblocked.
 */
static size_t rows_compared(const sp_plan *plan, const sp_net *net) {
    enum { MOST_ROWS = 64, ROWS_OF_A_SHARD = 4 };
    size_t most = MOST_ROWS;
    for (size_t l = 0; l < net->depth; l++)
        if (net->layers[l].norm == SP_NORM_BATCH && ROWS_OF_A_SHARD * plan->shards > most)
            most = ROWS_OF_A_SHARD * plan->shards;
    return plan->batch_size < most ? plan->batch_size : most;
}

sp_status sp_gradcheck_run(const sp_plan *plan, const sp_net *net, const sp_data *data, sp_stepper *stepper,
                           const float *parameters, size_t sample, uint64_t seed, sp_gradcheck *result,
                           sp_error *error) {
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
    sp_batch batch = sp_batch_at(order, rows->count, rows_compared(plan, net), 0);
    sp_status status = reference_create(plan, net, data, batch, parameters, &ref, error);
    sp_tally tally;
    if (!status) status = sp_stepper_prepare(stepper, batch.count, error);
    if (!status) status = sp_stepper_gradients(stepper, batch, gradients, &tally, error);
    for (size_t l = 0; l < net->depth && !status; l++)
        compare_layer(&ref, gradients, l, sample, seed, result + SP_GRADCHECK_TENSORS * l);
    reference_clear(&ref);
    free(order);
    free(gradients);
    return status;
}
