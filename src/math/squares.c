#include "math/squares.h"

#include "base/vector.h"

enum { LANES = 8 }; /* partial sums: the order is theirs, whatever registers there are */

static double sum_of_lanes(const double lane[LANES]) {
    double sum = 0;
    for (size_t j = 0; j < LANES; j++) sum += lane[j];
    return sum;
}

SP_VECTOR double sp_sum_of_squares(size_t count, const float *values) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t j = 0; j < LANES; j++) lane[j] += (double)values[i + j] * values[i + j];
    for (; i < count; i++) lane[i % LANES] += (double)values[i] * values[i];
    return sum_of_lanes(lane);
}

SP_VECTOR double sp_sum_of_squared_differences(size_t count, const float *left, const float *right) {
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t j = 0; j < LANES; j++) {
            double difference = (double)left[i + j] - right[i + j];
            lane[j] += difference * difference;
        }
    for (; i < count; i++) lane[i % LANES] += ((double)left[i] - right[i]) * ((double)left[i] - right[i]);
    return sum_of_lanes(lane);
}
