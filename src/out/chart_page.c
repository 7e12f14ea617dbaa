#include "out/chart_page.h"

#include "base/error.h"
#include "base/stream.h"
#include "out/markup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gnuplot writes rgb(r,g,b), here with blanks, there without. Returns the length of the ink's text, 0: it is none. */
static size_t read_ink(const char *text, unsigned *ink) {
    unsigned values[3] = {0};
    const char *at = text;
    if (strncmp(at, "rgb(", 4) != 0) return 0;
    at += 4;
    for (size_t i = 0; i < 3; i++) {
        at += strspn(at, " ");
        while (*at >= '0' && *at <= '9' && values[i] < 256) values[i] = 10 * values[i] + (unsigned)(*at++ - '0');
        if (*at++ != (i < 2 ? ',' : ')')) return 0;
    }
    *ink = values[2];
    return values[0] == 1 && values[1] == 2 ? (size_t)(at - text) : 0;
}

static void put_ink(FILE *page, unsigned ink) {
    if (ink >= SP_PAGE_SERIES)
        fprintf(page, "var(--c%u)", 1 + ink - SP_PAGE_SERIES);
    else
        fputs(ink == SP_PAGE_INK ? "var(--ink)" : ink == SP_PAGE_AXIS ? "var(--axis)" : "var(--grid)", page);
}

/* What, within a tag, a name of another element of the document follows. */
static size_t before_name(const char *text) {
    static const char *const marks[] = {" id=\"", " id='", "href='#", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(text, marks[i], strlen(marks[i])) == 0) return strlen(marks[i]);
    return 0;
}

/* The length of an element that says what nobody wants to read ("gnuplot_plot_1"), 0: it is another. */
static size_t chatter(const char *text) {
    static const char *const elements[][2] = {{"<title>", "</title>"}, {"<desc>", "</desc>"}};
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
        const char *end =
            strncmp(text, elements[i][0], strlen(elements[i][0])) == 0 ? strstr(text, elements[i][1]) : NULL;
        if (end) return (size_t)(end - text) + strlen(elements[i][1]);
    }
    return 0;
}

/* Within tags alone: a text is escaped, so that a '<' is always of a tag. */
static void rewrite(FILE *page, const char *at, const char *prefix) {
    bool in_tag = false;
    while (*at) {
        unsigned ink = 0;
        size_t skipped = in_tag ? read_ink(at, &ink) : chatter(at), copied = in_tag ? before_name(at) : 0;
        if (in_tag && skipped > 0) put_ink(page, ink);
        if (skipped > 0) {
            at += skipped;
        } else if (copied > 0) {
            fprintf(page, "%.*s%s", (int)copied, at, prefix);
            at += copied;
        } else {
            in_tag = *at == '<' || (in_tag && *at != '>');
            fputc(*at++, page);
        }
    }
}

sp_status sp_page_chart(const char *title, const char *prefix, char **bytes, size_t *size, sp_error *error) {
    static const char opening[] = "<svg";
    char *text = NULL;
    size_t length = 0;
    const char *document = strstr(*bytes, opening);
    FILE *page = document ? sp_stream_into_memory(&text, &length) : NULL;
    if (page) {
        fputs("<svg class=\"chart\" role=\"img\"", page);
        if (title) {
            fputs(" aria-label=\"", page);
            sp_put_escaped(page, title);
            fputc('"', page);
        }
        /* Its first tag goes on. */
        const char *behind = strchr(document, '>');
        fprintf(page, "%.*s", behind ? (int)(behind - document - (long)strlen(opening)) : 0,
                document + strlen(opening));
        rewrite(page, behind ? behind : "", prefix ? prefix : "");
    }
    bool good = page && !ferror(page);
    if (page && fclose(page)) good = false;
    free(*bytes);
    *bytes = text;
    *size = length;
    if (good) return SP_OK;
    free(text);
    *bytes = NULL;
    return document ? sp_fail_memory(error, "a chart", length)
                    : sp_fail(error, SP_FAILED, "gnuplot: printed no SVG; see whether `gnuplot --version` works");
}
