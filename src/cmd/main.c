/* The program: finds the command, prints its errors, exits with its status. */
#include "base/host.h"
#include "base/process.h"
#include "base/text.h"
#include "cmd/command.h"
#include "math/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const sp_command *const commands[] = {
    &sp_command_train, &sp_command_evaluate, &sp_command_predict, &sp_command_check,
    &sp_command_info,  &sp_command_verify,   &sp_command_doctor,  &sp_command_scale,
    &sp_command_plot,  &sp_command_report,   &sp_command_batch,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *stream) {
    fprintf(stream, "Usage: shardprop COMMAND [OPTION]... ARGUMENT...\n"
                    "\n"
                    "Trains multilayer perceptrons on all cores, with the same bits at every number\n"
                    "of threads.\n"
                    "\n"
                    "Commands:\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        char left[40];
        snprintf(left, sizeof left, "%s %s", commands[i]->name, commands[i]->operands);
        fprintf(stream, "  %-20s %s\n", left, commands[i]->summary);
    }
    fprintf(stream, "\n"
                    "Start with:\n"
                    "  shardprop train configs/digits.ini\n"
                    "  shardprop evaluate runs/digits data/digits.csv\n"
                    "\n"
                    "Every command takes --help; shardprop train --help-config prints all keys of a\n"
                    "config; shardprop --version says what the program was built with.\n"
                    "Exit status: 0 done, 1 the work failed, 2 wrong usage or configuration,\n"
                    "3 bad data, 128 + signal when interrupted.\n");
}

static void print_version(void) {
    printf("shardprop %s\n", sp_version());
    printf("compiler  %s\n", sp_host_compiler());
    printf("kernels   %s%s\n", sp_xsmm_usable() ? "xsmm, " : "", "blas, reference");
    printf("libxsmm   %s\n", sp_xsmm_description());
    /* "OpenBLAS 0.3.21 ...": the options of its build would not fit a line. */
    const char *blas = sp_blas_description();
    size_t name = strcspn(blas, " ");
    name += blas[name] ? 1 + strcspn(blas + name + 1, " ") : 0;
    printf("BLAS      %.*s, kernels for %s\n", (int)name, blas, sp_blas_processor());
    printf("threads   %zu allowed\n", sp_host_threads());
}

void sp_warn(const sp_options *options, const char *line) {
    if (!options->quiet) fprintf(stderr, "shardprop: warning: %s\n", line);
}

sp_status sp_warn_of_passed(const sp_options *options, const sp_error *passed, size_t left, sp_error *error) {
    char text[SP_ERROR_TEXT], *next = text;
    if (left == 0) {
        *error = *passed;
        return error->status;
    }
    snprintf(text, sizeof text, "%s", passed->text);
    for (char *line; (line = strsep(&next, "\n"));)
        if (*line) sp_warn(options, line);
    return SP_OK;
}

/* The one place where faults are printed: every line of them with the program's name. */
static void print_error(const sp_error *error) {
    const char *line = error->text;
    while (*line) {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "shardprop: %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static const sp_command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static void print_unknown(const char *name) {
    char nearest[100];
    sp_guess guess = {.text = name};
    for (size_t i = 0; i < COMMANDS; i++) sp_guess_look(&guess, commands[i]->name);
    sp_guess_print(&guess, nearest, sizeof nearest);
    fprintf(stderr, "shardprop: no command '%s'; %suse ", name, nearest);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stderr, "%s%s", commands[i]->name, i + 2 < COMMANDS ? ", " : i + 2 == COMMANDS ? " or " : "");
    fputs(" (see --help)\n", stderr);
}

static int run(const sp_command *command, int argc, char **argv) {
    sp_options options = {0};
    sp_error error = {0};
    sp_status status = sp_options_parse(command, argc, argv, &options, &error);
    if (!status && options.help)
        sp_command_help(command);
    else if (!status)
        status = command->run(&options, &error);
    if (status) print_error(&error);
    if (!status && sp_interrupted_by) return 128 + sp_interrupted_by;
    return (int)status;
}

/*
 * Where stdin, stdout or stderr is closed, the next file opened would take its place, and
 * what is printed would go there. Writing to what is put there instead fails.
 */
static void hold_standard_streams(void) {
    int descriptor = 0;
    while (descriptor >= 0 && descriptor <= STDERR_FILENO) descriptor = open("/dev/null", O_RDONLY);
    if (descriptor >= 0) close(descriptor);
}

/* A training that a batch has started ends with it: as on SIGTERM, with a checkpoint. */
static void follow_parent(void) {
    long long parent;
    const char *text = getenv("SHARDPROP_PARENT");
    if (text && sp_parse_whole(text, &parent)) sp_process_follow((long)parent, SIGTERM);
    unsetenv("SHARDPROP_PARENT"); /* it is said to this process alone */
}

static bool asks_for_help(const char *argument) {
    return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 || strcmp(argument, "help") == 0;
}

/* Of a command, or of all. */
static int help(const char *name) {
    const sp_command *command = name ? find_command(name) : NULL;
    if (command) {
        sp_command_help(command);
    } else if (name) {
        print_unknown(name);
        return SP_BAD_CONFIG;
    } else {
        print_help(stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    int exit_status = 0;
    hold_standard_streams();
    signal(SIGXFSZ, SIG_IGN); /* a file that gets too large is an error of writing */
    sp_blas_quiet();
    follow_parent();
    const sp_command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (command) {
        exit_status = run(command, argc - 1, argv + 1);
    } else if (argc > 1 && asks_for_help(argv[1])) {
        exit_status = help(argc > 2 ? argv[2] : NULL);
    } else if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        print_version();
    } else {
        if (argc > 1)
            print_unknown(argv[1]);
        else
            print_help(stderr);
        exit_status = SP_BAD_CONFIG;
    }
    /* Who has failed and said so has no results. */
    bool failed = exit_status > 0 && exit_status < 128;
    if ((fflush(stdout) || ferror(stdout)) && !failed) {
        fprintf(stderr, "shardprop: stdout: writing failed (%s); results are incomplete\n", strerror(errno));
        if (exit_status == 0) exit_status = SP_FAILED;
    }
    return exit_status;
}
