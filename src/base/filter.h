/* Another program as a filter: text in, text out. */
#ifndef SP_BASE_FILTER_H
#define SP_BASE_FILTER_H

#include "base/process.h"

enum { SP_FILTER_COMPLAINT = 400 };

/* What a program left behind. */
typedef struct sp_filtered {
    int exit;     /* as of sp_process_status; SP_PROCESS_MISSING: there is no such program */
    char *output; /* owned by the caller: what it printed, with a '\0' behind */
    size_t size;
    char complaint[SP_FILTER_COMPLAINT]; /* the last line that it said of its troubles; empty: none */
} sp_filtered;

/*
 * Runs `arguments` (the program, sought in PATH, and what it takes; NULL at the end) on `size` bytes of `input`, and
 * waits for its end. SP_FAILED: it could not be run or listened to; a program that fails is no fault here.
 */
sp_status sp_filter(const char *const *arguments, const void *input, size_t size, sp_filtered *filtered,
                    sp_error *error);

#endif
