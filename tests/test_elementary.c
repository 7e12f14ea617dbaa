/* exp, tanh and log of many values, against double precision. */
#include "math/elementary.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 40001 };

/* How far `value` is from `exact`, in units of the last place of a float near it. */
static double ulps(float value, double exact) {
    float near = (float)exact;
    return fabs((double)value - exact) / ((double)nextafterf(fabsf(near), INFINITY) - (double)fabsf(near));
}

static void check(void (*compute)(size_t, float *), double (*exact)(double), double from, double to, double bound) {
    float *x = malloc(VALUES * sizeof *x), *y = malloc(VALUES * sizeof *y);
    double worst = 0;
    for (int i = 0; i < VALUES; i++) x[i] = (float)(from + (to - from) * i / (VALUES - 1));
    memcpy(y, x, VALUES * sizeof *y);
    compute(VALUES, y);
    for (int i = 0; i < VALUES; i++) worst = fmax(worst, ulps(y[i], exact((double)x[i])));
    cr_expect_leq(worst, bound, "%g ULP", worst);
    free(x), free(y);
}

Test(elementary, within_the_stated_units_of_the_last_place) {
    check(sp_exp, exp, -87, 88, 1);
    check(sp_exp, exp, -1e-3, 1e-3, 1);
    check(sp_expm1, expm1, -87, 88, 1);
    check(sp_expm1, expm1, -1e-3, 1e-3, 1);
    check(sp_tanh, tanh, -10, 10, 1);
    check(sp_tanh, tanh, -1e-3, 1e-3, 1);
    check(sp_log1p, log1p, -0.99, 1000, 1);
    check(sp_log1p, log1p, -1e-3, 1e-3, 1);
    check(sp_erfc, erfc, -6, 9, 1.5);
    check(sp_log_float, log, 1e-6, 1, 1);
    check(sp_log_float, log, 1, 1e6, 1);
}

static double cos_pi(double x) {
    return cos(3.14159265358979323846 * x);
}

static double sin_pi(double x) {
    return sin(3.14159265358979323846 * x);
}

Test(elementary, cosine_and_sine_within_the_stated_bound) {
    enum { MANY = 4001 };
    float c[MANY], s[MANY];
    for (int i = 0; i < MANY; i++) c[i] = s[i] = 2 * (float)i / MANY;
    sp_cos_pi(MANY, c);
    sp_sin_pi(MANY, s);
    for (int i = 0; i < MANY; i++) {
        double x = 2 * (float)i / MANY;
        cr_expect_float_eq(c[i], cos_pi(x), 6e-8, "cos pi %g", x);
        cr_expect_float_eq(s[i], sin_pi(x), 6e-8, "sin pi %g", x);
    }
}

Test(elementary, logarithm_in_double_precision) {
    double x[777];
    for (int i = 0; i < 777; i++) x[i] = exp((i - 300) * 0.1);
    sp_log(777, x);
    for (int i = 0; i < 777; i++) cr_expect_float_eq(x[i], (i - 300) * 0.1, 1e-14 * (1 + fabs((i - 300) * 0.1)));
}

Test(elementary, extremes) {
    float x[] = {-200, 200, 0, -INFINITY, INFINITY, NAN};
    sp_exp(6, x);
    cr_expect_eq(x[0], 0);
    cr_expect_eq(x[1], INFINITY);
    cr_expect_eq(x[2], 1);
    cr_expect_eq(x[3], 0);
    cr_expect_eq(x[4], INFINITY);
    cr_expect(isnan(x[5]));
    float t[] = {-50, 50, NAN};
    sp_tanh(3, t);
    cr_expect_eq(t[0], -1);
    cr_expect_eq(t[1], 1);
    cr_expect(isnan(t[2]));
}

/* A row's result must not depend on the row's place in a mini-batch. */
Test(elementary, place_and_number_make_no_difference) {
    float all[37], one;
    for (int i = 0; i < 37; i++) all[i] = -9 + 0.5f * (float)i;
    sp_exp(37, all);
    for (int i = 0; i < 37; i++) {
        one = -9 + 0.5f * (float)i;
        sp_exp(1, &one);
        cr_expect_eq(one, all[i], "value %d", i);
    }
}
