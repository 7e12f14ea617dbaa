#include "math/finite.h"

#include "base/vector.h"

#include <math.h>

enum { LANES = 64, REST = 8 };

/* What is not finite stays so in a sum; a sum may also run over by itself. */
SP_VECTOR static float sum(size_t count, const float *values) {
    float lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += values[i + j];
    for (; i + REST <= count; i += REST)
        for (size_t j = 0; j < REST; j++) lane[j] += values[i + j];
    for (; i < count; i++) lane[0] += values[i];
    for (size_t width = LANES / 2; width > 0; width /= 2)
        for (size_t j = 0; j < width; j++) lane[j] += lane[j + width];
    return lane[0];
}

bool sp_all_finite(size_t count, const float *values) {
    if (isfinite(sum(count, values))) return true;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}
