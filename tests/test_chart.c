/* Charts: what gnuplot makes of them, in every format, of any text and of numbers that are none. */
#include "base/filter.h"
#include "base/text.h"
#include "out/chart.h"
#include "out/markup.h"
#include "support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double one_two[] = {1, 2, 3, 4}, values[] = {0.5, 0.25, 0.125, 0.0625};

static sp_chart chart_of(const sp_series *series, size_t count) {
    return (sp_chart){.title = "Loss", .x_label = "epoch", .series = series, .series_count = count};
}

static char *drawn(const sp_chart *chart, sp_chart_format format) {
    char *bytes = NULL;
    size_t size = 0;
    sp_error error = {0};
    must(sp_chart_draw(chart, format, "c1", &bytes, &size, &error), error);
    cr_assert(size > 0);
    cr_assert_eq(bytes[size], '\0');
    return keep(bytes);
}

static size_t times(const char *text, const char *what) {
    size_t found = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) found++;
    return found;
}

Test(chart, png_has_the_size_that_is_asked_for) {
    const sp_series series = {.name = "train", .count = 4, .x = one_two, .y = values};
    sp_chart chart = chart_of(&series, 1);
    static const unsigned char begin[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13,
                                          'I',  'H', 'D', 'R', 0,    0,    0x01, 0x90, 0, 0, 0, 0xfa};
    chart.width = 400;
    chart.height = 250;
    cr_assert_arr_eq(drawn(&chart, SP_CHART_PNG), begin, sizeof begin);
}

Test(chart, svg_stands_alone_and_names_its_series) {
    const sp_series series[] = {{.name = "train", .count = 4, .x = one_two, .y = values},
                                {.name = "validation", .count = 4, .x = one_two, .y = one_two, .dashed = true}};
    sp_chart chart = chart_of(series, 2);
    const char *svg = drawn(&chart, SP_CHART_SVG);
    cr_assert_eq(strncmp(svg, "<?xml", 5), 0);
    cr_assert(strstr(svg, ">train<") && strstr(svg, ">validation<") && strstr(svg, ">Loss<") && strstr(svg, ">epoch<"));
}

Test(chart, of_a_page_takes_the_colours_and_keeps_its_names_to_itself) {
    const double spread[] = {0.1, 0.1, 0.1, 0.01};
    const sp_series series[] = {{.name = "a", .count = 4, .x = one_two, .y = values, .spread = spread},
                                {.name = "b", .count = 4, .x = one_two, .y = one_two, .colour = 8}};
    sp_chart chart = chart_of(series, 2);
    const char *svg = drawn(&chart, SP_CHART_PAGE);
    cr_assert_eq(strncmp(svg, "<svg ", 5), 0);
    cr_assert(strstr(svg, "aria-label=\"Loss\""));
    cr_assert(strstr(svg, "'var(--c1)'") && strstr(svg, "'var(--c8)'"));
    cr_assert(strstr(svg, "'var(--grid)'") && strstr(svg, "'var(--axis)'") && strstr(svg, "\"var(--ink)\""));
    cr_assert_null(strstr(svg, "rgb("), "a colour that the page does not choose");
    cr_assert_null(strstr(svg, " color='white'"));
    cr_assert_null(strstr(svg, "gnuplot_plot_1</title>"));
    cr_assert_eq(times(svg, " id="), times(svg, " id=\"c1") + times(svg, " id='c1"));
    cr_assert_eq(times(svg, "href='#"), times(svg, "href='#c1"));
}

Test(chart, names_are_data) {
    static const char name[] =
        "q'; set output 'x'\nplot '<touch x'\\ `touch x` @a $s0 50% </text><script>alert(1)</script>";
    static const char *const ticks[] = {"100%", "it's"};
    const sp_series series = {.name = "n'\n`date`", .count = 2, .y = values, .style = SP_CHART_BARS};
    sp_chart chart = {.title = name, .series = &series, .series_count = 1, .ticks = ticks, .tick_count = 2};
    const char *svg = drawn(&chart, SP_CHART_SVG);
    cr_assert(strstr(svg, "q'; set output 'x' plot '&lt;touch x'\\ `touch x` @a $s0 50% "), "%s", svg);
    cr_assert(strstr(svg, "100%<") && strstr(svg, "it's<") && strstr(svg, ">n' `date`<"));
    cr_assert_null(strstr(svg, "<script"));
    chart.title = "rgb(1,2,17) id=\"x\" <title>";
    svg = drawn(&chart, SP_CHART_PAGE);
    cr_assert(strstr(svg, "aria-label=\"rgb(1,2,17) id=&quot;x&quot; &lt;title&gt;\""));
}

Test(chart, text_of_a_page_is_not_taken_for_its_markup) {
    const sp_series series = {.count = 4, .x = one_two, .y = values};
    sp_chart chart = chart_of(&series, 1);
    chart.x_label = "'rgb(1,2,17)' href='#x' id=\"x";
    cr_assert(strstr(drawn(&chart, SP_CHART_PAGE), ">'rgb(1,2,17)' href='#x' id=\"x<"));
}

Test(chart, every_sign_stands_for_itself_wherever_it_is) {
    enum { SIGNS = '~' - '!' + 1 };
    sp_series series[SIGNS];
    sp_chart chart = {.series = series, .series_count = SIGNS, .width = 2000, .height = 2000};
    for (size_t i = 0; i < SIGNS; i++) {
        char c = (char)('!' + i);
        series[i] = (sp_series){.count = 4, .y = values};
        series[i].name = strchr("<&>", c) ? "escaped" : format_text("%c%c%c1%c7 %cx%c", c, c, c, c, c, c);
    }
    const char *svg = drawn(&chart, SP_CHART_SVG);
    for (size_t i = 0; i < SIGNS; i++)
        cr_assert(strstr(svg, format_text(">%s<", series[i].name)), "%s", series[i].name);
}

Test(chart, names_that_are_no_text_or_too_long_are_shown_as_far_as_they_go) {
    char name[200];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const sp_series series[] = {{.name = name, .count = 4, .x = one_two, .y = values},
                                {.name = "bad\xff\x01name", .count = 4, .x = one_two, .y = values}};
    sp_chart chart = chart_of(series, 2);
    const char *svg = drawn(&chart, SP_CHART_SVG);
    cr_assert(sp_is_utf8(svg));
    cr_assert(strstr(svg, "nnn...<"));
    cr_assert_null(strstr(svg, name));
    cr_assert(strstr(svg, "bad? name<"));
}

/* How often a line begins anew. */
static size_t strokes(const double *y, size_t count) {
    const sp_series series = {.count = count, .y = y, .dashed = true};
    sp_chart chart = chart_of(&series, 1);
    const char *line = strstr(drawn(&chart, SP_CHART_PAGE), "stroke='var(--c1)'");
    cr_assert(line);
    const char *end = strstr(line, "/>");
    cr_assert(end);
    return times(format_text("%.*s", (int)(end - line), line), "M");
}

Test(chart, a_number_that_is_none_is_a_gap) {
    const double whole[] = {1, 2, 3, 4, 5, 6}, broken[] = {1, 2, NAN, 4, 5, 6}, far[] = {1, 2, INFINITY, 4, 5, 6};
    cr_assert_eq(strokes(whole, 6), 1);
    cr_assert_eq(strokes(broken, 6), 2);
    cr_assert_eq(strokes(far, 6), 2);
}

Test(chart, without_a_point_says_so) {
    const double none[] = {NAN, -INFINITY, NAN, NAN}, below[] = {-1, 0, -2, -3};
    const sp_series series[] = {{.name = "a", .count = 4, .y = none}, {.name = "b", .count = 0, .y = NULL}};
    const sp_series negative = {.name = "a", .count = 4, .y = below};
    sp_chart empty = {0}, undefined = chart_of(series, 2), no_log = chart_of(&negative, 1);
    no_log.log_y = 10;
    cr_assert(strstr(drawn(&empty, SP_CHART_SVG), ">no data<"));
    cr_assert(strstr(drawn(&undefined, SP_CHART_SVG), ">no data<"));
    cr_assert(strstr(drawn(&no_log, SP_CHART_SVG), ">no data<"));
    no_log.log_y = 0;
    cr_assert_null(strstr(drawn(&no_log, SP_CHART_SVG), ">no data<"));
}

Test(chart, one_point_and_equal_points_are_drawn) {
    const double equal[] = {2, 2, 2, 2};
    const sp_series one = {.name = "a", .count = 1, .x = one_two, .y = values}, level = {.count = 4, .y = equal};
    sp_chart chart = chart_of(&one, 1), flat = chart_of(&level, 1);
    cr_assert(strstr(drawn(&chart, SP_CHART_PAGE), "gpPt6' transform"));
    cr_assert(strstr(drawn(&flat, SP_CHART_PAGE), "var(--c1)"));
}

Test(chart, bars_stand_on_each_other_or_side_by_side) {
    static const char *const ticks[] = {"1", "2"};
    const double a[] = {1, 2}, b[] = {2, 2};
    sp_series series[] = {{.name = "a", .count = 2, .y = a, .style = SP_CHART_STACKED},
                          {.name = "b", .count = 2, .y = b, .style = SP_CHART_STACKED}};
    sp_chart chart = {.series = series, .series_count = 2, .ticks = ticks, .tick_count = 2};
    cr_assert(strstr(drawn(&chart, SP_CHART_SVG), ">4<"), "the highest stack is 4");
    series[0].style = series[1].style = SP_CHART_BARS;
    cr_assert_null(strstr(drawn(&chart, SP_CHART_SVG), ">4<"));
}

Test(chart, as_text_fits_the_terminal) {
    const sp_series series = {.name = "training", .count = 4, .x = one_two, .y = values};
    sp_chart chart = chart_of(&series, 1);
    chart.width = 60;
    chart.height = 15;
    char *text = drawn(&chart, SP_CHART_TEXT);
    cr_assert(strstr(text, "Loss") && strstr(text, "training") && strstr(text, "epoch"));
    cr_assert_null(strchr(text, '\033'));
    cr_assert(lines_of(text) <= 17, "%s", text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) cr_assert(strlen(line) <= 60, "%s", line);
    cr_assert(strchr(drawn(&chart, SP_CHART_COLOUR_TEXT), '\033'));
}

Test(chart, does_not_depend_on_the_locale) {
    const sp_series series = {.name = "a", .count = 4, .x = values, .y = values};
    sp_chart chart = chart_of(&series, 1);
    const char *plain = drawn(&chart, SP_CHART_SVG);
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is such a locale */
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    const char *german = drawn(&chart, SP_CHART_SVG);
    setlocale(LC_ALL, "C");
    unsetenv("LC_ALL");
    cr_assert_str_eq(plain, german);
}

Test(chart, without_gnuplot_names_the_package) {
    const sp_series series = {.count = 4, .y = values};
    sp_chart chart = chart_of(&series, 1);
    char *bytes;
    size_t size;
    sp_error error = {0};
    char *path = format_text("%s", getenv("PATH"));
    setenv("PATH", scratch(), 1);
    cr_assert_eq(sp_chart_draw(&chart, SP_CHART_SVG, NULL, &bytes, &size, &error), SP_FAILED);
    setenv("PATH", path, 1);
    cr_assert(strstr(error.text, "gnuplot-nox"), "%s", error.text);
    cr_assert_eq(error.faults, 1);
}

Test(chart, a_gnuplot_that_fails_is_told_with_its_own_words) {
    const sp_series series = {.count = 4, .y = values};
    sp_chart chart = chart_of(&series, 1);
    sp_error error = {0};
    char *path = format_text("%s", getenv("PATH"));
    write_text("gnuplot", "#!/bin/sh\necho begun >&2\necho '   out of ink' >&2\nexit 3\n");
    cr_assert_eq(run("chmod +x '%s'", scratch_path("gnuplot")).status, 0);
    setenv("PATH", format_text("%s:%s", scratch(), path), 1);
    cr_assert_eq(sp_chart_write(&chart, SP_CHART_SVG, scratch_path("out.svg"), &error), SP_FAILED);
    setenv("PATH", path, 1);
    cr_assert(strstr(error.text, "status 3") && strstr(error.text, "(out of ink)"), "%s", error.text);
    cr_assert_eq(run("test -e '%s'", scratch_path("out.svg")).status, 1);
}

Test(chart, files_are_written) {
    const sp_series series = {.count = 4, .y = values};
    sp_chart chart = chart_of(&series, 1);
    sp_error error = {0};
    must(sp_chart_write(&chart, SP_CHART_SVG, scratch_path("out.svg"), &error), error);
    cr_assert_str_eq(read_text(scratch_path("out.svg")), drawn(&chart, SP_CHART_SVG));
    cr_assert_neq(sp_chart_write(&chart, SP_CHART_SVG, scratch_path("no/such/out.svg"), &error), SP_OK);
}

/* ---- What charts rest on ------------------------------------------------------------------------- */

Test(filter, hands_over_any_amount_and_takes_it_back) {
    enum { SIZE = 3 << 20 };
    static const char *const cat[] = {"cat", NULL};
    char *input = keep(malloc(SIZE));
    for (size_t i = 0; i < SIZE; i++) input[i] = (char)(i * 2654435761u >> 13);
    sp_filtered filtered;
    sp_error error = {0};
    must(sp_filter(cat, input, SIZE, &filtered, &error), error);
    keep(filtered.output);
    cr_assert_eq(filtered.exit, 0);
    cr_assert_eq(filtered.size, SIZE);
    cr_assert_arr_eq(filtered.output, input, SIZE);
}

Test(filter, tells_how_a_program_ended) {
    static const char *const fails[] = {"sh", "-c", "echo one; echo two >&2; exit 7", NULL};
    static const char *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
    static const char *const deaf[] = {"true", NULL}, *const none[] = {"no-such-program", NULL};
    const char *forbidden[] = {write_text("no-program", "text"), NULL};
    char input[1 << 18] = "x";
    sp_filtered filtered;
    sp_error error = {0};
    must(sp_filter(fails, "", 0, &filtered, &error), error);
    cr_assert_eq(filtered.exit, 7);
    cr_assert_str_eq(keep(filtered.output), "one\n");
    cr_assert_str_eq(filtered.complaint, "two");
    must(sp_filter(killed, "", 0, &filtered, &error), error);
    keep(filtered.output);
    cr_assert_eq(filtered.exit, 128 + 9);
    must(sp_filter(deaf, input, sizeof input, &filtered, &error), error);
    keep(filtered.output);
    cr_assert_eq(filtered.exit, 0);
    must(sp_filter(none, "", 0, &filtered, &error), error);
    cr_assert_eq(filtered.exit, SP_PROCESS_MISSING);
    cr_assert_str_eq(keep(filtered.output), "");
    must(sp_filter(forbidden, "", 0, &filtered, &error), error);
    cr_assert_eq(filtered.exit, SP_PROCESS_MISSING);
    cr_assert_str_eq(keep(filtered.output), "");
}

static const char *escaped(const char *text) {
    char *result = NULL;
    size_t size = 0;
    FILE *page = open_memstream(&result, &size);
    sp_put_escaped(page, text);
    fclose(page);
    return keep(result);
}

Test(markup, text_is_shown_as_it_is) {
    cr_assert_str_eq(escaped("a<b>&\"c' \xc3\xbc\n"), "a&lt;b&gt;&amp;&quot;c&#39; \xc3\xbc\n");
    cr_assert_str_eq(escaped("\x01"), "\xef\xbf\xbd");
    cr_assert_str_eq(escaped("a\xff"
                             "b\xc3"),
                     "a\xef\xbf\xbd"
                     "b\xef\xbf\xbd");
    cr_assert_str_eq(escaped("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "half a surrogate");
    cr_assert_str_eq(escaped("\xf0\x9f\x98\x80\xf4\x90\x80\x80"),
                     "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    cr_assert_str_eq(escaped("\xe2\x82\xac\xe0\x80\xaf"), "\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

/* RFC 4648, section 10. */
Test(markup, base64_is_that_of_the_standard) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *result = NULL;
        size_t size = 0;
        FILE *page = open_memstream(&result, &size);
        sp_put_base64(page, pairs[i][0], strlen(pairs[i][0]));
        fclose(page);
        cr_assert_str_eq(keep(result), pairs[i][1]);
    }
}
