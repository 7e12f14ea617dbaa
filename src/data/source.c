#include "data/source.h"

#include "base/error.h"
#include "base/jobs.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct sp_source {
    char *path;                   /* owned */
    bool opened, read;            /* tried: what follows tells how far that went */
    sp_input *input;              /* owned; NULL: not opened, or read to its end */
    unsigned char start[SP_PEEK]; /* its first bytes */
    size_t start_count;
    sp_idx idx;
    sp_status start_status, header_status, values_status;
    sp_error fault; /* of the first that is not SP_OK */
};

sp_source *sp_source_create(const char *path) {
    sp_source *made = calloc(1, sizeof *made);
    if (made) made->path = strdup(path);
    if (made && made->path) return made;
    free(made);
    return NULL;
}

void sp_source_destroy(sp_source *source) {
    if (!source) return;
    sp_input_close(source->input);
    free(source->idx.values);
    free(source->path);
    free(source);
}

const char *sp_source_path(const sp_source *source) {
    return source->path;
}

/* ---- Reading, once ---- */

static bool is_idx(const sp_source *source) {
    return sp_idx_recognise(source->start, source->start_count);
}

static void open_source(sp_source *source) {
    if (source->opened) return;
    source->opened = true;
    source->start_status = sp_input_open(source->path, &source->input, &source->fault);
    if (source->start_status) return;
    source->start_status = sp_input_peek(source->input, source->start, &source->start_count, &source->fault);
    if (!source->start_status && is_idx(source))
        source->header_status = sp_idx_read_header(source->input, &source->idx, &source->fault);
}

static bool has_values(const sp_source *source) {
    return source->opened && is_idx(source) && !source->start_status && !source->header_status;
}

static void read_values(sp_source *source) {
    if (source->read || !has_values(source)) return;
    source->read = true;
    source->values_status = sp_idx_read_values(source->input, &source->idx, &source->fault);
    sp_input_close(source->input);
    source->input = NULL;
}

/* ---- Reading ahead ---- */

/*
 * Two jobs a source: to read its values, and to get the pages that they will fill. The latter takes half as long as
 * unpacking does and stays ahead of it. Only memory that will not move is asked for.
 */
static void read_ahead(void *context, size_t index) {
    sp_source *source = ((sp_source *const *)context)[index / 2];
    if (!source || !has_values(source)) return;
    if (index % 2 == 0)
        read_values(source);
    else if (sp_idx_has_room(&source->idx))
        sp_memory_warm(source->idx.values, source->idx.room);
}

void sp_sources_read(sp_source *const *sources, size_t count, size_t threads) {
    for (size_t i = 0; i < count; i++)
        if (sources[i] && sp_is_regular(sources[i]->path)) open_source(sources[i]);
    sp_jobs_run(2 * count, threads, read_ahead, (void *)sources);
}

/* ---- Telling ---- */

static sp_status told(const sp_source *source, sp_status status, sp_error *error) {
    return status ? sp_fail(error, status, "%s", source->fault.text) : SP_OK;
}

sp_status sp_source_start(sp_source *source, unsigned char start[SP_PEEK], size_t *count, sp_error *error) {
    open_source(source);
    memcpy(start, source->start, SP_PEEK);
    *count = source->start_count;
    return told(source, source->start_status, error);
}

sp_input *sp_source_input(const sp_source *source) {
    return source->input;
}

sp_status sp_source_header(sp_source *source, const sp_idx **idx, sp_error *error) {
    open_source(source);
    if (source->start_status) return told(source, source->start_status, error);
    *idx = &source->idx;
    if (!is_idx(source)) return sp_idx_read_header(source->input, &source->idx, error); /* knows what is wrong */
    return told(source, source->header_status, error);
}

sp_status sp_source_take_values(sp_source *source, unsigned char **values, sp_error *error) {
    read_values(source);
    if (source->values_status) return told(source, source->values_status, error);
    *values = source->idx.values;
    source->idx.values = NULL;
    return SP_OK;
}
