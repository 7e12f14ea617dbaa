/*
 * exp, tanh, log and the like of many values at once, by SLEEF (Shibata, Petrogalli: SLEEF: A Portable Vectorized
 * Library of C Standard Mathematical Functions; IEEE TPDS 31 (2020)).
 *
 * Every result is within 1.0 ULP (erfc: 1.5). It depends on its argument alone, not on its place or on how many there
 * are.
 */
#ifndef SP_MATH_ELEMENTARY_H
#define SP_MATH_ELEMENTARY_H

#include <stddef.h>

/* In place; exp of what is too large is infinite, of what is too small 0; NaN stays NaN. */
void sp_exp(size_t count, float *values);
void sp_expm1(size_t count, float *values); /* exp - 1 */
void sp_tanh(size_t count, float *values);
void sp_log1p(size_t count, float *values); /* log(1 + x) */
void sp_erfc(size_t count, float *values);  /* 1 - erf */

void sp_log_float(size_t count, float *values); /* the natural logarithm, */
void sp_cos_pi(size_t count, float *values);    /* cos(pi x), */
void sp_sin_pi(size_t count, float *values);    /* sin(pi x), off by 6e-8 at most */

/* The natural logarithm, in double precision. */
void sp_log(size_t count, double *values);

#endif
