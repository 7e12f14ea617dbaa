#include "base/file.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* ---- In ---- */

enum { UNPACK_BUFFER = 1 << 18 };

struct sp_input {
    gzFile stream;                /* passes plain files through */
    char *path;                   /* owned */
    unsigned char ahead[SP_PEEK]; /* peeked at, not yet read */
    size_t ahead_count;
};

sp_status sp_input_open(const char *path, sp_input **input, sp_error *error) {
    if (sp_is_folder(path)) return sp_fail(error, SP_BAD_CONFIG, "%s: is a folder; name a file", path);
    sp_input *opened = calloc(1, sizeof *opened);
    if (opened) opened->path = strdup(path);
    if (!opened || !opened->path) {
        free(opened);
        return sp_fail_memory(error, path, sizeof *opened);
    }
    errno = 0;
    opened->stream = gzopen(path, "rbe");
    if (!opened->stream) {
        int cause = errno ? errno : ENOMEM;
        sp_input_close(opened);
        return sp_fail(error, cause == ENOMEM ? SP_FAILED : SP_BAD_CONFIG,
                       "%s: cannot be opened (%s); name a file that can be read", path, strerror(cause));
    }
    gzbuffer(opened->stream, UNPACK_BUFFER);
    *input = opened;
    return SP_OK;
}

static sp_status input_fault(const sp_input *input, sp_error *error) {
    int code;
    const char *text = gzerror(input->stream, &code);
    if (code == Z_ERRNO)
        return sp_fail(error, SP_FAILED, "%s: reading failed (%s); check the disk", input->path, strerror(errno));
    if (code == Z_MEM_ERROR) return sp_fail_memory(error, input->path, UNPACK_BUFFER);
    if (code == Z_BUF_ERROR)
        return sp_fail(error, SP_BAD_DATA, "%s: the gzip stream is truncated; fetch or pack the file again",
                       input->path);
    return sp_fail(error, SP_BAD_DATA, "%s: the gzip stream is damaged (%s); fetch or pack the file again", input->path,
                   text);
}

sp_status sp_input_read(sp_input *input, void *bytes, size_t size, size_t *got, sp_error *error) {
    *got = input->ahead_count < size ? input->ahead_count : size;
    memcpy(bytes, input->ahead, *got);
    input->ahead_count -= *got;
    memmove(input->ahead, input->ahead + *got, input->ahead_count);
    while (*got < size) {
        size_t left = size - *got;
        unsigned part = left > 1u << 30 ? 1u << 30 : (unsigned)left;
        int count = gzread(input->stream, (char *)bytes + *got, part);
        if (count < 0) return input_fault(input, error);
        *got += (size_t)count;
        if ((unsigned)count < part) break;
    }
    /* gzread tells of a truncated stream only here, with a short count. */
    int code = Z_OK;
    if (*got < size) gzerror(input->stream, &code);
    return code == Z_OK || code == Z_STREAM_END ? SP_OK : input_fault(input, error);
}

sp_status sp_input_peek(sp_input *input, unsigned char bytes[SP_PEEK], size_t *got, sp_error *error) {
    unsigned char first[SP_PEEK] = {0};
    sp_status status = sp_input_read(input, first, SP_PEEK, got, error);
    if (status) return status;
    memcpy(bytes, first, SP_PEEK);
    memcpy(input->ahead, first, SP_PEEK);
    input->ahead_count = *got;
    return SP_OK;
}

const char *sp_input_path(const sp_input *input) {
    return input->path;
}

void sp_input_close(sp_input *input) {
    if (!input) return;
    if (input->stream) gzclose_r(input->stream);
    free(input->path);
    free(input);
}

sp_status sp_file_read(const char *path, size_t limit, char **bytes, size_t *size, sp_error *error) {
    sp_input *input;
    if (sp_input_open(path, &input, error)) return error->status;

    char *content = NULL;
    size_t used = 0, capacity = 0, got = 0;
    sp_status status = SP_OK;
    do {
        /* Memory follows the bytes that really came. */
        used += got;
        if (used > limit) {
            status = sp_fail(error, SP_BAD_DATA, "%s: is longer than %zu bytes; name the right file", path, limit);
        } else if (!sp_grow((void **)&content, &capacity, used + (1 << 16), 1)) {
            status = sp_fail_memory(error, path, used);
        } else {
            status = sp_input_read(input, content + used, capacity - used - 1, &got, error);
        }
    } while (!status && got > 0);
    sp_input_close(input);
    if (status) {
        free(content);
        return status;
    }
    content[used] = '\0';
    *bytes = content;
    *size = used;
    return SP_OK;
}

/* ---- Out ---- */

struct sp_output {
    FILE *stream;
    char *path, *temporary; /* owned; temporary NULL: `path` is written itself, or nothing is left to remove */
};

/* A device or a pipe must not be replaced by a file: it is written as it stands. (A folder then says at once
 * that it is one.) */
static bool is_special(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

sp_status sp_output_open(const char *path, sp_output **output, sp_error *error) {
    sp_output *opened = calloc(1, sizeof *opened);
    size_t length = strlen(path) + sizeof ".tmp";
    if (opened) {
        opened->path = strdup(path);
        opened->temporary = malloc(length);
    }
    if (!opened || !opened->path || !opened->temporary) {
        sp_output_discard(opened);
        return sp_fail_memory(error, path, length);
    }
    snprintf(opened->temporary, length, "%s.tmp", path);
    if (is_special(path)) {
        free(opened->temporary);
        opened->temporary = NULL;
    }
    opened->stream = fopen(opened->temporary ? opened->temporary : path, "wbe");
    if (!opened->stream) {
        int cause = errno;
        sp_output_discard(opened);
        return sp_fail(error, SP_FAILED, "%s: cannot be written (%s); name a place that can", path, strerror(cause));
    }
    *output = opened;
    return SP_OK;
}

FILE *sp_output_stream(sp_output *output) {
    return output->stream;
}

/* A rename is on the disk once its folder is. */
static int sync_folder_of(const char *path) {
    char *folder = strdup(path);
    if (!folder) return ENOMEM;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (descriptor < 0) return errno;
    /* EINVAL: a file system that has no such thing. */
    int cause = fsync(descriptor) && errno != EINVAL ? errno : 0;
    close(descriptor);
    return cause;
}

sp_status sp_output_commit(sp_output *output, sp_error *error) {
    int cause = 0;
    if (ferror(output->stream)) cause = EIO;
    if (fflush(output->stream)) cause = errno;
    if (!cause && fsync(fileno(output->stream)) && errno != EINVAL) cause = errno;
    FILE *stream = output->stream;
    output->stream = NULL;
    if (fclose(stream) && !cause) cause = errno;
    if (!cause && output->temporary && rename(output->temporary, output->path)) cause = errno;
    if (!cause && output->temporary) {
        free(output->temporary); /* renamed: nothing to remove */
        output->temporary = NULL;
        cause = sync_folder_of(output->path);
    }
    sp_status status = SP_OK;
    if (cause)
        status = sp_fail(error, SP_FAILED, "%s: writing failed (%s); free some space or name another place",
                         output->path, strerror(cause));
    sp_output_discard(output);
    return status;
}

void sp_output_discard(sp_output *output) {
    if (!output) return;
    if (output->stream) fclose(output->stream);
    if (output->temporary) unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    free(output);
}

bool sp_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool sp_file_exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

sp_status sp_folder_create(const char *path, sp_error *error) {
    char *partial = strdup(path);
    if (!partial) return sp_fail_memory(error, path, strlen(path));
    int cause = 0;
    if (*path == '\0') cause = ENOENT;
    for (char *at = partial + 1; !cause; at++) {
        if (*at != '/' && *at != '\0') continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(partial, 0777) && !(errno == EEXIST && sp_is_folder(partial))) cause = errno;
        *at = kept;
        if (kept == '\0') break;
    }
    free(partial);
    if (!cause) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: cannot be created (%s); set output.dir to a folder that can", path,
                   strerror(cause));
}

bool sp_path_join(char *path, size_t size, const char *folder, const char *name) {
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length >= 0 && (size_t)length < size;
}
