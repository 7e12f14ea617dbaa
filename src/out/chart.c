#include "out/chart.h"

#include "base/error.h"
#include "base/file.h"
#include "base/filter.h"
#include "base/stream.h"
#include "base/text.h"
#include "out/chart_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Few enough points to be shown one by one; characters of a name that are shown. */
enum { FEW = 40, LONGEST_NAME = 60, TEXT_SIZE = 40 };

/* Of about one lightness each, so that none stands out; told apart by the colour-blind, too. */
static const char *const colours[2][SP_CHART_COLOURS] = {
    {"#2563c9", "#d1570f", "#12805c", "#a62f8c", "#8a6a00", "#0a7f99", "#c02b3e", "#5b6270"},
    {"#6ea8ff", "#ff9d57", "#4fcf9f", "#e889d2", "#dcb840", "#4cc9e4", "#ff7f8b", "#aab2c0"}};

const char *sp_chart_colour(size_t colour, bool on_black) {
    return colours[on_black][(colour + SP_CHART_COLOURS - 1) % SP_CHART_COLOURS];
}

/* ---- Words of the script ----------------------------------------------------------------------- */

static bool is_word(unsigned char c) {
    return c == ' ' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/*
 * Between double quotes, and every sign by its number: whatever has a meaning to gnuplot (quotes, a backslash, the
 * backquotes of a command) has none here (four digits, that those of the text stay apart). What is no character to
 * print becomes a blank, what is not UTF-8 a question mark; `formatted`: where a '%' would begin a format.
 */
static void put_text(FILE *script, const char *text, bool formatted) {
    bool good = sp_is_utf8(text);
    size_t shown = 0;
    fputc('"', script);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        shown += (*c & 0xc0) != 0x80; /* not for the bytes behind a character's first */
        if (shown > LONGEST_NAME) {
            fputs("...", script);
            break;
        }
        if (*c < 0x20 || *c == 0x7f)
            fputc(' ', script);
        else if (*c >= 0x80)
            fputc(good ? *c : '?', script);
        else if (is_word(*c))
            fputc(*c, script);
        else
            fprintf(script, "%s\\%04o", formatted && *c == '%' ? "%" : "", *c);
    }
    fputc('"', script);
}

static void put_number(FILE *script, double value) {
    char text[TEXT_SIZE] = "NaN";
    if (isfinite(value)) sp_print_real(value, text, sizeof text);
    fprintf(script, " %s", text);
}

static bool is_text(sp_chart_format format) {
    return format == SP_CHART_TEXT || format == SP_CHART_COLOUR_TEXT;
}

static void put_ink(FILE *script, sp_chart_format format, sp_page_ink ink, const char *on_white) {
    if (format == SP_CHART_PAGE)
        fprintf(script, " rgb '#0102%02x'", (unsigned)ink);
    else if (!is_text(format))
        fprintf(script, " rgb '%s'", on_white);
}

static size_t colour_of(const sp_chart *chart, size_t series) {
    return chart->series[series].colour > 0 ? chart->series[series].colour : series + 1;
}

/* " lc rgb COLOUR" of a series; text has a letter for each instead. */
static void put_colour(FILE *script, const sp_chart *chart, size_t series, sp_chart_format format) {
    size_t colour = colour_of(chart, series);
    if (is_text(format) && chart->key_below) {
        fprintf(script, " lc rgb '#01%02zx%02zx'", colour >> 8 & 0xff, colour & 0xff);
        return;
    }
    if (is_text(format)) {
        fprintf(script, " lt %zu", 1 + (colour - 1) % SP_CHART_COLOURS);
        return;
    }
    fputs(" lc", script);
    put_ink(script, format, SP_PAGE_SERIES + (sp_page_ink)((colour - 1) % SP_CHART_COLOURS),
            sp_chart_colour(colour, false));
}

/* ---- Data -------------------------------------------------------------------------------------- */

static bool is_shown(const sp_chart *chart, const sp_series *series, size_t i) {
    double x = series->x ? series->x[i] : (double)i, y = series->y[i];
    return isfinite(x) && isfinite(y) && (x > 0 || !chart->log_x) && (y > 0 || !chart->log_y);
}

static size_t points_shown(const sp_chart *chart, const sp_series *series) {
    size_t shown = 0;
    for (size_t i = 0; i < series->count; i++) shown += is_shown(chart, series, i);
    return shown;
}

static size_t count_of(const sp_chart *chart, sp_chart_style style, size_t before) {
    size_t count = 0;
    for (size_t s = 0; s < before; s++) count += chart->series[s].style == style;
    return count;
}

/* Where the bar of a point stands: several series share the room between two whole numbers. */
static double shift_of(const sp_chart *chart, size_t series) {
    double bars = (double)count_of(chart, SP_CHART_BARS, chart->series_count);
    if (chart->series[series].style != SP_CHART_BARS) return 0;
    return ((double)count_of(chart, SP_CHART_BARS, series) - (bars - 1) / 2) * 0.8 / bars;
}

/* What the stack has come to with this series. */
static double height_of(const sp_chart *chart, size_t series, size_t i) {
    double sum = chart->series[series].y[i];
    if (chart->series[series].style != SP_CHART_STACKED) return sum;
    for (size_t s = 0; s < series; s++)
        if (chart->series[s].style == SP_CHART_STACKED && i < chart->series[s].count && isfinite(chart->series[s].y[i]))
            sum += chart->series[s].y[i];
    return sum;
}

static void put_data(FILE *script, const sp_chart *chart, size_t series) {
    const sp_series *s = &chart->series[series];
    fprintf(script, "$s%zu << END\n", series);
    for (size_t i = 0; i < s->count; i++) {
        double spread = s->spread && isfinite(s->spread[i]) ? s->spread[i] : 0;
        put_number(script, (s->x ? s->x[i] : (double)i) + shift_of(chart, series));
        put_number(script, is_shown(chart, s, i) ? height_of(chart, series, i) : NAN);
        if (s->spread) put_number(script, is_shown(chart, s, i) ? spread : NAN);
        fputc('\n', script);
    }
    fputs("END\n", script);
}

/* ---- The script -------------------------------------------------------------------------------- */

static void put_terminal(FILE *script, const sp_chart *chart, sp_chart_format format) {
    static const struct {
        const char *name, *settings;
        unsigned width, height;
    } terminals[] = {{"pngcairo", "font 'sans,11' background rgb '#ffffff'", 800, 480},
                     {"svg", "dynamic font 'sans-serif,13' background rgb '#ffffff'", 640, 400},
                     {"svg", "dynamic font 'sans-serif,13'", 440, 280},
                     {"dumb", "mono", 79, 20},
                     {"dumb", "ansi", 79, 20}};
    const char *settings = is_text(format) && chart->key_below ? "ansirgb" : terminals[format].settings;
    fprintf(script, "set encoding utf8\nset terminal %s noenhanced size %u,%u %s\n", terminals[format].name,
            chart->width > 0 ? chart->width : terminals[format].width,
            chart->height > 0 ? chart->height : terminals[format].height, settings);
}

static void put_label(FILE *script, sp_chart_format format, const char *what, const char *text) {
    if (!text) return;
    fprintf(script, "set %s ", what);
    put_text(script, text, false);
    if (!is_text(format)) fputs(" textcolor", script);
    put_ink(script, format, SP_PAGE_INK, "#222222");
    fputc('\n', script);
}

static void put_frame(FILE *script, sp_chart_format format) {
    if (is_text(format)) {
        fputs("set border 3\nset tics nomirror\n", script);
        return;
    }
    fputs("set border 3 lw 1 lc", script);
    put_ink(script, format, SP_PAGE_AXIS, "#888888");
    fputs("\nset tics nomirror scale 0.5 textcolor", script);
    put_ink(script, format, SP_PAGE_INK, "#222222");
    fputs("\nset grid lt 1 lw 1 lc", script);
    put_ink(script, format, SP_PAGE_GRID, "#e6e6e6");
    fputs("\nset grid back\nset key textcolor", script);
    put_ink(script, format, SP_PAGE_INK, "#222222");
    fputc('\n', script);
}

static void put_ticks(FILE *script, const sp_chart *chart) {
    if (chart->ticks) {
        fputs("set xtics (", script);
        for (size_t i = 0; i < chart->tick_count; i++) {
            fputs(i > 0 ? ", " : "", script);
            put_text(script, chart->ticks[i], true);
            fprintf(script, " %zu", i);
        }
        fprintf(script, ")\nset xrange [-0.6:%zu.6]\n", chart->tick_count > 0 ? chart->tick_count - 1 : 0);
    }
    if (chart->log_x) fprintf(script, "set logscale x %u\n", chart->log_x);
    if (chart->log_y) fprintf(script, "set logscale y %u\n", chart->log_y);
    fputs("set format '%g'\n", script);
}

/* Steps of one where numbers are few, so that no tick stands at two and a half. */
static void put_whole(FILE *script, const sp_chart *chart) {
    double least = INFINITY, most = -INFINITY;
    for (size_t s = 0; s < chart->series_count; s++)
        for (size_t i = 0; i < chart->series[s].count; i++) {
            if (!is_shown(chart, &chart->series[s], i)) continue;
            double x = chart->series[s].x ? chart->series[s].x[i] : (double)i;
            least = x < least ? x : least;
            most = x > most ? x : most;
        }
    if (chart->whole_x && !chart->log_x && !chart->ticks && most - least < 8) fputs("set xtics 1\n", script);
    if (least == most && !chart->log_x && !chart->ticks) {
        fputs("set xrange [", script);
        put_number(script, least - 1);
        fputs(":", script);
        put_number(script, most + 1);
        fputs("]\n", script);
    }
}

static void put_ranges(FILE *script, const sp_chart *chart) {
    put_whole(script, chart);
    if (chart->y_from < chart->y_to) {
        fputs("set yrange [", script);
        put_number(script, chart->y_from);
        fputs(":", script);
        put_number(script, chart->y_to);
        fputs("]\n", script);
    } else if (!chart->log_y && (count_of(chart, SP_CHART_BARS, chart->series_count) > 0 ||
                                 count_of(chart, SP_CHART_STACKED, chart->series_count) > 0)) {
        fputs("set yrange [0:*]\n", script);
    }
}

static void put_series(FILE *script, const sp_chart *chart, size_t series, sp_chart_format format) {
    const sp_series *s = &chart->series[series];
    size_t bars = count_of(chart, SP_CHART_BARS, chart->series_count);
    bool points = points_shown(chart, s) <= FEW && !s->dashed;
    fprintf(script, "$s%zu using 1:2", series);
    switch (s->style) {
    case SP_CHART_LINES:
        fputs(points && !is_text(format) ? " with linespoints pt 7 ps 0.4" : " with lines", script);
        break;
    case SP_CHART_POINTS: fputs(" with points pt 7 ps 0.6", script); break;
    case SP_CHART_BARS:
        fputs(":(", script);
        put_number(script, 0.8 / (double)bars);
        fputs(") with boxes fs solid noborder", script);
        break;
    case SP_CHART_STACKED: fputs(":(0.7) with boxes fs solid noborder", script); break;
    }
    put_colour(script, chart, series, format);
    if (s->style == SP_CHART_LINES && !is_text(format)) fprintf(script, " lw 1.8 dt %d", s->dashed ? 2 : 1);
    fputs(" title ", script);
    put_text(script, s->name ? s->name : "", false);
    if (s->spread) {
        fprintf(script, ", \\\n  $s%zu using 1:($2-$3):(0):(2*$3) with vectors heads size screen 0.006,90", series);
        put_colour(script, chart, series, format);
        fputs(" lw 1 dt 1 notitle", script);
    }
}

static void put_plot(FILE *script, const sp_chart *chart, sp_chart_format format) {
    size_t drawn = 0;
    fputs("plot ", script);
    /* The last first: of a stack the lower parts cover what the higher ones come to. */
    for (size_t i = chart->series_count; i-- > 0;)
        if (chart->series[i].style == SP_CHART_STACKED && points_shown(chart, &chart->series[i]) > 0) {
            fputs(drawn++ > 0 ? ", \\\n  " : "", script);
            put_series(script, chart, i, format);
        }
    for (size_t i = 0; i < chart->series_count; i++)
        if (chart->series[i].style != SP_CHART_STACKED && points_shown(chart, &chart->series[i]) > 0) {
            fputs(drawn++ > 0 ? ", \\\n  " : "", script);
            put_series(script, chart, i, format);
        }
    if (drawn == 0) fputs("NaN notitle", script);
    fputc('\n', script);
}

static void put_script(FILE *script, const sp_chart *chart, sp_chart_format format) {
    bool empty = true;
    for (size_t s = 0; s < chart->series_count; s++) empty = empty && points_shown(chart, &chart->series[s]) == 0;
    put_terminal(script, chart, format);
    put_frame(script, format);
    if (format != SP_CHART_PAGE) put_label(script, format, "title", chart->title);
    put_label(script, format, "xlabel", chart->x_label);
    put_label(script, format, "ylabel", chart->y_label);
    bool key = !chart->no_key && format != SP_CHART_PAGE && !(is_text(format) && chart->key_below);
    fputs(!key ? "unset key\n" : is_text(format) ? "set key top right\n" : "set key below\n", script);
    if (empty) {
        put_label(script, format, "label 1 at graph 0.5,0.5 center", "no data");
        fputs("unset tics\nset xrange [0:1]\nset yrange [0:1]\n", script);
    } else {
        put_ticks(script, chart);
        put_ranges(script, chart);
        for (size_t s = 0; s < chart->series_count; s++) put_data(script, chart, s);
    }
    put_plot(script, chart, format);
}

/* ---- Drawing ----------------------------------------------------------------------------------- */

static sp_status run_gnuplot(const char *const *arguments, const char *script, size_t script_size, char **bytes,
                             size_t *size, sp_error *error) {
    sp_filtered drawn;
    sp_status status = sp_filter(arguments, script, script_size, &drawn, error);
    if (status) return status;
    if (drawn.exit == 0 && drawn.size > 0) {
        *bytes = drawn.output;
        *size = drawn.size;
        return SP_OK;
    }
    free(drawn.output);
    if (drawn.exit == SP_PROCESS_MISSING)
        return sp_fail(error, SP_FAILED,
                       "gnuplot: is not found, and draws the charts; install it (on Debian or Ubuntu: the package "
                       "gnuplot-nox)");
    return sp_fail(error, SP_FAILED, "gnuplot: failed with status %d (%s); see whether `gnuplot --version` works",
                   drawn.exit, *drawn.complaint ? drawn.complaint : "it says nothing");
}

/* Takes away the page feed that gnuplot begins with, and blanks at the ends of lines. */
static void tidy(char *text, size_t *size) {
    size_t used = 0;
    for (size_t i = 0; i < *size; i++) {
        if (text[i] == '\f') continue;
        while (text[i] == '\n' && used > 0 && text[used - 1] == ' ') used--;
        if (text[i] != '\n' || used > 0) text[used++] = text[i];
    }
    text[used] = '\0';
    *size = used;
}

/*
 * Gnuplot has no more than seven signs for the lines of text, and with colours none that differ. So it draws each
 * series in a colour that is its number, and all that has it becomes the letter of that.
 */
static char letter_of(size_t colour) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return letters[(colour - 1) % (sizeof letters - 1)];
}

/* The terminal's own colours, from red to cyan. */
static void put_letter(FILE *text, size_t colour, bool coloured) {
    if (coloured)
        fprintf(text, "\033[%zum%c\033[39m", 31 + (colour - 1) % 6, letter_of(colour));
    else
        fputc(letter_of(colour), text);
}

/* Behind the command of the terminal at `at`; *colour: that it chose, 0: another than that of a series. */
static const char *read_command(const char *at, size_t *colour) {
    unsigned high, low;
    *colour = sscanf(at, "\033[38;2;1;%u;%um", &high, &low) == 2 ? high << 8 | low : 0;
    at += strcspn(at, "m");
    return *at ? at + 1 : at;
}

static void put_letters(FILE *text, const char *drawn, bool coloured) {
    size_t colour = 0;
    while (*drawn) {
        if (*drawn == '\033') {
            drawn = read_command(drawn, &colour);
            continue;
        }
        if (colour > 0 && *drawn != ' ' && *drawn != '\n')
            put_letter(text, colour, coloured);
        else
            fputc(*drawn, text);
        drawn++;
    }
}

/* "  a  NAME", cut to the chart's width. */
static void put_name(FILE *text, const sp_chart *chart, size_t series, bool coloured) {
    char name[512];
    const sp_series *s = &chart->series[series];
    size_t room = chart->width > 10 ? chart->width - 5 : 5;
    if (!s->name || points_shown(chart, s) == 0) return;
    sp_cut_middle(s->name, room, name, sizeof name);
    bool good = sp_is_utf8(name);
    fputs("  ", text);
    put_letter(text, colour_of(chart, series), coloured);
    fputs("  ", text);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        fputc(*c < 0x20 || *c == 0x7f ? ' ' : *c >= 0x80 && !good ? '?' : *c, text);
    fputc('\n', text);
}

/* Takes the place of what was drawn. */
static sp_status put_key_below(const sp_chart *chart, bool coloured, char **bytes, size_t *size, sp_error *error) {
    char *whole = NULL;
    size_t length = 0;
    FILE *text = sp_stream_into_memory(&whole, &length);
    if (!text) return sp_fail_memory(error, "a chart", *size);
    put_letters(text, *bytes, coloured);
    for (size_t s = 0; s < chart->series_count; s++) put_name(text, chart, s, coloured);
    bool good = !ferror(text);
    if (fclose(text) != 0 || !good) {
        free(whole);
        return sp_fail_memory(error, "a chart", length);
    }
    free(*bytes);
    *bytes = whole;
    *size = length;
    return SP_OK;
}

static sp_status finish_text(const sp_chart *chart, bool coloured, char **bytes, size_t *size, sp_error *error) {
    sp_status status = chart->key_below ? put_key_below(chart, coloured, bytes, size, error) : SP_OK;
    if (status)
        free(*bytes);
    else
        tidy(*bytes, size);
    return status;
}

sp_status sp_chart_draw(const sp_chart *chart, sp_chart_format format, const char *prefix, char **bytes, size_t *size,
                        sp_error *error) {
    /* As it comes, without the settings that the user has for work of their own. */
    static const char *const gnuplot[] = {"gnuplot", "--default-settings", NULL};
    char *text = NULL;
    size_t length = 0;
    FILE *script = sp_stream_into_memory(&text, &length);
    if (!script) return sp_fail_memory(error, "a chart", 0);
    put_script(script, chart, format);
    bool good = !ferror(script);
    sp_status status = fclose(script) == 0 && good ? SP_OK : sp_fail_memory(error, "a chart", length);
    if (!status) status = run_gnuplot(gnuplot, text, length, bytes, size, error);
    free(text);
    if (!status && format == SP_CHART_PAGE) status = sp_page_chart(chart->title, prefix, bytes, size, error);
    if (!status && is_text(format)) return finish_text(chart, format == SP_CHART_COLOUR_TEXT, bytes, size, error);
    return status;
}

sp_status sp_chart_write(const sp_chart *chart, sp_chart_format format, const char *path, sp_error *error) {
    char *bytes;
    size_t size;
    sp_output *output;
    sp_status status = sp_chart_draw(chart, format, NULL, &bytes, &size, error);
    if (status) return status;
    status = sp_output_open(path, &output, error);
    if (!status) {
        sp_output_write(output, bytes, size);
        status = sp_output_commit(output, error);
    }
    free(bytes);
    return status;
}

sp_status sp_chart_check(sp_error *error) {
    static const char *const gnuplot[] = {"gnuplot", "--version", NULL};
    char *bytes = NULL;
    size_t size;
    sp_status status = run_gnuplot(gnuplot, "", 0, &bytes, &size, error);
    if (!status) free(bytes);
    return status;
}
