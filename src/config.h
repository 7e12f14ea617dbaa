/* The configuration: one struct that everyone may read, and the table of its keys. */
#ifndef SP_CONFIG_H
#define SP_CONFIG_H

#include "augment.h"
#include "data/classes.h"
#include "data/preprocess.h"
#include "math/kernels.h"
#include "math/noise.h"
#include "net.h"
#include "optim.h"
#include "schedule.h"

#include <stdio.h>

/* Where the shards' gradients are: in buffers of their own, or summed tile by tile as they are computed. */
typedef enum sp_reduction { SP_REDUCTION_AUTO, SP_REDUCTION_PRIVATE, SP_REDUCTION_FUSED } sp_reduction;

typedef enum sp_monitor {
    SP_MONITOR_AUTO,
    SP_MONITOR_LOSS,
    SP_MONITOR_ACCURACY,
    SP_MONITOR_BALANCED_ACCURACY,
    SP_MONITOR_MACRO_F1,
    SP_MONITOR_AUC,
    SP_MONITOR_R2
} sp_monitor;

/* When a loss is not finite. */
typedef enum sp_on_nan { SP_ON_NAN_STOP, SP_ON_NAN_ROLLBACK } sp_on_nan;

/* Of the weights: as a part of the gradient, or apart from it; 0: SP_AUTO. */
typedef enum sp_decay { SP_DECAY_COUPLED = 1, SP_DECAY_DECOUPLED } sp_decay;

/* The choice 0 of each of these is `auto`; the others are the enum's value + 1. */
enum { SP_AUTO = 0 };

/* What the first line of a file of sp_config_save begins with; the version follows. */
#define SP_CONFIG_SAVED "; The resolved configuration of a run of shardprop"

/* Longest value of a text key (a path, or a list of columns), room for any value as a file would say it, and for
 * "FILE:LINE". */
enum {
    SP_MOST_KEYS = 160,
    SP_MOST_SHARDS = 4096,
    SP_LONGEST_TEXT = 1 << 15,
    SP_VALUE_ROOM = SP_LONGEST_TEXT + 1,
    SP_PLACE = 4200
};

/* A list of whole numbers or of choices. */
typedef struct sp_list {
    size_t count;
    long long item[SP_MOST_LAYERS - 1];
} sp_list;

typedef struct sp_reals {
    size_t count;
    double item[SP_MOST_LAYERS - 1];
} sp_reals;

struct sp_config {
    char *path; /* owned: of the file loaded last; NULL: none */
    struct {
        char *train, *train_labels, *test, *test_labels, *validation, *validation_labels; /* owned */
        char *target, *ignore, *sample_weight;                                            /* owned */
        int task;                                                                         /* sp_task */
        int normalize;                                                                    /* sp_normalize */
        int header;                                                                       /* sp_header */
        int separator;                                                                    /* sp_separator */
        int categorical;                                                                  /* sp_categorical */
        int missing;                                                                      /* sp_missing */
        int cache;                                                                        /* sp_cache_mode */
        char *cache_dir;                                                                  /* owned; empty: none */
        long long memory_mb;                                                              /* SP_AUTO, or so many MiB */
        int normalize_targets; /* 0: none, 1: standard, 2: minmax */
    } data;
    struct {
        sp_list hidden;
        sp_list activation;    /* sp_activation: one, or one a hidden layer */
        int output_activation; /* SP_AUTO, or sp_activation + 1 */
        sp_list normalization; /* sp_norm: one, or one a hidden layer */
        double norm_momentum, norm_epsilon;
        int init; /* sp_init */
        double init_value;
        char *init_from;  /* owned; empty: none */
        sp_reals dropout; /* of the hidden layers: one, or one each */
        double input_dropout, input_noise;
    } network;
    sp_augment augment;
    struct {
        int name; /* sp_optimizer */
        double learning_rate, momentum, rho, beta1, beta2, epsilon, weight_decay;
        int decay; /* SP_AUTO, or one of sp_decay */
        double l1, l2, clip_value, clip_norm, max_norm, ema;
        double rprop_shrink, rprop_grow, rprop_least, rprop_most;
    } optimizer;
    struct {
        int name; /* sp_schedule_name */
        double warmup_epochs, factor, final, power, peak;
        long long step_epochs, cycle_epochs, cycle_growth, plateau_patience;
    } schedule;
    struct {
        long long epochs;
        long long batch_size; /* SP_AUTO: all rows */
        int loss;             /* SP_AUTO, or sp_loss + 1 */
        double huber_delta, label_smoothing;
        char *class_weights; /* owned: none, balanced, or numbers */
        long long seed;
        int shuffle;
        long long patience;
        int monitor; /* sp_monitor */
        int on_nan;  /* sp_on_nan */
    } train;
    struct {
        long long threads; /* SP_AUTO, or so many */
        long long shards;  /* SP_AUTO, or so many */
        int kernels;       /* sp_kernel_choice */
        int reduction;     /* sp_reduction */
    } parallel;
    struct {
        char *dir;                  /* owned */
        long long checkpoint_every; /* epochs; 0: off */
        double checkpoint_seconds;  /* 0: off */
        int tensorboard;            /* 0 or 1 */
    } output;
    int line[SP_MOST_KEYS]; /* by index of sp_keys: where each was set; 0: the default, -1: --set */
};

typedef enum sp_key_type {
    SP_KEY_TEXT,   /* char *, owned */
    SP_KEY_WHOLE,  /* long long, in low .. high; or the word, which is SP_AUTO */
    SP_KEY_REAL,   /* double, in low .. high */
    SP_KEY_CHOICE, /* int: index in choices */
    SP_KEY_WHOLES, /* sp_list of whole numbers */
    SP_KEY_REALS,  /* sp_reals, in low .. high; at least one */
    SP_KEY_CHOICES /* sp_list of indices in choices */
} sp_key_type;

/* One key: all that parsing, checking, writing and the help need to know of it. */
typedef struct sp_key {
    const char *section, *name;
    sp_key_type type;
    size_t offset;       /* of its value in struct sp_config */
    const char *initial; /* the default, as a file would say it */
    const char *help;
    double low, high;
    const char *word;           /* SP_KEY_WHOLE: what stands for SP_AUTO; NULL: nothing does */
    const char *const *choices; /* NULL at the end */
} sp_key;

extern const sp_key sp_keys[];
extern const size_t sp_key_count;

/* The lines of a section [sweep], "KEY = VALUE", owned. Start with {0}. */
typedef struct sp_sweep_line {
    char *name, *value;
    int line; /* of the file; -1: --set */
} sp_sweep_line;

typedef struct sp_sweep_lines {
    size_t count, capacity;
    sp_sweep_line *line;
} sp_sweep_lines;

/* Sets a line; one of that name gives way to it. False when memory runs out. */
bool sp_sweep_lines_set(sp_sweep_lines *lines, const char *name, const char *value, int line);
void sp_sweep_lines_clear(sp_sweep_lines *lines);

/* As sp_config_load, for a file that may have a section [sweep], which any other reader of configs refuses. */
sp_status sp_config_load_sweep(sp_config *config, const char *path, sp_sweep_lines *lines, sp_error *error);

/* NULL: there is none such. */
const sp_key *sp_config_key(const char *section, const char *name);

/* A copy, with the same places for messages; NULL when memory runs out. */
sp_config *sp_config_copy(const sp_config *config);

/* Writes the value of a key as a file would say it, whole or cut to `size`. */
void sp_config_print(const sp_config *config, const sp_key *key, char *text, size_t size);

/* Where a key comes from: a paper, or a program that has it; "shardprop": from nowhere else. */
const char *sp_key_source(const sp_key *key);

/* Writes the range or the choices of a key for people: "1 to 4096, or auto". */
void sp_key_range(const sp_key *key, char *text, size_t size);

/* Writes where "section.name" was set, "FILE:LINE" or "--set" or "default", for messages. */
void sp_config_place(const sp_config *config, const char *key, char *text, size_t size);

/* Sets a key that the program itself has resolved; false when memory runs out. */
bool sp_config_resolve_text(char **value, const char *text);

/* Where output.dir is empty: runs/NAME for a config CONFIG/NAME.ini that was loaded. False when memory runs out. */
bool sp_config_choose_dir(sp_config *config);

/*
 * Whether there is a file at `path`, which is what `key` ("data.train") says. SP_BAD_CONFIG: there is none; the fault
 * names where that is said, and what may have gone wrong with it.
 */
sp_status sp_config_find_file(const sp_config *config, const char *key, const char *path, sp_error *error);

/* Whether a file was loaded, with faults or without. */
bool sp_config_was_read(const sp_config *config);

/*
 * Sets a key by section and name. `place` is where that is said, `line` as in struct sp_config.
 * SP_BAD_CONFIG: unknown, set in this file already, or not of the key's type and range.
 */
sp_status sp_config_assign(sp_config *config, const char *place, int line, const char *section, const char *name,
                           const char *text, sp_error *error);

/* Whether there is such a section; *nearest: the one whose name is nearest. */
bool sp_config_section_exists(const char *section, const char **nearest);

/* What is wrong with monitoring that in such a task; NULL: nothing. */
const char *sp_monitor_fault(sp_monitor monitor, sp_task task);

/* Why an output activation does not go with a loss; NULL: it does. */
const char *sp_output_fault(sp_loss loss, sp_activation output);

/* Where data.test or data.validation is a share of the training rows: that share; else 0. */
double sp_config_share(const char *value);

/* Writes all keys with their help, as a file to start from. */
sp_status sp_config_help(FILE *stream, sp_error *error);

#endif
