#include "optim.h"

#include "base/vector.h"

const char *const sp_optimizer_names[] = {"sgd", NULL};

SP_VECTOR static void sgd(float eta, size_t count, const float *restrict gradient, float *restrict parameters) {
    for (size_t i = 0; i < count; i++) parameters[i] -= eta * gradient[i];
}

void sp_optim_update(sp_optimizer optimizer, float eta, size_t count, const float *gradient, float *parameters) {
    switch (optimizer) {
    case SP_SGD: sgd(eta, count, gradient, parameters); break;
    }
}
