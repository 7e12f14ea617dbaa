/* What a data file holds, before anyone decides what its target means. */
#ifndef SP_DATA_TABLE_H
#define SP_DATA_TABLE_H

#include "base/text.h"
#include "data/source.h"

/* A data file in memory. IDX keeps its bytes as bytes: MNIST is 47 MB so, and 188 as floats. */
typedef struct sp_table {
    char *path; /* owned */
    size_t rows, features;
    size_t height, width;   /* of images: their product is features; 0: samples are none */
    bool bytes;             /* values are uint8_t, else float */
    void *values;           /* owned [rows, features] */
    sp_names feature_names; /* count 0: the file names none */
    char *target_name;      /* owned; NULL: the file names none */
    size_t target_column;   /* where it stood (CSV) */
    bool labelled;          /* the next three are filled */
    double *targets;        /* owned [rows]; NaN where the target is text */
    char *target_texts;     /* owned: the targets as they stand in a CSV, each ended by '\0'; NULL: IDX */
    size_t *target_at;      /* owned [rows]: where each starts in target_texts */
    size_t *lines;          /* owned [rows]: line of the file; NULL: rows have no lines (IDX) */
} sp_table;

typedef enum sp_header { SP_HEADER_AUTO, SP_HEADER_YES, SP_HEADER_NO } sp_header;

/* How to read a CSV; IDX needs none of it but `features`. */
typedef struct sp_table_options {
    const char *target; /* "last", "first", a column's name or zero-based index */
    sp_header header;
    size_t features;         /* as many as a model has; 0: as many as there are */
    const sp_names *names;   /* of a model: where the file has a header, columns are taken by these */
    const char *target_name; /* and the target by this; NULL: all by position */
    bool target_optional;    /* a file without the target will do; in one that has it, it is left aside */
} sp_table_options;

enum { SP_MOST_FEATURES = 1 << 24 };
#define SP_MOST_ROWS 4294967295u

/*
 * Reads the file at `path`, CSV or IDX, gzipped or not, known by content. `labels_path`
 * is the label file of IDX images; NULL: there is none. SP_BAD_CONFIG: no such file or
 * column; SP_BAD_DATA: malformed, with file and row.
 */
sp_status sp_table_read(const char *path, const char *labels_path, const sp_table_options *options, sp_table **table,
                        sp_error *error);

/* The same of files that may have been read ahead already; `labels` NULL: there are none. */
sp_status sp_table_take(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table **table,
                        sp_error *error);
void sp_table_destroy(sp_table *table);

/* Writes "FILE:LINE" or "FILE: row N" (N from 1) of row `row`, for messages. */
void sp_table_place(const sp_table *table, size_t row, char *text, size_t size);

/* The two readers behind sp_table_take; `table` is empty but for its path. */
sp_status sp_idx_take(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table *table,
                      sp_error *error);
sp_status sp_csv_read(sp_input *input, const sp_table_options *options, sp_table *table, sp_error *error);

/* Writes `text` as one field, with quotes; what cannot be written shows in ferror(stream). */
void sp_csv_write_field(FILE *stream, const char *text);

#endif
