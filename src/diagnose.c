#include "diagnose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A rule is told when it has held for so many epochs in a row. */
enum { HELD = 5 };

/* Losses of so many epochs are looked back on; and for how long nothing may happen. */
enum { WINDOW = 6, LONG = 10 };

/* Shares from which a layer is called ill, and how faint a gradient may be beside the output layer's. */
static const double dead_share = 0.4, saturated_share = 0.5, faint = 1e-3;

enum { MOST_LINES = 40, LINE = 300 };

/* How many epochs a rule has held; told: no more to be said. */
typedef struct rule {
    size_t held;
    bool told;
} rule;

struct sp_diagnosis {
    const sp_net *net;      /* borrowed */
    rule *dead, *saturated; /* owned [depth] */
    rule fading, swinging, overfitting, stuck;
    double train[LONG + 1], validation[LONG + 1]; /* losses of the last epochs, the latest first */
    double best_validation;
    size_t epochs, lines;
    char line[MOST_LINES][LINE];
};

sp_diagnosis *sp_diagnosis_create(const sp_net *net) {
    sp_diagnosis *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->net = net;
    made->best_validation = INFINITY;
    made->dead = calloc(net->depth, sizeof *made->dead);
    made->saturated = calloc(net->depth, sizeof *made->saturated);
    if (made->dead && made->saturated) return made;
    sp_diagnosis_destroy(made);
    return NULL;
}

void sp_diagnosis_destroy(sp_diagnosis *d) {
    if (!d) return;
    free(d->dead);
    free(d->saturated);
    free(d);
}

size_t sp_diagnosis_count(const sp_diagnosis *d) {
    return d->lines;
}

const char *sp_diagnosis_line(const sp_diagnosis *d, size_t index) {
    return d->line[index];
}

/* Whether a rule that holds, or does not, in this epoch has to be told now. */
static bool due(rule *r, bool holds, size_t epochs) {
    r->held = holds ? r->held + 1 : 0;
    if (r->told || r->held < epochs) return false;
    r->told = true;
    return true;
}

__attribute__((format(printf, 2, 3))) static void say(sp_diagnosis *d, const char *format, ...) {
    if (d->lines == MOST_LINES) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->line[d->lines++], LINE, format, arguments);
    va_end(arguments);
}

/* ---- Layers --------------------------------------------------------------------------------------- */

static void look_at_units(sp_diagnosis *d, const sp_epoch *epoch) {
    for (size_t l = 0; l + 1 < d->net->depth; l++) {
        const sp_layer_health *h = &epoch->health[l];
        if (due(&d->dead[l], h->dead >= dead_share, HELD))
            say(d,
                "layer %zu: %.0f %% of its ReLU units have been silent for %d epochs; lower optimizer.learning_rate, "
                "or "
                "use leaky_relu",
                l + 1, 100 * h->dead, HELD);
        if (due(&d->saturated[l], h->saturated >= saturated_share, HELD))
            say(d,
                "layer %zu: %.0f %% of its %s units have been saturated for %d epochs; lower optimizer.learning_rate, "
                "normalize the data, or use relu",
                l + 1, 100 * h->saturated, sp_activation_names[d->net->layers[l].activation], HELD);
    }
}

/* Hochreiter 1991; Bengio, Simard, Frasconi 1994: each such layer multiplies the errors by slopes of 1/4 or 1 at most.
 */
static void look_at_gradients(sp_diagnosis *d, const sp_epoch *epoch) {
    size_t depth = d->net->depth, last = 0;
    double output = epoch->health[depth - 1].gradient_norm;
    for (size_t l = 0; l + 1 < depth; l++) {
        sp_activation a = d->net->layers[l].activation;
        if ((a == SP_SIGMOID || a == SP_TANH) && epoch->health[l].gradient_norm < faint * output && last == l)
            last = l + 1;
    }
    if (!due(&d->fading, last > 0, HELD)) return;
    say(d,
        "layers 1 to %zu: the gradient vanishes, from %.1e at the output to %.1e (%s), for %d epochs; use relu, "
        "network.normalization, or fewer layers",
        last, output, epoch->health[0].gradient_norm, sp_activation_names[d->net->layers[0].activation], HELD);
}

/* ---- Losses --------------------------------------------------------------------------------------- */

static void look_at_swings(sp_diagnosis *d) {
    size_t rises = 0;
    for (size_t i = 0; i + 1 < WINDOW; i++) rises += d->train[i] > 1.05 * d->train[i + 1];
    if (due(&d->swinging, d->epochs >= WINDOW && rises >= 3, 1))
        say(d,
            "the training loss goes up and down (%.3g, %.3g, %.3g, %.3g): the learning rate is likely too high; lower "
            "optimizer.learning_rate",
            d->train[3], d->train[2], d->train[1], d->train[0]);
}

static void look_at_overfitting(sp_diagnosis *d) {
    bool apart = d->validation[0] > 1.02 * d->best_validation && d->validation[0] > d->validation[1] &&
                 d->train[0] < d->train[1];
    if (due(&d->overfitting, apart, HELD))
        say(d,
            "the validation loss rises, from %.3g to %.3g, while the training loss falls, for %d epochs: overfitting; "
            "set "
            "train.patience, network.dropout or optimizer.weight_decay, or train on more rows",
            d->best_validation, d->validation[0], HELD);
}

static void look_at_progress(sp_diagnosis *d) {
    bool still = d->epochs > LONG && fabs(d->train[0] - d->train[LONG]) < 1e-3 * fabs(d->train[LONG]) &&
                 fabs(d->train[LONG / 2] - d->train[LONG]) < 1e-3 * fabs(d->train[LONG]) && d->train[0] > 1e-3;
    if (due(&d->stuck, still && d->lines == 0, 1))
        say(d,
            "the training loss has stayed at %.4g for %d epochs; raise optimizer.learning_rate, normalize the data, or "
            "use other initial weights",
            d->train[0], LONG);
}

void sp_diagnosis_epoch(sp_diagnosis *d, const sp_epoch *epoch, void (*tell)(void *context, const char *line),
                        void *context) {
    size_t before = d->lines;
    memmove(d->train + 1, d->train, LONG * sizeof *d->train);
    memmove(d->validation + 1, d->validation, LONG * sizeof *d->validation);
    d->train[0] = epoch->train_loss;
    d->validation[0] = epoch->validation_loss;
    d->epochs++;
    if (epoch->health) {
        look_at_units(d, epoch);
        look_at_gradients(d, epoch);
    }
    look_at_swings(d);
    look_at_overfitting(d); /* the best so far is of the epochs before; NaN compares false */
    look_at_progress(d);
    if (epoch->validation_loss < d->best_validation) d->best_validation = epoch->validation_loss;
    for (size_t i = before; tell && i < d->lines; i++) tell(context, d->line[i]);
}

/* ---- To and from a file ----------------------------------------------------------------------------- */

enum { OTHERS = 4, MOST_RULES = 2 * SP_MOST_LAYERS + OTHERS, LOSSES = 2 * (LONG + 1) + 1 };

/* All rules in a fixed order: of each layer two, then those of the whole network; returns how many there are. */
static size_t gather_rules(const sp_diagnosis *d, rule rules[MOST_RULES]) {
    size_t depth = d->net->depth;
    const rule others[OTHERS] = {d->fading, d->swinging, d->overfitting, d->stuck};
    memcpy(rules, d->dead, depth * sizeof *rules);
    memcpy(rules + depth, d->saturated, depth * sizeof *rules);
    memcpy(rules + 2 * depth, others, sizeof others);
    return 2 * depth + OTHERS;
}

static void scatter_rules(sp_diagnosis *d, const rule rules[MOST_RULES]) {
    size_t depth = d->net->depth;
    const rule *others = rules + 2 * depth;
    memcpy(d->dead, rules, depth * sizeof *rules);
    memcpy(d->saturated, rules + depth, depth * sizeof *rules);
    d->fading = others[0];
    d->swinging = others[1];
    d->overfitting = others[2];
    d->stuck = others[3];
}

/* A field more is to be recorded and taken, too. */
_Static_assert(sizeof(rule) == 2 * sizeof(size_t), "a rule has `held` and `told`");
_Static_assert(sizeof(sp_diagnosis) == sizeof(sp_net *) + 2 * sizeof(rule *) + OTHERS * sizeof(rule) +
                                           LOSSES * sizeof(double) + 2 * sizeof(size_t) + MOST_LINES * LINE,
               "sp_diagnosis_record and sp_diagnosis_take know all that changes");

void sp_diagnosis_record(const sp_diagnosis *d, sp_record *record) {
    rule rules[MOST_RULES];
    uint64_t counts[2 * MOST_RULES];
    double losses[LOSSES];
    char text[MOST_LINES * LINE] = "";
    size_t count = gather_rules(d, rules), used = 0;
    for (size_t i = 0; i < count; i++) {
        counts[2 * i] = rules[i].held;
        counts[2 * i + 1] = rules[i].told;
    }
    memcpy(losses, d->train, sizeof d->train);
    memcpy(losses + LONG + 1, d->validation, sizeof d->validation);
    losses[LOSSES - 1] = d->best_validation;
    for (size_t i = 0; i < d->lines; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%s\n", d->line[i]);
    sp_record_put_counts(record, "diagnosis.rules", counts, 2 * count);
    sp_record_put_reals(record, "diagnosis.losses", losses, LOSSES);
    sp_record_put_counts(record, "diagnosis.epochs", &(uint64_t){d->epochs}, 1);
    sp_record_put_text(record, "diagnosis.lines", text, sizeof text);
}

sp_status sp_diagnosis_take(sp_diagnosis *d, const sp_safetensors *file, sp_error *error) {
    rule rules[MOST_RULES];
    uint64_t counts[2 * MOST_RULES], epochs;
    double losses[LOSSES];
    size_t count = gather_rules(d, rules);
    sp_status status = sp_record_take_counts(file, "diagnosis.rules", counts, 2 * count, error);
    if (!status) status = sp_record_take_reals(file, "diagnosis.losses", losses, LOSSES, error);
    if (!status) status = sp_record_take_counts(file, "diagnosis.epochs", &epochs, 1, error);
    if (status) return status;
    for (size_t i = 0; i < count; i++) rules[i] = (rule){counts[2 * i], counts[2 * i + 1] != 0};
    scatter_rules(d, rules);
    memcpy(d->train, losses, sizeof d->train);
    memcpy(d->validation, losses + LONG + 1, sizeof d->validation);
    d->best_validation = losses[LOSSES - 1];
    d->epochs = epochs;
    const char *text = sp_safetensors_text(file, "diagnosis.lines");
    for (d->lines = 0; text && *text && d->lines < MOST_LINES;) {
        size_t length = strcspn(text, "\n");
        snprintf(d->line[d->lines++], LINE, "%.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
    return SP_OK;
}
