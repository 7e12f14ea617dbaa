#include "score.h"

#include "base/error.h"
#include "base/memory.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const metric_names[] = {"loss",
                                           "log_loss",
                                           "accuracy",
                                           "balanced_accuracy",
                                           "subset_accuracy",
                                           "hamming_loss",
                                           "precision",
                                           "recall",
                                           "f1",
                                           "auc",
                                           "micro_precision",
                                           "micro_recall",
                                           "micro_f1",
                                           "macro_precision",
                                           "macro_recall",
                                           "macro_f1",
                                           "weighted_precision",
                                           "weighted_recall",
                                           "weighted_f1",
                                           "r2",
                                           "mae",
                                           "rmse"};
_Static_assert(sizeof metric_names / sizeof *metric_names == SP_METRICS, "a name for each metric");

const char *sp_metric_name(sp_metric metric) {
    return metric_names[metric];
}

sp_status sp_scores_create(size_t rows, size_t items, sp_scores **scores, sp_error *error) {
    sp_scores *made = calloc(1, sizeof *made);
    if (made) {
        made->items = items;
        made->item = sp_allocate(items, sizeof *made->item);
        made->order = sp_allocate(rows, 2 * sizeof *made->order);
    }
    if (!made || !made->item || !made->order) {
        sp_scores_destroy(made);
        return sp_fail_memory(error, "the scores", sp_bytes(rows, 2 * sizeof *made->order));
    }
    *scores = made;
    return SP_OK;
}

void sp_scores_destroy(sp_scores *scores) {
    if (!scores) return;
    free(scores->item);
    free(scores->order);
    free(scores);
}

static void clear(sp_scores *scores) {
    for (size_t m = 0; m < SP_METRICS; m++) scores->value[m] = NAN;
    for (size_t k = 0; k < scores->items; k++) {
        sp_item_score *item = &scores->item[k];
        item->support = item->predicted = item->hits = 0;
        for (size_t m = 0; m < SP_METRICS; m++) item->value[m] = NAN;
    }
}

static double ratio(double part, double whole) {
    return whole > 0 ? part / whole : 0;
}

/* ---- Area under the ROC curve --------------------------------------------------------------- */

/* A number whose order is that of `value`, -0 being 0. */
static uint32_t ordered_bits(float value) {
    uint32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* Sorts by bits 1 to 32, from the lowest digit of 11 bits up (Knuth, TAOCP 3, 5.2.5). The result is in `spare`. */
static void sort_by_score(size_t count, uint64_t *entries, uint64_t *spare) {
    enum { DIGIT = 11, DIGITS = 1 << DIGIT };
    for (int shift = 1; shift <= 2 * DIGIT + 1; shift += DIGIT) {
        size_t start[DIGITS + 1] = {0};
        for (size_t i = 0; i < count; i++) start[(entries[i] >> shift) % DIGITS + 1]++;
        for (size_t d = 0; d < DIGITS; d++) start[d + 1] += start[d];
        for (size_t i = 0; i < count; i++) spare[start[(entries[i] >> shift) % DIGITS]++] = entries[i];
        uint64_t *other = entries;
        entries = spare;
        spare = other;
    }
}

/*
 * The chance that a row of the one kind scores higher than one of the other, ties counting a half: (R - P (P + 1) / 2)
 * / (P N) with R the sum of the ranks of the P rows, equal scores sharing their mean rank (Mann and Whitney 1947;
 * Hanley and McNeil 1982). `entries` are 2 ordered_bits + (1: of the one kind), and ranks are counted in halves, so
 * that the sum is exact.
 */
static double area_under_roc(size_t rows, const uint64_t *entries, size_t positives) {
    size_t negatives = rows - positives;
    double halves = 0;
    if (positives == 0 || negatives == 0) return NAN;
    for (size_t first = 0, next; first < rows; first = next) {
        size_t of_the_one = 0;
        for (next = first; next < rows && entries[next] >> 1 == entries[first] >> 1; next++)
            of_the_one += entries[next] & 1;
        halves += (double)of_the_one * (double)(first + 1 + next);
    }
    double p = (double)positives, n = (double)negatives;
    return (halves - p * (p + 1)) / (2 * p * n);
}

/* Whether row `i` is of class, or has label, `item`. */
static bool is_of(const sp_predictions *p, size_t i, size_t item) {
    return p->truth.classes ? (size_t)p->truth.classes[i] == item : p->truth.values[i * p->outputs + item] > 0.5f;
}

/* Of a class or label, by one column of the outputs; NaN among those leave it undefined. */
static double auc_of(sp_scores *scores, const sp_predictions *p, size_t item, size_t column) {
    uint64_t *entries = scores->order, *sorted = entries + p->rows;
    size_t positives = 0;
    for (size_t i = 0; i < p->rows; i++) {
        float score = p->output[i * p->outputs + column];
        bool positive = is_of(p, i, item);
        if (isnan(score)) return NAN;
        entries[i] = (uint64_t)ordered_bits(score) << 1 | positive;
        positives += positive;
    }
    sort_by_score(p->rows, entries, sorted);
    return area_under_roc(p->rows, sorted, positives);
}

/* The mean over those that have one. */
static double mean_auc(const sp_scores *scores) {
    double sum = 0;
    size_t count = 0;
    for (size_t k = 0; k < scores->items; k++) {
        double auc = scores->item[k].value[SP_METRIC_AUC];
        if (isnan(auc)) continue;
        sum += auc;
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* ---- Classes and labels ----------------------------------------------------------------------- */

/* Sets precision, recall and F1 = 2 P R / (P + R), the first of three, from counts. */
static void set_rates(double *values, sp_metric first, size_t hits, size_t predicted, size_t support) {
    double precision = ratio((double)hits, (double)predicted), recall = ratio((double)hits, (double)support);
    values[first] = precision;
    values[first + 1] = recall;
    values[first + 2] = ratio(2 * precision * recall, precision + recall);
}

/* Rates of the items from their counts, and their means. `all`: also of those that neither occur nor are predicted. */
static void set_averages(sp_scores *scores, bool all) {
    double macro[3] = {0}, weighted[3] = {0}, items = 0, rows = 0;
    for (size_t k = 0; k < scores->items; k++) {
        sp_item_score *item = &scores->item[k];
        set_rates(item->value, SP_METRIC_PRECISION, item->hits, item->predicted, item->support);
        if (!all && item->support == 0 && item->predicted == 0) continue;
        items++;
        rows += (double)item->support;
        for (int m = 0; m < 3; m++) {
            macro[m] += item->value[SP_METRIC_PRECISION + m];
            weighted[m] += item->value[SP_METRIC_PRECISION + m] * (double)item->support;
        }
    }
    for (int m = 0; m < 3; m++) {
        scores->value[SP_METRIC_MACRO_PRECISION + m] = ratio(macro[m], items);
        scores->value[SP_METRIC_WEIGHTED_PRECISION + m] = ratio(weighted[m], rows);
    }
}

static double balanced_accuracy(const sp_scores *scores) {
    double sum = 0, occurring = 0;
    for (size_t k = 0; k < scores->items; k++) {
        if (scores->item[k].support == 0) continue;
        sum += scores->item[k].value[SP_METRIC_RECALL];
        occurring++;
    }
    return ratio(sum, occurring);
}

/* Probabilities are kept this far from 0 and 1, and made to sum to 1. */
static double clipped(double probability) {
    return fmin(fmax(probability, DBL_EPSILON), 1 - DBL_EPSILON);
}

/* -log of the probability of the row's class. */
static double log_loss_of(const sp_predictions *p, size_t i) {
    const float *output = p->output + i * p->outputs;
    size_t class = (size_t)p->truth.classes[i];
    if (p->outputs == 1) {
        double first = clipped(1 - (double)output[0]), second = clipped(output[0]);
        return -log((class == 1 ? second : first) / (first + second));
    }
    double sum = 0;
    for (size_t j = 0; j < p->outputs; j++) sum += clipped(output[j]);
    return -log(clipped(output[class]) / sum);
}

static void count_classes(sp_scores *scores, const sp_predictions *p) {
    for (size_t i = 0; i < p->rows; i++) {
        size_t class = (size_t)p->truth.classes[i];
        size_t predicted = sp_predicted_class(p->outputs, p->output + i * p->outputs);
        scores->item[class].support++;
        scores->item[predicted].predicted++;
        scores->item[class].hits += class == predicted;
    }
}

/* One against all others. */
static void set_class_areas(sp_scores *scores, const sp_predictions *p) {
    for (size_t k = 0; k < p->outputs; k++) {
        size_t class = p->outputs == 1 ? 1 : k;
        scores->item[class].value[SP_METRIC_AUC] = auc_of(scores, p, class, k);
    }
    if (p->outputs == 1) /* turned round, output and kinds, the area is the same */
        scores->item[0].value[SP_METRIC_AUC] = scores->item[1].value[SP_METRIC_AUC];
    scores->value[SP_METRIC_AUC] = scores->items == 2 ? scores->item[1].value[SP_METRIC_AUC] : mean_auc(scores);
}

void sp_score_classes(sp_scores *scores, const sp_predictions *predictions, bool probabilities) {
    const sp_predictions *p = predictions;
    double *value = scores->value, log_loss = 0;
    size_t hits = 0;
    clear(scores);
    if (p->rows == 0) return;
    count_classes(scores, p);
    set_averages(scores, false);
    set_class_areas(scores, p);
    for (size_t k = 0; k < scores->items; k++) hits += scores->item[k].hits;
    value[SP_METRIC_ACCURACY] = (double)hits / (double)p->rows;
    value[SP_METRIC_BALANCED_ACCURACY] = balanced_accuracy(scores);
    if (!probabilities) return;
    for (size_t i = 0; i < p->rows; i++) log_loss += log_loss_of(p, i);
    value[SP_METRIC_LOG_LOSS] = log_loss / (double)p->rows;
}

/* Counts the labels of one row; returns how many are wrong. */
static size_t count_labels(sp_scores *scores, const sp_predictions *p, size_t i) {
    size_t wrong = 0;
    for (size_t j = 0; j < p->outputs; j++) {
        bool is = is_of(p, i, j), said = p->output[i * p->outputs + j] > 0.5f;
        scores->item[j].support += is;
        scores->item[j].predicted += said;
        scores->item[j].hits += is && said;
        wrong += is != said;
    }
    return wrong;
}

void sp_score_labels(sp_scores *scores, const sp_predictions *predictions) {
    const sp_predictions *p = predictions;
    size_t wrong_labels = 0, right_rows = 0, hits = 0, predicted = 0, support = 0;
    clear(scores);
    if (p->rows == 0) return;
    for (size_t i = 0; i < p->rows; i++) {
        size_t wrong = count_labels(scores, p, i);
        wrong_labels += wrong;
        right_rows += wrong == 0;
    }
    set_averages(scores, true);
    for (size_t k = 0; k < scores->items; k++) {
        scores->item[k].value[SP_METRIC_AUC] = auc_of(scores, p, k, k);
        hits += scores->item[k].hits;
        predicted += scores->item[k].predicted;
        support += scores->item[k].support;
    }
    set_rates(scores->value, SP_METRIC_MICRO_PRECISION, hits, predicted, support);
    scores->value[SP_METRIC_AUC] = mean_auc(scores);
    scores->value[SP_METRIC_SUBSET_ACCURACY] = (double)right_rows / (double)p->rows;
    scores->value[SP_METRIC_HAMMING_LOSS] = (double)wrong_labels / ((double)p->rows * (double)p->outputs);
}

/* ---- Values ------------------------------------------------------------------------------------ */

/* One target: R2 = 1 - sum (y - yhat)^2 / sum (y - mean y)^2; of a target that never changes 1 where all is met, else
 * 0; of a single row undefined. */
static void score_target(sp_item_score *item, const sp_predictions *p, size_t target) {
    double rows = (double)p->rows, mean = 0, squares = 0, misses = 0, spread = 0;
    for (size_t i = 0; i < p->rows; i++) mean += p->truth.values[i * p->outputs + target];
    mean /= rows;
    for (size_t i = 0; i < p->rows; i++) {
        double wanted = p->truth.values[i * p->outputs + target];
        double miss = (double)p->output[i * p->outputs + target] - wanted;
        squares += miss * miss;
        misses += fabs(miss);
        spread += (wanted - mean) * (wanted - mean);
    }
    if (p->rows > 1) item->value[SP_METRIC_R2] = spread > 0 ? 1 - squares / spread : squares == 0 ? 1 : 0;
    item->value[SP_METRIC_MAE] = misses / rows;
    item->value[SP_METRIC_RMSE] = sqrt(squares / rows);
}

void sp_score_values(sp_scores *scores, const sp_predictions *predictions) {
    clear(scores);
    if (predictions->rows == 0) return;
    for (size_t k = 0; k < scores->items; k++) score_target(&scores->item[k], predictions, k);
    for (int m = SP_METRIC_R2; m <= SP_METRIC_RMSE; m++) {
        double sum = 0;
        for (size_t k = 0; k < scores->items; k++) sum += scores->item[k].value[m];
        scores->value[m] = sum / (double)scores->items;
    }
}

/* ---- Counts ------------------------------------------------------------------------------------ */

void sp_count_confusions(const sp_predictions *predictions, size_t classes, size_t *counts) {
    const sp_predictions *p = predictions;
    for (size_t i = 0; i < p->rows; i++)
        counts[(size_t)p->truth.classes[i] * classes + sp_predicted_class(p->outputs, p->output + i * p->outputs)]++;
}

void sp_count_places(const sp_predictions *predictions, size_t *counts) {
    const sp_predictions *p = predictions;
    for (size_t i = 0; i < p->rows; i++) {
        const float *output = p->output + i * p->outputs;
        size_t class = (size_t)p->truth.classes[i], place = 0;
        if (p->outputs == 1) place = sp_predicted_class(1, output) != class;
        for (size_t j = 0; j < p->outputs && p->outputs > 1; j++)
            place += output[j] > output[class] || (output[j] == output[class] && j < class);
        counts[place]++;
    }
}
