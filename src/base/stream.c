#include "base/stream.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct sink {
    char **text; /* borrowed, and what it points to */
    size_t *size, room;
} sink;

static bool append(sink *to, const char *bytes, size_t count) {
    if (!sp_grow((void **)to->text, &to->room, *to->size + count + 1, 1)) return false;
    memcpy(*to->text + *to->size, bytes, count);
    *to->size += count;
    (*to->text)[*to->size] = '\0';
    return true;
}

static ssize_t write_to(void *cookie, const char *bytes, size_t count) {
    return append(cookie, bytes, count) ? (ssize_t)count : 0;
}

static int close_sink(void *cookie) {
    free(cookie);
    return 0;
}

FILE *sp_stream_into_memory(char **text, size_t *size) {
    sink *made = calloc(1, sizeof *made);
    *text = NULL;
    *size = 0;
    if (made) *made = (sink){.text = text, .size = size};
    cookie_io_functions_t calls = {.write = write_to, .close = close_sink};
    FILE *stream = made && append(made, "", 0) ? fopencookie(made, "w", calls) : NULL;
    if (stream) return stream;
    free(made);
    free(*text);
    *text = NULL;
    return NULL;
}
