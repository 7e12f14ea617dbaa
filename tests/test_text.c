/* Numbers as text in any locale, near misses, lists of names. */
#include "base/random.h"
#include "base/text.h"
#include "support.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *text;
    double value;
} reals[] = {{"0", 0},       {"-1", -1},         {"+1.5", 1.5},    {".5", 0.5},       {"-.5", -0.5},
             {"5.", 5},      {"007", 7},         {"1e3", 1000},    {"1E-3", 0.001},   {"-2.5e+2", -250},
             {"3.25", 3.25}, {"1e308", 1e308},   {"1e-45", 1e-45}, {"inf", INFINITY}, {"-Inf", -INFINITY},
             {"0.1", 0.1},   {"1e999", INFINITY}};

static const char *const no_reals[] = {"",    " 1",    "1 ",  "\t1",      "1\n",    "1x",   "0x10",  "0x1p3", "1e",
                                       "1e+", ".",     "-",   "+-1",      "--1",    "1,5",  "1.2.3", "e5",    "1e2.5",
                                       "1-1", "1 000", "1'0", "infinity", "nan(1)", "nano", "1.5f",  "½"};

static void check_reals(void) {
    double value;
    for (size_t i = 0; i < COUNT(reals); i++) {
        cr_expect(sp_parse_real(reals[i].text, &value), "'%s'", reals[i].text);
        cr_expect_eq(value, reals[i].value, "'%s' is %g", reals[i].text, value);
    }
    for (size_t i = 0; i < COUNT(no_reals); i++)
        cr_expect_not(sp_parse_real(no_reals[i], &value), "'%s' is no number", no_reals[i]);
    cr_expect(sp_parse_real("NaN", &value) && isnan(value));
}

Test(text, reals_are_decimal_and_nothing_else) {
    check_reals();
}

Test(text, wholes_are_digits_and_nothing_else) {
    static const char *const no_wholes[] = {
        "", "-", "+", " 1", "1 ", "1.0", "1e3", "0x1", "+-1", "1_0", "9223372036854775808", "-9223372036854775809"};
    static const struct {
        const char *text;
        long long value;
    } wholes[] = {{"0", 0},
                  {"-7", -7},
                  {"+7", 7},
                  {"007", 7},
                  {"9223372036854775807", 9223372036854775807},
                  {"-9223372036854775808", -9223372036854775807 - 1}};
    long long value;
    for (size_t i = 0; i < COUNT(wholes); i++) {
        cr_expect(sp_parse_whole(wholes[i].text, &value), "'%s'", wholes[i].text);
        cr_expect_eq(value, wholes[i].value, "'%s'", wholes[i].text);
    }
    for (size_t i = 0; i < COUNT(no_wholes); i++)
        cr_expect_not(sp_parse_whole(no_wholes[i], &value), "'%s' is no whole number", no_wholes[i]);
}

static const struct {
    double value;
    const char *text;
} prints[] = {{0, "0"},
              {10, "10"},
              {-250, "-250"},
              {1000000, "1000000"},
              {20230101, "20230101"},
              {0.5, "0.5"},
              {0.1, "0.1"},
              {0.1f, "0.1"},
              {1.0f / 3, "0.33333334"},
              {1.0 / 3, "0.3333333333333333"},
              {1e22, "1e+22"},
              {1e-7, "1e-07"},
              {INFINITY, "inf"},
              {NAN, "nan"}};

static void check_prints(void) {
    char text[40];
    for (size_t i = 0; i < COUNT(prints); i++) {
        sp_print_real(prints[i].value, text, sizeof text);
        cr_expect_str_eq(text, prints[i].text);
    }
}

Test(text, numbers_print_short) {
    check_prints();
}

/* Numbers of any bits: every exponent, denormals among them. */
Test(text, printed_numbers_read_back_as_they_were) {
    char text[40];
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t half = (uint32_t)sp_random_below(1, SP_RANDOM_SAMPLE, i, 0, 1ull << 32);
        uint64_t whole = (uint64_t)half << 32 | sp_random_below(1, SP_RANDOM_SAMPLE, i, 1, 1ull << 32);
        float single;
        double value, again;
        memcpy(&single, &half, sizeof single);
        memcpy(&value, &whole, sizeof value);
        if (isnan(single) || isnan(value)) continue;
        sp_print_real(single, text, sizeof text);
        cr_assert(sp_parse_real(text, &again) && (float)again == single, "float32 %a as %s", (double)single, text);
        cr_assert_leq(strlen(text), 18, "model files leave room for no more: %s", text);
        sp_print_real(value, text, sizeof text);
        cr_assert(sp_parse_real(text, &again) && again == value, "float64 %a as %s", value, text);
    }
}

/* A locale that writes 1,5: one that is installed, else one made for this test. */
static bool use_decimal_comma(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR", "es_ES.UTF-8", "nl_NL.UTF-8"};
    for (size_t i = 0; i < COUNT(names); i++)
        if (setlocale(LC_ALL, names[i]) && *localeconv()->decimal_point == ',') return true;
    char command[400];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 '%s' >'%s' 2>&1", scratch_path("de_DE.UTF-8"),
             scratch_path("localedef-log"));
    if (system(command) != 0) return false;
    setenv("LOCPATH", scratch(), 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") && *localeconv()->decimal_point == ',';
}

Test(text, a_decimal_comma_of_the_locale_changes_nothing) {
    if (!use_decimal_comma()) cr_skip_test("no locale with a decimal comma, and localedef made none");
    char comma[8];
    snprintf(comma, sizeof comma, "%.1f", 1.5);
    cr_assert_str_eq(comma, "1,5", "the locale is in force");
    check_reals();
    check_prints();
}

Test(text, edit_distance) {
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},
                 {"", "abc", 3},
                 {"epochs", "epochs", 0},
                 {"Epochs", "epochs", 0},
                 {"epohcs", "epochs", 1},
                 {"EPOHCS", "epochs", 1},
                 {"lerning_rate", "learning_rate", 1},
                 {"kitten", "sitting", 3},
                 {"ca", "abc", 3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_expect_eq(sp_edit_distance(cases[i].a, cases[i].b), cases[i].distance, "%s, %s", cases[i].a, cases[i].b);
        cr_expect_eq(sp_edit_distance(cases[i].b, cases[i].a), cases[i].distance, "%s, %s", cases[i].b, cases[i].a);
    }
    char longest[66];
    memset(longest, 'x', 65);
    longest[65] = '\0';
    cr_expect_eq(sp_edit_distance(longest, ""), SIZE_MAX);
    cr_expect_eq(sp_edit_distance(longest + 1, ""), 64);
}

/* The table of the distances of all beginnings: insert, delete, replace, or swap two neighbours. */
static size_t distance_by_table(const char *a, const char *b) {
    enum { MOST = 64 };
    static size_t d[MOST + 1][MOST + 1];
    size_t n = strlen(a), m = strlen(b);
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++) {
            d[i][j] = i + j; /* by the border of the table, and more than any other way within */
            if (i == 0 || j == 0) continue;
            size_t ways[] = {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])};
            for (size_t k = 0; k < COUNT(ways); k++)
                if (ways[k] < d[i][j]) d[i][j] = ways[k];
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && d[i - 2][j - 2] + 1 < d[i][j]) d[i][j] = d[i - 2][j - 2] + 1;
        }
    return d[n][m];
}

Test(text, edit_distance_is_that_of_the_table) {
    for (uint64_t i = 0; i < 20000; i++) {
        char words[2][65];
        for (uint64_t w = 0; w < 2; w++) {
            uint64_t length = sp_random_below(1, SP_RANDOM_SAMPLE, i, w, i % 8 ? 10 : 65);
            for (uint64_t k = 0; k < length; k++)
                words[w][k] = (char)('a' + sp_random_below(2 + w, SP_RANDOM_SAMPLE, i, k, 1 + i % 4));
            words[w][length] = '\0';
        }
        cr_assert_eq(sp_edit_distance(words[0], words[1]), distance_by_table(words[0], words[1]), "%s, %s", words[0],
                     words[1]);
    }
}

Test(text, names_are_copies_in_order) {
    sp_names names = {0}, copy = {0};
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "n%d", i);
        cr_assert(sp_names_add(&names, name));
    }
    cr_assert(sp_names_add(&names, "n7"));
    cr_expect_eq(sp_names_find(&names, "n7"), 7, "the first of two");
    cr_expect_eq(sp_names_find(&names, "n99"), 99);
    cr_expect_eq(sp_names_find(&names, "N7"), SP_NOT_FOUND);
    cr_assert(sp_names_copy(&copy, &names));
    sp_names_clear(&names);
    cr_expect_eq(names.count, 0);
    cr_expect_eq(copy.count, 101);
    cr_expect_str_eq(copy.text[42], "n42");
    sp_names_clear(&copy);
}

/* Short numbers have a way of their own; it must round as strtod does. */
Test(text, short_numbers_are_correctly_rounded) {
    for (uint64_t i = 0; i < 200000; i++) {
        char number[40];
        double size = pow(10, (double)(i % 12) - 6);
        snprintf(number, sizeof number, "%.*f", (int)(i % 10),
                 (sp_random_uniform(1, SP_RANDOM_SAMPLE, i, 0) - 0.5) * size);
        double value;
        cr_assert(sp_parse_real(number, &value), "%s", number);
        cr_assert(value == strtod(number, NULL) && signbit(value) == signbit(strtod(number, NULL)), "%s: %.17g", number,
                  value);
    }
}

Test(text, a_middle_is_cut_out) {
    static const struct {
        const char *text;
        size_t most;
        const char *cut;
    } cases[] = {{"abcdefghij", 10, "abcdefghij"},
                 {"abcdefghij", 9, "abc...hij"},
                 {"abcdefghij", 8, "abc...ij"},
                 {"abcdefghij", 4, "a..."},
                 {"abcdefghij", 2, ".."},
                 {"abcdefghij", 0, ""},
                 {"", 0, ""},
                 {"a\xc3\xbc"
                  "bcdefgh\xc3\xbc",
                  7, "a...\xc3\xbc"},
                 {"abcdefghijklmnopqrst", 100, "abcdef...opqrst"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char cut[16];
        sp_cut_middle(cases[i].text, cases[i].most, cut, sizeof cut);
        cr_expect_str_eq(cut, cases[i].cut, "%s to %zu: %s", cases[i].text, cases[i].most, cut);
    }
}
