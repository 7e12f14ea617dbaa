/* Whether numbers are finite, at the cost of little more than reading them. */
#ifndef SP_MATH_FINITE_H
#define SP_MATH_FINITE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether none of the values is infinite or NaN. */
bool sp_all_finite(size_t count, const float *values);

#endif
