/* What doctor finds and scale begins with: the machine, its settings, and what to change. */
#ifndef SP_CMD_FINDINGS_H
#define SP_CMD_FINDINGS_H

#include "base/advice.h"
#include "base/json.h"
#include "cmd/command.h"

enum { SP_MOST_VARIABLES = 24 };

typedef struct sp_findings {
    sp_machine machine;
    sp_variable variables[SP_MOST_VARIABLES]; /* of OpenMP, BLAS and libxsmm; values borrowed from the environment */
    sp_situation situation;                   /* points into this struct: not to be copied */
    sp_advice advice;
} sp_findings;

/* Looks at the load for some tenths of a second. SP_FAILED: the cores cannot be found. */
sp_status sp_findings_gather(sp_findings *findings, sp_error *error);

/* To stdout, in 80 columns. */
void sp_print_findings(const sp_findings *findings);

/* Members of `object`: "machine", "openmp", "kernels", "threads", "advice". False: no memory. */
bool sp_findings_add(const sp_findings *findings, sp_json *object);

#endif
