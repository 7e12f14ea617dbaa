/* shardprop doctor */
#include "base/error.h"
#include "cmd/findings.h"
#include "math/kernels.h"

#include <stdio.h>
#include <stdlib.h>

static sp_status print_json(const sp_findings *findings, sp_error *error) {
    sp_json *root = sp_json_object();
    char *text = sp_findings_add(findings, root) ? sp_json_print(root, true) : NULL;
    sp_json_destroy(root);
    if (!text) return sp_fail_memory(error, "the findings", 1);
    puts(text);
    free(text);
    return SP_OK;
}

static sp_status run(const sp_options *options, sp_error *error) {
    sp_findings findings;
    const sp_kernels *kernels;
    sp_status status = sp_findings_gather(&findings, error);
    if (!status && options->json) status = print_json(&findings, error);
    if (status) return status;
    if (!options->json) sp_print_findings(&findings);
    return sp_kernels_choose(SP_KERNELS_AUTO, &kernels, error);
}

const sp_command sp_command_doctor = {
    .name = "doctor",
    .operands = "",
    .summary = "cores, limits, threads, and what to change",
    .help = "Looks at cores, control group, affinity, NUMA nodes, governor, other load, the\n"
            "OpenMP runtime with its variables, and kernels; says how many threads training\n"
            "will take here, which limit that is, and what is in the way. `check CONFIG`\n"
            "says how many of them a config has work for. Takes a third of a second, in\n"
            "which it watches the load.\n"
            "\n"
            "Exit status: 0 whatever there is to change, 1 where training would be refused.\n",
    .operand_count = 0,
    .options = SP_OPTION_JSON,
    .run = run,
};
