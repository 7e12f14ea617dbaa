/* What the commands of the program share: options, and the one place that prints errors. */
#ifndef SP_CMD_COMMAND_H
#define SP_CMD_COMMAND_H

#include "shardprop.h"

enum { SP_MOST_SETS = 256 };

/* Options that a command may take; each command names its own as a set of bits. */
enum {
    SP_OPTION_SET = 1,
    SP_OPTION_HELP_CONFIG = 2,
    SP_OPTION_LABELS = 4,
    SP_OPTION_OUTPUT = 8,
    SP_OPTION_PROBABILITIES = 16,
    SP_OPTION_GRADIENTS = 32,
    SP_OPTION_PHASES = 64,
    SP_OPTION_JSON = 128,
    SP_OPTION_TOP_K = 256,
    SP_OPTION_CONFUSION = 512,
    SP_OPTION_SAMPLES = 1024,
    SP_OPTION_DIAGNOSE = 2048,
    SP_OPTION_RESUME = 4096,
    SP_OPTION_THREADS = 8192,
    SP_OPTION_METRIC = 1 << 30,
    SP_OPTION_THREAD_LIST = 1 << 19,
    SP_OPTION_BATCH_SIZES = 1 << 20,
    SP_OPTION_SHARDS = 1 << 21,
    SP_OPTION_WEAK = 1 << 22,
    SP_OPTION_SECONDS = 1 << 23,
    SP_OPTION_REPETITIONS = 1 << 24,
    SP_OPTION_FOLDER = 1 << 25,
    SP_OPTION_PNG = 1 << 14,
    SP_OPTION_REPORT = 1 << 15,
    SP_OPTION_BATCH = 1 << 26,
    SP_OPTION_STOP_AFTER = 1 << 27
};

/* All strings are borrowed from the arguments. */
typedef struct sp_options {
    bool help, quiet, help_config, gradients, probabilities, phases, json, diagnose, resume, weak, report, dry_run;
    const char *labels, *output, *top_k, *confusion, *samples, *threads, *batch_sizes, *shards, *seconds, *repetitions;
    const char *metric, *png;
    const char *jobs, *halving, *stop_after; /* halving: "" where none was given behind it */
    const char *set[SP_MOST_SETS];
    size_t sets;
    char *const *operand; /* [operands] */
    size_t operands;
} sp_options;

typedef struct sp_command {
    const char *name, *operands, *summary; /* as the help shows them */
    const char *help;                      /* what else there is to say; ends with a newline */
    size_t operand_count;
    bool more_operands; /* it takes any number more */
    unsigned options;
    sp_status (*run)(const sp_options *options, sp_error *error);
} sp_command;

extern const sp_command sp_command_train, sp_command_evaluate, sp_command_predict, sp_command_check, sp_command_info;
extern const sp_command sp_command_verify;
extern const sp_command sp_command_doctor;
extern const sp_command sp_command_scale;
extern const sp_command sp_command_plot;
extern const sp_command sp_command_report;
extern const sp_command sp_command_batch;

/* Parses the arguments behind the command's name. SP_BAD_CONFIG: wrong usage. */
sp_status sp_options_parse(const sp_command *command, int argc, char **argv, sp_options *options, sp_error *error);
void sp_command_help(const sp_command *command);

/* Loads the operand's config and applies --set; all faults at once. The caller destroys it. */
sp_status sp_options_config(const sp_options *options, sp_config **config, sp_error *error);

/* Has files cached as --set says. SP_BAD_CONFIG: it says something else. */
sp_status sp_options_read_as(const sp_options *options, sp_model *model, sp_error *error);

/* Writes a warning, a line on stderr, unless --quiet. */
void sp_warn(const sp_options *options, const char *line);

/*
 * Warns of what was passed over, a line each, as long as something is left (`left` > 0); else those are the faults.
 */
sp_status sp_warn_of_passed(const sp_options *options, const sp_error *passed, size_t left, sp_error *error);

/* The signal that ended the training, 0: none. The program then exits with 128 + signal. */
extern int sp_interrupted_by;

#endif
