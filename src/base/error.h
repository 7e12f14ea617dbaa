/* Faults as values: recorded where they are found, carried up, printed in one place. */
#ifndef SP_BASE_ERROR_H
#define SP_BASE_ERROR_H

#include "shardprop.h"

/*
 * Appends one line (printf-style; no newline in it) to `error` and returns
 * `status`, so that `return sp_fail(...)` reads as what it is. The status of the
 * first fault stays. Line breaks and control characters in arguments are shown
 * as '?': a fault is one line, whatever a file contained.
 */
sp_status sp_fail(sp_error *error, sp_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "out of memory: `what` needs N bytes"; 0: how many is not known. Returns SP_FAILED. */
sp_status sp_fail_memory(sp_error *error, const char *what, size_t bytes);

#endif
