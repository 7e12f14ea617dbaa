#include "base/filter.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The standard streams are files in memory: neither side ever waits for the other to read, and a program that reads
 * nothing leaves no broken pipe, whose signal a host program would get.
 */
enum { STREAMS = 3 };

static bool put(int file, const char *bytes, size_t size) {
    while (size > 0) {
        ssize_t written = write(file, bytes, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        size -= (size_t)written;
    }
    return lseek(file, 0, SEEK_SET) == 0;
}

/* All of the file in fresh memory with a '\0' behind; NULL: memory ran out, or it cannot be read. */
static char *take(int file, size_t *size) {
    struct stat about;
    if (fstat(file, &about)) return NULL;
    char *bytes = malloc((size_t)about.st_size + 1);
    size_t used = 0;
    while (bytes && used < (size_t)about.st_size) {
        ssize_t got = pread(file, bytes + used, (size_t)about.st_size - used, (off_t)used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        used += (size_t)got;
    }
    if (bytes) bytes[used] = '\0';
    *size = used;
    return bytes;
}

/* A program that explains itself comes to the point in its last line that is not empty. */
static void take_complaint(int file, char complaint[SP_FILTER_COMPLAINT]) {
    size_t size;
    char *text = take(file, &size);
    *complaint = '\0';
    if (!text) return;
    while (size > 0 && strchr(" \t\r\n", text[size - 1])) text[--size] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    line += strspn(line, " \t");
    strncat(complaint, line, SP_FILTER_COMPLAINT - 1);
    free(text);
}

static sp_status run(const char *const *arguments, const int files[STREAMS], sp_filtered *filtered, sp_error *error) {
    sp_process *program;
    sp_status status = sp_process_create(
        &(sp_process_start){.arguments = arguments, .streams = files, .may_be_missing = true}, &program, error);
    if (status) return status;
    sp_process_join(program);
    filtered->exit = sp_process_status(program);
    sp_process_destroy(program);
    filtered->output = take(files[STDOUT_FILENO], &filtered->size);
    if (!filtered->output) return sp_fail_memory(error, arguments[0], 0);
    take_complaint(files[STDERR_FILENO], filtered->complaint);
    return SP_OK;
}

sp_status sp_filter(const char *const *arguments, const void *input, size_t size, sp_filtered *filtered,
                    sp_error *error) {
    int files[STREAMS] = {-1, -1, -1};
    sp_status status = SP_OK;
    *filtered = (sp_filtered){0};
    for (int i = 0; i < STREAMS && !status; i++) {
        files[i] = memfd_create("filter", MFD_CLOEXEC);
        if (files[i] < 0 || (i == 0 && !put(files[i], input, size)))
            status = sp_fail(error, SP_FAILED, "%s: nothing can be handed to it (%s); free memory, or close files",
                             arguments[0], strerror(errno));
    }
    if (!status) status = run(arguments, files, filtered, error);
    for (int i = 0; i < STREAMS; i++)
        if (files[i] >= 0) close(files[i]);
    return status;
}
