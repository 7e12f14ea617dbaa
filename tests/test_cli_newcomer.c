/* First steps that go astray: what was guessed of data is said, and what is missing is found. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect_in(const char *text, const char *says) {
    cr_expect(strstr(text, says), "expected '%s'\ngot %s", says, text);
}

static void expect_not_in(const char *text, const char *says) {
    cr_expect_null(strstr(text, says), "not '%s'\ngot %s", says, text);
}

/* A config with the data in `table`, and `more` lines of [data]. */
static const char *config_of(const char *table, const char *more) {
    return write_text("c.ini", format_text("[data]\ntrain = %s\n%s\n[train]\nepochs = 2\n[output]\ndir = %s\n",
                                           write_text("t.csv", table), more, scratch_path("run")));
}

/* ---- Numbers that may be classes ---- */

/* Rows "x,AGE" of `ages` different ages, three each. */
static char *people(int ages) {
    char *text = format_text("%0*d", 60 * ages, 0), *at = text;
    at += sprintf(at, "x,age\n");
    for (int i = 0; i < 3 * ages; i++) at += sprintf(at, "0.%d,%d\n", i % 7, 20 + i % ages);
    return text;
}

Test(cli_newcomer, many_numbers_that_are_taken_for_classes_are_warned_of) {
    static const char says[] = "warning: column 'age': 40 different whole numbers are taken for classes; "
                               "data.task = regression takes them for values\n";
    const char *config = config_of(people(40), "");
    outcome checked = run("shardprop check '%s'", config), trained = run("shardprop train '%s'", config);
    cr_expect_eq(checked.status, 0);
    expect_in(checked.err, says);
    cr_expect_eq(trained.status, 0);
    expect_in(trained.err, says);
    outcome quiet = run("shardprop check '%s' -q", config);
    cr_expect_str_empty(quiet.err);
    outcome said = run("shardprop check '%s' -s data.task=classification", config);
    cr_expect_str_empty(said.err, "who has said so is not warned: %s", said.err);
    outcome few = run("shardprop check '%s'", config_of(people(10), ""));
    cr_expect_str_empty(few.err);
    outcome values = run("shardprop check '%s' -s data.task=regression", config_of(people(40), ""));
    cr_expect_str_empty(values.err);
}

Test(cli_newcomer, check_names_targets_and_rows_of_classes) {
    outcome classes = run("shardprop check '%s'", config_of("x,kind\n1,b\n2,\"a, c\"\n3,b\n4,b\n5,\"a, c\"\n", ""));
    expect_in(classes.out, "\ntarget      kind\nclass rows  \"a, c\": 2, b: 3\n");
    outcome bare = run("shardprop check '%s'", config_of("1,2\n3,4.5\n5,6\n", "target = first"));
    expect_in(bare.out, "\ntarget      column 0\n");
    outcome several = run("shardprop check '%s'", config_of("x,p,q\n1,2,3.5\n3,4,5\n5,6,7\n", "target = q, p"));
    expect_in(several.out, "\ntargets     q, p\n");
    outcome many = run("shardprop check '%s'", config_of(people(100), ""));
    expect_in(many.out, "\nclass rows  20: 3, 21: 3, ");
    expect_in(many.out, ", ...\n");
    for (char *line = strtok(many.out, "\n"); line; line = strtok(NULL, "\n"))
        cr_expect_leq(strlen(line), 80, "%s", line);
}

/* ---- Values that are far from 1 ---- */

/* "x,y" with y from -25000 to 25000, and x as many times 1 as `scale` says. */
static char *far_away(double scale) {
    char *text = format_text("%0*d", 8000, 0), *at = text;
    at += sprintf(at, "x,y\n");
    for (int i = 0; i < 101; i++) at += sprintf(at, "%g,%d.5\n", scale * i / 100, 500 * (i - 50));
    return text;
}

Test(cli_newcomer, values_far_from_1_are_told_by_check_and_where_a_training_diverges) {
    static const char lr[] = "else the learning rate (10) is likely too high; lower optimizer.learning_rate";
    const char *config = config_of(far_away(3000), "");
    outcome checked = run("shardprop check '%s'", config);
    expect_in(checked.out, "deviation 1.46e+04;\n            set data.normalize_targets to "
                           "standard\n");
    expect_in(checked.out,
              "features    x has mean 1.5e+03, deviation 875;\n            set data.normalize to standard\n");
    outcome diverged = run("shardprop train '%s' -s optimizer.learning_rate=10", config);
    cr_expect_eq(diverged.status, 1);
    expect_in(diverged.err, ": set data.normalize_targets to standard; ");
    expect_in(diverged.err, "targets are as large as 2.");
    expect_in(diverged.err, "inputs are as large as ");
    expect_in(diverged.err, ": set data.normalize to standard; ");
    expect_in(diverged.err, lr);
    outcome normal = run("shardprop check '%s' -s data.normalize=standard -s data.normalize_targets=standard", config);
    expect_not_in(normal.out, "has mean");
    outcome targets = run("shardprop check '%s'", config_of(far_away(1), ""));
    expect_in(targets.out, "set data.normalize_targets to standard\n");
    expect_not_in(targets.out, "set data.normalize to standard\n");
}

/* ---- Files that are not there ---- */

static void expect_missing(const char *written, const char *path, const char *says) {
    const char *config = write_text("c.ini", format_text("[data]\n\ntrain = %s\n", written));
    outcome result = run("shardprop check '%s'", config);
    cr_expect_eq(result.status, 2);
    cr_expect_str_eq(result.err,
                     format_text("shardprop: %s: cannot be opened (No such file or directory), named by data.train of "
                                 "%s:3; %s\n",
                                 path, config, says));
}

Test(cli_newcomer, a_file_that_is_not_there_is_told_with_the_line_that_names_it) {
    expect_missing("no.csv", "no.csv", "name a file that can be read; its path is relative to the current folder");
    expect_missing("/no.csv", "/no.csv", "name a file that can be read");
    expect_missing("\"data/iris.csv\"", "\"data/iris.csv\"", "leave out the quotes around it");
    expect_missing("'data/iris.csv'", "'data/iris.csv'", "leave out the quotes around it");
    expect_missing("~/iris.csv", "~/iris.csv", "write the home folder out, for ~ stays as it is");
    const char *odd = write_text("rows #1.csv", "1,2,a\n3,4,b\n");
    expect_missing(odd, scratch_path("rows"), "a # or ; after a blank begins a comment, so rename that file");
    outcome start = run("shardprop check configs/iris.ini -s network.init_from=no.model");
    cr_expect_eq(start.status, 2);
    expect_in(start.err,
              "no.model: cannot be opened (No such file or directory), named by network.init_from of --set; ");
}

/* ---- Headings ---- */

Test(cli_newcomer, headings_that_are_numbers_are_found_by_their_target) {
    static const char says[] = "t.csv:1: the target 'y' of this first row is the only one that is no number; set "
                               "data.header to yes if the row names the columns, to no if it is one of the data\n";
    static const char *const tables[] = {"2019,2020,y\n1,2,0.5\n3,4,1.5\n5,6,2.5\n",
                                         "2019,2020,y\n1,2,0\n3,4,1\n5,6,0\n"};
    for (int i = 0; i < 2; i++) {
        outcome result = run("shardprop check '%s'", config_of(tables[i], ""));
        cr_expect_eq(result.status, 3);
        expect_in(result.err, says);
        cr_expect_eq(run("shardprop check '%s'", config_of(tables[i], "header = yes")).status, 0);
    }
    outcome data = run("shardprop check '%s'", config_of(tables[1], "header = no"));
    cr_expect_eq(data.status, 0, "%s", data.err);
    outcome texts = run("shardprop check '%s'", config_of("2019,2020,y\n1,2,a\n3,4,y\n5,6,y\n", ""));
    cr_expect_eq(texts.status, 0, "%s", texts.err);
}

Test(cli_newcomer, a_comma_behind_the_headings_is_named) {
    outcome result = run("shardprop check '%s'", config_of("a,b,y,\n1,2,3.5,\n3,4,5,\n", ""));
    cr_expect_eq(result.status, 3);
    expect_in(result.err, "t.csv:2: the target is empty: it is the last of 4 columns, which has no name (a comma ends "
                          "the first row); name the column to learn in data.target, and this one in data.ignore\n");
    cr_expect_eq(run("shardprop check '%s'", config_of("a,b,y,\n1,2,3.5,\n3,4,5,\n", "target = y\nignore = 3")).status,
                 0);
}

Test(cli_newcomer, other_headings_are_told_by_models_of_text_too) {
    outcome trained = run("shardprop train '%s' -q",
                          config_of("colour,size,y\nred,1,p\nblue,2,q\nred,3,p\nblue,4,q\n", "categorical = onehot"));
    cr_assert_eq(trained.status, 0, "%s", trained.err);
    const char *other = write_text("o.csv", "a,b,y\nred,1,p\n");
    outcome result = run("shardprop evaluate '%s' '%s'", scratch_path("run"), other);
    cr_expect_eq(result.status, 3);
    expect_in(result.err, "o.csv:1: has no column 'colour', which the model needs");
    outcome bare = run("shardprop evaluate '%s' '%s'", scratch_path("run"), write_text("b.csv", "red,1,p\nblue,2,q\n"));
    cr_expect_eq(bare.status, 0, "%s", bare.err);
}

/* ---- What is packed otherwise ---- */

Test(cli_newcomer, packings_that_are_not_read_are_named) {
    static const struct {
        const char *bytes, *says;
    } cases[] = {{"BZh91AY&SY", "(bzip2)"},
                 {"\xfd"
                  "7zXZ",
                  "(xz)"},
                 {"\x28\xb5\x2f\xfd ", "(zstd)"},
                 {"PK\3\4 ", "(zip, as xlsx is)"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome result = run("shardprop check '%s'", config_of(cases[i].bytes, ""));
        cr_expect_eq(result.status, 3);
        expect_in(result.err, format_text("t.csv: is packed %s; unpack it, or pack it with gzip\n", cases[i].says));
    }
}

/* ---- Folders with blanks ---- */

Test(cli_newcomer, the_readme_of_the_library_is_true_wherever_it_is_installed) {
    outcome installed =
        run("make -s -o all install BUILD=\"$(dirname %s)\" PREFIX='%s/my own'", SHARDPROP_PROGRAM, scratch());
    cr_assert_eq(installed.status, 0, "%s", installed.err);
    cr_expect(access(scratch_path("my own/bin/shardprop"), X_OK) == 0);
    cr_expect(access(scratch_path("my own/lib/libshardprop.a"), R_OK) == 0);
    cr_expect(access(scratch_path("my own/include/shardprop.h"), R_OK) == 0);
    expect_in(read_text(scratch_path("my own/lib/pkgconfig/shardprop.pc")),
              format_text("Cflags: -I\"%s/include\"\n", scratch_path("my own")));
    outcome built =
        run("sed -n '/^```c$/,/^```$/p' README.md | grep -v '^```' > '%s/main.c' && cc -std=c11 -Wall -Wextra "
            "-Werror -fsyntax-only -I'%s/my own/include' '%s/main.c'",
            scratch(), scratch(), scratch());
    cr_expect_eq(built.status, 0, "%s", built.err);
    outcome home =
        run("HOME='%s' make -s -o all install BUILD=\"$(dirname %s)\" PREFIX='~/local'", scratch(), SHARDPROP_PROGRAM);
    cr_expect_eq(home.status, 0, "%s", home.err);
    cr_expect(access(scratch_path("local/bin/shardprop"), X_OK) == 0);
}
