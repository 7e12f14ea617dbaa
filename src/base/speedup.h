/*
 * What scaling curves are read by: medians, and the laws of Amdahl, Gustafson, and Karp and Flatt. p: threads.
 */
#ifndef SP_BASE_SPEEDUP_H
#define SP_BASE_SPEEDUP_H

#include <stddef.h>

/* Of some measurements. Quartiles by linear interpolation between the sorted values. */
typedef struct sp_spread {
    double least, lower, median, upper, most;
} sp_spread;

/* All NaN where there is no value. Sorts `values`. */
sp_spread sp_spread_of(size_t count, double *values);

/* Half of what lies between the quartiles, as a share of the median. */
double sp_spread_relative(const sp_spread *spread);

/*
 * The serial fraction that a speed-up of `speedup` on p threads shows:
 * e = (1 / speedup - 1 / p) / (1 - 1 / p). NaN for p = 1. Where it grows with p, what is lost is overhead, not serial
 * work. (Karp, Flatt: Measuring Parallel Processor Performance; CACM 33(5), 1990.)
 */
double sp_karp_flatt(double speedup, double p);

/*
 * T(p) = T1 (f + (1 - f) / p), fitted to times by least squares of relative errors: sum ((model - T) / T)^2 is least,
 * with 0 <= f <= 1. (Amdahl: Validity of the Single Processor Approach ...; AFIPS 1967.)
 */
typedef struct sp_amdahl {
    double serial; /* f; NaN: fewer than two different p */
    double one;    /* T1, by the fit */
    double error;  /* root mean square of the relative errors */
} sp_amdahl;

sp_amdahl sp_amdahl_fit(size_t count, const double *p, const double *times);

/* Speed-up on p threads: 1 / (f + (1 - f) / p), and on any number of them: 1 / f, infinite for 0. */
double sp_amdahl_speedup(double serial, double p);
double sp_amdahl_ceiling(double serial);

/*
 * The scaled speed-up where the work grows with the threads: p - s (p - 1), s being the serial share of the time on p
 * threads. (Gustafson: Reevaluating Amdahl's Law; CACM 31(5), 1988.) The fit has the least squares over all points;
 * NaN: no p above 1.
 */
double sp_gustafson_speedup(double serial, double p);
double sp_gustafson_fit(size_t count, const double *p, const double *speedups);

/*
 * What a machine gives at most to work that takes `intensity` floating-point operations for each byte it moves:
 * min(peak, intensity bandwidth). (Williams, Waterman, Patterson: Roofline; CACM 52(4), 2009.)
 */
double sp_roofline(double peak, double bandwidth, double intensity);

#endif
