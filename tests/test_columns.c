/* Which column of a CSV is what: lists, separators, text, missing values, several targets, weights. */
#include "data/table.h"
#include "faults.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static sp_table *read_as(const char *text, sp_table_options options) {
    sp_error error = {0};
    sp_table *table;
    must(sp_table_read(write_text("f", text), NULL, &options, &table, &error), error);
    return table;
}

static void refuse(const char *text, sp_table_options options, sp_status status, const char *says) {
    sp_error error;
    sp_table *table;
    expect_fault(sp_table_read(write_text("f", text), NULL, &options, &table, &error), error, status, says);
}

static float at(const sp_table *table, size_t row, size_t feature) {
    return ((const float *)table->values)[row * table->features + feature];
}

/* ---- Separators ---- */

Test(columns, separators_known_by_the_first_row) {
    static const char *const texts[] = {
        "a,b,y\n1,2.5,x\n3,4,z\n",
        "a;b;y\n1;2.5;x\n3;4;z\n",
        "a\tb\ty\n1\t2.5\tx\n3\t4\tz\n",
        "a|b|y\n1|2.5|x\n3|4|z\n",
        "\n\r\na;b;y\r\n1;2.5;x\r\n3;4;z",
        "\"a,1\";b;y\n1;2.5;x\n3;4;z\n",
        "1;2.5;x\n3;4;z\n",
        "a; b ;\"y\"\n 1;\"2.5\" ;x\n3;4; z\n",
        "\xef\xbb\xbf"
        "a;b;y\n1;2.5;x\n3;4;z\n",
        "a;1,b,y|\n1,2.5,x\n3,4,z\n",
        "\"a\nb;c\",b,y\n1,2.5,x\n3,4,z\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sp_table *table = read_as(texts[i], (sp_table_options){.target = "last"});
        cr_assert(table->rows == 2 && table->features == 2, "%s", texts[i]);
        cr_expect(at(table, 0, 1) == 2.5f && at(table, 1, 0) == 3, "%s", texts[i]);
        cr_expect_str_eq(table->target_texts, "x", "%s", texts[i]);
        cr_expect_str_eq(table->target_texts + table->target_at[1], "z", "%s", texts[i]);
        sp_table_destroy(table);
    }
}

/* Tabs and blanks are trimmed from fields, unless tabs separate them: then empty fields stay. */
Test(columns, tabs_do_not_swallow_empty_fields) {
    sp_table *table =
        read_as("a\tb\tc\ty\n1\t\t3\tx\n\t\t\tz\n", (sp_table_options){.target = "y", .missing = SP_MISSING_MEAN});
    cr_assert(table->rows == 2 && table->features == 3);
    cr_expect(at(table, 0, 0) == 1 && isnan(at(table, 0, 1)) && at(table, 0, 2) == 3);
    cr_expect(isnan(at(table, 1, 0)) && isnan(at(table, 1, 2)));
    cr_expect_eq(table->lines[1], 3);
    sp_table_destroy(table);
}

Test(columns, a_separator_that_is_set_is_the_only_one) {
    sp_table *table = read_as("a,1|b|y\n1|2|x\n", (sp_table_options){.target = "y", .separator = SP_SEPARATOR_PIPE});
    cr_expect_str_eq(table->columns.feature_names.text[0], "a,1");
    sp_table_destroy(table);
    refuse("1;2;3\n", (sp_table_options){.target = "last", .separator = SP_SEPARATOR_COMMA}, SP_BAD_DATA,
           "f:1: fields are separated by semicolons; set data.separator to auto or semicolon");
    refuse("1,2,3\n", (sp_table_options){.target = "last", .separator = SP_SEPARATOR_TAB}, SP_BAD_DATA,
           "f:1: fields are separated by commas");
    refuse("a;b\n1,5;2\n", (sp_table_options){.target = "b"}, SP_BAD_DATA,
           "f:2: field 1 is '1,5'; a number with a decimal point is wanted");
}

/* ---- Lists ---- */

Test(columns, lists_of_targets_and_what_is_left_aside) {
    static const struct {
        const char *target, *ignore, *features; /* names without separators */
        size_t targets[3], count;
    } cases[] = {
        {"c", "", "abde", {2}, 1},         {"c, a", "", "bde", {2, 0}, 2}, {"last,first", "b", "cd", {4, 0}, 2},
        {"1-3", "", "ae", {1, 2, 3}, 3},   {"e", "0-1, d", "c", {4}, 1},   {" b , 3 ", "first", "ce", {1, 3}, 2},
        {"3-3,a", "1,1", "ce", {3, 0}, 2}, {"0", "b,b", "cde", {0}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sp_table *table = read_as("a,b,c,d,e\n0,1,0,1,1\n1,0,1,1,0\n",
                                  (sp_table_options){.target = cases[i].target, .ignore = cases[i].ignore});
        cr_assert_eq(table->columns.targets, cases[i].count, "%s", cases[i].target);
        cr_assert_eq(table->features, strlen(cases[i].features), "%s", cases[i].target);
        for (size_t j = 0; j < table->features; j++)
            cr_expect_eq(table->columns.feature_names.text[j][0], cases[i].features[j], "%s", cases[i].target);
        for (size_t k = 0; k < cases[i].count; k++)
            cr_expect_eq(table->columns.target_at[k], cases[i].targets[k], "%s", cases[i].target);
        sp_table_destroy(table);
    }
}

Test(columns, values_of_several_targets_in_their_order) {
    sp_table *table = read_as("x,p,q\n1,0.5,7\n2,-1e3,0.25\n", (sp_table_options){.target = "q,p"});
    static const double expected[] = {7, 0.5, 0.25, -1000};
    cr_assert(table->labelled && table->columns.targets == 2 && !table->target_texts);
    for (int i = 0; i < 4; i++) cr_expect_eq(table->targets[i], expected[i]);
    cr_expect_str_eq(table->columns.target_names.text[0], "q");
    sp_table_destroy(table);
}

Test(columns, what_is_ignored_may_hold_anything) {
    sp_table *table =
        read_as("id,x,note,y\nA1,1,\xff,p\n,2,\"a\nb\",q\n", (sp_table_options){.target = "y", .ignore = "id, note"});
    cr_assert(table->rows == 2 && table->features == 1);
    cr_expect_eq(at(table, 1, 0), 2);
    sp_table_destroy(table);
}

Test(columns, lists_that_do_not_fit_are_a_wrong_configuration) {
    static const struct {
        const char *target, *ignore, *weight, *says;
    } cases[] = {
        {"y,z", "", "",
         "f:1: has no column 'z' for data.target; use last, first, a name of the header or an index from "
         "0 to 3; it has 'a', "},
        {"yy", "", "", "f:1: has no column 'yy' for data.target; did you mean 'y'? use last"},
        {"y,", "", "", "f:1: has no column '' for data.target"},
        {"y", "q", "", "f:1: has no column 'q' for data.ignore; use a name of the header"},
        {"y", "2-4", "", "f:1: has no column '2-4' for data.ignore"},
        {"y", "3-2", "", "f:1: has no column '3-2' for data.ignore"},
        {"y", "y", "", "f:1: column 'y' of data.ignore is named twice"},
        {"y,3", "", "", "f:1: column '3' of data.target is named twice"},
        {"y", "", "y", "f:1: column 'y' of data.sample_weight is named twice"},
        {"y", "a", "a", "f:1: column 'a' of data.sample_weight is named twice"},
        {"y", "", "7", "f:1: has no column '7' for data.sample_weight"},
        {"y", "", "a,b", "f:1: has no column 'a,b' for data.sample_weight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse("a,b,c,y\n1,2,3,4\n",
               (sp_table_options){.target = cases[i].target, .ignore = cases[i].ignore, .weight = cases[i].weight},
               SP_BAD_CONFIG, cases[i].says);
    refuse("a,y\n1,2\n", (sp_table_options){.target = "y", .ignore = "a"}, SP_BAD_DATA,
           "f:1: has no column left for a feature");
    refuse("a,p,q\n1,2,x\n", (sp_table_options){.target = "p,q"}, SP_BAD_DATA,
           "f:2: field 3, a target, is 'x'; of several targets each is a finite number");
    refuse("a,p,q\n1,inf,1\n", (sp_table_options){.target = "p,q"}, SP_BAD_DATA, "f:2: field 2, a target, is 'inf'");
}

/* ---- Text ---- */

static const sp_table_options onehot = {.target = "y", .categorical = SP_CATEGORICAL_ONEHOT};

static const char *text_at(const sp_table *table, size_t row, size_t feature) {
    return table->columns.categories[feature].names.text[(size_t)at(table, row, feature)];
}

Test(columns, texts_become_codes) {
    sp_table *table = read_as("n,c,y\n1,red,0\n2,\"light, blue\",1\n3,red,0\n4, green ,1\n", onehot);
    cr_assert(table->rows == 4 && table->features == 2);
    cr_expect_eq(table->columns.categories[0].names.count, 0, "numbers");
    cr_expect_eq(table->columns.categories[1].names.count, 3);
    static const char *const texts[] = {"red", "light, blue", "red", "green"};
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(at(table, i, 0), i + 1);
        cr_expect_str_eq(text_at(table, i, 1), texts[i]);
    }
    cr_expect_eq(at(table, 0, 1), at(table, 2, 1));
    sp_table_destroy(table);
}

/* Wherever the first text of a column stands, numbers in it are categories by their value. */
Test(columns, a_column_turns_into_text_late) {
    static const char *const files[] = {"c,y\n1,0\n2.50,0\n1.0,1\nA,1\n007,1\n", "c,y\nA,0\n1,0\n2.5,0\n1.00,1\n7,1\n"};
    for (int i = 0; i < 2; i++) {
        sp_table *table = read_as(files[i], onehot);
        const sp_names *names = &table->columns.categories[0].names;
        cr_assert_eq(names->count, 4, "%s", files[i]);
        static const char *const expected[] = {"A", "1", "2.5", "7"};
        for (int k = 0; k < 4; k++) cr_expect_neq(sp_names_find(names, expected[k]), SP_NOT_FOUND, "%s", expected[k]);
        cr_expect_eq(at(table, i == 0 ? 0 : 1, 0), at(table, i == 0 ? 2 : 3, 0), "1 and 1.0");
        sp_table_destroy(table);
    }
}

Test(columns, a_first_row_of_numbers_and_texts_is_data) {
    sp_table *table =
        read_as("red,1,0\nblue,2,1\n", (sp_table_options){.target = "last", .categorical = SP_CATEGORICAL_ONEHOT});
    cr_expect(table->rows == 2 && table->columns.feature_names.count == 0);
    cr_expect_str_eq(text_at(table, 1, 0), "blue");
    sp_table_destroy(table);
    table =
        read_as("red,1,0\nblue,2,1\n",
                (sp_table_options){.target = "last", .header = SP_HEADER_YES, .categorical = SP_CATEGORICAL_ONEHOT});
    cr_expect(table->rows == 1 && table->columns.feature_names.count == 2);
    sp_table_destroy(table);
}

Test(columns, text_is_refused_with_what_would_take_it) {
    refuse("a,y\n1,2\nx,4\n", (sp_table_options){.target = "y"}, SP_BAD_DATA,
           "f:3: field 1 is 'x'; a number with a decimal point is wanted (data.categorical = onehot takes text, "
           "data.ignore leaves columns out)");
    refuse("c,y\nred,1\n\xff\xfe,2\n", onehot, SP_BAD_DATA, "f:3: field 1 is not UTF-8");
    refuse("c,y\nred,1\n,2\n", onehot, SP_BAD_DATA, "f:3: field 1 is '', a missing value");
    refuse("c,y\n1,1\ninf,2\n", onehot, SP_BAD_DATA, "f:3: field 1 is 'inf'; a finite float32 is wanted");
}

Test(columns, a_column_of_only_different_texts_is_refused) {
    size_t rows = SP_MOST_CATEGORIES + 1, used = 4;
    char *text = keep(malloc(16 * rows + 16));
    memcpy(text, "c,y\n", 5);
    for (size_t i = 0; i < rows; i++) used += (size_t)sprintf(text + used, "t%zu,%zu\n", i, i % 2);
    refuse(
        text, onehot, SP_BAD_DATA,
        "f:65538: field 1 is 't65536', and the column has more than 65536 different texts with that; leave it out by "
        "data.ignore");
    *strrchr(text, 't') = '\0';
    sp_table *table = read_as(text, onehot);
    cr_assert_eq(table->rows, SP_MOST_CATEGORIES);
    cr_expect_str_eq(text_at(table, 54321, 0), "t54321");
    sp_table_destroy(table);
}

/* ---- Missing values ---- */

static const char holes[] = "a,c,y\n1,red,p\n,blue,q\n3,?,p\nNaN,N/A,q\n5,red,p\n";

Test(columns, missing_values_stay_for_the_mean) {
    sp_table_options options = onehot;
    options.missing = SP_MISSING_MEAN;
    sp_table *table = read_as(holes, options);
    cr_assert(table->rows == 5 && table->dropped == 0);
    cr_expect_eq(table->columns.categories[1].names.count, 2, "none of them is a category");
    cr_expect(isnan(at(table, 1, 0)) && isnan(at(table, 3, 0)) && isnan(at(table, 2, 1)) && isnan(at(table, 3, 1)));
    cr_expect(at(table, 4, 0) == 5 && at(table, 0, 1) == at(table, 4, 1));
    sp_table_destroy(table);
    refuse("a,y\n1,p\n2,\n", options, SP_BAD_DATA, "f:3: the target is empty");
}

Test(columns, rows_with_missing_values_are_left_out) {
    char remark[200];
    sp_table_options options = onehot;
    options.missing = SP_MISSING_DROP;
    sp_table *table = read_as(holes, options);
    cr_assert(table->rows == 2 && table->dropped == 3);
    cr_expect(at(table, 0, 0) == 1 && at(table, 1, 0) == 5 && table->lines[1] == 6);
    cr_expect(sp_table_remark(table, remark, sizeof remark) && strstr(remark, "f: 3 rows with missing values left out"),
              "%s", remark);
    sp_table_destroy(table);
    table = read_as("a,p,q\n1,NA,0\n2,1,0\n3,1,\n,1,0\n5,0,1\n",
                    (sp_table_options){.target = "p,q", .missing = SP_MISSING_DROP});
    cr_assert(table->rows == 2 && table->dropped == 3);
    cr_expect(table->targets[2] == 0 && table->targets[3] == 1 && at(table, 1, 0) == 5);
    sp_table_destroy(table);
    table = read_as("a,y\n1,p\n2,NA\n3,q\n", options);
    cr_assert(table->rows == 2 && table->dropped == 1);
    cr_expect_str_eq(table->target_texts + table->target_at[1], "q");
    sp_table_destroy(table);
    refuse("a,y\n,1\nNA,2\n", options, SP_BAD_DATA, "f: has no row without missing values");
}

Test(columns, a_missing_value_is_refused_with_what_would_take_it) {
    static const char *const spellings[] = {"", "?", "NA", "N/A", "null", "None"};
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        refuse(format_text("a,y\n1,2\n%s,4\n", spellings[i]), (sp_table_options){.target = "y"}, SP_BAD_DATA,
               "a missing value; fill it in, leave the row out, or set data.missing to mean or drop");
}

/* ---- Weights ---- */

Test(columns, weights_of_rows) {
    sp_table *table = read_as("w,a,y\n1,2,p\n0,3,q\n.25,4,q\n", (sp_table_options){.target = "y", .weight = "w"});
    cr_assert(table->rows == 3 && table->features == 1 && table->weights);
    cr_expect(table->weights[0] == 1 && table->weights[1] == 0 && table->weights[2] == 0.25f);
    sp_table_destroy(table);
    static const char *const wrong[] = {"-1", "nan", "inf", "1e39", "x", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(format_text("w,a,y\n1,2,p\n%s,3,q\n", wrong[i]), (sp_table_options){.target = "y", .weight = "w"},
               SP_BAD_DATA, format_text("f:3: field 1, the weight of the row, is '%s'; a finite number", wrong[i]));
}

/* ---- As the training file had them ---- */

static const char trained_on[] = "id,c,w,p,n,q\n1,red,1,0,1.5,1\n2,blue,2,1,2.5,0\n";

static sp_table *training_table(void) {
    return read_as(trained_on, (sp_table_options){.target = "q,p",
                                                  .ignore = "id",
                                                  .weight = "w",
                                                  .categorical = SP_CATEGORICAL_ONEHOT,
                                                  .missing = SP_MISSING_MEAN});
}

Test(columns, other_files_by_name_or_position) {
    sp_table *trained = training_table();
    static const struct {
        const char *text;
        bool labelled;
    } cases[] = {
        {"id,c,w,p,n,q\n9,blue,8,0,3.5,1\n", true},
        {"q,n,p,c\n1,3.5,0,blue\n", true},
        {"n;c\n3.5;blue\n", false},
        {"9,blue,8,0,3.5,1\n", true},
        {"9,blue,8,3.5\n", false},
        {"blue,3.5\n", false},
        {"x,blue,,0,3.5,1\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int labelled = 0; labelled <= cases[i].labelled; labelled++) {
            sp_table *table = read_as(cases[i].text, (sp_table_options){.known = &trained->columns,
                                                                        .missing = SP_MISSING_MEAN,
                                                                        .target_optional = !labelled});
            cr_assert(table->rows == 1 && table->features == 2, "%s", cases[i].text);
            cr_expect(at(table, 0, 0) == 1 && at(table, 0, 1) == 3.5f, "%s", cases[i].text);
            cr_expect(table->labelled == labelled && !table->weights && table->unseen == 0);
            if (labelled) cr_expect(table->targets[0] == 1 && table->targets[1] == 0, "%s", cases[i].text);
            sp_table_destroy(table);
        }
    sp_table_options known = {.known = &trained->columns, .missing = SP_MISSING_MEAN};
    refuse("9,blue,3.5\n", known, SP_BAD_DATA, "f:1: has 3 columns; 6 are wanted, as the training file has them");
    refuse("c,n,p\nblue,1,0\n", known, SP_BAD_DATA, "f:1: has no column 'q' with the labels");
    refuse("c,p,q\nblue,1,0\n", known, SP_BAD_DATA, "f:1: has no column 'n', which the model needs");
    refuse("c,n,p,q\nblue,high,1,0\n", known, SP_BAD_DATA, "f:2: field 2 is 'high'; a number");
    sp_table_destroy(trained);
}

Test(columns, texts_that_training_did_not_have) {
    char remark[200];
    sp_table *trained = training_table();
    sp_table *table =
        read_as("c,n\nred,1\ngreen,2\n?,\n7,4\n",
                (sp_table_options){.known = &trained->columns, .missing = SP_MISSING_MEAN, .target_optional = true});
    cr_expect(at(table, 0, 0) == 0 && at(table, 1, 0) == -1 && isnan(at(table, 2, 0)) && at(table, 3, 0) == -1);
    cr_expect_eq(table->unseen, 2);
    cr_expect(sp_table_remark(table, remark, sizeof remark));
    cr_expect(strstr(remark, "f: 2 texts that are not in the training file count as no category (the first in line 3: "
                             "'green')"),
              "%s", remark);
    sp_table_destroy(table);
    refuse("c,n\nred,\n",
           (sp_table_options){.known = &trained->columns, .missing = SP_MISSING_DROP, .target_optional = true},
           SP_BAD_DATA, "f:2: field 2 is '', a missing value, and there is no prediction without");
    sp_table_destroy(trained);
}

/* A file that is read again by its own columns gives the same values: codes, too. */
Test(columns, the_same_file_gives_the_same_codes) {
    sp_table *trained = training_table();
    sp_table *again = read_as(trained_on, (sp_table_options){.known = &trained->columns, .missing = SP_MISSING_MEAN});
    cr_assert_eq(again->rows, trained->rows);
    cr_expect_arr_eq(again->values, trained->values, 4 * sizeof(float));
    cr_expect_arr_eq(again->targets, trained->targets, 4 * sizeof(double));
    sp_table_destroy(again);
    sp_table_destroy(trained);
}
