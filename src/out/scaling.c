#include "out/scaling.h"

#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool sp_scale_was_disturbed(const sp_scaling *scaling, const sp_scale_run *run) {
    static const double much = 0.25;
    size_t ours = run->threads < scaling->granted ? run->threads : scaling->granted;
    return run->others - (double)(scaling->granted - ours) > much;
}

void sp_scaling_clear(sp_scaling *scaling) {
    for (size_t c = 0; scaling->curve && c < scaling->curves; c++) {
        sp_scale_curve *curve = &scaling->curve[c];
        for (size_t i = 0; curve->point && i < curve->points; i++) free(curve->point[i].run);
        free(curve->point);
    }
    free(scaling->curve);
    *scaling = (sp_scaling){0};
}

/* ---- A point by itself -------------------------------------------------------------------------- */

/* The rates of the measured runs into `rates` [runs]; returns how many. */
static size_t take_rates(const sp_scale_point *point, double *rates) {
    size_t count = 0;
    for (size_t i = 0; i < point->runs; i++)
        if (point->run[i].kind == SP_SCALE_MEASURED) rates[count++] = point->run[i].rate;
    return count;
}

static void evaluate_phases(sp_scale_point *point) {
    for (int i = 0; i < SP_PHASES; i++) point->phases[i] = NAN;
    point->imbalance = NAN;
    for (size_t r = 0; r < point->runs; r++) {
        const sp_scale_run *run = &point->run[r];
        double sum = 0;
        if (run->kind != SP_SCALE_TIMED) continue;
        for (int i = 0; i < SP_PHASES; i++) sum += run->phases[i];
        for (int i = 0; i < SP_PHASES; i++) point->phases[i] = run->phases[i] / sum;
        point->imbalance = run->imbalance;
    }
}

static void evaluate_point(const sp_scaling *scaling, sp_scale_point *point, double *scratch) {
    size_t count = take_rates(point, scratch), disturbed = 0;
    point->rate = sp_spread_of(count, scratch);
    point->speedup = point->efficiency = point->karp_flatt = NAN;
    point->flops = point->rate.median * point->row_flops;
    point->bytes = point->rate.median / (double)point->batch_size * point->step_bytes;
    point->cached = point->step_bytes < (double)scaling->cache;
    point->roofline = point->flops / sp_roofline(point->ceiling.flops, point->cached ? INFINITY : point->ceiling.bytes,
                                                 point->flops / point->bytes);
    for (size_t i = 0; i < point->runs; i++)
        disturbed += point->run[i].kind == SP_SCALE_MEASURED && sp_scale_was_disturbed(scaling, &point->run[i]);
    point->disturbed = count > 0 ? (double)disturbed / (double)count : 0;
    evaluate_phases(point);
}

/* ---- A curve ------------------------------------------------------------------------------------ */

/* The point on one thread, that all others are compared with; NULL: it was not measured. */
static const sp_scale_point *base_of(const sp_scale_curve *curve) {
    return curve->points > 0 && curve->point[0].threads == 1 ? &curve->point[0] : NULL;
}

static void compare(sp_scale_curve *curve, bool weak) {
    const sp_scale_point *base = base_of(curve);
    for (size_t i = 0; base && i < curve->points; i++) {
        sp_scale_point *point = &curve->point[i];
        point->speedup = point->rate.median / base->rate.median;
        point->efficiency = point->speedup / (double)point->threads;
        if (!weak) point->karp_flatt = sp_karp_flatt(point->speedup, (double)point->threads);
    }
}

/* The rate of measured run number `repetition`; NaN: the median of all. */
static double rate_of(const sp_scale_point *point, double repetition) {
    double number = 0;
    for (size_t i = 0; i < point->runs && !isnan(repetition); i++)
        if (point->run[i].kind == SP_SCALE_MEASURED && number++ == repetition) return point->run[i].rate;
    return point->rate.median;
}

/* Amdahl's law over the points that have a core for each thread; times are those of a sample. `p`, `times`: scratch
 * [points]. */
static sp_amdahl fit_amdahl(sp_scale_curve *curve, double repetition, double *p, double *times) {
    curve->fitted = 0;
    for (size_t i = 0; i < curve->points; i++) {
        if (curve->point[i].oversubscribed || curve->point[i].siblings) continue;
        p[curve->fitted] = (double)curve->point[i].threads;
        times[curve->fitted++] = 1 / rate_of(&curve->point[i], repetition);
    }
    return sp_amdahl_fit(curve->fitted, p, times);
}

static double fit_gustafson(sp_scale_curve *curve, double *p, double *speedups) {
    curve->fitted = 0;
    for (size_t i = 0; base_of(curve) && i < curve->points; i++) {
        if (curve->point[i].oversubscribed || curve->point[i].siblings) continue;
        p[curve->fitted] = (double)curve->point[i].threads;
        speedups[curve->fitted++] = curve->point[i].speedup;
    }
    return sp_gustafson_fit(curve->fitted, p, speedups);
}

/* `scratch`: two for each point of the curve, and as many as a point has runs. */
static void evaluate_curve(sp_scale_curve *curve, const sp_scaling *scaling, double *scratch) {
    double *other = scratch + curve->points;
    for (size_t i = 0; i < curve->points; i++) evaluate_point(scaling, &curve->point[i], scratch);
    compare(curve, scaling->weak);
    curve->amdahl = (sp_amdahl){NAN, NAN, NAN};
    curve->gustafson = curve->serial_least = curve->serial_most = NAN;
    if (scaling->weak) {
        curve->gustafson = fit_gustafson(curve, scratch, other);
        return;
    }
    for (size_t r = 0; r < scaling->repetitions; r++) {
        double serial = fit_amdahl(curve, (double)r, scratch, other).serial;
        curve->serial_least = fmin(curve->serial_least, serial);
        curve->serial_most = fmax(curve->serial_most, serial);
    }
    curve->amdahl = fit_amdahl(curve, NAN, scratch, other);
}

sp_status sp_scaling_evaluate(sp_scaling *scaling, sp_error *error) {
    size_t most = 0;
    for (size_t c = 0; c < scaling->curves; c++) {
        const sp_scale_curve *curve = &scaling->curve[c];
        if (2 * curve->points > most) most = 2 * curve->points;
        for (size_t i = 0; i < curve->points; i++)
            if (curve->point[i].runs > most) most = curve->point[i].runs;
    }
    double *scratch = malloc((most + 1) * sizeof *scratch);
    if (!scratch) return sp_fail_memory(error, "the scaling", (most + 1) * sizeof *scratch);
    for (size_t c = 0; c < scaling->curves; c++) evaluate_curve(&scaling->curve[c], scaling, scratch);
    free(scratch);
    return SP_OK;
}

/* ---- The bits ------------------------------------------------------------------------------------ */

static const sp_scale_run *first_run(const sp_scale_curve *curve, const sp_scale_point *point, bool weak) {
    const sp_scale_point *of = weak ? point : &curve->point[0];
    return of->runs > 0 ? &of->run[0] : NULL;
}

sp_status sp_scaling_check_bits(const sp_scaling *scaling, sp_error *error) {
    for (size_t c = 0; c < scaling->curves; c++)
        for (size_t i = 0; i < scaling->curve[c].points; i++) {
            const sp_scale_point *point = &scaling->curve[c].point[i];
            const sp_scale_run *first = first_run(&scaling->curve[c], point, scaling->weak);
            for (size_t r = 0; r < point->runs; r++) {
                const sp_scale_run *run = &point->run[r];
                if (run->hash == first->hash) continue;
                return sp_fail(error, SP_FAILED,
                               "%s: %s (%zu threads) has other weights, %016llx, than %s (%zu threads), %016llx; the "
                               "same bits would be right: please report it, with scale.json",
                               scaling->folder, run->name, run->threads, (unsigned long long)run->hash, first->name,
                               first->threads, (unsigned long long)first->hash);
            }
        }
    return SP_OK;
}

size_t sp_scaling_compared(const sp_scaling *scaling) {
    size_t count = 0;
    for (size_t c = 0; c < scaling->curves; c++)
        for (size_t i = 0; i < scaling->curve[c].points; i++) count += scaling->curve[c].point[i].runs;
    return count;
}
