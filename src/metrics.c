#include "metrics.h"

#include <math.h>

void sp_tally_add(sp_tally *tally, const sp_tally *other) {
    tally->loss += other->loss;
    tally->correct += other->correct;
    tally->rows += other->rows;
}

double sp_tally_loss(const sp_tally *tally) {
    return tally->rows > 0 ? tally->loss / (double)tally->rows : NAN;
}

double sp_tally_accuracy(const sp_tally *tally) {
    return tally->rows > 0 ? (double)tally->correct / (double)tally->rows : NAN;
}
