/* Every key of a configuration file, in the order in which files and help show them. */
#include "config.h"

#include <float.h>

static const char *const target_normalize_names[] = {"none", "standard", "minmax", NULL};
static const char *const switch_names[] = {"no", "yes", NULL};
static const char *const init_names[] = {"auto",          "he",           "xavier",   "lecun",      "he_normal",
                                         "xavier_normal", "lecun_normal", "constant", "orthogonal", NULL};
static const char *const monitor_names[] = {"auto",
                                            "validation_loss",
                                            "validation_accuracy",
                                            "validation_balanced_accuracy",
                                            "validation_macro_f1",
                                            "validation_auc",
                                            "validation_r2",
                                            NULL};
static const char *const decay_names[] = {"auto", "coupled", "decoupled", NULL};
static const char *const on_nan_names[] = {"stop", "rollback", NULL};
static const char *const kernel_names[] = {"auto", "xsmm", "blas", "reference", NULL};
static const char *const reduction_names[] = {"auto", "private", "fused", NULL};

/* The choices of a hidden layer: sp_activation without softmax. */
static const char *const hidden_activation_names[] = {"sigmoid", "tanh", "relu",     "leaky_relu", "elu", "selu",
                                                      "gelu",    "silu", "softplus", "identity",   NULL};

/* With `auto` before them: the value is the enum's + 1. */
static const char *const output_activation_names[] = {"auto",     "sigmoid", "tanh",        "relu", "leaky_relu",
                                                      "elu",      "selu",    "gelu",        "silu", "softplus",
                                                      "identity", "softmax", "exponential", NULL};
static const char *const loss_names[] = {"auto",  "squared_error",        "cross_entropy", "absolute_error",
                                         "huber", "binary_cross_entropy", "poisson",       NULL};

#define AT(field)                        offsetof(struct sp_config, field)
#define TEXT                             .type = SP_KEY_TEXT
#define WHOLE(least, most)               .type = SP_KEY_WHOLE, .low = (least), .high = (most)
#define WHOLE_OR(least, most, auto_word) WHOLE(least, most), .word = (auto_word)
#define REAL(least, most)                .type = SP_KEY_REAL, .low = (least), .high = (most)
#define CHOICE(names)                    .type = SP_KEY_CHOICE, .choices = (names)
#define WHOLES(least, most)              .type = SP_KEY_WHOLES, .low = (least), .high = (most)
#define REALS(least, most)               .type = SP_KEY_REALS, .low = (least), .high = (most)
#define CHOICES(names)                   .type = SP_KEY_CHOICES, .choices = (names)

const sp_key sp_keys[] = {
    {"data", "train", TEXT, .offset = AT(data.train), .initial = "",
     .help = "training rows: a CSV or IDX file, plain or gzipped (required)"},
    {"data", "train_labels", TEXT, .offset = AT(data.train_labels), .initial = "",
     .help = "labels of the training rows (IDX only)"},
    {"data", "test", TEXT, .offset = AT(data.test), .initial = "",
     .help = "test rows: a file, or a share of the training rows (0.2), drawn by the seed, of every class its part; "
             "empty: none"},
    {"data", "test_labels", TEXT, .offset = AT(data.test_labels), .initial = "",
     .help = "labels of the test rows (IDX only)"},
    {"data", "validation", TEXT, .offset = AT(data.validation), .initial = "",
     .help = "validation rows: a file, or a share of the training rows; the best epoch is chosen on them"},
    {"data", "validation_labels", TEXT, .offset = AT(data.validation_labels), .initial = "",
     .help = "labels of the validation rows (IDX only)"},
    {"data", "target", TEXT, .offset = AT(data.target), .initial = "last",
     .help =
         "column to learn: last, first, a name of the header, or a zero-based index; several: a list of these and of "
         "ranges such as 3-5 (this and the next: CSV only)"},
    {"data", "ignore", TEXT, .offset = AT(data.ignore), .initial = "",
     .help = "columns that are left aside, a list alike; empty: none"},
    {"data", "sample_weight", TEXT, .offset = AT(data.sample_weight), .initial = "",
     .help = "column with what the loss of each row counts, in training alone: 0 or more, scaled so that the mean over "
             "the training rows is 1; empty: all count alike"},
    {"data", "separator", CHOICE(sp_separator_names), .offset = AT(data.separator), .initial = "auto",
     .help = "between fields; auto: what the first row has, commas before the others"},
    {"data", "categorical", CHOICE(sp_categorical_names), .offset = AT(data.categorical), .initial = "error",
     .help = "a feature column with text: error refuses it; onehot makes a feature 0 or 1 of each text that a training "
             "row has, in their order; a text met later that no training row had leaves all of them 0"},
    {"data", "missing", CHOICE(sp_missing_names), .offset = AT(data.missing), .initial = "error",
     .help =
         "fields that are empty, ?, NA, N/A, NaN, null or None: error refuses them; mean puts the mean of the training "
         "rows there (of a text column: all features 0), in predictions, too; drop leaves out the row"},
    {"data", "cache", CHOICE(sp_cache_mode_names), .offset = AT(data.cache), .initial = "auto",
     .help =
         "of a CSV, a binary file of what was read of it, for the next run: auto makes one where the values take more "
         "than memory_mb, whose rows are then read from there, not loaded; always: of every CSV (values that fit "
         "are loaded from it); never: all values in memory"},
    {"data", "cache_dir", TEXT, .offset = AT(data.cache_dir), .initial = "",
     .help = "folder for that file, NAME.KEY.spcache; empty: beside the CSV"},
    {"data", "memory_mb", WHOLE_OR(1, 1 << 24, "auto"), .offset = AT(data.memory_mb), .initial = "auto",
     .help = "MiB of values (4 bytes each) of all CSVs in memory; files with more are read through a cache, and half "
             "of what is left here holds their first rows; auto: half of "
             "what is available, by the limits of the control group, too"},
    {"data", "header", CHOICE(sp_header_names), .offset = AT(data.header), .initial = "auto",
     .help = "whether the first row names the columns (CSV only); auto: when none of its features is a number"},
    {"data", "task", CHOICE(sp_task_names), .offset = AT(data.task), .initial = "auto",
     .help = "auto: of one target, classification where it is text, or at most 100 different whole numbers of which "
             "there are two rows each on average, and of IDX; of several, multilabel where all are 0 or 1; else "
             "regression"},
    {"data", "normalize", CHOICE(sp_normalize_names), .offset = AT(data.normalize), .initial = "none",
     .help = "of each feature: unit divides by 255, minmax maps to 0..1, standard to mean 0 and deviation 1; fitted on "
             "the training rows alone, stored in the model; features of text stay 0 or 1"},
    {"data", "normalize_targets", CHOICE(target_normalize_names), .offset = AT(data.normalize_targets),
     .initial = "none",
     .help = "of each target of a regression, fitted on the training rows alone; losses are of normalised targets, "
             "predictions, R2, MAE and RMSE of the file's"},

    {"network", "hidden", WHOLES(1, 1 << 20), .offset = AT(network.hidden), .initial = "64",
     .help = "widths of the hidden layers, say 512, 256; empty: none"},
    {"network", "activation", CHOICES(hidden_activation_names), .offset = AT(network.activation), .initial = "relu",
     .help =
         "of the hidden layers: one for all, or one each; leaky_relu leaks 0.01 z, elu and selu end in -1 and -1.758 "
         "below zero (Clevert 2016, Klambauer 2017), gelu is z Phi(z) (Hendrycks 2016), silu z sigmoid(z)"},
    {"network", "output_activation", CHOICE(output_activation_names), .offset = AT(network.output_activation),
     .initial = "auto",
     .help = "auto: softmax for cross_entropy; for squared_error sigmoid (classes) or identity (regression)"},
    {"network", "normalization", CHOICES(sp_norm_names), .offset = AT(network.normalization), .initial = "none",
     .help =
         "of the hidden layers, between weights and activation: one for all, or one each; batch (Ioffe 2015): each "
         "unit over the rows of a shard (Hoffer 2017), predictions by running means and variances; layer (Ba 2016): "
         "each row over the units"},
    {"network", "norm_momentum", REAL(0, 1), .offset = AT(network.norm_momentum), .initial = "0.1",
     .help = "share of each mini-batch in the running means and variances (batch)"},
    {"network", "norm_epsilon", REAL(1e-12, 1), .offset = AT(network.norm_epsilon), .initial = "1e-05",
     .help = "added to variances (batch, layer)"},
    {"network", "init", CHOICE(init_names), .offset = AT(network.init), .initial = "auto",
     .help =
         "initial weights, each by the width of its layer, uniform or ..._normal (He 2015, Glorot 2010, LeCun 1998); "
         "auto: he for relu, leaky_relu, elu, gelu, silu "
         "and softplus, lecun for selu, else xavier; orthogonal: columns, or rows where they are fewer, that are "
         "orthonormal but for a factor by activation (Saxe 2014)"},
    {"network", "init_value", REAL(-1e6, 1e6), .offset = AT(network.init_value), .initial = "0.01",
     .help = "every initial weight (init = constant)"},
    {"network", "init_from", TEXT, .offset = AT(network.init_from), .initial = "",
     .help =
         "start from the weights of this model or run directory instead, of the same shapes (fine-tuning); inputs are "
         "normalised by the new data, as data.normalize says; empty: by init"},
    {"network", "dropout", REALS(0, SP_MOST_DROPOUT), .offset = AT(network.dropout), .initial = "0",
     .help =
         "of the hidden layers, one for all or one each: the share of units that each training step leaves out, for "
         "every row others; those that stay are multiplied by 1 / (1 - dropout) (Srivastava 2014: 0.5)"},
    {"network", "input_dropout", REAL(0, SP_MOST_DROPOUT), .offset = AT(network.input_dropout), .initial = "0",
     .help = "the same of the inputs (Srivastava 2014: 0.2)"},
    {"network", "input_noise", REAL(0, 1e6), .offset = AT(network.input_noise), .initial = "0",
     .help = "deviation of the Gaussian noise that training adds to the normalised inputs, for every step and row anew "
             "(Bishop 1995)"},

    {"augment", "shift", REAL(0, 1e6), .offset = AT(augment.shift), .initial = "0",
     .help = "training images move by up to so many pixels, down and to the right each (IDX images only; this and the "
             "next: each time by another number, evenly from both sides)"},
    {"augment", "rotate", REAL(0, 180), .offset = AT(augment.rotate), .initial = "0",
     .help = "they turn by up to so many degrees"},
    {"augment", "scale", REAL(0, 0.9), .offset = AT(augment.scale), .initial = "0",
     .help = "their height and width are each divided by a number from 1 - this to 1 + this"},
    {"augment", "shear", REAL(0, 10), .offset = AT(augment.shear), .initial = "0",
     .help = "they lean by up to so many pixels to the right for one down"},
    {"augment", "elastic_alpha", REAL(0, 1e6), .offset = AT(augment.alpha), .initial = "0",
     .help = "each pixel moves by this times noise from -1 to 1 that is smoothed (Simard 2003, with 34); 0: off"},
    {"augment", "elastic_sigma", REAL(0.1, 32), .offset = AT(augment.sigma), .initial = "4",
     .help = "by a Gaussian of this deviation in pixels"},

    {"optimizer", "name", CHOICE(sp_optimizer_names), .offset = AT(optimizer.name), .initial = "sgd",
     .help = "how the weights follow their gradients; with g = dJ/dw, sgd is w := w - eta g, and momentum, v := "
             "momentum v + g, w := w - eta v (Polyak 1964); nesterov (1983), adagrad (Duchi 2011), rmsprop (Tieleman "
             "2012), adam (Kingma 2015), amsgrad (Reddi 2018), adamw (Loshchilov 2019), rprop (Riedmiller 1993; full "
             "batches)"},
    {"optimizer", "learning_rate", REAL(0, 1e6), .offset = AT(optimizer.learning_rate), .initial = "0.1",
     .help = "eta; for adam and its kin some 0.001"},
    {"optimizer", "momentum", REAL(0, 1), .offset = AT(optimizer.momentum), .initial = "0.9",
     .help = "share of the last step that is kept (momentum, nesterov)"},
    {"optimizer", "rho", REAL(0, 1), .offset = AT(optimizer.rho), .initial = "0.99",
     .help = "share of the mean of g^2 that is kept (rmsprop)"},
    {"optimizer", "beta1", REAL(0, 1), .offset = AT(optimizer.beta1), .initial = "0.9",
     .help = "share of the mean of g that is kept, less than 1 (adam, amsgrad, adamw)"},
    {"optimizer", "beta2", REAL(0, 1), .offset = AT(optimizer.beta2), .initial = "0.999",
     .help = "share of the mean of g^2 that is kept, less than 1 (adam, amsgrad, adamw)"},
    {"optimizer", "epsilon", REAL(0, 1), .offset = AT(optimizer.epsilon), .initial = "1e-08",
     .help = "added to the root of the mean of g^2 (adagrad, rmsprop, adam, amsgrad, adamw)"},
    {"optimizer", "weight_decay", REAL(0, 1e6), .offset = AT(optimizer.weight_decay), .initial = "0",
     .help = "of weights and biases: g := dJ/dw + weight_decay w (L2); with adamw apart from g: w := w - eta "
             "weight_decay w"},
    {"optimizer", "decay", CHOICE(decay_names), .offset = AT(optimizer.decay), .initial = "auto",
     .help = "whether weight_decay is coupled, a part of the gradient, or decoupled from it (Loshchilov 2019); auto: "
             "decoupled for adamw alone"},
    {"optimizer", "l1", REAL(0, 1e6), .offset = AT(optimizer.l1), .initial = "0",
     .help = "of weights, not of biases: g := g + l1 sign(w); no part of the losses that are told"},
    {"optimizer", "l2", REAL(0, 1e6), .offset = AT(optimizer.l2), .initial = "0", .help = "the same: g := g + l2 w"},
    {"optimizer", "clip_value", REAL(0, 1e30), .offset = AT(optimizer.clip_value), .initial = "0",
     .help = "each component of the gradient, l1 and l2 included, is cut to at most this; 0: off"},
    {"optimizer", "clip_norm", REAL(0, 1e30), .offset = AT(optimizer.clip_norm), .initial = "0",
     .help = "the whole gradient is scaled down to at most this L2 norm (Pascanu 2013), after clip_value; 0: off"},
    {"optimizer", "max_norm", REAL(0, 1e30), .offset = AT(optimizer.max_norm), .initial = "0",
     .help = "after each step, the incoming weights of a unit are scaled down to at most this L2 norm (Srivastava "
             "2014); 0: off"},
    {"optimizer", "ema", REAL(0, 1), .offset = AT(optimizer.ema), .initial = "0",
     .help = "less than 1: keep an average of the weights, v := d v + (1 - d) w after each step t, d = min(ema, (1 + "
             "t) / (10 + t)), and evaluate and save that (Polyak 1992); 0: off"},
    {"optimizer", "rprop_shrink", REAL(0, 1), .offset = AT(optimizer.rprop_shrink), .initial = "0.5",
     .help = "of a step width, where the gradient turns (rprop; Riedmiller 1993); learning_rate is the first width"},
    {"optimizer", "rprop_grow", REAL(1, 100), .offset = AT(optimizer.rprop_grow), .initial = "1.2",
     .help = "of a step width, where the gradient stays (rprop)"},
    {"optimizer", "rprop_least", REAL(1e-30, 1e6), .offset = AT(optimizer.rprop_least), .initial = "1e-06",
     .help = "least step width (rprop)"},
    {"optimizer", "rprop_most", REAL(1e-30, 1e6), .offset = AT(optimizer.rprop_most), .initial = "50",
     .help = "largest step width (rprop)"},

    {"schedule", "name", CHOICE(sp_schedule_names), .offset = AT(schedule.name), .initial = "constant",
     .help = "of the learning rate; constant: eta; step: times factor every step_epochs; exponential: times factor "
             "every epoch; linear, polynomial, cosine: step by step down to final times eta (Loshchilov 2017); "
             "one_cycle: up from eta/25 to eta, then down to eta/250000 (Smith 2018); plateau: times factor when "
             "epochs bring nothing better"},
    {"schedule", "warmup_epochs", REAL(0, 1e9), .offset = AT(schedule.warmup_epochs), .initial = "0",
     .help = "at first, the learning rate rises in equal steps; the schedule has the rest of the training"},
    {"schedule", "factor", REAL(0, 1), .offset = AT(schedule.factor), .initial = "0.1",
     .help = "of the learning rate (step, exponential, plateau)"},
    {"schedule", "step_epochs", WHOLE(1, 1e9), .offset = AT(schedule.step_epochs), .initial = "10",
     .help = "epochs between two changes (step)"},
    {"schedule", "final", REAL(0, 1), .offset = AT(schedule.final), .initial = "0",
     .help = "share of the learning rate that is left at the end (linear, polynomial, cosine)"},
    {"schedule", "power", REAL(0, 100), .offset = AT(schedule.power), .initial = "2",
     .help = "of the share of the training that is left (polynomial)"},
    {"schedule", "cycle_epochs", WHOLE(0, 1e9), .offset = AT(schedule.cycle_epochs), .initial = "0",
     .help = "after so many epochs it starts again from eta; 0: never (cosine)"},
    {"schedule", "cycle_growth", WHOLE(1, 1000), .offset = AT(schedule.cycle_growth), .initial = "1",
     .help = "each cycle is so many times as long as the one before (cosine)"},
    {"schedule", "peak", REAL(0, 1), .offset = AT(schedule.peak), .initial = "0.3",
     .help = "share of the training after which the learning rate turns (one_cycle)"},
    {"schedule", "plateau_patience", WHOLE(0, 1e9), .offset = AT(schedule.plateau_patience), .initial = "5",
     .help = "epochs without a better validation result (without validation rows: training loss) that it bears "
             "(plateau)"},

    {"train", "epochs", WHOLE(1, 1e9), .offset = AT(train.epochs), .initial = "10",
     .help = "passes over the training rows"},
    {"train", "batch_size", WHOLE_OR(1, 1e9, "full"), .offset = AT(train.batch_size), .initial = "32",
     .help = "rows of a mini-batch; 1: stochastic, full: all rows in one; the last may be smaller"},
    {"train", "loss", CHOICE(loss_names), .offset = AT(train.loss), .initial = "auto",
     .help = "of a row, summed over its outputs, and a mean over the rows; auto: cross_entropy for classification, "
             "squared_error for regression; huber (1964) is squared near 0 and absolute beyond huber_delta; "
             "binary_cross_entropy is for two classes, one against all, or values from 0 to 1, and the default for "
             "multilabel; poisson for counts"},
    {"train", "huber_delta", REAL(1e-30, 1e30), .offset = AT(train.huber_delta), .initial = "1",
     .help = "where the square ends (huber)"},
    {"train", "label_smoothing", REAL(0, 0.999), .offset = AT(train.label_smoothing), .initial = "0",
     .help = "share of the wanted probability that all classes have alike, in training alone (cross_entropy; Szegedy "
             "2016)"},
    {"train", "class_weights", TEXT, .offset = AT(train.class_weights), .initial = "none",
     .help =
         "what the loss of a row counts by its class, in training alone: none; balanced: rows / (classes times rows "
         "of the class); or a number for each class in their order"},
    {"train", "seed", WHOLE(0, 4294967295.0), .offset = AT(train.seed), .initial = "1",
     .help = "of initial weights, order and splits"},
    {"train", "shuffle", CHOICE(switch_names), .offset = AT(train.shuffle), .initial = "yes",
     .help = "a new order of the rows in every epoch"},
    {"train", "patience", WHOLE(0, 1e9), .offset = AT(train.patience), .initial = "0",
     .help = "stop after so many epochs without a better validation result; 0: never"},
    {"train", "monitor", CHOICE(monitor_names), .offset = AT(train.monitor), .initial = "auto",
     .help = "what makes an epoch the best; auto: validation_accuracy for classification, else validation_loss; where "
             "some classes are rare, balanced accuracy (mean recall of the classes), macro_f1 (mean F1) and auc (area "
             "under the ROC curve, Hanley 1982; of several classes the mean of one against the rest) say more; r2 is "
             "for regression"},
    {"train", "on_nan", CHOICE(on_nan_names), .offset = AT(train.on_nan), .initial = "stop",
     .help = "when a loss, a gradient or a weight is not finite: stop, with the best weights so far; rollback: go back "
             "to the end of the epoch "
             "before, halve the learning rate and try again, five times at most"},

    {"parallel", "threads", WHOLE_OR(1, 4096, "auto"), .offset = AT(parallel.threads), .initial = "auto",
     .help = "OpenMP threads; auto: as many of those that OMP_NUM_THREADS, the affinity mask and the CPU quota allow "
             "as pay "
             "off, measured while training; never changes a result"},
    {"parallel", "shards", WHOLE_OR(1, SP_MOST_SHARDS, "auto"), .offset = AT(parallel.shards), .initial = "auto",
     .help = "slices of a mini-batch, whose gradients are summed in a fixed order; part of the result; auto: by the "
             "batch size and the network"},
    {"parallel", "kernels", CHOICE(kernel_names), .offset = AT(parallel.kernels), .initial = "auto",
     .help = "matrix products: xsmm (libxsmm, made for each shape), blas (OpenBLAS) or reference (plain loops); auto: "
             "xsmm where the processor has AVX2, else blas"},
    {"parallel", "reduction", CHOICE(reduction_names), .offset = AT(parallel.reduction), .initial = "auto",
     .help = "private: a gradient buffer for every shard, then their sum; fused: the same sum tile by tile, with the "
             "update at once; the same bits; auto: fused, which is faster"},

    {"output", "dir", TEXT, .offset = AT(output.dir), .initial = "",
     .help = "the run directory; empty: runs/ and the name of the config file"},
    {"output", "checkpoint_every", WHOLE(0, 1e9), .offset = AT(output.checkpoint_every), .initial = "0",
     .help = "save all that train --resume needs after every so many epochs, while training goes on; 0: not by epochs"},
    {"output", "checkpoint_seconds", REAL(0, 1e9), .offset = AT(output.checkpoint_seconds), .initial = "30",
     .help =
         "the same, within epochs too, whenever the last one is so many seconds old; 0: not by time. Either: at the "
         "end, too; on Ctrl-C in any case"},
    {"output", "tensorboard", CHOICE(switch_names), .offset = AT(output.tensorboard), .initial = "no",
     .help = "write what is measured of every epoch as TensorBoard reads it, too: events.out.tfevents.* in the run "
             "directory"},
};

const size_t sp_key_count = sizeof sp_keys / sizeof *sp_keys;
_Static_assert(sizeof sp_keys / sizeof *sp_keys <= SP_MOST_KEYS, "raise SP_MOST_KEYS");
