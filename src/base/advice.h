/* What of the machine and its settings is in the way of training on many threads, and what to do about it. */
#ifndef SP_BASE_ADVICE_H
#define SP_BASE_ADVICE_H

#include "base/machine.h"

/* A variable of the environment; value NULL: not set. Both borrowed. */
typedef struct sp_variable {
    const char *name, *value;
} sp_variable;

/* All that advice is given upon; borrowed. */
typedef struct sp_situation {
    const sp_machine *machine;
    const sp_variable *variables;
    size_t variable_count;
    double others;    /* CPUs that other processes keep busy; NaN: not known */
    double stolen;    /* that the hypervisor takes; likewise */
    const char *blas; /* how the OpenBLAS at hand takes threads: "serial", "pthread", "openmp" */
    bool specialised; /* kernels are made for each shape (libxsmm), so that OpenBLAS is not needed */
} sp_situation;

enum { SP_MOST_ADVICE = 20, SP_ADVICE_LINE = 300 };

typedef struct sp_advice {
    size_t count;
    struct {
        const char *about;         /* a word for programs: "quota", "binding", ... */
        char line[SP_ADVICE_LINE]; /* what is so; what to do */
    } item[SP_MOST_ADVICE];
} sp_advice;

void sp_advise(const sp_situation *situation, sp_advice *advice);

/* Why training uses as many threads as machine->threads says: which limit it is. */
const char *sp_threads_reason(const sp_situation *situation);

#endif
