#include "base/file.h"

#include "base/error.h"
#include "base/gunzip.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- In ---- */

enum { BUFFER = 1 << 18, LEAST_BUFFER = 1 << 12 };

struct sp_input {
    int descriptor;
    char *path;       /* owned */
    size_t file_size; /* 0: unknown */
    bool opened, end;
    unsigned char *buffer; /* owned [room]: as in the file; bytes at .. at + count - 1 are not used yet */
    size_t room, at, count;
    sp_gunzip *gunzip;            /* owned; NULL: a plain file */
    bool finished;                /* all is unpacked */
    unsigned char ahead[SP_PEEK]; /* peeked at, not yet read */
    size_t ahead_count;
};

/* Reads until the buffer is full, or the file ends. */
static sp_status fill(sp_input *input, sp_error *error) {
    memmove(input->buffer, input->buffer + input->at, input->count);
    input->at = 0;
    while (!input->end && input->count < input->room) {
        ssize_t got = read(input->descriptor, input->buffer + input->count, input->room - input->count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return sp_fail(error, SP_FAILED, "%s: reading failed (%s); check the disk", input->path, strerror(errno));
        input->end = got == 0;
        input->count += (size_t)got;
    }
    return SP_OK;
}

/* Plain or packed? Looked at when something is read, so that a file that only cannot be read can be opened. */
static sp_status begin(sp_input *input, sp_error *error) {
    input->opened = true;
    sp_status status = fill(input, error);
    if (status || !sp_gunzip_recognise(input->buffer, input->count)) return status;
    input->gunzip = sp_gunzip_create();
    return input->gunzip ? SP_OK : sp_fail_memory(error, input->path, BUFFER);
}

/* Asks for the size, and makes a buffer: for all of a small file and the read that finds its end. */
static bool make_buffer(sp_input *input) {
    struct stat about;
    if (fstat(input->descriptor, &about) == 0 && S_ISREG(about.st_mode)) input->file_size = (size_t)about.st_size;
    input->room = input->file_size > 0 && input->file_size < BUFFER ? input->file_size + 1 : BUFFER;
    if (input->room < LEAST_BUFFER) input->room = LEAST_BUFFER;
    input->buffer = malloc(input->room);
    return input->buffer != NULL;
}

sp_status sp_input_open(const char *path, sp_input **input, sp_error *error) {
    if (sp_is_folder(path)) return sp_fail(error, SP_BAD_CONFIG, "%s: is a folder; name a file", path);
    sp_input *opened = calloc(1, sizeof *opened);
    if (opened) {
        opened->descriptor = -1;
        opened->path = strdup(path);
    }
    if (!opened || !opened->path) {
        sp_input_close(opened);
        return sp_fail_memory(error, path, sizeof *opened);
    }
    opened->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (opened->descriptor < 0) {
        int cause = errno;
        sp_input_close(opened);
        return sp_fail(error, SP_BAD_CONFIG, "%s: cannot be opened (%s); name a file that can be read", path,
                       strerror(cause));
    }
    if (!make_buffer(opened)) {
        sp_input_close(opened);
        return sp_fail_memory(error, path, BUFFER);
    }
    *input = opened;
    return SP_OK;
}

/* Some bytes as they are in the file: those at hand, or past the buffer where there are many. */
static sp_status read_plain(sp_input *input, unsigned char *bytes, size_t size, size_t *got, sp_error *error) {
    if (input->count == 0 && !input->end) {
        if (size < input->room) {
            sp_status status = fill(input, error);
            if (status) return status;
        } else {
            ssize_t count = read(input->descriptor, bytes, size);
            if (count < 0 && errno != EINTR)
                return sp_fail(error, SP_FAILED, "%s: reading failed (%s); check the disk", input->path,
                               strerror(errno));
            input->end = count == 0;
            *got = count > 0 ? (size_t)count : 0;
            return SP_OK;
        }
    }
    *got = input->count < size ? input->count : size;
    memcpy(bytes, input->buffer + input->at, *got);
    input->at += *got;
    input->count -= *got;
    return SP_OK;
}

static sp_status read_packed(sp_input *input, unsigned char *bytes, size_t size, size_t *got, sp_error *error) {
    if (input->count < 2 && !input->end) {
        sp_status status = fill(input, error);
        if (status) return status;
    }
    sp_gunzip_buffers buffers = {input->buffer + input->at, input->count, bytes, size};
    const char *fault = sp_gunzip_run(input->gunzip, &buffers, input->end, &input->finished);
    if (fault)
        return sp_fail(error, SP_BAD_DATA, "%s: the gzip stream is damaged (%s); fetch or pack the file again",
                       input->path, fault);
    bool stuck = buffers.in_left == input->count && buffers.out_left == size;
    *got = size - buffers.out_left;
    input->at += input->count - buffers.in_left;
    input->count = buffers.in_left;
    if (input->end && stuck && !input->finished)
        return sp_fail(error, SP_BAD_DATA, "%s: the gzip stream is truncated; fetch or pack the file again",
                       input->path);
    return SP_OK;
}

static bool at_end(const sp_input *input) {
    return input->gunzip ? input->finished : input->end && input->count == 0;
}

sp_status sp_input_read(sp_input *input, void *bytes, size_t size, size_t *got, sp_error *error) {
    sp_status status = input->opened ? SP_OK : begin(input, error);
    *got = input->ahead_count < size ? input->ahead_count : size;
    memcpy(bytes, input->ahead, *got);
    input->ahead_count -= *got;
    memmove(input->ahead, input->ahead + *got, input->ahead_count);
    while (!status && *got < size && !at_end(input)) {
        unsigned char *to = (unsigned char *)bytes + *got;
        size_t count = 0;
        status = input->gunzip ? read_packed(input, to, size - *got, &count, error)
                               : read_plain(input, to, size - *got, &count, error);
        *got += count;
    }
    return status;
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

size_t sp_input_likely_size(const sp_input *input) {
    enum { PACKED_WELL = 16 };
    size_t likely;
    if (!input->gunzip) return input->file_size;
    return __builtin_mul_overflow(input->file_size, PACKED_WELL, &likely) ? input->file_size : likely;
}

bool sp_input_is_packed(const sp_input *input) {
    return input->gunzip != NULL;
}

bool sp_input_stamp(const sp_input *input, sp_stamp *stamp) {
    struct stat about;
    if (fstat(input->descriptor, &about) || !S_ISREG(about.st_mode)) return false;
    *stamp = (sp_stamp){.device = (uint64_t)about.st_dev,
                        .inode = (uint64_t)about.st_ino,
                        .size = (uint64_t)about.st_size,
                        .modified = {about.st_mtim.tv_sec, about.st_mtim.tv_nsec},
                        .changed = {about.st_ctim.tv_sec, about.st_ctim.tv_nsec}};
    return true;
}

const char *sp_input_path(const sp_input *input) {
    return input->path;
}

void sp_input_close(sp_input *input) {
    if (!input) return;
    if (input->descriptor >= 0) close(input->descriptor);
    sp_gunzip_destroy(input->gunzip);
    free(input->buffer);
    free(input->path);
    free(input);
}

sp_status sp_file_read(const char *path, size_t limit, char **bytes, size_t *size, sp_error *error) {
    sp_input *input;
    if (sp_input_open(path, &input, error)) return error->status;

    /* Memory follows the bytes that really came. Where they are as many as the file is said to have, the first read
     * finds its end, too. */
    enum { PART = 1 << 16 };
    size_t likely = sp_input_likely_size(input), part = likely > 0 && likely < PART ? likely + 2 : PART;
    char *content = NULL;
    size_t used = 0, capacity = 0, got = 0, asked = 0;
    sp_status status = SP_OK;
    do {
        if (!sp_grow((void **)&content, &capacity, used + part, 1)) {
            status = sp_fail_memory(error, path, used);
            break;
        }
        asked = capacity - used - 1;
        status = sp_input_read(input, content + used, asked, &got, error);
        used += got;
        if (!status && used > limit)
            status = sp_fail(error, SP_BAD_DATA, "%s: is longer than %zu bytes; name the right file", path, limit);
    } while (!status && got == asked);
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
    FILE *stream;           /* its buffer is emptied by write_all() */
    int descriptor;         /* owned; negative: none */
    int cause;              /* errno of the first write that failed; 0: none did */
    char *path, *temporary; /* owned; temporary NULL: `path` is written itself, or nothing is left to remove */
};

/* Called by stdio, which does not hand on why it failed. Returns 0 then. */
static ssize_t write_all(void *context, const char *bytes, size_t size) {
    sp_output *output = context;
    size_t done = 0;
    while (done < size && output->cause == 0) {
        ssize_t count = write(output->descriptor, bytes + done, size - done);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || errno != EINTR)
            output->cause = count == 0 ? EIO : errno;
    }
    return output->cause == 0 ? (ssize_t)size : 0;
}

static int seek(void *context, off64_t *offset, int from) {
    off64_t at = lseek64(((sp_output *)context)->descriptor, *offset, from);
    if (at >= 0) *offset = at;
    return at >= 0 ? 0 : -1;
}

/* False: errno says why. */
static bool open_stream(sp_output *output, const char *path) {
    const cookie_io_functions_t functions = {.write = write_all, .seek = seek};
    int reads = output->temporary ? O_RDWR : O_WRONLY;
    output->descriptor = open(path, reads | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output->descriptor >= 0) output->stream = fopencookie(output, "w", functions);
    return output->stream != NULL;
}

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
        opened->descriptor = -1;
        opened->path = strdup(path);
        opened->temporary = malloc(length);
        if (opened->temporary) snprintf(opened->temporary, length, "%s.tmp", path);
    }
    if (!opened || !opened->path || !opened->temporary) {
        sp_output_discard(opened);
        return sp_fail_memory(error, path, length);
    }
    if (is_special(path)) {
        free(opened->temporary);
        opened->temporary = NULL;
    }
    if (!open_stream(opened, opened->temporary ? opened->temporary : path)) {
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

int sp_output_descriptor(const sp_output *output) {
    return output->descriptor;
}

void sp_output_write(sp_output *output, const void *bytes, size_t size) {
    errno = 0;
    if (fwrite(bytes, 1, size, output->stream) < size && output->cause == 0) output->cause = errno;
}

bool sp_output_has_failed(const sp_output *output) {
    return output->cause != 0 || ferror(output->stream);
}

int sp_file_sync(int descriptor) {
    int failed;
    do failed = fsync(descriptor);
    while (failed && errno == EINTR);
    return failed && errno != EINVAL ? errno : 0;
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
    int cause = sp_file_sync(descriptor);
    close(descriptor);
    return cause;
}

sp_status sp_output_commit(sp_output *output, sp_error *error) {
    bool flushed = fflush(output->stream) == 0 && !ferror(output->stream);
    int cause = output->cause;
    if (!cause && !flushed) cause = EIO;
    if (!cause) cause = sp_file_sync(output->descriptor);
    fclose(output->stream);
    output->stream = NULL;
    if (close(output->descriptor) && !cause) cause = errno;
    output->descriptor = -1;
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
    if (output->descriptor >= 0) close(output->descriptor);
    if (output->temporary) unlink(output->temporary);
    free(output->temporary);
    free(output->path);
    free(output);
}

void sp_file_keep(const char *path, const char *as) {
    unlink(as);
    if (link(path, as)) return; /* then there is none */
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk) {
    (void)about, (void)type, (void)walk;
    remove(path);
    return 0;
}

void sp_folder_remove(const char *path) {
    nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

bool sp_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool sp_is_regular(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

bool sp_is_same_file(const char *path, const char *other) {
    struct stat one, two;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && S_ISREG(one.st_mode) && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

bool sp_file_exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

sp_status sp_folder_create(const char *path, const char *setting, sp_error *error) {
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
    return sp_fail(error, SP_FAILED, "%s: cannot be created (%s); set %s to a folder that can", path, strerror(cause),
                   setting);
}

bool sp_path_join(char *path, size_t size, const char *folder, const char *name) {
    int length = snprintf(path, size, "%s/%s", folder, name);
    return length >= 0 && (size_t)length < size;
}

void sp_path_stem(const char *path, char *text, size_t size) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    bool ends = dot && dot > name; /* the whole of a hidden file is its name */
    snprintf(text, size, "%.*s", ends ? (int)(dot - name) : (int)strlen(name), name);
}
