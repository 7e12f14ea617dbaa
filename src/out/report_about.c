/* What a run is: its figures, its network and config, where its numbers come from. */
#include "base/error.h"
#include "base/hash.h"
#include "out/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = SP_VALUE_ROOM, PATH = 4096 };

/* ---- At its head ------------------------------------------------------------------------------------------- */

typedef enum look { NUMBER, SHARE, DURATION, SPEED } look;

static void put_look(sp_page *page, look how, double value) {
    switch (how) {
    case NUMBER: sp_page_number(page, value, 4); break;
    case SHARE: sp_page_share(page, value); break;
    case DURATION: sp_page_duration(page, value); break;
    case SPEED: sp_page_number(page, round(value), 8); break;
    }
}

static void put_tile(sp_page *page, const sp_run_view *run, const char *title, const char *name, look how) {
    double value = sp_run_view_number(run, name);
    if (isnan(value)) return;
    sp_page_markup(page, "<div><dt>%s</dt><dd>", title);
    put_look(page, how, value);
    sp_page_markup(page, "</dd></div>\n");
}

static void put_tiles(sp_page *page, const sp_run_view *run) {
    if (!run->summary) return;
    sp_page_markup(page, "<dl class=\"tiles\">\n");
    put_tile(page, run, "Test accuracy", "test_accuracy", SHARE);
    put_tile(page, run, "Test R\u00b2", "test_r2", NUMBER);
    put_tile(page, run, "Test RMSE", "test_rmse", NUMBER);
    put_tile(page, run, "Test loss", "test_loss", NUMBER);
    put_tile(page, run, "Validation accuracy", "validation_accuracy", SHARE);
    put_tile(page, run, "Validation loss", "validation_loss", NUMBER);
    put_tile(page, run, "Training accuracy", "train_accuracy", SHARE);
    put_tile(page, run, "Training loss", "train_loss", NUMBER);
    put_tile(page, run, "Epochs", "epochs", NUMBER);
    if (!isnan(sp_run_view_number(run, "validation_loss"))) put_tile(page, run, "Best epoch", "best_epoch", NUMBER);
    put_tile(page, run, "Training time", "train_seconds", DURATION);
    put_tile(page, run, "Samples per second", "samples_per_second", SPEED);
    put_tile(page, run, "Threads", "threads", NUMBER);
    put_tile(page, run, "Parameters", "parameters", NUMBER);
    sp_page_markup(page, "</dl>\n");
}

/* What the training warned of, then what is missing of the run. */
static void put_notes(sp_page *page, const sp_run_view *run) {
    const sp_json *warnings = run->summary ? sp_json_member(run->summary, "warnings") : NULL;
    size_t count = run->notes.count;
    for (const sp_json *line = warnings ? sp_json_first(warnings) : NULL; line; line = sp_json_next(line))
        count += sp_json_text(line) != NULL;
    if (count == 0) return;
    sp_page_markup(page, "<ul class=\"notes\">\n");
    for (const sp_json *line = warnings ? sp_json_first(warnings) : NULL; line; line = sp_json_next(line)) {
        if (!sp_json_text(line)) continue;
        sp_page_markup(page, "<li>");
        sp_page_text(page, "%s", sp_json_text(line));
        sp_page_markup(page, "</li>\n");
    }
    for (size_t i = 0; i < run->notes.count; i++) {
        sp_page_markup(page, "<li>");
        sp_page_text(page, "%s", run->notes.text[i]);
        sp_page_markup(page, "</li>\n");
    }
    sp_page_markup(page, "</ul>\n");
}

void sp_report_head(sp_page *page, const sp_run_view *run, int level) {
    const char *status = sp_run_view_status(run);
    bool good = strcmp(status, "completed") == 0 || strcmp(status, "stopped_early") == 0;
    sp_page_markup(page, "<div class=\"title\"><h%d>", level);
    sp_page_text(page, "%s", run->name);
    sp_page_markup(page, "</h%d><span class=\"status %s\">", level, good ? "good" : "bad");
    sp_page_text(page, "%.40s", strcmp(status, "stopped_early") == 0 ? "stopped early" : status);
    sp_page_markup(page, "</span></div>\n");
    if (run->model) {
        char network[VALUE];
        sp_net_describe(run->model->net, network, sizeof network);
        sp_page_markup(page, "<p class=\"soft\">");
        sp_page_text(page, "%s", network);
        sp_page_markup(page, "</p>\n");
    }
    put_tiles(page, run);
    put_notes(page, run);
}

/* ---- Network and config --------------------------------------------------------------------------------------- */

static void put_network(sp_page *page, const sp_model *model) {
    const sp_net *net = model->net;
    sp_page_markup(page, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">layer</th><th scope=\"col\" "
                         "class=\"n\">inputs</th><th scope=\"col\" class=\"n\">outputs</th><th "
                         "scope=\"col\">activation</th><th scope=\"col\">normalization</th><th scope=\"col\" "
                         "class=\"n\">parameters</th></tr></thead><tbody>\n");
    for (size_t l = 0; l < net->depth; l++) {
        const sp_layer *layer = &net->layers[l];
        size_t parameters = (layer->inputs + 1 + (layer->norm != SP_NORM_NONE)) * layer->outputs;
        sp_page_markup(page,
                       "<tr><th scope=\"row\">%zu</th><td class=\"n\">%zu</td><td class=\"n\">%zu</td><td>%s</td>"
                       "<td>%s</td><td class=\"n\">%zu</td></tr>\n",
                       l + 1, layer->inputs, layer->outputs, sp_activation_names[layer->activation],
                       layer->norm != SP_NORM_NONE ? sp_norm_names[layer->norm] : "none", parameters);
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

/* Keys whose value is another than the default (`all` false), or all. */
static void put_keys(sp_page *page, const sp_config *config, const sp_config *defaults, bool all) {
    char value[VALUE], initial[VALUE];
    sp_page_markup(page, "<div class=\"wide\"><table class=\"pairs keys\"><thead><tr><th scope=\"col\">key</th><th "
                         "scope=\"col\">value</th><th scope=\"col\">default</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < sp_key_count; i++) {
        sp_config_print(config, &sp_keys[i], value, sizeof value);
        sp_config_print(defaults, &sp_keys[i], initial, sizeof initial);
        if (!all && strcmp(value, initial) == 0) continue;
        sp_page_markup(page, "<tr><td><code>%s.%s</code></td><td><code>", sp_keys[i].section, sp_keys[i].name);
        sp_page_text(page, "%s", value);
        sp_page_markup(page, "</code></td><td class=\"soft\"><code>");
        sp_page_text(page, "%s", initial);
        sp_page_markup(page, "</code></td></tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

void sp_report_config(sp_page *page, const sp_run_view *run) {
    if (!run->config && !run->model) return;
    sp_page_section(page, NULL, "Network and configuration");
    if (run->model) put_network(page, run->model);
    sp_config *defaults = run->config ? sp_config_create() : NULL;
    if (defaults) {
        sp_page_markup(page, "<h3>What is set</h3>\n");
        put_keys(page, run->config, defaults, false);
        sp_page_markup(page, "<details><summary>All %zu keys</summary>\n", sp_key_count);
        put_keys(page, run->config, defaults, true);
        sp_page_markup(page, "</details>\n");
    } else if (run->config && !page->status) {
        page->status = sp_fail_memory(page->error, "the configuration", 1);
    }
    sp_config_destroy(defaults);
    sp_page_section_end(page);
}

/* ---- The same bits again --------------------------------------------------------------------------------------- */

/* As a shell takes it for one word. */
static void put_word(sp_page *page, const char *word) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+=:,@%";
    if (*word && strspn(word, plain) == strlen(word)) {
        sp_page_text(page, "%s", word);
        return;
    }
    sp_page_text(page, "'");
    for (; *word; word += strcspn(word, "'")) {
        for (; *word == '\''; word++) sp_page_text(page, "'\\''");
        sp_page_text(page, "%.*s", (int)strcspn(word, "'"), word);
    }
    sp_page_text(page, "'");
}

static void put_pair(sp_page *page, const char *name, const char *value) {
    if (!value) return;
    sp_page_markup(page, "<tr><th scope=\"row\">%s</th><td>", name);
    sp_page_text(page, "%s", value);
    sp_page_markup(page, "</td></tr>\n");
}

static void put_data(sp_page *page, const sp_json *data) {
    if (!data || !sp_json_is_object(data)) return;
    sp_page_markup(page, "<h3>Data</h3>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">rows for</th><th "
                         "scope=\"col\">file</th><th scope=\"col\" class=\"n\">rows in it</th><th scope=\"col\" "
                         "class=\"n\">taken</th><th scope=\"col\">content</th></tr></thead><tbody>\n");
    for (const sp_json *part = sp_json_first(data); part; part = sp_json_next(part)) {
        const char *path = sp_json_text(sp_json_member(part, "path"));
        const char *hash = sp_json_text(sp_json_member(part, "content_xxh64"));
        if (!sp_json_is_object(part)) continue;
        sp_page_markup(page, "<tr><th scope=\"row\">");
        sp_page_text(page, "%s", sp_json_name(part));
        sp_page_markup(page, "</th><td>");
        sp_page_text(page, "%s", path ? path : "?");
        sp_page_markup(page, "</td><td class=\"n\">");
        sp_page_number(page, sp_json_number_of(part, "rows"), 8);
        sp_page_markup(page, "</td><td class=\"n\">");
        sp_page_number(page, sp_json_number_of(part, "taken"), 8);
        sp_page_markup(page, "</td><td><code class=\"hash\">");
        sp_page_text(page, "%s", hash ? hash : "?");
        sp_page_markup(page, "</code></td></tr>\n");
    }
    sp_page_markup(page, "</tbody></table></div>\n");
}

static void put_commands(sp_page *page, const sp_run_view *run) {
    char path[PATH];
    if (!run->config || snprintf(path, sizeof path, "%s/config.ini", run->folder) >= PATH) return;
    sp_page_markup(
        page,
        "<p>In the folder that the paths of the config are relative to, at any number of threads: the first trains "
        "it again and compares every bit, the second trains it anew.</p>\n"
        "<pre>shardprop verify ");
    put_word(page, run->folder);
    sp_page_markup(page, "\nshardprop train ");
    put_word(page, path);
    sp_page_markup(page, " -s output.dir=again</pre>\n");
}

void sp_report_origin(sp_page *page, const sp_run_view *run) {
    if (!run->config && !run->summary) return;
    char saved[20] = "";
    sp_page_section(page, NULL, "How to get it again");
    put_commands(page, run);
    if (run->model)
        snprintf(saved, sizeof saved, "%016llx",
                 (unsigned long long)sp_hash_floats(run->model->parameters, run->model->net->parameters));
    sp_page_markup(page, "<div class=\"wide\"><table class=\"pairs\"><tbody>\n");
    put_pair(page, "Version", sp_run_view_text(run, "version"));
    put_pair(page, "Compiler", sp_run_view_text(run, "compiler"));
    put_pair(page, "Kernels", sp_run_view_text(run, "kernels"));
    put_pair(page, "Weights, last step", sp_run_view_text(run, "weights_xxh64"));
    put_pair(page, "Weights, saved", *saved ? saved : NULL);
    sp_page_markup(page, "</tbody></table></div>\n");
    put_data(page, run->summary ? sp_json_member(run->summary, "data") : NULL);
    sp_page_markup(page,
                   "<p class=\"soft small\">Weights and data are told by their XXH64. The same config, data, build "
                   "and type of processor give the same bits.</p>\n");
    sp_page_section_end(page);
}
