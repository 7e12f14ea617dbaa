#include "out/page.h"

#include "base/error.h"
#include "base/file.h"
#include "base/stream.h"
#include "out/markup.h"
#include "out/page_style.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PATH = 4096, TEXT = 4096 };

/* ---- Words -------------------------------------------------------------------------------------- */

void sp_page_markup(sp_page *page, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(page->stream, format, arguments);
    va_end(arguments);
}

void sp_page_text(sp_page *page, const char *format, ...) {
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sp_put_escaped(page->stream, text);
}

static void put_real(sp_page *page, const char *format, int digits, double value) {
    char text[64];
    snprintf(text, sizeof text, format, digits, value);
    char *comma = strchr(text, ','); /* a locale's decimal comma */
    if (comma) *comma = '.';
    fputs(text, page->stream);
}

void sp_page_number(sp_page *page, double value, int digits) {
    if (isnan(value))
        fputs("&ndash;", page->stream);
    else if (fabs(value) < 1e15 && floor(value) == value)
        put_real(page, "%.*f", 0, value);
    else
        put_real(page, "%.*g", digits, value);
}

void sp_page_fixed(sp_page *page, double value, int decimals) {
    if (isnan(value))
        fputs("&ndash;", page->stream);
    else
        put_real(page, "%.*f", decimals, value);
}

void sp_page_share(sp_page *page, double share) {
    if (isnan(share)) {
        fputs("&ndash;", page->stream);
        return;
    }
    put_real(page, "%.*f", 2, 100 * share);
    fputs("&nbsp;%", page->stream);
}

void sp_page_duration(sp_page *page, double seconds) {
    if (isnan(seconds))
        fputs("&ndash;", page->stream);
    else if (seconds < 60) {
        put_real(page, "%.*g", 3, seconds);
        fputs("&nbsp;s", page->stream);
    } else if (seconds < 3600)
        sp_page_markup(page, "%.0f&nbsp;min %.0f&nbsp;s", floor(seconds / 60), floor(fmod(seconds, 60)));
    else
        sp_page_markup(page, "%.0f&nbsp;h %.0f&nbsp;min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
}

/* ---- The page ------------------------------------------------------------------------------------ */

static void put_colours(sp_page *page, bool on_black) {
    for (size_t i = 1; i <= SP_CHART_COLOURS; i++) sp_page_markup(page, "--c%zu:%s;", i, sp_chart_colour(i, on_black));
}

void sp_page_begin(sp_page *page, const char *title) {
    /* Nothing is fetched, nothing is run: also what a browser is told to see to. */
    sp_page_markup(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                         "<meta name=\"color-scheme\" content=\"light dark\">\n"
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                         "style-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
    sp_page_text(page, "%s", title);
    sp_page_markup(page, "</title>\n<style>\n:root{");
    put_colours(page, false);
    sp_page_markup(page, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    put_colours(page, true);
    sp_page_markup(page, "}}\n%s</style>\n</head>\n<body>\n<main>\n", sp_page_style);
}

void sp_page_end(sp_page *page) {
    sp_page_markup(page, "</main>\n</body>\n</html>\n");
}

void sp_page_section(sp_page *page, const char *id, const char *heading) {
    sp_page_markup(page, "<section");
    if (id) {
        sp_page_markup(page, " id=\"");
        sp_page_text(page, "%s", id);
        sp_page_markup(page, "\"");
    }
    sp_page_markup(page, ">\n<h2>");
    sp_page_text(page, "%s", heading);
    sp_page_markup(page, "</h2>\n");
}

void sp_page_section_end(sp_page *page) {
    sp_page_markup(page, "</section>\n");
}

/* ---- Charts -------------------------------------------------------------------------------------- */

static void put_key(sp_page *page, const sp_chart *chart) {
    size_t named = 0;
    for (size_t s = 0; s < chart->series_count; s++) named += chart->series[s].name != NULL;
    if (named < 2) return;
    sp_page_markup(page, "<ul class=\"key\">");
    for (size_t s = 0; s < chart->series_count; s++) {
        const sp_series *series = &chart->series[s];
        if (!series->name) continue;
        size_t colour = series->colour > 0 ? series->colour : s + 1;
        sp_page_markup(page, "<li><i%s style=\"color:var(--c%zu)\"></i>",
                       series->style == SP_CHART_POINTS ? " class=\"dot\""
                       : series->dashed                 ? " class=\"dashed\""
                                                        : "",
                       (colour - 1) % SP_CHART_COLOURS + 1);
        sp_page_text(page, "%s", series->name);
        sp_page_markup(page, "</li>");
    }
    sp_page_markup(page, "</ul>");
}

/* "RUN-FILE.png": of a run's name, only what is safe in a file's. */
static sp_status write_picture(const sp_page *page, const char *file, const sp_chart *chart) {
    char path[PATH], name[200];
    snprintf(name, sizeof name, "%.100s%s%.60s.png", page->run ? page->run : "", page->run ? "-" : "", file);
    for (char *c = name; *c; c++)
        if (*c == '/' || (unsigned char)*c < 0x20) *c = '_';
    if (*name == '.') *name = '_';
    if (!sp_path_join(path, sizeof path, page->pictures, name))
        return sp_fail(page->error, SP_BAD_CONFIG, "--png: %s: is too long a path; use a shorter one", page->pictures);
    return sp_chart_write(chart, SP_CHART_PNG, path, page->error);
}

void sp_page_chart_figure(sp_page *page, const char *file, const sp_chart *chart) {
    char prefix[32], *svg = NULL;
    size_t size;
    if (page->status) return;
    snprintf(prefix, sizeof prefix, "f%zu", ++page->charts);
    page->status = sp_chart_draw(chart, SP_CHART_PAGE, prefix, &svg, &size, page->error);
    if (!page->status && page->pictures) page->status = write_picture(page, file, chart);
    if (!page->status) {
        sp_page_markup(page, "<figure><figcaption>");
        sp_page_text(page, "%s", chart->title);
        sp_page_markup(page, "</figcaption>");
        fwrite(svg, 1, size, page->stream);
        put_key(page, chart);
        sp_page_markup(page, "</figure>\n");
    }
    free(svg);
}

/* ---- Pictures ------------------------------------------------------------------------------------ */

void sp_page_picture(sp_page *page, size_t height, size_t width, sp_pixel pixel, const uint8_t *pixels,
                     const char *title) {
    char *png = NULL;
    size_t size = 0;
    FILE *stream = page->status ? NULL : sp_stream_into_memory(&png, &size);
    bool good = stream && sp_png_put(stream, height, width, pixel, pixels);
    if (stream && fclose(stream)) good = false;
    if (good) {
        sp_page_markup(page, "<img width=\"%zu\" height=\"%zu\" title=\"", width, height);
        sp_page_text(page, "%s", title);
        sp_page_markup(page, "\" alt=\"");
        sp_page_text(page, "%s", title);
        sp_page_markup(page, "\" src=\"data:image/png;base64,");
        sp_put_base64(page->stream, png, size);
        sp_page_markup(page, "\">");
    } else if (!page->status) {
        page->status = sp_fail_memory(page->error, "a picture", height * width);
    }
    free(png);
}
