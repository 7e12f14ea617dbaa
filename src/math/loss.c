#include "math/loss.h"

#include "base/vector.h"
#include "math/elementary.h"
#include "math/softmax.h"

#include <math.h>
#include <string.h>

const char *const sp_loss_names[] = {
    "squared_error", "cross_entropy", "absolute_error", "huber", "binary_cross_entropy", "poisson", NULL};

bool sp_loss_takes_logits(sp_loss loss) {
    return loss == SP_CROSS_ENTROPY || loss == SP_BINARY_CROSS_ENTROPY || loss == SP_POISSON;
}

size_t sp_predicted_class(size_t outputs, const float *output) {
    if (outputs == 1) return output[0] > 0.5f;
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (output[j] > output[best]) best = j;
    return best;
}

/* ---- Losses of single outputs ------------------------------------------------------------------ */

/* A row goes through in pieces of so many outputs. */
enum { PIECE = 64 };

/* Outputs and what is wanted of them, and then the loss of each and its derivative by the output. */
typedef struct piece {
    size_t count;
    float output[PIECE], wanted[PIECE], loss[PIECE], slope[PIECE];
} piece;

static void squared_error(piece *p) {
    for (size_t j = 0; j < p->count; j++) {
        float miss = p->output[j] - p->wanted[j];
        p->loss[j] = miss * miss;
        p->slope[j] = 2.0f * miss;
    }
}

static void absolute_error(piece *p) {
    for (size_t j = 0; j < p->count; j++) {
        float miss = p->output[j] - p->wanted[j];
        p->loss[j] = fabsf(miss);
        p->slope[j] = miss > 0 ? 1.0f : miss < 0 ? -1.0f : 0;
    }
}

static void huber(float delta, piece *p) {
    for (size_t j = 0; j < p->count; j++) {
        float miss = p->output[j] - p->wanted[j], size = fabsf(miss);
        p->loss[j] = size <= delta ? 0.5f * miss * miss : delta * (size - 0.5f * delta);
        p->slope[j] = miss > delta ? delta : miss < -delta ? -delta : miss;
    }
}

/* max(z, 0) - y z + log(1 + exp(-|z|)): nothing in it can overflow. */
static void binary_cross_entropy(piece *p) {
    float e[PIECE], log1p_e[PIECE];
    for (size_t j = 0; j < p->count; j++) e[j] = -fabsf(p->output[j]);
    sp_exp(p->count, e);
    memcpy(log1p_e, e, p->count * sizeof *e);
    sp_log1p(p->count, log1p_e);
    for (size_t j = 0; j < p->count; j++) {
        float z = p->output[j], y = p->wanted[j], s = (z >= 0 ? 1.0f : e[j]) / (1.0f + e[j]);
        p->loss[j] = ((z > 0 ? z : 0) - y * z) + log1p_e[j];
        p->slope[j] = s - y;
    }
}

static void poisson(piece *p) {
    memcpy(p->slope, p->output, p->count * sizeof *p->slope);
    sp_exp(p->count, p->slope);
    for (size_t j = 0; j < p->count; j++) {
        p->loss[j] = p->slope[j] - p->wanted[j] * p->output[j];
        p->slope[j] -= p->wanted[j];
    }
}

/* y of output j in row i. */
static float wanted(sp_truth truth, size_t outputs, size_t i, size_t j) {
    if (truth.values) return truth.values[i * outputs + j];
    if (outputs == 1) return (float)truth.classes[i];
    return (size_t)truth.classes[i] == j ? 1.0f : 0.0f;
}

static void judge(sp_loss loss, sp_shape shape, piece *p) {
    switch (loss) {
    case SP_ABSOLUTE_ERROR: absolute_error(p); break;
    case SP_HUBER: huber(shape.delta, p); break;
    case SP_BINARY_CROSS_ENTROPY: binary_cross_entropy(p); break;
    case SP_POISSON: poisson(p); break;
    default: squared_error(p); break;
    }
}

/* Outputs first .. of one row; returns the sum of their losses. */
static double judge_outputs(sp_loss loss, sp_shape shape, size_t outputs, size_t i, size_t first, const float *output,
                            sp_truth truth, float share, float *error) {
    piece p = {.count = outputs - first < PIECE ? outputs - first : PIECE};
    double sum = 0;
    for (size_t j = 0; j < p.count; j++) {
        p.output[j] = output[first + j];
        p.wanted[j] = wanted(truth, outputs, i, first + j);
    }
    judge(loss, shape, &p);
    for (size_t j = 0; j < p.count; j++) sum += p.loss[j];
    for (size_t j = 0; error && j < p.count; j++) error[first + j] = share * p.slope[j];
    return sum;
}

static double by_output(sp_loss loss, sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *output,
                        sp_truth truth, float inverse_n, float *error) {
    double total = 0;
    for (size_t i = 0; i < rows; i++) {
        double sum = 0, weight = truth.weights ? truth.weights[i] : 1;
        for (size_t first = 0; first < outputs; first += PIECE)
            sum += judge_outputs(loss, shape, outputs, i, first, output + i * stride, truth, inverse_n * (float)weight,
                                 error ? error + i * stride : NULL);
        total += weight * sum;
    }
    return total;
}

/* ---- Any loss ---------------------------------------------------------------------------------- */

/* Whether every label of a row is on the right side: of 1/2, or of logits 0. */
static bool labels_right(sp_loss loss, size_t outputs, const float *output, const float *labels) {
    float middle = sp_loss_takes_logits(loss) ? 0 : 0.5f;
    for (size_t j = 0; j < outputs; j++)
        if ((output[j] > middle) != (labels[j] > 0.5f)) return false;
    return true;
}

static bool class_right(sp_loss loss, size_t outputs, const float *output, int32_t class) {
    if (outputs == 1) return (output[0] > (sp_loss_takes_logits(loss) ? 0 : 0.5f)) == (class == 1);
    return sp_predicted_class(outputs, output) == (size_t) class;
}

double sp_loss_rows(sp_loss loss, sp_shape shape, size_t rows, size_t outputs, size_t stride, const float *output,
                    sp_truth truth, float inverse_n, float *error, size_t *correct) {
    *correct = 0;
    if (loss == SP_CROSS_ENTROPY)
        return sp_softmax_cross_entropy(shape, rows, outputs, stride, output, truth, inverse_n, error, correct);
    for (size_t i = 0; i < rows; i++)
        *correct += truth.classes ? class_right(loss, outputs, output + i * stride, truth.classes[i])
                                  : labels_right(loss, outputs, output + i * stride, truth.values + i * outputs);
    return by_output(loss, shape, rows, outputs, stride, output, truth, inverse_n, error);
}

void sp_loss_finish(sp_loss loss, size_t rows, size_t outputs, size_t stride, float *output) {
    if (loss == SP_CROSS_ENTROPY) {
        sp_softmax(rows, outputs, stride, output);
        return;
    }
    if (!sp_loss_takes_logits(loss)) return;
    for (size_t i = 0; i < rows; i++) {
        float *z = output + i * stride;
        for (size_t j = 0; loss == SP_BINARY_CROSS_ENTROPY && j < outputs; j++) z[j] = -z[j];
        sp_exp(outputs, z);
        for (size_t j = 0; loss == SP_BINARY_CROSS_ENTROPY && j < outputs; j++) z[j] = 1.0f / (1.0f + z[j]);
    }
}
