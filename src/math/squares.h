/* Sums of squares, in double precision. */
#ifndef SP_MATH_SQUARES_H
#define SP_MATH_SQUARES_H

#include <stddef.h>

/* In an order that depends on `count` alone. */
double sp_sum_of_squares(size_t count, const float *values);
double sp_sum_of_squared_differences(size_t count, const float *left, const float *right);

#endif
