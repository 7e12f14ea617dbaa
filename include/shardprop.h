/*
 * shardprop: trains multilayer perceptrons on multicore machines, with the same
 * bits at every number of threads.
 *
 * Notation (used in all of the source). A network has layers 1..L of widths
 * d(0) (input) to d(L) (output). For a sample x:
 *
 *     a(0) = x,   z(l) = W(l)^T a(l-1) + b(l),   a(l) = f(z(l)),   yhat = a(L).
 *
 * Where a layer is normalised, b(l) is the shift behind that: a(l) = f(scale(l) xhat(l) + b(l)), xhat(l) being
 * W(l)^T a(l-1) without mean and deviation.
 *
 * W(l) has shape d(l-1) x d(l), b(l) has d(l) entries. All matrices are
 * row-major; a matrix of samples has one row per sample. Numbers are float32.
 *
 * Every function that can fail returns an sp_status and, where it is not SP_OK,
 * has written whole sentences into the sp_error it was handed. Nothing here
 * prints, exits, reads the environment, or changes the host program's OpenMP
 * settings. Functions that create an object hand its ownership to the caller,
 * who gives it back to the matching destroy function; destroy accepts NULL.
 */
#ifndef SHARDPROP_H
#define SHARDPROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to; the values are the exit statuses of the program. */
typedef enum sp_status {
    SP_OK = 0,
    SP_FAILED = 1,     /* the work failed: input/output, memory, divergence, a check that found a fault */
    SP_BAD_CONFIG = 2, /* wrong usage or configuration */
    SP_BAD_DATA = 3    /* a malformed file, or data of the wrong shape */
} sp_status;

enum { SP_ERROR_TEXT = 8192 };

/*
 * One or more faults, one line each: "PLACE: what is wrong; what would be right".
 * Start with `sp_error error = {0}`. It owns no memory, so nothing has to be
 * freed and recording a fault cannot fail; what does not fit is counted.
 */
typedef struct sp_error {
    sp_status status;         /* of the first fault; SP_OK: none */
    size_t faults;            /* lines recorded or counted */
    char text[SP_ERROR_TEXT]; /* lines, separated by '\n'; always terminated */
} sp_error;

/* "MAJOR.MINOR.PATCH" of the library. */
const char *sp_version(void);

/* ---- Configuration --------------------------------------------------------------- */

typedef struct sp_config sp_config;

/* A configuration with every key at its default; NULL when memory runs out. */
sp_config *sp_config_create(void);
void sp_config_destroy(sp_config *config);

/*
 * Reads the INI file at `path` into `config`. All faults of the file are
 * reported in one call, each with its line. SP_BAD_CONFIG: faults, or no such
 * file; SP_FAILED: input/output.
 */
sp_status sp_config_load(sp_config *config, const char *path, sp_error *error);

/* Overrides one key: "section.key=value". SP_BAD_CONFIG when it is not one. */
sp_status sp_config_set(sp_config *config, const char *assignment, sp_error *error);

/* Checks what no key can be blamed for alone (say, labels without images). */
sp_status sp_config_check(const sp_config *config, sp_error *error);

/* Replaces the file at `path` by one that holds every key with its value and help. */
sp_status sp_config_save(const sp_config *config, const char *path, sp_error *error);

/* ---- Trained models --------------------------------------------------------------- */

typedef struct sp_model sp_model;

/*
 * Loads a model file (safetensors), or the model of a run directory.
 * SP_BAD_CONFIG: no such file; SP_BAD_DATA: not a model of shardprop.
 */
sp_status sp_model_load(const char *path, sp_model **model, sp_error *error);

/* Replaces the file at `path`, whole or not at all. */
sp_status sp_model_save(const sp_model *model, const char *path, sp_error *error);
void sp_model_destroy(sp_model *model);

size_t sp_model_inputs(const sp_model *model);     /* values of a raw row: d(0), unless some are texts */
size_t sp_model_outputs(const sp_model *model);    /* d(L) */
size_t sp_model_parameters(const sp_model *model); /* weights, biases and scales */
size_t sp_model_classes(const sp_model *model);    /* 0: regression, multilabel */
size_t sp_model_targets(const sp_model *model);    /* labels or values of a row; 1: classes */

/* Name of class `index` (< sp_model_classes), owned by the model. */
const char *sp_model_class_name(const sp_model *model, size_t index);

/* Name of target `index` (< sp_model_targets), owned by the model; NULL: the training file had no header. */
const char *sp_model_target_name(const sp_model *model, size_t index);

/* What stands for `text` in column `column` (< sp_model_inputs) of a row; -1: no training row had that. */
float sp_model_category(const sp_model *model, size_t column, const char *text);

/*
 * Predicts `rows` samples. `inputs` [rows, sp_model_inputs] are raw values as they stand in the feature columns of
 * a data file: the model applies its own normalisation. A text is sp_model_category of it; NaN is a missing value
 * where the model was trained with data.missing = mean. `outputs` [rows, d(L)] receives probabilities (cross_entropy,
 * binary_cross_entropy) or the output layer's activations; of normalised targets, values as they stand in a data file.
 * SP_FAILED when memory runs out. Safe to call from several threads at once.
 */
sp_status sp_model_predict(const sp_model *model, size_t rows, const float *inputs, float *outputs, sp_error *error);

/* ---- Data of a trained model -------------------------------------------------------- */

/* Loss and accuracy of a model on labelled rows; NaN where a task has none. Every row counts once; the loss is of
 * targets as they were trained on, normalised or not. */
typedef struct sp_score {
    size_t rows;
    double loss;     /* mean over the rows */
    double accuracy; /* share of rows classified right; NaN for other tasks */
} sp_score;

/*
 * Scores a model on the labelled file at `path` (CSV or IDX, gzipped or not).
 * `labels_path` is the label file of IDX images, else NULL. `threads` 0: as many
 * as are allowed and useful. SP_BAD_DATA: malformed, or not of the model's shape.
 */
sp_status sp_evaluate(const sp_model *model, const char *path, const char *labels_path, size_t threads, sp_score *score,
                      sp_error *error);

/* What predictions are judged by. README says how each is defined; where it needs words, it is as scikit-learn has it.
 */
typedef enum sp_metric {
    SP_METRIC_LOSS,              /* the model's own, mean over the rows */
    SP_METRIC_LOG_LOSS,          /* classification, where outputs are probabilities */
    SP_METRIC_ACCURACY,          /* classification */
    SP_METRIC_BALANCED_ACCURACY, /* mean recall of the classes that occur */
    SP_METRIC_SUBSET_ACCURACY,   /* multi-label: share of rows with every label right */
    SP_METRIC_HAMMING_LOSS,      /* multi-label: share of labels that are wrong */
    SP_METRIC_PRECISION,         /* of one class or label, as are the next two */
    SP_METRIC_RECALL,
    SP_METRIC_F1,
    SP_METRIC_AUC,             /* area under the ROC curve: of one class or label against the rest, or their mean */
    SP_METRIC_MICRO_PRECISION, /* multi-label: over all labels of all rows */
    SP_METRIC_MICRO_RECALL,
    SP_METRIC_MICRO_F1,
    SP_METRIC_MACRO_PRECISION, /* mean over the classes that occur or are predicted, or over the labels */
    SP_METRIC_MACRO_RECALL,
    SP_METRIC_MACRO_F1,
    SP_METRIC_WEIGHTED_PRECISION, /* the same, each weighing as many rows as it has */
    SP_METRIC_WEIGHTED_RECALL,
    SP_METRIC_WEIGHTED_F1,
    SP_METRIC_R2, /* regression: of one target, or the mean over the targets, as are the next two */
    SP_METRIC_MAE,
    SP_METRIC_RMSE,
    SP_METRICS
} sp_metric;

/* "loss", "log_loss", ... */
const char *sp_metric_name(sp_metric metric);

/* A model judged on labelled rows. Its items are the classes, the labels or the targets, in the model's order. */
typedef struct sp_evaluation sp_evaluation;

/* As sp_evaluate, with every metric. The evaluation does not need the model any more. */
sp_status sp_evaluation_create(const sp_model *model, const char *path, const char *labels_path, size_t threads,
                               sp_evaluation **evaluation, sp_error *error);
void sp_evaluation_destroy(sp_evaluation *evaluation);

size_t sp_evaluation_rows(const sp_evaluation *evaluation);
size_t sp_evaluation_items(const sp_evaluation *evaluation);

/* Rows of the file that were left out, for a value is missing (data.missing = drop). */
size_t sp_evaluation_dropped(const sp_evaluation *evaluation);

/* What there is to say of the file, a line for people: rows left out, texts that no training row had; NULL: nothing. */
const char *sp_evaluation_remark(const sp_evaluation *evaluation);

/* One metric over all rows, or of one item; NaN: the task has none such, or these rows leave it undefined. */
double sp_evaluation_value(const sp_evaluation *evaluation, sp_metric metric);
double sp_evaluation_item(const sp_evaluation *evaluation, size_t item, sp_metric metric);

/* Rows of a class or with a label: in truth, and as predicted. 0 for regression. */
size_t sp_evaluation_support(const sp_evaluation *evaluation, size_t item);
size_t sp_evaluation_predicted(const sp_evaluation *evaluation, size_t item);

/* Share of rows whose class is among the `k` largest outputs (of equal ones the first); NaN: no classes. */
double sp_evaluation_top_k(const sp_evaluation *evaluation, size_t k);

/* Rows of class `truth` that were taken for class `predicted`; 0: no classes. */
size_t sp_evaluation_confusion(const sp_evaluation *evaluation, size_t truth, size_t predicted);

/* ---- Training ------------------------------------------------------------------------ */

/* What a layer is like in an epoch. NaN: it has none of that. */
typedef struct sp_layer_health {
    double gradient_norm; /* L2, of weights and biases, in the epoch's last whole mini-batch */
    double update_ratio;  /* by how much they then moved, as a share of their own norm */
    double saturated;     /* share of units, sigmoid or tanh, whose slope was below a tenth of its largest */
    double dead;          /* share of ReLU units that were 0 for every row of the epoch */
} sp_layer_health;

/* One row of metrics.csv. NaN: not measured. */
typedef struct sp_epoch {
    size_t epoch;                                /* 1, 2, ... */
    double seconds;                              /* of the steps of this epoch */
    double learning_rate;                        /* of its last step */
    double train_loss, train_accuracy;           /* means over the epoch, while the weights move */
    double validation_loss, validation_accuracy; /* after the epoch */
    double samples_per_second;
    size_t layers;                 /* L */
    const sp_layer_health *health; /* [layers], the training's own, until the next epoch */
} sp_epoch;

/* Where the time of the training steps goes. */
typedef enum sp_phase {
    SP_PHASE_GATHER,   /* rows and their truth from the data set */
    SP_PHASE_FORWARD,  /* products, biases, activations */
    SP_PHASE_LOSS,     /* loss, and its gradient at the output layer */
    SP_PHASE_BACKWARD, /* errors of the layers below, derivatives of their activations */
    SP_PHASE_GRADIENT, /* gradients of the weights, and their sum over the shards */
    SP_PHASE_UPDATE,   /* of the weights */
    SP_PHASE_BARRIER,  /* waiting for other threads */
    SP_PHASES
} sp_phase;

/* "gather", "forward", ... */
const char *sp_phase_name(sp_phase phase);

/* What a training came to; see summary.json in README. NaN: not measured. */
typedef struct sp_summary {
    const char *status; /* "completed", "stopped_early", "interrupted", "diverged" */
    size_t epochs,
        best_epoch; /* whole epochs; the one whose weights were saved (the one under way, when interrupted) */
    size_t steps;   /* mini-batches of an epoch behind those, which was interrupted or diverged; 0: there is none */
    double train_loss, train_accuracy; /* of the saved weights, as are validation and test */
    double validation_loss, validation_accuracy;
    double test_loss, test_accuracy;
    double test_metrics[SP_METRICS]; /* by sp_metric */
    size_t dropped_rows;             /* of all files, for a value was missing */
    size_t peak_rss_bytes;           /* the most memory that the process has held; 0: unknown */
    const char *monitor;  /* the metric by which the best epoch is chosen; without validation rows "train_loss" */
    double monitor_value; /* and what it was in that epoch */
    double train_seconds, total_seconds, samples_per_second;
    size_t threads, shards, parameters;
    uint64_t weights_xxh64;          /* of the weights after the last step */
    double phase_seconds[SP_PHASES]; /* summed over the threads; NaN unless observer->time_phases */
    double imbalance; /* what the busiest thread worked more than the mean, as a share of that; NaN likewise */
} sp_summary;

/* Where a training stands; handed to the observer. */
typedef struct sp_progress {
    size_t epoch, epochs; /* epoch: 1, 2, ... */
    size_t step, steps;   /* mini-batches done and in all, of this epoch */
    size_t samples;       /* rows trained on since the start */
    double seconds;       /* spent in steps since the start */
} sp_progress;

/*
 * Called by the training thread; every member may be NULL. `on_start` is handed a
 * line that says what will be trained, and more where there is more to say ('\n' between). `on_step` runs within the
 * step, on one thread, and ends the training after that step (the next, where that is the last of its epoch) by
 * returning true, with a checkpoint; keep it short. On a machine with several NUMA nodes that thread is kept to one of
 * them meanwhile.
 */
typedef struct sp_observer {
    void *context;
    void (*on_start)(void *context, const char *plan);
    bool (*on_step)(void *context, const sp_progress *progress);
    void (*on_epoch)(void *context, const sp_epoch *epoch, const sp_progress *progress);
    void (*on_warning)(void *context, const char *line); /* why the training may not go well, and a remedy; once each */
    /* Called behind on_step, within the step, too: true has a checkpoint written now, while training goes on. */
    bool (*wants_checkpoint)(void *context);
    size_t until_epoch; /* 0; or training ends behind so many whole epochs, "interrupted" and with a checkpoint */
    bool time_phases;   /* look at the clock around every phase of every step; small steps take a little longer */
} sp_observer;

/*
 * Trains as `config` says and writes its run directory, files of an earlier run in it
 * being moved aside. `observer` may be NULL. On SP_OK and on divergence (SP_FAILED
 * with summary->status "diverged") the directory is complete and `summary` is filled.
 * SP_FAILED, too: another training has the directory.
 */
sp_status sp_train(const sp_config *config, const sp_observer *observer, sp_summary *summary, sp_error *error);

/*
 * Goes on with the training whose checkpoint the run directory holds (output.dir), to the
 * bits that it would have come to without having been interrupted. Without a checkpoint
 * training starts from the beginning; on_warning is told. Of a training that has ended, model and
 * summary are written again. SP_BAD_CONFIG, SP_BAD_DATA: configuration, data or kernels are
 * others, in what matters: each difference is named; or the checkpoint is damaged.
 */
sp_status sp_train_resume(const sp_config *config, const sp_observer *observer, sp_summary *summary, sp_error *error);

#ifdef __cplusplus
}
#endif
#endif
