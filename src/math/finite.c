#include "math/finite.h"

#include "base/vector.h"

#include <math.h>

enum { LANES = 32 };

/* What is not finite stays so in a sum; a sum may also run over by itself. */
SP_VECTOR static float sum(size_t count, const float *values) {
    float lane[LANES] = {0}, all = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += values[i + j];
    for (; i < count; i++) lane[i % LANES] += values[i];
    for (size_t j = 0; j < LANES; j++) all += lane[j];
    return all;
}

bool sp_all_finite(size_t count, const float *values) {
    if (isfinite(sum(count, values))) return true;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i])) return false;
    return true;
}
