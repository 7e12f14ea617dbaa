/* Which column of a CSV is what: as a configuration says, or as the training file had it. */
#ifndef SP_DATA_COLUMNS_H
#define SP_DATA_COLUMNS_H

#include "data/categories.h"
#include "shardprop.h"

typedef enum sp_header { SP_HEADER_AUTO, SP_HEADER_YES, SP_HEADER_NO } sp_header;
typedef enum sp_categorical { SP_CATEGORICAL_ERROR, SP_CATEGORICAL_ONEHOT } sp_categorical;
typedef enum sp_missing { SP_MISSING_ERROR, SP_MISSING_MEAN, SP_MISSING_DROP } sp_missing;
typedef enum sp_separator {
    SP_SEPARATOR_AUTO,
    SP_SEPARATOR_COMMA,
    SP_SEPARATOR_SEMICOLON,
    SP_SEPARATOR_TAB,
    SP_SEPARATOR_PIPE
} sp_separator;

/* Names in the order above, NULL at the end. */
extern const char *const sp_header_names[], *const sp_categorical_names[], *const sp_missing_names[],
                                                                               *const sp_separator_names[];

/* Whether what was read of a CSV is kept in a file, and its values stay there; see data/cached.h. */
typedef enum sp_cache_mode { SP_CACHE_AUTO, SP_CACHE_ALWAYS, SP_CACHE_NEVER } sp_cache_mode;
extern const char *const sp_cache_mode_names[];

typedef struct sp_cache_options {
    sp_cache_mode mode;
    const char *folder; /* borrowed: where; NULL or empty: beside the CSV */
    size_t most;        /* bytes of values in memory: files with more are read through a cache, row by row */
} sp_cache_options;

/* The columns of a file. Columns count from 0. */
typedef struct sp_columns {
    size_t count;               /* of the file; 0: it is no CSV */
    size_t features;            /* values of a row */
    size_t *feature_at;         /* owned [features]: column of each; NULL: it is no CSV */
    sp_names feature_names;     /* count 0: the file names none */
    sp_categories *categories;  /* owned [features]: of a column of text; without any: of numbers */
    size_t targets, *target_at; /* owned [targets]: column of each */
    sp_names target_names;      /* count 0: the file names none */
    long weight_at;             /* column of the rows' weights, or SP_NOT_FOUND */
    sp_missing missing;         /* as the file was read, and others are to be */
    sp_separator separator;
} sp_columns;

void sp_columns_clear(sp_columns *columns);

/* A copy without the categories, and without the weights. False when memory runs out; `to` can then be cleared. */
bool sp_columns_copy(sp_columns *to, const sp_columns *from);

/* Whether any feature is text. */
bool sp_columns_have_text(const sp_columns *columns);

/* How to read a CSV. Lists are of columns' names, zero-based indices and ranges of these (3-5), `first` and `last`,
 * between commas. */
typedef struct sp_table_options {
    const char *target; /* a list: what is learned */
    const char *ignore; /* a list: what is left aside; NULL: nothing */
    const char *weight; /* a column, what a row counts in training; NULL or empty: all rows 1 */
    sp_header header;
    sp_separator separator;
    sp_categorical categorical;
    sp_missing missing;
    const sp_columns *known; /* of the training file: found again by their names where both files have a header, else
                                by position; text is looked up in its categories; weights are not read. NULL: by the
                                lists. IDX needs the number of features alone. */
    const sp_cache_options *cache; /* borrowed; NULL: never */
    bool target_optional;          /* a file without the targets will do; in one that has them, they are left aside */
    bool of_model;                 /* the options are a model's, which nobody can set any more */
} sp_table_options;

/* One row as its fields' texts. */
typedef struct sp_record {
    char *text; /* owned: fields, each ended by '\0' */
    size_t used, capacity;
    size_t *at; /* owned: where each starts */
    size_t fields, room;
} sp_record;

/* Where the first row stands, for messages. */
typedef struct sp_first_row {
    const char *path;
    size_t line;
    const sp_record *row;
} sp_first_row;

static inline const char *sp_field(const sp_record *row, size_t column) {
    return row->text + row->at[column];
}

/* Whether a field is one of the ways to say that there is no value. */
bool sp_is_missing(const char *text);

/*
 * From the first row of a file, what each column is, into `columns` (empty before), and whether that row is a
 * header. SP_BAD_CONFIG: a column that is asked for is not there; SP_BAD_DATA: the file has not what is needed.
 */
sp_status sp_columns_choose(const sp_first_row *first, const sp_table_options *options, sp_columns *columns,
                            bool *header, sp_error *error);

#endif
