/*
 * Files in (plain or gzipped, known by content) and files out (whole or not at all).
 */
#ifndef SP_BASE_FILE_H
#define SP_BASE_FILE_H

#include "shardprop.h"

#include <stdio.h>

/* ---- In ---- */

typedef struct sp_input sp_input;

/* Opens `path`, unpacking gzip. SP_BAD_CONFIG: no such file, a folder, not readable. */
sp_status sp_input_open(const char *path, sp_input **input, sp_error *error);

/*
 * Reads up to `size` bytes; *got < size only at the end. SP_BAD_DATA: a gzip stream
 * that is truncated or damaged.
 */
sp_status sp_input_read(sp_input *input, void *bytes, size_t size, size_t *got, sp_error *error);

enum { SP_PEEK = 4 };

/* The first SP_PEEK bytes (fewer: the file is shorter), which the next read gives again. */
sp_status sp_input_peek(sp_input *input, unsigned char bytes[SP_PEEK], size_t *got, sp_error *error);

/*
 * How many bytes may come in all, from the size of the file, once some were read: of a plain file those that it has, of
 * a packed one as many as if it was packed well (to a sixteenth). 0: unknown. More can come, or fewer.
 */
size_t sp_input_likely_size(const sp_input *input);
const char *sp_input_path(const sp_input *input);

/* Whether it is gzipped; known once something was read. */
bool sp_input_is_packed(const sp_input *input);

/* What the file system says of a file as it is now: changed content shows in it, sooner or later in `changed`, which
 * nobody can set back. */
typedef struct sp_stamp {
    uint64_t device, inode, size;
    int64_t modified[2], changed[2]; /* seconds and nanoseconds */
} sp_stamp;

/* Of the opened file. False: it is none (a pipe, say). */
bool sp_input_stamp(const sp_input *input, sp_stamp *stamp);
void sp_input_close(sp_input *input);

/* Reads a whole file, of at most `limit` bytes, into fresh memory with a '\0' behind it. */
sp_status sp_file_read(const char *path, size_t limit, char **bytes, size_t *size, sp_error *error);

/* ---- Out ---- */

/*
 * A file being written beside `path`, as PATH.tmp. It takes the place of `path` when
 * all of it is on the disk (fsync, rename, fsync of the folder), or never. Where `path`
 * is a device or a pipe, that is written itself. Else what is written can be read back before it is committed.
 */
typedef struct sp_output sp_output;

sp_status sp_output_open(const char *path, sp_output **output, sp_error *error);
FILE *sp_output_stream(sp_output *output);

/* To read back by what the stream, which has none of its own, has handed on (fflush). */
int sp_output_descriptor(const sp_output *output);

/* Whether a write has failed already: what is left to write may be spared. */
bool sp_output_has_failed(const sp_output *output);

/* Writes bytes; what cannot be written, sp_output_commit tells. */
void sp_output_write(sp_output *output, const void *bytes, size_t size);

/* Finishes and destroys `output`. Where it fails, the old file is as it was. */
sp_status sp_output_commit(sp_output *output, sp_error *error);

/* Gives up and destroys `output`; NULL is accepted. */
void sp_output_discard(sp_output *output);

/*
 * Lets the file at `path`, which is about to be replaced, stay as `as`, too, in the place of whatever that is. A wish:
 * not every file system can.
 */
void sp_file_keep(const char *path, const char *as);

/* Waits until what was written is on the disk. Returns 0, also of what has no such thing (EINVAL), or the errno. */
int sp_file_sync(int descriptor);

/* Creates the folder and its parents, where missing. `setting` is what names it: "output.dir". */
sp_status sp_folder_create(const char *path, const char *setting, sp_error *error);

/* Removes the folder and all that is in it, as far as that can be; what links point to stays. */
void sp_folder_remove(const char *path);

bool sp_is_folder(const char *path);

/* No folder, pipe or device. */
bool sp_is_regular(const char *path);

/* Whether both are one file, by whatever name; no folder, pipe or device. */
bool sp_is_same_file(const char *path, const char *other);

/* Where that cannot be told, it may. */
bool sp_file_exists(const char *path);

/* Writes "FOLDER/NAME" into `path`; false when it does not fit. */
bool sp_path_join(char *path, size_t size, const char *folder, const char *name);

/* Writes the file's name without folder and ending, whole or cut to `size`: "digits" of "configs/digits.ini". */
void sp_path_stem(const char *path, char *text, size_t size);

#endif
