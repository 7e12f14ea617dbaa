/* What a data file holds, before anyone decides what its target means. */
#ifndef SP_DATA_TABLE_H
#define SP_DATA_TABLE_H

#include "data/columns.h"
#include "data/source.h"
#include "data/store.h"

/* A data file in memory, or all of it but the values. IDX keeps its bytes as bytes: MNIST is 47 MB so, and 188 as
 * floats. */
typedef struct sp_table {
    char *path; /* owned */
    size_t rows, features;
    size_t height, width; /* of images: their product is features; 0: samples are none */
    bool bytes;           /* values are uint8_t, else float */
    void *values;         /* owned [rows, features]; of text the codes of its categories, -1: none that is known;
                             NaN: missing; NULL: they are in the store */
    sp_store *store;      /* owned: has values and lines; NULL: they are here */
    sp_columns columns;   /* what stood where; of IDX only that there are so many features */
    bool labelled;        /* the next three are filled */
    double *targets;      /* owned [rows, columns.targets; IDX: 1]; NaN where the target is text */
    char *target_texts;   /* owned: of one target, as they stand in a CSV, each ended by '\0'; NULL: others, IDX */
    size_t *target_at;    /* owned [rows]: where each starts in target_texts */
    float *weights;       /* owned [rows]: what each counts; NULL: nobody says */
    size_t *lines;        /* owned [rows]: line of the file; NULL: rows have no lines (IDX) */
    size_t dropped;       /* rows left out, in which a value is missing */
    size_t unseen;        /* texts that the training file did not have; the first of them: */
    size_t unseen_line;
    char unseen_text[64];
    char *remark; /* owned: what else there is to say of the file; NULL: nothing */
} sp_table;

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

/* Forgets all but its path. */
void sp_table_clear(sp_table *table);

/* Bytes of values that are in memory; of a store, those of the rows that it holds. */
size_t sp_table_value_bytes(const sp_table *table);

/* SP_FAILED: some values could not be read from the store, and were taken as 0. */
sp_status sp_table_check(const sp_table *table, sp_error *error);

/* Writes "FILE:LINE" or "FILE: row N" (N from 1) of row `row`, for messages. */
void sp_table_place(const sp_table *table, size_t row, char *text, size_t size);

/* Writes what of the file was left out or not known, or that its cache was not good, a line for people; false: there is
 * nothing to say. */
bool sp_table_remark(const sp_table *table, char *text, size_t size);

/* The reader behind sp_table_take that is not data/csv.h; `table` is empty but for its path. */
sp_status sp_idx_take(sp_source *source, sp_source *labels, const sp_table_options *options, sp_table *table,
                      sp_error *error);

/* Writes `text` as one field, with quotes; what cannot be written shows in ferror(stream). */
void sp_csv_write_field(FILE *stream, const char *text);

#endif
