#include "out/report.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/stream.h"
#include "out/report_parts.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_MISTAKES = 32, MOST_DETAILED = 8, TITLE = 200 };

/* All that there is to say of one run; its judgement comes first, for what stands in its way is a note at the head. */
static void put_run(sp_page *page, sp_run_view *run, int level) {
    sp_judgement *judgement = sp_judgement_create(run, MOST_MISTAKES);
    sp_report_head(page, run, level);
    if (level == 1) sp_page_markup(page, "</header>\n");
    sp_report_curves(page, run);
    sp_report_quality(page, judgement);
    sp_report_mistakes(page, judgement);
    sp_report_layers(page, run);
    sp_report_weights(page, run, judgement);
    sp_report_config(page, run);
    sp_report_origin(page, run);
    sp_judgement_destroy(judgement);
}

static void put_several(sp_page *page, sp_run_view *runs, size_t count) {
    sp_page_markup(page,
                   "<div class=\"title\"><h1>%zu runs compared</h1></div>\n<nav><a href=\"#results\">Results</a> "
                   "<a href=\"#curves\">Curves</a>",
                   count);
    for (size_t i = 0; i < count && count <= MOST_DETAILED; i++) {
        sp_page_markup(page, " <a href=\"#run%zu\">", i + 1);
        sp_page_text(page, "%s", runs[i].name);
        sp_page_markup(page, "</a>");
    }
    sp_page_markup(page, "</nav></header>\n");
    sp_report_comparison(page, runs, count);
    if (count > MOST_DETAILED)
        sp_page_markup(page, "<p class=\"soft\">Of up to %d runs, each is shown in detail, too.</p>\n", MOST_DETAILED);
    for (size_t i = 0; i < count && count <= MOST_DETAILED; i++) {
        sp_page_markup(page, "<div class=\"run\" id=\"run%zu\">\n", i + 1);
        page->run = runs[i].name;
        put_run(page, &runs[i], 2);
        sp_page_markup(page, "</div>\n");
    }
    page->run = NULL;
}

/* What the page is of; the rest of a folder's path is of no interest. */
typedef struct subject {
    sp_run_view *runs; /* owned [count] */
    size_t count;
    const char **scaling; /* owned [experiments]: folders, borrowed */
    size_t experiments;
} subject;

static void name_page(const subject *of, char title[TITLE]) {
    if (of->count == 1)
        snprintf(title, TITLE, "%.150s - shardprop", of->runs[0].name);
    else if (of->count > 1)
        snprintf(title, TITLE, "%zu runs - shardprop", of->count);
    else
        snprintf(title, TITLE, "Scaling - shardprop");
}

static void put_page(sp_page *page, subject *of) {
    char title[TITLE];
    name_page(of, title);
    sp_page_begin(page, title);
    sp_page_markup(page, "<header>\n<p class=\"over\">shardprop report</p>\n");
    if (of->count > 1)
        put_several(page, of->runs, of->count);
    else if (of->count == 1)
        put_run(page, &of->runs[0], 1);
    else
        sp_page_markup(page, "<h1>Scaling</h1></header>\n");
    for (size_t i = 0; i < of->experiments; i++) sp_report_scaling(page, of->scaling[i]);
    sp_page_markup(page, "<footer>Made by shardprop ");
    sp_page_text(page, "%s", sp_version());
    sp_page_markup(page, ". This page needs no other file, and no network.</footer>\n");
    sp_page_end(page);
}

/* The page is whole before the file is touched. */
static sp_status write_page(subject *of, const char *path, const char *pictures, sp_error *error) {
    char *text = NULL;
    size_t size = 0;
    sp_output *output;
    sp_status status = pictures ? sp_folder_create(pictures, "--png", error) : SP_OK;
    if (status) return status;
    sp_page page = {.stream = sp_stream_into_memory(&text, &size), .pictures = pictures, .error = error};
    if (!page.stream) return sp_fail_memory(error, "the page", 0);
    put_page(&page, of);
    bool good = !ferror(page.stream);
    if (fclose(page.stream)) good = false;
    status = page.status ? page.status : good ? SP_OK : sp_fail_memory(error, "the page", size);
    if (!status) status = sp_output_open(path, &output, error);
    if (!status) {
        sp_output_write(output, text, size);
        status = sp_output_commit(output, error);
    }
    free(text);
    return status;
}

sp_status sp_report_write(const sp_names *folders, const char *path, const char *pictures, sp_error *error) {
    subject of = {.runs = sp_allocate_zeroed(folders->count, sizeof *of.runs),
                  .scaling = sp_allocate_zeroed(folders->count, sizeof *of.scaling)};
    sp_status status =
        of.runs && of.scaling ? SP_OK : sp_fail_memory(error, "the runs", sp_bytes(folders->count, sizeof *of.runs));
    for (size_t i = 0; i < folders->count && !status; i++) {
        if (sp_report_is_scaling(folders->text[i]))
            of.scaling[of.experiments++] = folders->text[i];
        else
            status = sp_run_view_read(folders->text[i], &of.runs[of.count++], error);
    }
    if (!status) status = write_page(&of, path, pictures, error);
    for (size_t i = 0; i < of.count; i++) sp_run_view_clear(&of.runs[i]);
    free(of.runs);
    free(of.scaling);
    return status;
}
