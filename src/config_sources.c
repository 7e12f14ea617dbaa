/* Where the keys of a configuration come from: the paper of a method, or the program that users know a key from. */
#include "config.h"

#include <string.h>

static const struct {
    const char *section, *name, *source;
} sources[] = {
    {"data", "normalize", "LeCun, Bottou, Orr, Mueller: Efficient BackProp, 1998, section 4.3 (standard)"},
    {"data", "cache", "LightGBM's save_binary; TensorFlow's Dataset.cache"},
    {"network", "hidden", "Rumelhart, Hinton, Williams, Nature 323, 1986; scikit-learn's hidden_layer_sizes"},
    {"network", "activation",
     "relu: Nair, Hinton, ICML 2010; leaky_relu: Maas, Hannun, Ng, ICML 2013; elu: Clevert, Unterthiner, Hochreiter, "
     "ICLR 2016; selu: Klambauer et al., NIPS 2017; gelu: Hendrycks, Gimpel, arXiv 1606.08415, 2016; silu: Elfwing, "
     "Uchibe, Doya, Neural Networks 107, 2018; softplus: Dugas et al., NIPS 2000"},
    {"network", "output_activation", "softmax: Bridle, NATO ASI F68, 1990"},
    {"network", "normalization",
     "batch: Ioffe, Szegedy, ICML 2015, by shards: Hoffer, Hubara, Soudry, NIPS 2017; layer: Ba, Kiros, Hinton, arXiv "
     "1607.06450, 2016"},
    {"network", "norm_momentum", "PyTorch's BatchNorm1d, with its default"},
    {"network", "norm_epsilon", "PyTorch's BatchNorm1d and LayerNorm, with their default"},
    {"network", "init",
     "he: He et al., ICCV 2015; xavier: Glorot, Bengio, AISTATS 2010; lecun: LeCun, Bottou, Orr, Mueller, 1998; "
     "orthogonal: Saxe, McClelland, Ganguli, ICLR 2014, with the gains of PyTorch's calculate_gain"},
    {"network", "dropout", "Srivastava et al., JMLR 15, 2014; scaled in training, as PyTorch does"},
    {"network", "input_dropout", "Srivastava et al., JMLR 15, 2014"},
    {"network", "input_noise", "Bishop, Neural Computation 7, 1995; Keras's GaussianNoise"},
    {"augment", "shift", "Simard, Steinkraus, Platt, ICDAR 2003"},
    {"augment", "rotate", "Simard, Steinkraus, Platt, ICDAR 2003"},
    {"augment", "scale", "Simard, Steinkraus, Platt, ICDAR 2003"},
    {"augment", "shear", "Simard, Steinkraus, Platt, ICDAR 2003"},
    {"augment", "elastic_alpha", "Simard, Steinkraus, Platt, ICDAR 2003"},
    {"augment", "elastic_sigma", "Simard, Steinkraus, Platt, ICDAR 2003, with its 4 as default"},
    {"optimizer", "name",
     "sgd: Robbins, Monro, Ann. Math. Stat. 22, 1951; momentum: Polyak, USSR Comp. Math. 4, 1964; nesterov: Nesterov, "
     "1983, as in Sutskever et al., ICML 2013, and PyTorch; adagrad: Duchi, Hazan, Singer, JMLR 12, 2011; rmsprop: "
     "Tieleman, Hinton, lecture 6.5, 2012; adam: Kingma, Ba, ICLR 2015; amsgrad: Reddi, Kale, Kumar, ICLR 2018; adamw: "
     "Loshchilov, Hutter, ICLR 2019; rprop: Riedmiller, Braun, ICNN 1993, without backtracking, as in PyTorch"},
    {"optimizer", "learning_rate", "Robbins, Monro, Ann. Math. Stat. 22, 1951"},
    {"optimizer", "momentum", "Polyak, USSR Comp. Math. 4, 1964; Keras's and scikit-learn's 0.9"},
    {"optimizer", "rho", "Tieleman, Hinton, lecture 6.5, 2012; PyTorch's default (alpha)"},
    {"optimizer", "beta1", "Kingma, Ba, ICLR 2015, with its default"},
    {"optimizer", "beta2", "Kingma, Ba, ICLR 2015, with its default"},
    {"optimizer", "epsilon", "Kingma, Ba, ICLR 2015, with its default; outside of the root, as in PyTorch"},
    {"optimizer", "weight_decay", "Krogh, Hertz, NIPS 1991; PyTorch's weight_decay"},
    {"optimizer", "decay", "Loshchilov, Hutter, ICLR 2019; PyTorch's AdamW"},
    {"optimizer", "l1", "Tibshirani, J. R. Stat. Soc. B 58, 1996; Keras's L1"},
    {"optimizer", "l2", "Hoerl, Kennard, Technometrics 12, 1970; Keras's L2, without its factor 2"},
    {"optimizer", "clip_value", "PyTorch's clip_grad_value_"},
    {"optimizer", "clip_norm", "Pascanu, Mikolov, Bengio, ICML 2013; PyTorch's clip_grad_norm_"},
    {"optimizer", "max_norm", "Srivastava et al., JMLR 15, 2014, section 5.1; PyTorch's renorm"},
    {"optimizer", "ema",
     "Polyak, Juditsky, SIAM J. Control Optim. 30, 1992; TensorFlow's ExponentialMovingAverage with num_updates"},
    {"optimizer", "rprop_shrink", "Riedmiller, Braun, ICNN 1993, with its default"},
    {"optimizer", "rprop_grow", "Riedmiller, Braun, ICNN 1993, with its default"},
    {"optimizer", "rprop_least", "Riedmiller, Braun, ICNN 1993, with its default"},
    {"optimizer", "rprop_most", "Riedmiller, Braun, ICNN 1993, with its default"},
    {"schedule", "name",
     "cosine: Loshchilov, Hutter, ICLR 2017; one_cycle: Smith, Topin, arXiv 1708.07120, 2018; the others as PyTorch's "
     "StepLR, ExponentialLR, LinearLR, PolynomialLR and ReduceLROnPlateau"},
    {"schedule", "warmup_epochs", "Goyal et al., arXiv 1706.02677, 2017"},
    {"schedule", "factor", "PyTorch's gamma (StepLR, ExponentialLR) and factor (ReduceLROnPlateau)"},
    {"schedule", "step_epochs", "PyTorch's step_size (StepLR)"},
    {"schedule", "final", "PyTorch's eta_min (CosineAnnealingLR) and end_factor (LinearLR)"},
    {"schedule", "power", "PyTorch's power (PolynomialLR)"},
    {"schedule", "cycle_epochs", "Loshchilov, Hutter, ICLR 2017; PyTorch's T_0"},
    {"schedule", "cycle_growth", "Loshchilov, Hutter, ICLR 2017; PyTorch's T_mult"},
    {"schedule", "peak", "PyTorch's pct_start (OneCycleLR), with its default"},
    {"schedule", "plateau_patience", "PyTorch's patience (ReduceLROnPlateau)"},
    {"train", "batch_size", "scikit-learn's and Keras's batch_size, with Keras's 32"},
    {"train", "loss",
     "cross_entropy: Bridle, NATO ASI F68, 1990; huber: Huber, Ann. Math. Stat. 35, 1964; the others as PyTorch's "
     "MSELoss, L1Loss, BCEWithLogitsLoss and PoissonNLLLoss, summed over outputs"},
    {"train", "huber_delta", "Huber, Ann. Math. Stat. 35, 1964; PyTorch's HuberLoss, with its default"},
    {"train", "label_smoothing", "Szegedy et al., CVPR 2016, section 7; PyTorch's CrossEntropyLoss"},
    {"train", "class_weights", "scikit-learn's class_weight, its formula for balanced"},
    {"train", "patience", "Prechelt: Early Stopping, but When?, 1998; Keras's EarlyStopping"},
    {"output", "tensorboard", "TensorFlow's event files: tensorflow/core/util/event.proto"},
    {"train", "monitor", "Keras's monitor (ModelCheckpoint); auc: Hanley, McNeil, Radiology 143, 1982"},
};

const char *sp_key_source(const sp_key *key) {
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (strcmp(sources[i].section, key->section) == 0 && strcmp(sources[i].name, key->name) == 0)
            return sources[i].source;
    return "shardprop";
}
