#include "math/orthogonal.h"

#include "base/vector.h"

#include <math.h>

enum { LANES = 8 }; /* partial sums: the order is theirs, whatever registers there are */

SP_VECTOR static double dot(size_t length, const double *restrict a, const double *restrict b) {
    double lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= length; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += a[i + j] * b[i + j];
    for (; i < length; i++) lane[i % LANES] += a[i] * b[i];
    for (size_t j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

SP_VECTOR static void subtract(size_t length, double times, const double *restrict a, double *restrict b) {
    for (size_t i = 0; i < length; i++) b[i] -= times * a[i];
}

static void normalise(size_t length, double *a) {
    double norm = sqrt(dot(length, a, a));
    for (size_t i = 0; i < length; i++) a[i] /= norm;
}

/* Makes vector b orthogonal to the unit vector a. */
static void clear_of(size_t length, const double *a, double *b) {
    subtract(length, dot(length, a, b), a, b);
}

/* Vectors that meet each earlier one together, while that is in cache. */
enum { TOGETHER = 8 };

void sp_orthonormalise(size_t count, size_t length, double *vectors) {
    for (size_t first = 0; first < count; first += TOGETHER) {
        size_t last = count - first < TOGETHER ? count : first + TOGETHER;
        for (size_t a = 0; a < first; a++)
            for (size_t b = first; b < last; b++) clear_of(length, vectors + a * length, vectors + b * length);
        for (size_t b = first; b < last; b++) {
            for (size_t a = first; a < b; a++) clear_of(length, vectors + a * length, vectors + b * length);
            normalise(length, vectors + b * length);
        }
    }
}
