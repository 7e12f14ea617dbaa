/* What training has to work with: the machine, what of it is granted, and the runtime of OpenMP. Facts alone. */
#ifndef SP_BASE_MACHINE_H
#define SP_BASE_MACHINE_H

#include "base/topology.h"

/* How the kernel sets the frequency of the first allowed CPU; "" where it does not tell. */
typedef struct sp_frequency {
    char governor[32], driver[32], preference[32]; /* preference: of hardware that chooses by itself */
    double now, most;                              /* MHz; 0: not told */
} sp_frequency;

/* The library that threads come from, and what it made of its variables. */
typedef struct sp_openmp {
    char library[100]; /* file name; "" where it is linked in */
    int version;       /* year and month of the specification, as _OPENMP */
    size_t threads;    /* of a parallel region: OMP_NUM_THREADS, else the allowed CPUs */
    size_t limit;      /* OMP_THREAD_LIMIT */
    size_t places;     /* 0: threads are not bound to places */
    const char *bind;  /* "false", "true", "primary", "close", "spread" */
    bool dynamic;      /* the runtime may give fewer threads */
} sp_openmp;

typedef struct sp_machine {
    sp_topology topology;
    sp_frequency frequency;
    sp_openmp openmp;
    double quota;        /* CPUs that the control group grants; 0: all */
    size_t memory;       /* bytes that may still be had; 0: not told */
    char huge_pages[16]; /* "always", "madvise", "never"; "": not told */
    double load_average; /* of the last minute; NaN: not told */
    size_t threads;      /* that training will use at most: sp_host_threads */
} sp_machine;

/* SP_FAILED: memory, or the cores cannot be found. */
sp_status sp_machine_read(sp_machine *machine, sp_error *error);

/* Of CPU `cpu` of the machine that the folder `root` describes as /sys does this one. */
void sp_frequency_read(const char *root, long cpu, sp_frequency *frequency);

/* The word in brackets of "always [madvise] never", of the file below `root`. */
void sp_huge_pages_read(const char *root, char *text, size_t size);

#endif
