/* The laws that scaling is read by, against published and hand-computed values. */
#include "base/speedup.h"
#include "support.h"

#include <math.h>

#define NEAR(a, b, within) cr_expect_float_eq((a), (b), (within), "%.9g for %.9g", (double)(a), (double)(b))

/* Quinn, Parallel Programming in C with MPI and OpenMP (2004), section 7.5: two programs on 2 to 8 processors. */
Test(speedup, karp_flatt_as_published) {
    static const double first[] = {1.82, 2.50, 3.08, 3.57, 4.00, 4.38, 4.71};
    static const double second[] = {1.87, 2.61, 3.23, 3.73, 4.14, 4.46, 4.71};
    for (int i = 0; i < 7; i++) {
        NEAR(sp_karp_flatt(first[i], i + 2), 0.1, 0.002);
        NEAR(sp_karp_flatt(second[i], i + 2), 0.07 + 0.005 * i, 0.002);
    }
    cr_expect(isnan(sp_karp_flatt(1, 1)));
    NEAR(sp_karp_flatt(4, 4), 0, 1e-15);
    cr_expect_lt(sp_karp_flatt(4.5, 4), 0, "more than linear");
}

/* The same, section 7.3: 95 % of the time can be divided; on 8 processors 5.9 times, at most 20 times. */
Test(speedup, amdahl_as_published) {
    NEAR(sp_amdahl_speedup(0.05, 8), 5.9, 0.05);
    NEAR(sp_amdahl_ceiling(0.05), 20, 1e-12);
    cr_expect(isinf(sp_amdahl_ceiling(0)));
    cr_expect(isnan(sp_amdahl_ceiling(NAN)));
}

/* Gustafson 1988: 1024 processors, serial shares of 0.4 to 0.8 percent, scaled speed-ups of 1020 and 1016. */
Test(speedup, gustafson_as_published) {
    NEAR(sp_gustafson_speedup(0.004, 1024), 1020, 0.5);
    NEAR(sp_gustafson_speedup(0.008, 1024), 1016, 0.5);
    /* Quinn, section 7.4: 10 processors, 3 % of the time serial. */
    NEAR(sp_gustafson_speedup(0.03, 10), 9.73, 1e-12);
}

Test(speedup, amdahl_is_found_again) {
    static const double p[] = {1, 2, 4, 8, 16};
    static const double fractions[] = {0, 0.001, 0.05, 0.5, 1};
    for (int f = 0; f < 5; f++) {
        double times[5];
        for (int i = 0; i < 5; i++) times[i] = 3 / sp_amdahl_speedup(fractions[f], p[i]);
        sp_amdahl fit = sp_amdahl_fit(5, p, times);
        NEAR(fit.serial, fractions[f], 1e-12);
        NEAR(fit.one, 3, 1e-12);
        NEAR(fit.error, 0, 1e-12);
    }
}

/*
 * By hand: T = 4, 3, 2 on 1, 2, 4 threads; u = 1/4, 1/3, 1/2, v = 1/4, 1/6, 1/8. Of a u + b v = 1 the sums are
 * uu = 61/144, uv = 13/72, vv = 61/576, u = 13/12, v = 13/24; so a = 1404/1017, b = 2808/1017.
 */
Test(speedup, amdahl_by_hand) {
    static const double p[] = {1, 2, 4}, times[] = {4, 3, 2};
    double a = 1404.0 / 1017, b = 2808.0 / 1017;
    sp_amdahl fit = sp_amdahl_fit(3, p, times);
    NEAR(fit.serial, 1.0 / 3, 1e-12);
    NEAR(fit.one, 468.0 / 113, 1e-12);
    /* It is the least: no neighbour has smaller errors. */
    for (int i = 0; i < 4; i++) {
        double da = i == 0 ? 1e-3 : i == 1 ? -1e-3 : 0, db = i == 2 ? 1e-3 : i == 3 ? -1e-3 : 0, sum = 0;
        for (int j = 0; j < 3; j++) sum += pow((a + da + (b + db) / p[j]) / times[j] - 1, 2);
        cr_expect_gt(sum, 3 * fit.error * fit.error);
    }
}

Test(speedup, amdahl_stays_within_its_bounds) {
    static const double p[] = {1, 2, 4}, better[] = {4, 1.9, 0.9}, worse[] = {4, 5, 6};
    NEAR(sp_amdahl_fit(3, p, better).serial, 0, 1e-15);
    NEAR(sp_amdahl_fit(3, p, worse).serial, 1, 1e-15);
    static const double same[] = {2, 2};
    cr_expect(isnan(sp_amdahl_fit(2, same, worse).serial), "one number of threads shows nothing");
    cr_expect(isnan(sp_amdahl_fit(1, p, worse).serial));
    cr_expect(isnan(sp_amdahl_fit(0, p, worse).serial));
}

/* A factor in all times changes nothing: the fit is of relative errors. */
Test(speedup, amdahl_knows_no_unit) {
    static const double p[] = {1, 2, 3, 5}, times[] = {10, 5.5, 4.1, 2.9};
    double scaled[4];
    for (int i = 0; i < 4; i++) scaled[i] = 1e-6 * times[i];
    NEAR(sp_amdahl_fit(4, p, scaled).serial, sp_amdahl_fit(4, p, times).serial, 1e-12);
}

Test(speedup, gustafson_is_found_again) {
    static const double p[] = {1, 2, 4, 8};
    double speedups[4];
    for (int i = 0; i < 4; i++) speedups[i] = sp_gustafson_speedup(0.07, p[i]);
    NEAR(sp_gustafson_fit(4, p, speedups), 0.07, 1e-12);
    cr_expect(isnan(sp_gustafson_fit(1, p, speedups)));
    /* By hand: S = 1.8 on 2, 3 on 4: (0.2 1 + 1 3) / (1 + 9). */
    static const double threads[] = {2, 4}, found[] = {1.8, 3};
    NEAR(sp_gustafson_fit(2, threads, found), 0.32, 1e-12);
}

Test(speedup, medians_and_quartiles) {
    double five[] = {5, 1, 4, 2, 3}, four[] = {4, 1, 3, 2}, one[] = {7};
    sp_spread spread = sp_spread_of(5, five);
    NEAR(spread.median, 3, 0);
    NEAR(spread.lower, 2, 0);
    NEAR(spread.upper, 4, 0);
    NEAR(spread.least, 1, 0);
    NEAR(spread.most, 5, 0);
    NEAR(sp_spread_relative(&spread), 1.0 / 3, 1e-15);
    spread = sp_spread_of(4, four); /* as numpy.percentile has them */
    NEAR(spread.median, 2.5, 0);
    NEAR(spread.lower, 1.75, 0);
    NEAR(spread.upper, 3.25, 0);
    spread = sp_spread_of(1, one);
    NEAR(spread.lower, 7, 0);
    NEAR(spread.most, 7, 0);
    NEAR(sp_spread_relative(&spread), 0, 0);
    cr_expect(isnan(sp_spread_of(0, one).median));
}

Test(speedup, roofline) {
    NEAR(sp_roofline(100, 10, 4), 40, 0);
    NEAR(sp_roofline(100, 10, 40), 100, 0);
}
