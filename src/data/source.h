/*
 * Data files while they are read. Of IDX files the bytes are read ahead, several files side by side, before anyone
 * knows what is wanted of them; a CSV waits, opened, until it is known which of its columns mean what.
 *
 * What is found wrong is kept, and told when the file is asked for: so the fault that is reported is that of the first
 * file asked for, whichever was read first.
 */
#ifndef SP_DATA_SOURCE_H
#define SP_DATA_SOURCE_H

#include "base/file.h"

typedef struct sp_source sp_source;

/* What an IDX file holds; see data/idx.c for the format. */
typedef struct sp_idx {
    size_t rows, features; /* features: product of all dimensions but the first */
    unsigned dimensions;
    size_t height, width;  /* of images, where there are three dimensions; else 0 */
    unsigned char *values; /* owned [room], of which the first rows x features are wanted */
    size_t room;
} sp_idx;

/* A source that nothing was read of; NULL: out of memory. `path` is copied. */
sp_source *sp_source_create(const char *path);
void sp_source_destroy(sp_source *source);

/*
 * Reads ahead, on up to `threads` threads. NULLs among the sources are passed over, and so is what is no regular file:
 * who feeds pipes may do so one after the other.
 */
void sp_sources_read(sp_source *const *sources, size_t count, size_t threads);

const char *sp_source_path(const sp_source *source);

/*
 * Its first bytes (`count` of them; see sp_input_peek). SP_BAD_CONFIG, SP_BAD_DATA, SP_FAILED: it could not be opened
 * or unpacked.
 */
sp_status sp_source_start(sp_source *source, unsigned char start[SP_PEEK], size_t *count, sp_error *error);

/* The opened file, which is at its beginning; not for IDX, of which more was read. */
sp_input *sp_source_input(const sp_source *source);

/* What the header says. SP_BAD_DATA: it is none of IDX, or of other values than bytes, or absurd. */
sp_status sp_source_header(sp_source *source, const sp_idx **idx, sp_error *error);

/* Takes the values, which are then the caller's. SP_BAD_DATA: not as many as the header claims. */
sp_status sp_source_take_values(sp_source *source, unsigned char **values, sp_error *error);

/* ---- What data/idx.c does for it ---- */

/* Whether a file that starts with these bytes is IDX, of any type. */
bool sp_idx_recognise(const unsigned char bytes[SP_PEEK], size_t count);

/* Reads the header, and gets memory for as much of the values as the size of the file makes likely. */
sp_status sp_idx_read_header(sp_input *input, sp_idx *idx, sp_error *error);

/* Whether that is for all of them: they will not move. */
bool sp_idx_has_room(const sp_idx *idx);

/* Reads the values, to the end of the file. */
sp_status sp_idx_read_values(sp_input *input, sp_idx *idx, sp_error *error);

#endif
