#include "math/loss.h"

#include <math.h>

const char *const sp_loss_names[] = {"squared_error", "cross_entropy", NULL};

size_t sp_predicted_class(size_t outputs, const float *output) {
    if (outputs == 1) return output[0] > 0.5f;
    size_t best = 0;
    for (size_t j = 1; j < outputs; j++)
        if (output[j] > output[best]) best = j;
    return best;
}

/* y of output j in row i. */
static float wanted(sp_truth truth, size_t outputs, size_t i, size_t j) {
    if (truth.values) return truth.values[i * outputs + j];
    if (outputs == 1) return (float)truth.classes[i];
    return (size_t)truth.classes[i] == j ? 1.0f : 0.0f;
}

static double squared_error(size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                            float inverse_n, float *error) {
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < outputs; j++) {
            float miss = output[i * stride + j] - wanted(truth, outputs, i, j);
            sum += (double)miss * miss;
            if (error) error[i * stride + j] = 2.0f * inverse_n * miss;
        }
    return sum;
}

/* exp(z - largest) cannot overflow; returns the sum of them, and the largest. */
static float exponentials(size_t outputs, const float *logits, float *result, float *largest) {
    *largest = logits[0];
    for (size_t j = 1; j < outputs; j++)
        if (logits[j] > *largest) *largest = logits[j];
    float sum = 0;
    for (size_t j = 0; j < outputs; j++) {
        float value = expf(logits[j] - *largest);
        if (result) result[j] = value;
        sum += value;
    }
    return sum;
}

static double cross_entropy(size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                            float inverse_n, float *error) {
    double total = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *z = output + i * stride;
        float *e = error ? error + i * stride : NULL;
        size_t class = (size_t)truth.classes[i];
        float z_class = z[class], largest;
        float sum = exponentials(outputs, z, e, &largest);
        total += log((double)sum) + ((double)largest - (double)z_class);
        if (!e) continue;
        for (size_t j = 0; j < outputs; j++) e[j] = inverse_n * (e[j] / sum - (j == class ? 1.0f : 0.0f));
    }
    return total;
}

double sp_loss_rows(sp_loss loss, size_t rows, size_t outputs, size_t stride, const float *output, sp_truth truth,
                    float inverse_n, float *error, size_t *correct) {
    *correct = 0;
    if (truth.classes)
        for (size_t i = 0; i < rows; i++)
            *correct += sp_predicted_class(outputs, output + i * stride) == (size_t)truth.classes[i];
    if (loss == SP_CROSS_ENTROPY) return cross_entropy(rows, outputs, stride, output, truth, inverse_n, error);
    return squared_error(rows, outputs, stride, output, truth, inverse_n, error);
}

void sp_softmax(size_t rows, size_t outputs, size_t stride, float *logits) {
    for (size_t i = 0; i < rows; i++) {
        float *z = logits + i * stride, largest;
        float sum = exponentials(outputs, z, z, &largest);
        for (size_t j = 0; j < outputs; j++) z[j] /= sum;
    }
}
