/* Configuration files: INI in, through inih; INI out, with the help of every key. */
#include "config.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* inih holds a line in a buffer of this size; a longer one is refused, not cut. */
enum { LONGEST_LINE = INI_MAX_LINE - 3 };

/* ---- Loading --------------------------------------------------------------------------- */

/*
 * Hands inih one line at a time. inih alone cuts long lines, takes an indented line for
 * the rest of the value above it, and knows no line numbers.
 */
typedef struct line_reader {
    sp_config *config;
    sp_error *error;
    const char *path;
    const char *at, *end; /* what is left of the file */
    int line;
    bool explained;        /* this line's fault has been reported, or its section's */
    bool lost;             /* in a section that does not exist */
    sp_sweep_lines *sweep; /* of [sweep]; NULL: such a section is refused */
    bool is_ini;           /* a section has been seen */
    size_t faults_before;
} line_reader;

static void line_place(const line_reader *reader, char *place) {
    snprintf(place, SP_PLACE, "%s:%d", reader->path, reader->line);
}

/* A '#' after white space starts a comment, as ';' does for inih. */
static void cut_comment(char *text) {
    for (char *at = text; *at; at++)
        if (*at == '#' && (at == text || isspace((unsigned char)at[-1]))) *at = '\0';
}

static void refuse_line(line_reader *reader, const char *why) {
    char place[SP_PLACE];
    line_place(reader, place);
    sp_fail(reader->error, SP_BAD_CONFIG, "%s: %s", place, why);
    reader->explained = true;
}

static const char sweep_section[] = "sweep";

static void enter_sweep(line_reader *reader) {
    char why[SP_PLACE];
    reader->lost = reader->sweep == NULL;
    if (!reader->lost) return;
    snprintf(why, sizeof why, "[sweep] makes many trainings of this config; run them with: shardprop batch %.3900s",
             reader->path);
    refuse_line(reader, why);
}

/* A section that does not exist is one fault, and so is all that stands in it. */
static void enter_section(line_reader *reader, const char *text) {
    char section[64], why[160];
    const char *nearest;
    snprintf(section, sizeof section, "%.*s", (int)strcspn(text + 1, "]"), text + 1);
    if (strcmp(section, sweep_section) == 0) {
        enter_sweep(reader);
        return;
    }
    reader->lost = !sp_config_section_exists(section, &nearest);
    if (!reader->lost) return;
    snprintf(why, sizeof why, "unknown section [%.40s]; did you mean [%s]?", section, nearest);
    refuse_line(reader, why);
}

/* inih's ini_reader: the next line into `text`, or NULL at the end. */
static char *next_line(char *text, int size, void *stream) {
    line_reader *reader = stream;
    if (reader->at >= reader->end) return NULL;
    const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    const char *stop = newline ? newline : reader->end;
    const char *from = reader->at;
    reader->at = newline ? newline + 1 : reader->end;
    reader->line++;
    reader->explained = reader->lost;
    if (reader->line == 1 && stop - from >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) from += 3;
    while (from < stop && isspace((unsigned char)*from)) from++;
    while (stop > from && isspace((unsigned char)stop[-1])) stop--;

    int length = (int)(stop - from);
    text[0] = '\0';
    if (memchr(from, '\0', (size_t)length)) {
        refuse_line(reader, "holds a NUL byte; save the file as UTF-8 or ASCII text");
    } else if (length > LONGEST_LINE || length > size - 3) {
        char why[120];
        snprintf(why, sizeof why, "is %d bytes long; at most %d (relative paths are shorter)", length, LONGEST_LINE);
        refuse_line(reader, why);
    } else {
        memcpy(text, from, (size_t)length);
        text[length] = '\0';
        cut_comment(text);
        reader->is_ini = reader->is_ini || *text == '[';
        bool known_form = *text == '\0' || *text == ';' || (*text == '[' && strchr(text, ']')) || strpbrk(text, "=:");
        if (!known_form) {
            /* A file that is no INI at all is one fault. */
            if (reader->is_ini || reader->error->faults == reader->faults_before)
                refuse_line(reader, "is neither [section] nor key = value; write one of them");
            text[0] = '\0';
        } else if (*text == '[') {
            enter_section(reader, text);
        }
    }
    strcat(text, "\n");
    return text;
}

static void take_sweep_line(line_reader *reader, const char *place, const char *name, const char *value) {
    for (size_t i = 0; i < reader->sweep->count; i++)
        if (strcmp(reader->sweep->line[i].name, name) == 0) {
            sp_fail(reader->error, SP_BAD_CONFIG, "%s: sweep.%s is repeated; it is set in line %d already, keep one",
                    place, name, reader->sweep->line[i].line);
            return;
        }
    if (!sp_sweep_lines_set(reader->sweep, name, value, reader->line))
        sp_fail_memory(reader->error, reader->path, strlen(value));
}

/* inih's ini_handler. */
static int take_pair(void *user, const char *section, const char *name, const char *value) {
    line_reader *reader = user;
    char place[SP_PLACE];
    line_place(reader, place);
    if (reader->error->status == SP_FAILED) return 0; /* no memory: the next line would say that again */
    if (!reader->explained && reader->sweep && strcmp(section, sweep_section) == 0)
        take_sweep_line(reader, place, name, value);
    else if (!reader->explained)
        sp_config_assign(reader->config, place, reader->line, section, name, value, reader->error);
    return 1;
}

/* runs/NAME for CONFIG/NAME.ini, unless the config says otherwise. */
static bool choose_dir(sp_config *config) {
    char dir[SP_LONGEST_TEXT + 1] = "runs/";
    if (*config->output.dir) return true;
    sp_path_stem(config->path, dir + strlen(dir), sizeof dir - strlen(dir));
    return sp_config_resolve_text(&config->output.dir, dir);
}

sp_status sp_config_load(sp_config *config, const char *path, sp_error *error) {
    return sp_config_load_sweep(config, path, NULL, error);
}

sp_status sp_config_load_sweep(sp_config *config, const char *path, sp_sweep_lines *lines, sp_error *error) {
    enum { LARGEST_FILE = 1 << 20 };
    char *bytes;
    size_t size;
    sp_status status = sp_file_read(path, LARGEST_FILE, &bytes, &size, error);
    if (status) {
        /* Whatever is wrong with the bytes of a config is a wrong configuration. */
        if (status == SP_BAD_DATA) error->status = SP_BAD_CONFIG;
        return error->status;
    }
    if (!sp_config_resolve_text(&config->path, path)) {
        free(bytes);
        return sp_fail_memory(error, path, strlen(path));
    }
    memset(config->line, 0, sizeof config->line);
    line_reader reader = {.faults_before = error->faults,
                          .config = config,
                          .sweep = lines,
                          .error = error,
                          .path = path,
                          .at = bytes,
                          .end = bytes + size};
    size_t before = error->faults;
    int came_to = ini_parse_stream(next_line, &reader, take_pair, &reader);
    free(bytes);
    if (came_to < 0) return sp_fail_memory(error, path, LONGEST_LINE); /* of a build that has no lines on the stack */
    if (error->status == SP_FAILED) return error->status;
    if (!choose_dir(config)) return sp_fail_memory(error, path, SP_LONGEST_TEXT);
    return error->faults > before ? SP_BAD_CONFIG : SP_OK;
}

/* ---- [sweep] ----------------------------------------------------------------------------- */

bool sp_sweep_lines_set(sp_sweep_lines *lines, const char *name, const char *value, int line) {
    sp_sweep_line made = {strdup(name), strdup(value), line};
    size_t at = 0;
    while (at < lines->count && strcmp(lines->line[at].name, name) != 0) at++;
    if (!made.name || !made.value || !sp_grow((void **)&lines->line, &lines->capacity, at + 1, sizeof *lines->line)) {
        free(made.name);
        free(made.value);
        return false;
    }
    if (at < lines->count) {
        free(lines->line[at].name);
        free(lines->line[at].value);
    } else {
        lines->count++;
    }
    lines->line[at] = made;
    return true;
}

void sp_sweep_lines_clear(sp_sweep_lines *lines) {
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->line[i].name);
        free(lines->line[i].value);
    }
    free(lines->line);
    *lines = (sp_sweep_lines){0};
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* Prints `text` as comment lines of at most 80 columns. */
static void print_comment(FILE *stream, const char *text) {
    enum { COLUMNS = 76 };
    while (*text) {
        size_t length = strlen(text);
        if (length > COLUMNS) {
            length = COLUMNS;
            while (length > 1 && text[length] != ' ') length--;
        }
        fprintf(stream, "; %.*s\n", (int)length, text);
        text += length;
        while (*text == ' ') text++;
    }
}

static void print_range_and_source(FILE *stream, const sp_key *key) {
    char range[300], source[1000];
    sp_key_range(key, range, sizeof range);
    print_comment(stream, range);
    snprintf(source, sizeof source, "source: %s", sp_key_source(key));
    print_comment(stream, source);
}

static void print_keys(FILE *stream, const sp_config *config, bool for_help) {
    const char *section = "";
    for (size_t i = 0; i < sp_key_count; i++) {
        const sp_key *key = &sp_keys[i];
        char value[SP_MOST_LAYERS * 16];
        if (strcmp(key->section, section) != 0)
            fprintf(stream, "%s[%s]\n", i > 0 ? "\n" : "", key->section);
        else
            fputc('\n', stream);
        section = key->section;
        print_comment(stream, key->help);
        if (for_help) print_range_and_source(stream, key);
        sp_config_print(config, key, value, sizeof value);
        fprintf(stream, "%s =%s%s\n", key->name, *value ? " " : "", value);
    }
}

sp_status sp_config_save(const sp_config *config, const char *path, sp_error *error) {
    sp_output *output;
    sp_status status = sp_output_open(path, &output, error);
    if (status) return status;
    fprintf(sp_output_stream(output), SP_CONFIG_SAVED " %s.\n\n", sp_version());
    print_keys(sp_output_stream(output), config, false);
    return sp_output_commit(output, error);
}

sp_status sp_config_help(FILE *stream, sp_error *error) {
    sp_config *config = sp_config_create();
    if (!config) return sp_fail_memory(error, "the configuration", 0);
    print_keys(stream, config, true);
    sp_config_destroy(config);
    return SP_OK;
}
