/* One update of a block of parameters, by the rule of an optimizer. */
#ifndef SP_OPTIM_H
#define SP_OPTIM_H

#include <stddef.h>

/*
 * g is dJ/dw, eta the learning rate, t the number of the step (1, 2, ...). All but adamw take weight decay as a part of
 * the gradient, g := dJ/dw + weight_decay w (L2 regularisation).
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
    SP_ADAMW     /* w := w - eta weight_decay w, then Adam (Loshchilov, Hutter, ICLR 2019) */
} sp_optimizer;

/* Names in the order above, NULL at the end. */
extern const char *const sp_optimizer_names[];

/* An optimizer and its constants; those of other optimizers do not count. */
typedef struct sp_optim {
    sp_optimizer name;
    double momentum, rho, beta1, beta2, epsilon, weight_decay;
} sp_optim;

/* What it keeps from step to step: so many vectors as long as the parameters, at first zero; at most SP_OPTIM_STATES.
 */
enum { SP_OPTIM_STATES = 3 };
size_t sp_optim_states(sp_optimizer name);

/* Its constants in one step, the same for all blocks. */
typedef struct sp_optim_step {
    sp_optimizer name;
    float eta, momentum, rho, beta1, beta2, epsilon, decay; /* decay: of the gradient */
    float shrink;                                           /* adamw: w := shrink w */
    float first, second; /* adam and its kin: eta / (1 - beta1^t), 1 / sqrt(1 - beta2^t) */
} sp_optim_step;

sp_optim_step sp_optim_at(const sp_optim *optim, double eta, size_t t);

/*
 * Moves `parameters` [count] by `gradient` [count]; state: sp_optim_states() vectors of this block. Every element
 * on its own: blocks of any size, on any thread, give the same bits.
 */
void sp_optim_update(const sp_optim_step *step, size_t count, const float *gradient, float *parameters,
                     float *const state[SP_OPTIM_STATES]);

#endif
