/* What a machine gives at most to the steps of a training: its ceilings, measured, and what a step asks of them. */
#ifndef SP_ROOFLINE_H
#define SP_ROOFLINE_H

#include "plan.h"

/* Of so many threads together; NaN: not measured. */
typedef struct sp_ceiling {
    double flops; /* a second, in float32: of the fastest matrix product found, each thread with matrices of its own */
    double bytes; /* a second, read and written: of copying memory that no cache holds */
} sp_ceiling;

/*
 * Measures for some `seconds` in all. `cache`: bytes of the last-level caches together, 0: not known. Matrices and
 * memory are each thread's own, and written first by it. SP_FAILED: no memory.
 */
sp_status sp_ceiling_measure(size_t threads, size_t cache, double seconds, sp_ceiling *ceiling, sp_error *error);

/* Floating-point operations for a row of a mini-batch, as `check` has them. */
double sp_row_flops(const sp_plan *plan);

/*
 * Bytes that a step on a mini-batch of `rows` rows reads and writes at least, wherever they lie: each weight is read
 * forward, for the error below, and by the update, which writes it; what the optimizer keeps of it is read and written.
 * A unit's activation is written, and read by the layer above and by that one's gradient; so is its error, by the
 * gradient and for the layer below.
 */
double sp_step_bytes(const sp_plan *plan, size_t rows);

#endif
