#include "base/speedup.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Of sorted values, share 0 .. 1 of the way. */
static double quantile(size_t count, const double *values, double share) {
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count) return values[count - 1];
    return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}

sp_spread sp_spread_of(size_t count, double *values) {
    if (count == 0) return (sp_spread){NAN, NAN, NAN, NAN, NAN};
    qsort(values, count, sizeof *values, ascending);
    return (sp_spread){.least = values[0],
                       .lower = quantile(count, values, 0.25),
                       .median = quantile(count, values, 0.5),
                       .upper = quantile(count, values, 0.75),
                       .most = values[count - 1]};
}

double sp_spread_relative(const sp_spread *spread) {
    return (spread->upper - spread->lower) / 2 / spread->median;
}

double sp_karp_flatt(double speedup, double p) {
    return p > 1 ? (1 / speedup - 1 / p) / (1 - 1 / p) : NAN;
}

/* ---- Amdahl ---------------------------------------------------------------------------------------- */

/* T(p) = a + b / p, a: serial time, b: the time that is divided. */
static double squares(size_t count, const double *p, const double *times, double a, double b) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double off = (a + b / p[i]) / times[i] - 1;
        sum += off * off;
    }
    return sum;
}

/*
 * With u = 1 / T and v = 1 / (p T) the model is a u + b v = 1 in every point. Where the least lies at a < 0 or b < 0,
 * it lies on that bound.
 */
sp_amdahl sp_amdahl_fit(size_t count, const double *p, const double *times) {
    double uu = 0, uv = 0, vv = 0, u = 0, v = 0;
    for (size_t i = 0; i < count; i++) {
        double ui = 1 / times[i], vi = ui / p[i];
        uu += ui * ui;
        uv += ui * vi;
        vv += vi * vi;
        u += ui;
        v += vi;
    }
    double determinant = uu * vv - uv * uv;
    if (!(determinant > 1e-9 * uu * vv)) return (sp_amdahl){NAN, NAN, NAN};
    double a = (u * vv - v * uv) / determinant, b = (v * uu - u * uv) / determinant;
    if (a < 0) {
        a = 0;
        b = v / vv;
    } else if (b < 0) {
        a = u / uu;
        b = 0;
    }
    return (sp_amdahl){a / (a + b), a + b, sqrt(squares(count, p, times, a, b) / (double)count)};
}

double sp_amdahl_speedup(double serial, double p) {
    return 1 / (serial + (1 - serial) / p);
}

double sp_amdahl_ceiling(double serial) {
    return serial > 0 ? 1 / serial : isnan(serial) ? NAN : INFINITY;
}

/* ---- Gustafson ------------------------------------------------------------------------------------- */

double sp_gustafson_speedup(double serial, double p) {
    return p - serial * (p - 1);
}

/* sum (p - s (p - 1) - S)^2 is least where s = sum (p - S)(p - 1) / sum (p - 1)^2. */
double sp_gustafson_fit(size_t count, const double *p, const double *speedups) {
    double lost = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        lost += (p[i] - speedups[i]) * (p[i] - 1);
        most += (p[i] - 1) * (p[i] - 1);
    }
    return most > 0 ? lost / most : NAN;
}

double sp_roofline(double peak, double bandwidth, double intensity) {
    return fmin(peak, intensity * bandwidth);
}
