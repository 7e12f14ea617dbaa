#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Room kept for the line that counts what did not fit. */
enum { TAIL = 64 };

static void show_controls(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127) *text = '?';
}

sp_status sp_fail(sp_error *error, sp_status status, const char *format, ...) {
    if (error->status == SP_OK) error->status = status;
    error->faults++;

    size_t used = strlen(error->text);
    if (used >= SP_ERROR_TEXT - TAIL) return status; /* full: only counted */
    if (used > 0) error->text[used++] = '\n';

    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(error->text + used, SP_ERROR_TEXT - TAIL - used, format, arguments);
    va_end(arguments);
    if (length < 0) error->text[used] = '\0';
    show_controls(error->text + used);
    if (length >= 0 && (size_t)length >= SP_ERROR_TEXT - TAIL - used)
        snprintf(error->text + SP_ERROR_TEXT - TAIL - 1, TAIL, "\n(more faults follow; mend these first)");
    return status;
}

sp_status sp_fail_memory(sp_error *error, const char *what, size_t bytes) {
    if (bytes == 0)
        return sp_fail(error, SP_FAILED, "out of memory: %s needs more; use less data or a smaller network", what);
    return sp_fail(error, SP_FAILED, "out of memory: %s needs %zu bytes; use less data or a smaller network", what,
                   bytes);
}
