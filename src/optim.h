/* One update of a block of parameters, by the rule of an optimizer. */
#ifndef SP_OPTIM_H
#define SP_OPTIM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * g is dJ/dw, eta the learning rate, t the number of the step (1, 2, ...). Weight decay is coupled, a part of the
 * gradient, g := dJ/dw + weight_decay w (L2 regularisation), or, as with adamw, decoupled:
 * w := w - eta weight_decay w before the rest (Loshchilov, Hutter, ICLR 2019).
 */
typedef enum sp_optimizer {
    SP_SGD,      /* w := w - eta g */
    SP_MOMENTUM, /* v := momentum v + g; w := w - eta v (Polyak 1964, as PyTorch writes it) */
    SP_NESTEROV, /* v as above; w := w - eta (g + momentum v) (Nesterov 1983; Sutskever et al., ICML 2013) */
    SP_ADAGRAD,  /* s := s + g^2; w := w - eta g / (sqrt(s) + epsilon) (Duchi et al., JMLR 12, 2011) */
    SP_RMSPROP,  /* s := rho s + (1 - rho) g^2; w as above (Tieleman, Hinton: lecture 6.5, 2012) */
    SP_ADAM,     /* m, v: running means of g, g^2 by beta1, beta2;
                    w := w - eta m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) (Kingma, Ba, ICLR 2015) */
    SP_AMSGRAD,  /* the same with the largest v so far (Reddi et al., ICLR 2018) */
    SP_ADAMW,    /* Adam with decoupled weight decay */
    SP_RPROP     /* each w has a step width, at first eta: times grow while the sign of g stays, times shrink where it
                    changes, and then w rests for a step; else w := w - sign(g) width (Riedmiller, Braun, ICNN 1993, as
                    PyTorch writes it) */
} sp_optimizer;

/* Names in the order above, NULL at the end. */
extern const char *const sp_optimizer_names[];

/* An optimizer and its constants; those of other optimizers do not count. */
typedef struct sp_optim {
    sp_optimizer name;
    double momentum, rho, beta1, beta2, epsilon, weight_decay;
    bool decoupled;                   /* weight decay */
    double l1, l2;                    /* of weights, not of biases: g := g + l1 sign(w) + l2 w */
    double clip_value;                /* each component of g, penalties included, to at most this; 0: off */
    double shrink, grow, least, most; /* rprop: see above; bounds of the widths, least > 0 */
} sp_optim;

/* What it keeps from step to step: so many vectors as long as the parameters, at first zero; at most SP_OPTIM_STATES.
 */
enum { SP_OPTIM_STATES = 3 };
size_t sp_optim_states(sp_optimizer name);

/* Its constants in one step, the same for all blocks. */
typedef struct sp_optim_step {
    sp_optimizer name;
    float eta, momentum, rho, beta1, beta2, epsilon, decay; /* decay: coupled */
    float keep;                                             /* decoupled decay: w := keep w; 1: none */
    float first, second; /* adam and its kin: eta / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
    float l1, l2, clip, shrink, grow, least, most;
} sp_optim_step;

sp_optim_step sp_optim_at(const sp_optim *optim, double eta, size_t t);

/* Adds the penalties, of weights alone, to a gradient [count], and clips it value by value. */
void sp_optim_shape(const sp_optim_step *step, size_t count, bool weights, const float *parameters, float *gradient);

/*
 * Moves `parameters` [count] by `gradient` [count]; state: sp_optim_states() vectors of this block. Every element
 * on its own: blocks of any size, on any thread, give the same bits.
 */
void sp_optim_update(const sp_optim_step *step, size_t count, const float *gradient, float *parameters,
                     float *const state[SP_OPTIM_STATES]);

#endif
