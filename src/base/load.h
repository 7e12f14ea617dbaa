/* What else keeps the allowed CPUs busy, between two looks at /proc/stat. */
#ifndef SP_BASE_LOAD_H
#define SP_BASE_LOAD_H

#include <stdbool.h>

/* Seconds, all of them sums over the CPUs that the process may use. */
typedef struct sp_load {
    double at;     /* of a clock */
    double busy;   /* that the CPUs worked for anybody */
    double stolen; /* that a hypervisor gave to other machines */
    double own;    /* that this process and its ended children had */
} sp_load;

/* False: the system does not tell. */
bool sp_load_now(sp_load *load);

/* CPUs that others kept busy from one look to the next, and that the hypervisor took; 0 at least. A look is exact to
 * some hundredths of a second for every CPU. */
double sp_load_others(const sp_load *before, const sp_load *after);
double sp_load_stolen(const sp_load *before, const sp_load *after);

/* The load average of the last minute; NaN: not told. */
double sp_load_average(void);

/* The same of any text like /proc/stat, in ticks; `allowed` says of a CPU whether it counts. False: no CPU does. */
bool sp_load_parse(const char *text, bool (*allowed)(void *context, long cpu), void *context, double *busy,
                   double *stolen);

#endif
