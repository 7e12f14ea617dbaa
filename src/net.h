/* A network as a description: widths, activations, loss, where its parameters lie. */
#ifndef SP_NET_H
#define SP_NET_H

#include "math/activation.h"
#include "math/loss.h"
#include "math/normalise.h"
#include "shardprop.h"

enum { SP_MOST_LAYERS = 257 }; /* 256 hidden ones and the output */

typedef enum sp_init {
    SP_INIT_AUTO,
    SP_INIT_HE,
    SP_INIT_XAVIER,
    SP_INIT_LECUN,
    SP_INIT_HE_NORMAL,
    SP_INIT_XAVIER_NORMAL,
    SP_INIT_LECUN_NORMAL,
    SP_INIT_CONSTANT,
    SP_INIT_ORTHOGONAL /* a matrix, not a weight, is drawn: see initial.h */
} sp_init;

/* Layer l of the notation is layers[l - 1]. */
typedef struct sp_layer {
    size_t inputs, outputs; /* d(l-1), d(l) */
    sp_activation activation;
    double dropout; /* share of a(l) that a training step drops; of the last layer 0 */
    size_t weights; /* W(l) starts here in the parameter vector, row-major */
    size_t bias;    /* b(l) follows it */
    sp_norm norm;   /* of z(l), before the activation: then b(l) is added behind it, a = f(scale xhat + b) */
    size_t scale;   /* [d(l)], behind b(l), where the layer is normalised */
    size_t mean;    /* batch normalisation: running mean [d(l)], and behind it the running variance [d(l)] */
} sp_layer;

/*
 * Does not change once made. All parameters are one vector: W(1), b(1), W(2), ...; behind them lie the running means
 * and variances of batch normalisation, which are not trained: what evaluation normalises by.
 */
typedef struct sp_net {
    size_t depth;           /* L */
    sp_layer *layers;       /* owned */
    size_t inputs, outputs; /* d(0), d(L) */
    size_t widest;          /* the largest of d(1) .. d(L) */
    size_t parameters;
    size_t floats;  /* the parameters, and the running means and variances */
    double epsilon; /* of normalised layers */
    sp_loss loss;
    double input_dropout; /* share of a(0) that a training step drops, */
    double input_noise;   /* after it has added noise of this deviation */
    sp_shape shape;       /* of the loss, as it is judged by; training may have another */
} sp_net;

/* How hidden layers are normalised. */
typedef struct sp_norms {
    const sp_norm *hidden; /* [depth - 1] */
    double epsilon;
} sp_norms;

/*
 * A network of widths[0] .. widths[depth] with activations[0] .. [depth - 1]; norms NULL: no layer is normalised.
 * SP_BAD_CONFIG: more parameters than fit; SP_FAILED: no memory.
 */
sp_status sp_net_create(size_t depth, const size_t *widths, const sp_activation *activations, const sp_norms *norms,
                        sp_loss loss, sp_net **net, sp_error *error);
void sp_net_destroy(sp_net *net);

/*
 * Fills `parameters` [net->floats] with initial weights, and all else as sp_net_neutral. Each
 * weight is drawn by its own index, with deviation s: he      s = sqrt(2 / d(l-1))           He, Zhang, Ren, Sun 2015
 *   xavier  s = sqrt(2 / (d(l-1) + d(l)))  Glorot, Bengio 2010
 *   lecun   s = sqrt(1 / d(l-1))           LeCun, Bottou, Orr, Mueller 1998
 * uniform in [-sqrt(3) s, sqrt(3) s), or as ..._normal of the normal distribution. auto: he for relu and its kin,
 * lecun for selu, xavier for the others, uniform. constant: every weight is `value`. Not orthogonal.
 */
void sp_net_initialise(const sp_net *net, sp_init init, double value, uint64_t seed, float *parameters);

/* All but the weights, as it is at first: biases 0, scales 1, running means 0 and variances 1. */
void sp_net_neutral(const sp_net *net, float *parameters);

/* The output activation that goes with a loss. */
sp_activation sp_output_of(sp_loss loss, bool classes);

/* The activation that the passes apply to layer l (from 0): none where the loss takes logits. */
sp_activation sp_net_applied(const sp_net *net, size_t l);

/* Floating-point operations of one forward and backward pass over one row. */
double sp_net_flops(const sp_net *net);

/* Writes "64-32-10 batch relu softmax": widths, then the layers' normalisation, if any, and activation; hidden ones
 * once if alike. */
void sp_net_describe(const sp_net *net, char *text, size_t size);

#endif
