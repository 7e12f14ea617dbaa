#include "runs/halving.h"

#include <math.h>

size_t sp_halving_rungs(size_t arms, size_t epochs, size_t eta) {
    size_t least = arms < epochs ? arms : epochs, rungs = 1;
    for (; least >= eta; least /= eta) rungs++;
    return rungs;
}

size_t sp_halving_epochs(size_t epochs, size_t eta, size_t rungs, size_t rung) {
    for (; rung + 1 < rungs; rung++) epochs = (epochs + eta - 1) / eta;
    return epochs;
}

static bool is_better(const double *value, size_t a, size_t b) {
    return value[a] > value[b] || (value[a] == value[b] && a < b);
}

/* `count`: none is there. */
static size_t worst_of(const double *value, const bool *there, size_t count) {
    size_t worst = count;
    for (size_t i = 0; i < count; i++)
        if (there[i] && (worst == count || is_better(value, worst, i))) worst = i;
    return worst;
}

void sp_halving_keep(const double *value, bool *there, size_t count, size_t eta) {
    size_t arms = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        arms += there[i];
        there[i] = there[i] && !isnan(value[i]);
        left += there[i];
    }
    size_t keep = arms / eta > 0 ? arms / eta : 1;
    for (; left > keep; left--) there[worst_of(value, there, count)] = false;
}
