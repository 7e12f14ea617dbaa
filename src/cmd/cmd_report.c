/* shardprop report RUN... */
#include "base/error.h"
#include "base/file.h"
#include "cmd/command.h"
#include "out/report.h"
#include "runs/rundirs.h"

#include <stdio.h>

enum { PATH = 4096 };

/* Of one run its report stands in its directory; of several where the program is called. */
static sp_status choose_path(const sp_options *options, const sp_names *runs, char path[PATH], sp_error *error) {
    bool fits = true;
    if (options->output || runs->count > 1)
        fits = snprintf(path, PATH, "%s", options->output ? options->output : SP_REPORT_NAME) < PATH;
    else
        fits = sp_path_join(path, PATH, runs->text[0], SP_REPORT_NAME);
    return fits ? SP_OK : sp_fail(error, SP_BAD_CONFIG, "report: too long a path; use --output with a shorter one");
}

/* A scaling experiment is one thing, though it has many runs. */
static sp_status add_runs(const char *operand, sp_names *runs, sp_error *passed, sp_error *error) {
    if (!sp_report_is_scaling(operand)) return sp_rundirs_add(operand, runs, passed, error);
    return sp_names_add(runs, operand) ? SP_OK : sp_fail_memory(error, operand, 1);
}

static sp_status run(const sp_options *options, sp_error *error) {
    char path[PATH];
    sp_names runs = {0};
    sp_error passed = {0};
    sp_status status = SP_OK;
    for (size_t i = 0; i < options->operands && !status; i++)
        status = add_runs(options->operand[i], &runs, &passed, error);
    if (!status) status = sp_warn_of_passed(options, &passed, runs.count, error);
    if (!status) status = choose_path(options, &runs, path, error);
    if (!status) status = sp_report_write(&runs, path, options->png, error);
    if (!status) printf("report of %zu run%s in %s\n", runs.count, runs.count == 1 ? "" : "s", path);
    if (!status && options->png) printf("charts in %s\n", options->png);
    sp_names_clear(&runs);
    return status;
}

const sp_command sp_command_report = {
    .name = "report",
    .operands = "RUN...",
    .summary = "one self-contained HTML page of runs, with charts",
    .help = "RUN is a run directory, a folder of such, or one of `shardprop scale`. The page\n"
            "needs no other file and no network: curves, layers, how good the model is on the\n"
            "test rows, its worst mistakes, weights, the config, how to get it again; of\n"
            "several runs (up to 8 in detail) their curves in one chart, results, and the\n"
            "keys that differ.\n"
            "\n"
            "It is written to report.html, of one run in its directory, of several here, or\n"
            "to --output. Paths of a config are relative to the folder in which the run was\n"
            "trained: called elsewhere, the page is without what needs the data, and says so.\n"
            "Charts are drawn by gnuplot (Debian: gnuplot-nox).\n",
    .operand_count = 1,
    .more_operands = true,
    .options = SP_OPTION_OUTPUT | SP_OPTION_PNG,
    .run = run,
};
