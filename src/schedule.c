#include "schedule.h"

#include <math.h>

const char *const sp_schedule_names[] = {"constant",  "step",       "exponential", "linear", "cosine",
                                         "one_cycle", "polynomial", "plateau",     NULL};

static const double pi = 3.14159265358979323846;

/* From `from` to `to` by half a cosine, as share goes from 0 to 1. */
static double half_cosine(double from, double to, double share) {
    return to + (from - to) * (1 + cos(pi * share)) / 2;
}

/* The share of its cycle that a step has behind it: cycles of every, every growth, every growth^2, ... epochs. */
static double share_of_cycle(const sp_schedule *s, double step, double steps) {
    double length = (double)(s->every * s->epoch_steps);
    if (length == 0) return step / steps;
    while (step >= length) {
        step -= length;
        length *= (double)(s->growth > 0 ? s->growth : 1);
    }
    return step / length;
}

/* PyTorch counts so that the first step has the lowest rate of the rise, and the last one the lowest of all. */
static double one_cycle(const sp_schedule *s, double step, double steps) {
    static const double start = 1.0 / 25, end = 1.0 / 250000;
    double turn = s->peak * steps - 1, last = steps - 1;
    if (turn < 0) turn = 0;
    if (step <= turn) return turn > 0 ? half_cosine(start, 1, step / turn) : 1;
    return half_cosine(1, end, last > turn ? (step - turn) / (last - turn) : 1);
}

/* The rate as a share of eta0, `step` of `steps` steps after the warm-up. */
static double share(const sp_schedule *s, double step, double steps) {
    double epochs = floor(step / (double)s->epoch_steps), done = step / steps;
    switch (s->name) {
    case SP_SCHEDULE_CONSTANT: return 1;
    case SP_SCHEDULE_STEP: return pow(s->factor, floor(epochs / (double)s->every));
    case SP_SCHEDULE_EXPONENTIAL: return pow(s->factor, epochs);
    case SP_SCHEDULE_LINEAR: return 1 + (s->final - 1) * done;
    case SP_SCHEDULE_COSINE: return half_cosine(1, s->final, share_of_cycle(s, step, steps));
    case SP_SCHEDULE_ONE_CYCLE: return one_cycle(s, step, steps);
    case SP_SCHEDULE_POLYNOMIAL: return s->final + (1 - s->final) * pow(1 - done, s->power);
    case SP_SCHEDULE_PLATEAU: return s->lowered;
    }
    return 1;
}

double sp_schedule_rate(const sp_schedule *s, size_t step) {
    if (s->name == SP_SCHEDULE_CONSTANT && s->warmup == 0) return s->rate;
    double warmup = floor(s->warmup * (double)s->epoch_steps);
    if ((double)step < warmup) return s->rate * (double)(step + 1) / (warmup + 1);
    double rest = (double)s->steps - warmup;
    return s->rate * share(s, (double)step - warmup, rest > 0 ? rest : 1);
}

void sp_schedule_observe(sp_schedule *s, size_t epoch, double value) {
    if (s->name != SP_SCHEDULE_PLATEAU) return;
    if (epoch == 1 || value > s->best + 1e-4 * fabs(s->best)) {
        s->best = value;
        s->since_best = 0;
    } else if (++s->since_best > s->patience) {
        s->lowered *= s->factor;
        s->since_best = 0;
    }
}

bool sp_schedule_knows_its_end(const sp_schedule *s) {
    return s->name == SP_SCHEDULE_LINEAR || s->name == SP_SCHEDULE_POLYNOMIAL || s->name == SP_SCHEDULE_ONE_CYCLE ||
           (s->name == SP_SCHEDULE_COSINE && s->every == 0);
}

void sp_schedule_record(const sp_schedule *s, sp_record *record) {
    sp_record_put_reals(record, "schedule", (double[]){s->rate, s->lowered, s->best}, 3);
    sp_record_put_counts(record, "schedule.since_best", &(uint64_t){s->since_best}, 1);
}

sp_status sp_schedule_take(sp_schedule *s, const sp_safetensors *file, sp_error *error) {
    double state[3];
    uint64_t since_best;
    sp_status status = sp_record_take_reals(file, "schedule", state, 3, error);
    if (!status) status = sp_record_take_counts(file, "schedule.since_best", &since_best, 1, error);
    if (status) return status;
    s->rate = state[0];
    s->lowered = state[1];
    s->best = state[2];
    s->since_best = since_best;
    return SP_OK;
}
