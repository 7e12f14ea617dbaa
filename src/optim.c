#include "optim.h"

#include "base/vector.h"

#include <math.h>

const char *const sp_optimizer_names[] = {"sgd",  "momentum", "nesterov", "adagrad", "rmsprop",
                                          "adam", "amsgrad",  "adamw",    "rprop",   NULL};

size_t sp_optim_states(sp_optimizer name) {
    switch (name) {
    case SP_SGD: return 0;
    case SP_MOMENTUM:
    case SP_NESTEROV:
    case SP_ADAGRAD:
    case SP_RMSPROP: return 1;
    case SP_ADAM:
    case SP_ADAMW:
    case SP_RPROP: return 2;
    case SP_AMSGRAD: return 3;
    }
    return 0;
}

sp_optim_step sp_optim_at(const sp_optim *optim, double eta, size_t t) {
    sp_optim_step step = {.name = optim->name,
                          .eta = (float)eta,
                          .momentum = (float)optim->momentum,
                          .rho = (float)optim->rho,
                          .beta1 = (float)optim->beta1,
                          .beta2 = (float)optim->beta2,
                          .epsilon = (float)optim->epsilon,
                          .decay = optim->decoupled ? 0 : (float)optim->weight_decay,
                          .keep = optim->decoupled ? (float)(1 - eta * optim->weight_decay) : 1,
                          .l1 = (float)optim->l1,
                          .l2 = (float)optim->l2,
                          .clip = (float)optim->clip_value,
                          .shrink = (float)optim->shrink,
                          .grow = (float)optim->grow,
                          .least = (float)optim->least,
                          .most = (float)optim->most};
    if (optim->name == SP_ADAM || optim->name == SP_AMSGRAD || optim->name == SP_ADAMW) {
        step.first = (float)(eta / (1 - pow(optim->beta1, (double)t)));
        step.second = (float)(1 / sqrt(1 - pow(optim->beta2, (double)t)));
    }
    return step;
}

SP_VECTOR static void sgd(const sp_optim_step *step, size_t count, const float *restrict gradient, float *restrict w) {
    float eta = step->eta, decay = step->decay;
    if (decay == 0)
        for (size_t i = 0; i < count; i++) w[i] -= eta * gradient[i];
    else
        for (size_t i = 0; i < count; i++) w[i] -= eta * (gradient[i] + decay * w[i]);
}

SP_VECTOR static void momentum(const sp_optim_step *step, size_t count, const float *restrict gradient,
                               float *restrict w, float *restrict v) {
    float eta = step->eta, decay = step->decay, mu = step->momentum;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        v[i] = mu * v[i] + g;
        w[i] -= eta * v[i];
    }
}

SP_VECTOR static void nesterov(const sp_optim_step *step, size_t count, const float *restrict gradient,
                               float *restrict w, float *restrict v) {
    float eta = step->eta, decay = step->decay, mu = step->momentum;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        v[i] = mu * v[i] + g;
        w[i] -= eta * (g + mu * v[i]);
    }
}

SP_VECTOR static void adagrad(const sp_optim_step *step, size_t count, const float *restrict gradient,
                              float *restrict w, float *restrict s) {
    float eta = step->eta, decay = step->decay, epsilon = step->epsilon;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        s[i] += g * g;
        w[i] -= eta * g / (sqrtf(s[i]) + epsilon);
    }
}

SP_VECTOR static void rmsprop(const sp_optim_step *step, size_t count, const float *restrict gradient,
                              float *restrict w, float *restrict s) {
    float eta = step->eta, decay = step->decay, epsilon = step->epsilon, rho = step->rho, rest = 1 - rho;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        s[i] = rho * s[i] + rest * (g * g);
        w[i] -= eta * g / (sqrtf(s[i]) + epsilon);
    }
}

SP_VECTOR static void adam(const sp_optim_step *step, size_t count, const float *restrict gradient, float *restrict w,
                           float *restrict m, float *restrict v) {
    float decay = step->decay, epsilon = step->epsilon, first = step->first, second = step->second;
    float beta1 = step->beta1, beta2 = step->beta2, rest1 = 1 - beta1, rest2 = 1 - beta2;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * (g * g);
        w[i] -= first * m[i] / (sqrtf(v[i]) * second + epsilon);
    }
}

SP_VECTOR static void amsgrad(const sp_optim_step *step, size_t count, const float *restrict gradient,
                              float *restrict w, float *restrict m, float *restrict v, float *restrict most) {
    float decay = step->decay, epsilon = step->epsilon, first = step->first, second = step->second;
    float beta1 = step->beta1, beta2 = step->beta2, rest1 = 1 - beta1, rest2 = 1 - beta2;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * (g * g);
        most[i] = most[i] > v[i] ? most[i] : v[i];
        w[i] -= first * m[i] / (sqrtf(most[i]) * second + epsilon);
    }
}

/* width 0: of the first step. */
SP_VECTOR static void rprop(const sp_optim_step *step, size_t count, const float *restrict gradient, float *restrict w,
                            float *restrict before, float *restrict width) {
    float decay = step->decay, eta = step->eta;
    float shrink = step->shrink, grow = step->grow, least = step->least, most = step->most;
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i] + decay * w[i], product = g * before[i];
        float by = product > 0 ? grow : product < 0 ? shrink : 1;
        float d = (width[i] > 0 ? width[i] : eta) * by;
        d = d < least ? least : d;
        d = d > most ? most : d;
        g = product < 0 ? 0 : g;
        w[i] -= g > 0 ? d : g < 0 ? -d : 0;
        width[i] = d;
        before[i] = g;
    }
}

SP_VECTOR static void scale(float by, size_t count, float *restrict w) {
    for (size_t i = 0; i < count; i++) w[i] *= by;
}

SP_VECTOR static void penalise(float l1, float l2, size_t count, const float *restrict w, float *restrict g) {
    for (size_t i = 0; i < count; i++) g[i] += (w[i] > 0 ? l1 : w[i] < 0 ? -l1 : 0) + l2 * w[i];
}

/* What is no number stays none. */
SP_VECTOR static void clip(float most, size_t count, float *restrict g) {
    for (size_t i = 0; i < count; i++) {
        float low = g[i] < -most ? -most : g[i];
        g[i] = low > most ? most : low;
    }
}

void sp_optim_shape(const sp_optim_step *step, size_t count, bool weights, const float *parameters, float *gradient) {
    if (weights && (step->l1 != 0 || step->l2 != 0)) penalise(step->l1, step->l2, count, parameters, gradient);
    if (step->clip > 0) clip(step->clip, count, gradient);
}

void sp_optim_update(const sp_optim_step *step, size_t count, const float *gradient, float *parameters,
                     float *const state[SP_OPTIM_STATES]) {
    if (step->keep != 1) scale(step->keep, count, parameters);
    switch (step->name) {
    case SP_SGD: sgd(step, count, gradient, parameters); break;
    case SP_MOMENTUM: momentum(step, count, gradient, parameters, state[0]); break;
    case SP_NESTEROV: nesterov(step, count, gradient, parameters, state[0]); break;
    case SP_ADAGRAD: adagrad(step, count, gradient, parameters, state[0]); break;
    case SP_RMSPROP: rmsprop(step, count, gradient, parameters, state[0]); break;
    case SP_ADAM:
    case SP_ADAMW: adam(step, count, gradient, parameters, state[0], state[1]); break;
    case SP_AMSGRAD: amsgrad(step, count, gradient, parameters, state[0], state[1], state[2]); break;
    case SP_RPROP: rprop(step, count, gradient, parameters, state[0], state[1]); break;
    }
}
