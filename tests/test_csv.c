/* CSV files: what is data, what is a header, what is refused and in which line. */
#include "data/table.h"
#include "faults.h"

#include <math.h>
#include <stdlib.h>

static const sp_table_options last = {.target = "last"};

/* The table of a file that must be read. */
static sp_table *table_of(const char *path, const sp_table_options *options) {
    sp_error error = {0};
    sp_table *table;
    must(sp_table_read(path, NULL, options, &table, &error), error);
    return table;
}

static sp_status try(const char *path, const sp_table_options *options, sp_error *error) {
    sp_table *table;
    sp_status status = sp_table_read(path, NULL, options, &table, error);
    if (!status) sp_table_destroy(table);
    return status;
}

static float value_at(const sp_table *table, size_t row, size_t feature) {
    return ((const float *)table->values)[row * table->features + feature];
}

static const char *target_at(const sp_table *table, size_t row) {
    return table->target_texts + table->target_at[row];
}

/* ---- What is read ---- */

/* The same two rows 1,2.5 -> 3 and -4,0 -> 5, in every dress. */
static const struct {
    const char *text;
    size_t first_line, second_line;
} dresses[] = {
    {"1,2.5,3\n-4,0,5\n", 1, 2},
    {"1,2.5,3\n-4,0,5", 1, 2},
    {"1,2.5,3\r\n-4,0,5\r\n", 1, 2},
    {"\xef\xbb\xbf"
     "1,2.5,3\n-4,0,5\n",
     1, 2},
    {"a,b,y\n1,2.5,3\n-4,0,5\n", 2, 3},
    {"\xef\xbb\xbf\"a\",b,y\r\n1,2.5,3\r\n-4,0,5", 2, 3},
    {"\n\n1,2.5,3\n\n \t\n-4,0,5\n\n\n", 3, 6},
    {"\r\na,b,y\r\n\r\n1,2.5,3\r\n\r\n-4,0,5\r\n", 4, 6},
    {"\"1\",\"2.5\",\"3\"\n\"-4\",\"0\",\"5\"\n", 1, 2},
    {" 1 ,\t2.5, 3 \n-4 , 0 ,5\t\n", 1, 2},
    {"+1,25e-1,3\n-4.,.0,5\n", 1, 2},
    {"\"a\nb\",\"c\r\n\r\n\",\"y\"\n1,2.5,3\n-4,0,5\n", 5, 6},
    {"1,2.5,\"3\"\n\n-4,0,5", 1, 3},
};

Test(csv, all_ways_to_write_two_rows) {
    for (size_t i = 0; i < sizeof dresses / sizeof *dresses; i++) {
        const char *text = dresses[i].text;
        const char *const paths[] = {write_text("plain", text), write_gzip("packed", text, strlen(text))};
        for (int packed = 0; packed < 2; packed++) {
            sp_table *table = table_of(paths[packed], &last);
            cr_assert_eq(table->rows, 2, "%s", text);
            cr_assert_eq(table->features, 2, "%s", text);
            cr_expect(table->labelled && !table->bytes);
            cr_expect_eq(table->columns.target_at[0], 2);
            cr_expect(value_at(table, 0, 0) == 1 && value_at(table, 0, 1) == 2.5, "%s", text);
            cr_expect(value_at(table, 1, 0) == -4 && value_at(table, 1, 1) == 0, "%s", text);
            cr_expect(table->targets[0] == 3 && table->targets[1] == 5, "%s", text);
            cr_expect_eq(table->lines[0], dresses[i].first_line, "%s", text);
            cr_expect_eq(table->lines[1], dresses[i].second_line, "%s", text);
            sp_table_destroy(table);
        }
    }
}

Test(csv, quoted_text_comes_back) {
    const char *text = "n,label\n1,\"a, \"\"b\"\"\"\n2,\"two\n\nlines\"\n3, c d \n4,\" e \"\n";
    sp_table *table = table_of(write_text("f", text), &last);
    cr_assert_eq(table->rows, 4);
    cr_expect_str_eq(target_at(table, 0), "a, \"b\"");
    cr_expect_str_eq(target_at(table, 1), "two\n\nlines");
    cr_expect_str_eq(target_at(table, 2), "c d");
    cr_expect_str_eq(target_at(table, 3), " e ");
    cr_expect(isnan(table->targets[0]));
    cr_expect_eq(table->lines[1], 3, "where the row begins");
    cr_expect_eq(table->lines[2], 6);
    sp_table_destroy(table);
}

/* What the writer writes, the reader reads: labels of all kinds. */
Test(csv, written_fields_come_back) {
    static const char *const texts[] = {"plain",  "a,b",    "\"q\"", "say \"hi\"", "two\nlines", "cr\r",
                                        " left",  "right ", "\ttab", "tab\t",      "é日本",      "'",
                                        "# none", "a b",    "\"",    ",",          "1,5"};
    enum { COUNT = sizeof texts / sizeof *texts };
    const char *path = scratch_path("written.csv");
    FILE *file = fopen(path, "w");
    fputs("n,label\n", file);
    for (int i = 0; i < COUNT; i++) {
        fprintf(file, "%d,", i);
        sp_csv_write_field(file, texts[i]);
        fputc('\n', file);
    }
    fclose(file);
    sp_table *table = table_of(path, &last);
    cr_assert_eq(table->rows, COUNT);
    for (size_t i = 0; i < COUNT; i++) cr_expect_str_eq(target_at(table, i), texts[i]);
    sp_table_destroy(table);
    cr_expect_str_eq(strtok(strstr(read_text(path), "plain"), "\n"), "plain", "no quotes where none are needed");
}

/* A header, or data with labels in words: what counts is the features. */
Test(csv, a_header_is_told_from_labels_in_words) {
    static const struct {
        const char *text, *target;
        sp_header header;
        size_t rows;
        const char *first_name; /* NULL: no header */
    } cases[] = {
        {"5.1,3.5,setosa\n4.9,3.0,setosa\n", "last", SP_HEADER_AUTO, 2, NULL},
        {"setosa,5.1\nsetosa,4.9\n", "first", SP_HEADER_AUTO, 2, NULL},
        {"1,setosa,5.1\n2,setosa,4.9\n", "1", SP_HEADER_AUTO, 2, NULL},
        {"length,width,species\n4.9,3.0,setosa\n", "last", SP_HEADER_AUTO, 1, "length"},
        {",b,c\n1,2,3\n", "last", SP_HEADER_AUTO, 1, ""},
        {"length,3\n1,2\n", "last", SP_HEADER_AUTO, 1, "length"},
        {"1990,1991,y\n4,5,6\n", "last", SP_HEADER_YES, 1, "1990"},
        {"1990,1991,7\n4,5,6\n", "last", SP_HEADER_NO, 2, NULL},
        {"1990,1991,y\n4,5,6\n", "y", SP_HEADER_AUTO, 1, "1990"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_table_options options = {.target = cases[i].target, .header = cases[i].header};
        sp_table *table = table_of(write_text("f", cases[i].text), &options);
        cr_expect_eq(table->rows, cases[i].rows, "%s", cases[i].text);
        cr_expect_eq(table->columns.feature_names.count, cases[i].first_name ? table->features : 0, "%s",
                     cases[i].text);
        if (cases[i].first_name) cr_expect_str_eq(table->columns.feature_names.text[0], cases[i].first_name);
        cr_expect_eq(table->columns.target_names.count, cases[i].first_name != NULL);
        sp_table_destroy(table);
    }
}

Test(csv, the_target_is_found_by_place_or_name) {
    static const struct {
        const char *target;
        size_t column;
        float first_feature;
    } cases[] = {{"last", 3, 10}, {"first", 0, 11}, {"0", 0, 11}, {"2", 2, 10},
                 {"3", 3, 10},    {"b", 1, 10},     {"d", 3, 10}};
    const char *path = write_text("f", "a,b,c,d\n10,11,12,13\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_table_options options = {.target = cases[i].target};
        sp_table *table = table_of(path, &options);
        cr_expect_eq(table->columns.target_at[0], cases[i].column, "%s", cases[i].target);
        cr_expect_eq(table->targets[0], 10 + (double)cases[i].column);
        cr_expect_eq(table->features, 3);
        cr_expect_eq(value_at(table, 0, 0), cases[i].first_feature, "%s", cases[i].target);
        cr_expect_str_eq(table->columns.target_names.text[0], ((const char *[]){"a", "b", "c", "d"})[cases[i].column]);
        sp_table_destroy(table);
    }
}

/* Rows that lie across the reader's buffer, each of their bytes once at its end. */
Test(csv, rows_across_the_end_of_a_buffer) {
    enum { BUFFER = 1 << 18 };
    static const char tail[] = ",1,x\r\n\"2\",\"3\",\"y\"\"\r\nz\"\r\n4,5,w";
    char *text = malloc(BUFFER + sizeof tail);
    memset(text, '0', BUFFER);
    text[1] = '.';
    for (size_t shift = 0; shift < sizeof tail; shift++) {
        strcpy(text + BUFFER - shift, tail);
        sp_table *table = table_of(write_text("f", text), &last);
        cr_assert_eq(table->rows, 3, "shift %zu", shift);
        cr_expect_eq(value_at(table, 0, 0), 0);
        cr_expect_eq(value_at(table, 1, 0), 2);
        cr_expect_eq(value_at(table, 2, 1), 5);
        cr_expect_str_eq(target_at(table, 1), "y\"\r\nz");
        cr_expect_eq(table->lines[2], 4);
        sp_table_destroy(table);
        memset(text + BUFFER - shift, '0', shift);
    }
    free(text);
}

Test(csv, many_columns) {
    enum { COLUMNS = 200000 };
    char *text = malloc(16 * COLUMNS), *at = text;
    for (int i = 0; i < COLUMNS; i++) at += sprintf(at, "c%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    for (int i = 0; i < COLUMNS; i++) at += sprintf(at, "%d%c", i, i + 1 < COLUMNS ? ',' : '\n');
    const char *path = write_text("wide", text);
    sp_table *table = table_of(path, &last);
    cr_assert_eq(table->features, COLUMNS - 1);
    cr_expect_eq(value_at(table, 0, COLUMNS - 2), COLUMNS - 2);
    /* By names too, in a time that grows with the columns and not with their square. */
    sp_table_options model = {.known = &table->columns, .target_optional = true};
    sp_table *again = table_of(path, &model);
    cr_expect_eq(value_at(again, 0, COLUMNS - 2), COLUMNS - 2);
    sp_table_destroy(again);
    sp_table_destroy(table);
    free(text);
}

/* ---- What is refused ---- */

Test(csv, malformed_files_are_refused_with_their_line) {
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a,y\n1,2\n3\n", "f:3: has 1 fields; the first row has 2"},
        {"a,y\n1,2\n3,4,5\n", "f:3: has 3 fields; the first row has 2"},
        {"1,2\n3,4,\n", "f:2: has 3 fields"},
        {"a,y\n1,2\nx,4\n", "f:3: field 1 is 'x'; a number"},
        {"a,y\n1,2\n,4\n", "f:3: field 1 is '', a missing value"},
        {"a,y\n1,2\n\"1,5\",4\n", "f:3: field 1 is '1,5'; a number with a decimal point"},
        {"a,y\n1,2\n0x10,4\n", "f:3: field 1 is '0x10'"},
        {"a,y\n1,2\nnan,4\n", "f:3: field 1 is 'nan'; a finite float32"},
        {"a,y\n1,2\n-inf,4\n", "f:3: field 1 is '-inf'; a finite float32"},
        {"a,y\n1,2\n1e99,4\n", "f:3: field 1 is '1e99'; a finite float32"},
        {"a,y\n1,2\n3,\n", "f:3: the target is empty"},
        {"a,y\n1,2\n3,4", NULL},
        {"a,y\n1,2\n3,x\"y\n", "f:3: a quote stands within a field"},
        {"a,y\n1,2\n3,\"x\"y\n", "f:3: a quote stands within a field"},
        {"a,y\n1,2\n3,\"x\n4,5\n\n", "f:3: the file ends within a quoted field"},
        {"a,y\n1,\"x\ny\"\n3,\"two\nlines\"\noops,4\n", "f:6: field 1 is 'oops'"},
        {"a,y\n1,2\nx,\"two\nlines\"\n5,6\n", "f:3: field 1 is 'x'"},
        {"a,y\r\n1,2\r\n\r\noops,4\r\n", "f:4: field 1 is 'oops'"},
        {"1,x,2\n3,4,5\n", "f:1: field 2 is 'x' and not a number, others of this first row are"},
        {"5.1\n4.9\n", "f:1: has a single column"},
        {"a\n4.9\n", "f:1: has a single column"},
        {"a,y\n", "f: holds no rows"},
        {"a,y", "f: holds no rows"},
        {"\n\n \n\r\n", "f: holds no rows"},
        {"\xef\xbb\xbf", "f: holds no rows"},
        {"", "f: is empty"},
    };
    sp_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = strlen(cases[i].text);
        if (!cases[i].says) { /* what the others miss narrowly */
            error = (sp_error){0};
            must(try(write_text("f", cases[i].text), &last, &error), error);
            continue;
        }
        expect_fault(try(write_text("f", cases[i].text), &last, &error), error, SP_BAD_DATA, cases[i].says);
        expect_fault(try(write_gzip("f", cases[i].text, size), &last, &error), error, SP_BAD_DATA, cases[i].says);
    }
}

Test(csv, binary_files_are_refused) {
    static const char nul[] = "a,y\n1,2\n1\0,3\n", nul_label[] = "a,y\n1,2\n1,x\0y\n", wide[] = "a\0,\0b\0\n";
    sp_error error;
    expect_fault(try(write_bytes("f", nul, sizeof nul - 1), &last, &error), error, SP_BAD_DATA,
                 "f:3: holds a NUL byte");
    expect_fault(try(write_bytes("f", nul_label, sizeof nul_label - 1), &last, &error), error, SP_BAD_DATA,
                 "f:3: holds a NUL byte");
    expect_fault(try(write_bytes("f", wide, sizeof wide - 1), &last, &error), error, SP_BAD_DATA,
                 "f: starts with 61 00 2c 00");
    expect_fault(try(write_text("f", "\x7f"
                                     "ELF\x02"),
                     &last, &error),
                 error, SP_BAD_DATA, "f:1: has a single column");
    expect_fault(try(write_text("f", "PK\x03\x04"), &last, &error), error, SP_BAD_DATA,
                 "f: is packed (zip, as xlsx is)");
}

Test(csv, a_field_without_end_is_refused_before_memory_is_gone) {
    enum { SIZE = 8 << 20 };
    char *text = malloc(SIZE + 1);
    memset(text, '7', SIZE);
    memcpy(text, "1,2\n3,\"", 7);
    text[SIZE] = '\0';
    sp_error error;
    expect_fault(try(write_text("f", text), &last, &error), error, SP_BAD_DATA, "f:2: a field is longer than");
    free(text);
}

Test(csv, gzip_damage_is_not_taken_for_the_end) {
    char text[4000];
    size_t size = 0;
    for (int i = 0; i < 300; i++) size += (size_t)sprintf(text + size, "%d,%d\n", i * 7919 % 1000, i % 2);
    char *gzip = read_text(write_gzip("whole.gz", text, size));
    sp_error error;
    expect_fault(try(write_bytes("f", gzip, 200), &last, &error), error, SP_BAD_DATA,
                 "f: the gzip stream is truncated");
    free(gzip);
}

Test(csv, a_target_that_is_not_there_is_a_wrong_configuration) {
    const char *path = write_text("f", "a,b,y\n1,2,3\n");
    static const char *const targets[] = {"z", "Y", "3", "-1", ""};
    sp_error error;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char says[80];
        snprintf(says, sizeof says, "f:1: has no column '%s' for data.target", targets[i]);
        expect_fault(try(path, &(sp_table_options){.target = targets[i]}, &error), error, SP_BAD_CONFIG, says);
    }
}

Test(csv, a_file_without_header_is_believed_to_have_none) {
    const char *path = write_text("f", "a,b,y\n1,2,3\n");
    sp_error error;
    expect_fault(try(path, &(sp_table_options){.target = "last", .header = SP_HEADER_NO}, &error), error, SP_BAD_DATA,
                 "f:1: field 1 is 'a'");
    expect_fault(try(path, &(sp_table_options){.target = "y", .header = SP_HEADER_NO}, &error), error, SP_BAD_CONFIG,
                 "f:1: has no column 'y' for data.target");
}

Test(csv, a_label_file_beside_a_csv_is_refused) {
    sp_table *table;
    sp_error error;
    const char *path = write_text("f", "1,2\n");
    expect_fault(sp_table_read(path, path, &last, &table, &error), error, SP_BAD_CONFIG,
                 "f: is a CSV, whose labels are");
}

/* ---- As a model asks ---- */

/* A model of features a, b and target y, trained on a file whose target stood in column 2. */
static sp_table_options as_model(bool labelled) {
    static char *features[] = {"a", "b"}, *targets[] = {"y"};
    static size_t feature_at[] = {0, 1}, target_at[] = {2};
    static const sp_columns columns = {.count = 3,
                                       .features = 2,
                                       .feature_at = feature_at,
                                       .feature_names = {.count = 2, .text = features},
                                       .targets = 1,
                                       .target_at = target_at,
                                       .target_names = {.count = 1, .text = targets}};
    return (sp_table_options){.known = &columns, .target_optional = !labelled};
}

Test(csv, columns_by_name) {
    static const struct {
        const char *text;
        bool labelled;
    } cases[] = {{"a,b,y\n1,2,3\n", true}, {"y,b,a\n3,2,1\n", true},      {"id,b,y,a,note\n9,2,3,1,8\n", true},
                 {"b,a\n2,1\n", false},    {"b,id,a\n2,word,1\n", false}, {"a,b\n1,2\n", false}};
    sp_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_text("f", cases[i].text);
        sp_table_options options = as_model(false);
        sp_table *table = table_of(path, &options);
        cr_assert_eq(table->features, 2);
        cr_expect(value_at(table, 0, 0) == 1 && value_at(table, 0, 1) == 2, "%s", cases[i].text);
        cr_expect_not(table->labelled, "nobody asked for the target: %s", cases[i].text);
        sp_table_destroy(table);
        options = as_model(true);
        if (!cases[i].labelled) {
            expect_fault(try(path, &options, &error), error, SP_BAD_DATA, "f:1: has no column 'y' with the labels");
            continue;
        }
        table = table_of(path, &options);
        cr_expect(table->labelled && table->targets[0] == 3, "%s", cases[i].text);
        sp_table_destroy(table);
    }
    sp_table_options options = as_model(false);
    expect_fault(try(write_text("f", "a,c,y\n1,2,3\n"), &options, &error), error, SP_BAD_DATA,
                 "f:1: has no column 'b', which the model needs");
}

/* Predictions are wanted where the target is not known yet. */
Test(csv, a_target_that_nobody_asked_for_may_hold_anything) {
    sp_table_options options = as_model(false);
    sp_table *table = table_of(write_text("f", "a,b,y\n1,2,\n3,4,?\n5,6,\xff\n"), &options);
    cr_expect(table->rows == 3 && !table->labelled);
    sp_table_destroy(table);
}

Test(csv, names_and_labels_are_utf8) {
    sp_error error;
    expect_fault(try(write_text("f", "a,\xe9t\xe9,y\n1,2,3\n"), &last, &error), error, SP_BAD_DATA,
                 "f:1: field 2 is not UTF-8");
    expect_fault(try(write_text("f", "a,y\n1,x\n2,\xff\n"), &last, &error), error, SP_BAD_DATA,
                 "f:3: field 2 is not UTF-8");
    sp_table_destroy(table_of(write_text("f", "a,y\n1,\xc3\xa9\n2,\xe2\x82\xac\n"), &last));
}

/* Two columns of one name are two features, not one twice. */
Test(csv, columns_of_the_same_name_are_taken_in_turn) {
    const char *path = write_text("f", "x,x,y\n1,2,3\n");
    sp_table *trained = table_of(path, &last);
    sp_table_options options = {.known = &trained->columns};
    sp_table *table = table_of(path, &options);
    cr_expect(value_at(table, 0, 0) == 1 && value_at(table, 0, 1) == 2);
    sp_table_destroy(table);
    sp_table_destroy(trained);
}

Test(csv, columns_by_position_where_there_is_no_header) {
    sp_error error;
    for (int labelled = 0; labelled < 2; labelled++) {
        sp_table_options options = as_model(labelled);
        sp_table *table = table_of(write_text("f", "1,2,3\n"), &options);
        cr_expect(table->features == 2 && value_at(table, 0, 1) == 2);
        cr_expect(labelled ? table->labelled && table->targets[0] == 3 : !table->labelled);
        sp_table_destroy(table);
        expect_fault(try(write_text("f", "1,2,3,4\n"), &options, &error), error, SP_BAD_DATA,
                     "f:1: has 4 columns; 2 features");
        expect_fault(try(write_text("f", "1\n"), &options, &error), error, SP_BAD_DATA,
                     "f:1: has 1 columns; 2 features");
    }
    sp_table_options options = as_model(false);
    sp_table *table = table_of(write_text("f", "1,2\n"), &options);
    cr_expect(!table->labelled && table->features == 2 && value_at(table, 0, 1) == 2);
    sp_table_destroy(table);
    options = as_model(true);
    expect_fault(try(write_text("f", "1,2\n"), &options, &error), error, SP_BAD_DATA,
                 "f:1: has 2 columns; 2 features and the target are wanted");
}
