/* Orthonormal vectors from independent ones. */
#ifndef SP_MATH_ORTHOGONAL_H
#define SP_MATH_ORTHOGONAL_H

#include <stddef.h>

/*
 * In place, vectors [count, length], one behind the other, become orthonormal, each by those before it, and keeps a
 * positive part of its own: Q of the QR decomposition whose R has a positive diagonal. count <= length. By the modified
 * Gram-Schmidt process, which loses about as many digits as the vectors are ill-conditioned (Bjorck, BIT 7, 1967):
 * of normally distributed numbers in double precision it leaves more than a float holds.
 */
void sp_orthonormalise(size_t count, size_t length, double *vectors);

#endif
