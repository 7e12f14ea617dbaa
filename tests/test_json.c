/* JSON out and in; nothing that a document says is believed. */
#include "base/json.h"
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *printed(sp_json *root) {
    char *text = keep(sp_json_print(root, false));
    sp_json_destroy(root);
    return text;
}

/* Parses from a copy with nothing behind it, so that reading too far is found. */
static sp_json *parsed(const char *text) {
    size_t length = strlen(text);
    char *copy = malloc(length + 1);
    memcpy(copy, text, length);
    copy = realloc(copy, length ? length : 1);
    sp_json *root = sp_json_parse(copy, length);
    free(copy);
    return root;
}

Test(json, members_stand_in_order_and_numbers_as_they_are) {
    sp_json *root = sp_json_object();
    cr_assert(sp_json_add_text(root, "text", "\"a\\b\"\n\x01 é"));
    cr_assert(sp_json_add_number(root, "real", 0.1));
    cr_assert(sp_json_add_number(root, "nan", NAN));
    cr_assert(sp_json_add_number(root, "inf", -INFINITY));
    cr_assert(sp_json_add_count(root, "bytes", 5000000000000));
    cr_assert(sp_json_add_counts(root, "shape", (size_t[]){784, 10}, 2));
    cr_assert(sp_json_add_text(sp_json_add_object(root, "inner"), "a", ""));
    sp_json *rows = sp_json_add_array(root, "rows");
    cr_assert(sp_json_append_counts(rows, (size_t[]){1, 2}, 2) && sp_json_append_counts(rows, NULL, 0));
    cr_assert(sp_json_add_count(sp_json_append_object(rows), "b", 3));
    cr_expect_str_eq(
        printed(root),
        "{\"text\":\"\\\"a\\\\b\\\"\\n\\u0001 é\",\"real\":0.1,\"nan\":null,\"inf\":null,"
        "\"bytes\":5000000000000,\"shape\":[784,10],\"inner\":{\"a\":\"\"},\"rows\":[[1,2],[],{\"b\":3}]}");
}

Test(json, what_is_added_to_nothing_is_noticed) {
    cr_expect_not(sp_json_add_text(NULL, "a", "b"));
    cr_expect_not(sp_json_add_number(NULL, "a", 1));
    cr_expect_not(sp_json_add_counts(NULL, "a", (size_t[]){1}, 1));
    cr_expect_null(sp_json_add_object(NULL, "a"));
}

Test(json, texts_come_back) {
    char *texts[] = {"", "a,b", "\"\\/\t", "日本"};
    char *text = printed(sp_json_texts(texts, 4));
    sp_json *root = parsed(text);
    cr_assert_eq(sp_json_items(root), 4);
    const sp_json *item = sp_json_first(root);
    for (int i = 0; i < 4; i++, item = sp_json_next(item)) cr_expect_str_eq(sp_json_text(item), texts[i]);
    cr_expect_null(item);
    sp_json_destroy(root);
}

/* To 15 digits at least; below 1e15, whole numbers exactly. */
Test(json, numbers_come_back) {
    const double numbers[] = {0.1, 1.0 / 3, 1e-300, 999999999999999, -123456.789, 5e-324, 4294967296};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sp_json *root = sp_json_object();
        double again = NAN;
        sp_json_add_number(root, "x", numbers[i]);
        char *text = printed(root);
        root = parsed(text);
        cr_expect(sp_json_number(sp_json_member(root, "x"), &again), "%s", text);
        cr_expect_leq(fabs(again - numbers[i]), 2.3e-16 * fabs(numbers[i]), "%s", text);
        if (numbers[i] == floor(numbers[i])) cr_expect_null(strpbrk(text, ".e"), "%s", text);
        sp_json_destroy(root);
    }
}

Test(json, getters_check_types) {
    sp_json *root = parsed(" {\"text\": \"1\", \"number\": 1, \"list\": [], \"Text\": null}\n ");
    double number = 7;
    cr_assert(sp_json_is_object(root));
    cr_expect_str_eq(sp_json_text(sp_json_member(root, "text")), "1");
    cr_expect_null(sp_json_text(sp_json_member(root, "Text")), "names are told apart by case");
    cr_expect_null(sp_json_text(sp_json_member(root, "number")));
    cr_expect_not(sp_json_number(sp_json_member(root, "text"), &number));
    cr_expect_eq(number, 7);
    cr_expect_not(sp_json_is_object(sp_json_member(root, "list")));
    cr_expect_null(sp_json_first(sp_json_member(root, "list")));
    cr_expect_str_eq(sp_json_name(sp_json_first(root)), "text");
    cr_expect_null(sp_json_member(root, "none"));
    cr_expect_null(sp_json_member(sp_json_member(root, "number"), "none"));
    sp_json_destroy(root);

    cr_expect_null(sp_json_member(NULL, "a"));
    cr_expect_null(sp_json_text(NULL));
    cr_expect_not(sp_json_number(NULL, &number));
    cr_expect_not(sp_json_is_object(NULL));
    cr_expect_eq(sp_json_items(NULL), 0);
    cr_expect_null(sp_json_first(NULL));
}

/* What a file of anybody says is a number before it is a size. */
Test(json, counts_are_what_a_double_tells_exactly) {
    sp_json *root =
        parsed("{\"rows\": 1438, \"most\": 9007199254740992, \"beyond\": 9007199254740994, \"huge\": 1e300, "
               "\"endless\": 1e999, \"less\": -1, \"text\": \"7\"}");
    cr_assert_not_null(root);
    cr_expect_eq(sp_json_count_of(root, "rows"), 1438);
    cr_expect_eq(sp_json_count_of(root, "most"), (size_t)1 << 53);
    static const char *const none[] = {"beyond", "huge", "endless", "less", "text", "missing"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        cr_expect_eq(sp_json_count_of(root, none[i]), 0, "%s", none[i]);
    cr_expect_eq(sp_json_number_of(root, "huge"), 1e300);
    cr_expect_eq(sp_json_number_of(root, "less"), -1);
    cr_expect(isnan(sp_json_number_of(root, "endless")));
    cr_expect(isnan(sp_json_number_of(root, "text")));
    cr_expect(isnan(sp_json_number_of(root, "missing")));
    cr_expect(isnan(sp_json_number_of(NULL, "rows")));
    cr_expect_eq(sp_json_count_of(NULL, "rows"), 0);
    sp_json_destroy(root);
}

Test(json, what_is_not_json_is_refused) {
    static const char *const bad[] = {
        "",     "{",          "}",      "{\"a\":1",          "{\"a\" 1}",   "{a:1}",
        "[1,2", "nope",       "\"open", "{\"a\":1}x",        "{} {}",       "{\"a\":}",
        "'a'",  "{\"a\":1,}", "[1,,2]", "{\"a\":\"\\u12\"}", "{\"a\":tru}", "{\"a\":\"\\"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sp_json *root = parsed(bad[i]);
        cr_expect_null(root, "'%s'", bad[i]);
        sp_json_destroy(root);
    }
}

Test(json, deep_nesting_is_refused) {
    enum { DEPTH = 1000000 };
    char *text = malloc(DEPTH + 1);
    memset(text, '[', DEPTH);
    text[DEPTH] = '\0';
    cr_expect_null(parsed(text));
    free(text);
}
