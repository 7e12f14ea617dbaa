/* Rows of a CSV on their way into a table: numbers, text as codes of its categories, targets, weights. */
#ifndef SP_DATA_CSV_ROWS_H
#define SP_DATA_CSV_ROWS_H

#include "data/csv.h"

/* Starts with what is borrowed, and zeros. */
typedef struct sp_csv_rows {
    sp_table *table;
    const sp_table_options *options;
    sp_csv_sink *sink; /* NULL: all values go to the table */
    sp_error *error;
    float *row_values;    /* owned [features]: of the row at hand, on its way to a cache */
    const sp_record *row; /* at hand, of that line of the file */
    size_t line;
    bool started;   /* the first row has been looked at */
    bool left_out;  /* the row has no value somewhere, and such rows are left out */
    size_t columns; /* of every row */
    size_t value_room, line_room, target_room, text_at_room, text_used, text_room, weight_room;
} sp_csv_rows;

/* Takes the next row, which may be a header, in line `line`. The fault is told. */
sp_status sp_csv_rows_take(sp_csv_rows *rows, const sp_record *row, size_t line);
void sp_csv_rows_clear(sp_csv_rows *rows);

#endif
