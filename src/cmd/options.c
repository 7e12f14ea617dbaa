#include "cmd/command.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "config.h"
#include "model.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Each option once: its long and short name, the bit of the commands that take it, its help. */
static const struct {
    const char *name;
    char letter;          /* also its value for getopt_long */
    unsigned bit;         /* 0: every command takes it */
    const char *argument; /* what follows it; in brackets: may, behind = alone */
    const char *help;
} known[] = {
    {"set", 's', SP_OPTION_SET, "SECTION.KEY=VALUE", "override a key of the config (repeatable)"},
    {"help-config", 'c', SP_OPTION_HELP_CONFIG, NULL, "print every key with type, range and default"},
    {"labels", 'l', SP_OPTION_LABELS, "FILE", "the label file of IDX images"},
    {"output", 'o', SP_OPTION_OUTPUT, "FILE", "write there, not to stdout or the usual place"},
    {"probabilities", 'p', SP_OPTION_PROBABILITIES, NULL, "a column for every output, too"},
    {"gradients", 'g', SP_OPTION_GRADIENTS, NULL, "compare backpropagation with central differences"},
    {"phases", 't', SP_OPTION_PHASES, NULL, "time the phases of the training steps"},
    {"diagnose", 'd', SP_OPTION_DIAGNOSE, NULL, "print what each layer was like in the last epoch"},
    {"resume", 'r', SP_OPTION_RESUME, NULL, "go on with the training in the run directory"},
    {"json", 'j', SP_OPTION_JSON, NULL, "print a JSON document instead"},
    {"top-k", 'k', SP_OPTION_TOP_K, "K", "share of rows with their class among the K likeliest"},
    {"confusion", 'm', SP_OPTION_CONFUSION, "FILE", "write the confusion matrix there, as CSV"},
    {"samples", 'i', SP_OPTION_SAMPLES, "FILE", "write a PNG of training images as augmented"},
    {"threads", 'n', SP_OPTION_THREADS, "THREADS", "use so many; else as many as are allowed and pay off"},
    {"threads", 'n', SP_OPTION_THREAD_LIST, "LIST", "numbers of threads, or auto"},
    {"batch-sizes", 'B', SP_OPTION_BATCH_SIZES, "LIST", "of the mini-batches; else the config's"},
    {"shards", 'S', SP_OPTION_SHARDS, "LIST", "of a mini-batch; else the config's"},
    {"weak", 'w', SP_OPTION_WEAK, NULL, "mini-batches and shards grow with the threads"},
    {"seconds", 'x', SP_OPTION_SECONDS, "SECONDS", "of the fastest measurement"},
    {"repetitions", 'N', SP_OPTION_REPETITIONS, "N", "measurements of each number of threads"},
    {"output", 'o', SP_OPTION_FOLDER, "DIR", "write all files there"},
    {"metric", 'y', SP_OPTION_METRIC, "NAME", "loss, accuracy, or a column of metrics.csv alone"},
    {"png", 'F', SP_OPTION_PNG, "DIR", "write the charts there, as PNG files, too"},
    {"report", 'R', SP_OPTION_REPORT, NULL, "make report.html at the end (shardprop report)"},
    {"jobs", 'J', SP_OPTION_BATCH, "J", "train J side by side, each on its share of the cores"},
    {"halving", 'H', SP_OPTION_BATCH, "[ETA]", "stop the worst early: 1 of ETA (2) goes on at a time"},
    {"dry-run", 'D', SP_OPTION_BATCH, NULL, "list what would be trained, and train nothing"},
    {"stop-after", 'e', SP_OPTION_STOP_AFTER, "EPOCHS", "stop behind that epoch, for --resume to go on"},
    {"quiet", 'q', 0, NULL, "print results and errors alone"},
    {"help", 'h', 0, NULL, "print this help"},
};
enum { KNOWN = sizeof known / sizeof *known };

static bool takes(const sp_command *command, size_t i) {
    return known[i].bit == 0 || (command->options & known[i].bit);
}

static sp_status wrong_usage(const sp_command *command, const char *what, const char *which, sp_error *error) {
    return sp_fail(error, SP_BAD_CONFIG, "%s: %s%s; see shardprop %s --help", command->name, what, which,
                   command->name);
}

static sp_status take(const sp_command *command, int letter, const char *argument, sp_options *options,
                      sp_error *error) {
    switch (letter) {
    case 's':
        if (options->sets == SP_MOST_SETS)
            return wrong_usage(command, "more --set than can be held: ", argument, error);
        options->set[options->sets++] = argument;
        break;
    case 'c': options->help_config = true; break;
    case 'l': options->labels = argument; break;
    case 'o': options->output = argument; break;
    case 'p': options->probabilities = true; break;
    case 'g': options->gradients = true; break;
    case 't': options->phases = true; break;
    case 'd': options->diagnose = true; break;
    case 'r': options->resume = true; break;
    case 'j': options->json = true; break;
    case 'k': options->top_k = argument; break;
    case 'm': options->confusion = argument; break;
    case 'i': options->samples = argument; break;
    case 'n': options->threads = argument; break;
    case 'B': options->batch_sizes = argument; break;
    case 'S': options->shards = argument; break;
    case 'w': options->weak = true; break;
    case 'x': options->seconds = argument; break;
    case 'N': options->repetitions = argument; break;
    case 'y': options->metric = argument; break;
    case 'F': options->png = argument; break;
    case 'R': options->report = true; break;
    case 'J': options->jobs = argument; break;
    case 'H': options->halving = argument ? argument : ""; break;
    case 'D': options->dry_run = true; break;
    case 'e': options->stop_after = argument; break;
    case 'q': options->quiet = true; break;
    case 'h': options->help = true; break;
    }
    return SP_OK;
}

/* An option that the command does not take: "--sett=VALUE", or "-x". */
static sp_status no_option(const sp_command *command, const char *which, sp_error *error) {
    char name[40], nearest[100];
    sp_guess guess = {.text = name};
    bool is_long = strncmp(which, "--", 2) == 0;
    snprintf(name, sizeof name, "%.*s", is_long ? (int)strcspn(which + 2, "=") : 0, which + 2 * is_long);
    for (size_t i = 0; is_long && i < KNOWN; i++)
        if (takes(command, i)) sp_guess_look(&guess, known[i].name);
    if (!guess.nearest) return wrong_usage(command, "no such option ", which, error);
    snprintf(nearest, sizeof nearest, "no such option --%s; did you mean --%s? ", name, guess.nearest);
    return sp_fail(error, SP_BAD_CONFIG, "%s: %ssee shardprop %s --help", command->name, nearest, command->name);
}

/* As getopt counts: 0, 1 or, where it may be left out, 2. */
static int argument_of(size_t i) {
    if (!known[i].argument) return no_argument;
    return known[i].argument[0] == '[' ? optional_argument : required_argument;
}

/* Whether a file that is about to be made is one that is read: an operand, or in a run directory that is one. */
static bool is_read(const sp_options *options, const char *path) {
    static const char *const files[] = {"model.safetensors", "checkpoint.safetensors", "config.ini", "metrics.csv",
                                        "summary.json"};
    char inside[4096];
    if (options->labels && sp_is_same_file(path, options->labels)) return true;
    for (size_t i = 0; i < options->operands; i++) {
        if (sp_is_same_file(path, options->operand[i])) return true;
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            if (sp_path_join(inside, sizeof inside, options->operand[i], files[k]) && sp_is_same_file(path, inside))
                return true;
    }
    return false;
}

static sp_status check_outputs(const sp_options *options, sp_error *error) {
    const struct {
        const char *option, *path;
    } made[] = {{"--output", options->output}, {"--confusion", options->confusion}, {"--samples", options->samples}};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (made[i].path && is_read(options, made[i].path))
            sp_fail(error, SP_BAD_CONFIG, "%s: '%s' is read by this command, and would be lost; name another file",
                    made[i].option, made[i].path);
    return error->status;
}

sp_status sp_options_parse(const sp_command *command, int argc, char **argv, sp_options *options, sp_error *error) {
    struct option longs[KNOWN + 1] = {{0}};
    char shorts[3 * KNOWN + 2] = ":"; /* tell a missing value from an unknown option */
    size_t count = 0, used = 1;
    for (size_t i = 0; i < KNOWN; i++) {
        if (!takes(command, i)) continue;
        longs[count++] = (struct option){known[i].name, argument_of(i), NULL, known[i].letter};
        shorts[used++] = known[i].letter;
        for (int colons = 0; colons < argument_of(i); colons++) shorts[used++] = ':';
    }
    int letter;
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        char short_name[] = {'-', (char)optopt, '\0'};
        const char *which = optopt > 0 && strncmp(argv[optind - 1], "--", 2) != 0 ? short_name : argv[optind - 1];
        if (letter == '?') return no_option(command, which, error);
        if (letter == ':') return wrong_usage(command, "a value is missing behind ", which, error);
        sp_status status = take(command, letter, optarg, options, error);
        if (status) return status;
    }
    if (options->help || options->help_config) return SP_OK;
    size_t operands = (size_t)(argc - optind);
    if (operands < command->operand_count)
        return wrong_usage(command, "too few arguments, it takes ", command->operands, error);
    if (operands > command->operand_count && !command->more_operands)
        return wrong_usage(command, "too many arguments, from ", argv[(size_t)optind + command->operand_count], error);
    options->operand = argv + optind;
    options->operands = operands;
    return check_outputs(options, error);
}

void sp_command_help(const sp_command *command) {
    printf("Usage: shardprop %s [OPTION]... %s\n\n%c%s.\n\n%s\nOptions:\n", command->name, command->operands,
           toupper((unsigned char)command->summary[0]), command->summary + 1, command->help);
    for (size_t i = 0; i < KNOWN; i++) {
        if (!takes(command, i)) continue;
        char left[48];
        bool optional = argument_of(i) == optional_argument;
        snprintf(left, sizeof left, "-%c, --%s%s%s", known[i].letter, known[i].name,
                 optional            ? "[="
                 : known[i].argument ? " "
                                     : "",
                 !known[i].argument ? "" : known[i].argument + optional);
        if (strlen(left) > 24)
            printf("  %s\n  %-24s %s\n", left, "", known[i].help);
        else
            printf("  %-24s %s\n", left, known[i].help);
    }
}

sp_status sp_options_read_as(const sp_options *options, sp_model *model, sp_error *error) {
    static const char *const keys[] = {"data.cache=", "data.cache_dir=", "data.memory_mb="};
    if (options->sets == 0) return SP_OK;
    sp_config *config = sp_config_create();
    if (!config) return sp_fail_memory(error, "the configuration", 1);
    for (size_t i = 0; i < options->sets; i++) {
        bool open = false;
        for (int k = 0; k < 3; k++) open = open || strncmp(options->set[i], keys[k], strlen(keys[k])) == 0;
        if (open)
            sp_config_set(config, options->set[i], error);
        else
            sp_fail(error, SP_BAD_CONFIG,
                    "--set: '%.80s' is nothing that a model leaves open; it takes data.cache, data.cache_dir and "
                    "data.memory_mb",
                    options->set[i]);
    }
    sp_model_read_as(model, config);
    return error->status;
}

sp_status sp_options_config(const sp_options *options, sp_config **config, sp_error *error) {
    sp_config *loaded = sp_config_create();
    if (!loaded) return sp_fail_memory(error, "the configuration", 0);
    sp_config_load(loaded, options->operand[0], error);
    for (size_t i = 0; i < options->sets && error->status != SP_FAILED; i++)
        sp_config_set(loaded, options->set[i], error);
    /* What the keys say together too, so that one run shows every fault; not where there was no file to read. */
    if (error->status == SP_OK || (error->status == SP_BAD_CONFIG && sp_config_was_read(loaded)))
        sp_config_check(loaded, error);
    if (error->status) {
        sp_config_destroy(loaded);
        return error->status;
    }
    *config = loaded;
    return SP_OK;
}
