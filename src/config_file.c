/* Configuration files: INI in, through inih; INI out, with the help of every key. */
#include "config.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

/* inih holds a line in a buffer of that size. It is given the beginning of a longer one, for its section or key. */
enum { LONGEST_KEY = INI_MAX_LINE - 4 };

/* ---- Loading --------------------------------------------------------------------------- */

/*
 * Hands inih one line at a time, and takes the value from the line itself. inih alone cuts long lines, takes an
 * indented line for the rest of the value above it, and knows no line numbers.
 */
typedef struct line_reader {
    sp_config *config;
    sp_error *error;
    const char *path;
    char *at, *end;    /* what is left of the file; there is room for a '\0' behind it */
    char newline;      /* what ends a line: '\n', or in files of old Macs '\r' */
    const char *value; /* of this line */
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

/* A ';' or '#' starts a comment: at the start, or after white space. */
static void cut_comment(char *text) {
    for (char *at = text; *at; at++)
        if ((*at == '#' || *at == ';') && (at == text || isspace((unsigned char)at[-1]))) *at = '\0';
}

static void trim_end(char *text) {
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = '\0';
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

/* Looks at a line without blanks around it and without its comment; false: it was refused, and says nothing. */
static bool understand(line_reader *reader, char *line) {
    reader->is_ini = reader->is_ini || *line == '[';
    if (*line == '[' && strchr(line, ']')) {
        enter_section(reader, line);
        return true;
    }
    char *equals = *line == '[' ? NULL : strpbrk(line, "=:");
    if (*line && !equals) {
        /* A file that is no INI at all is one fault. */
        if (reader->is_ini || reader->error->faults == reader->faults_before)
            refuse_line(reader, "is neither [section] nor key = value; write one of them");
        return false;
    }
    if (*line && equals - line > LONGEST_KEY) {
        refuse_line(reader, "has more before its '=' than any key; write key = value");
        return false;
    }
    reader->value = equals ? equals + 1 + strspn(equals + 1, " \t\v\f\r") : "";
    return true;
}

/* inih's ini_reader: the next line, or the beginning of it, into `text`; NULL at the end. */
static char *next_line(char *text, int size, void *stream) {
    line_reader *reader = stream;
    if (reader->at >= reader->end) return NULL;
    char *stop = memchr(reader->at, reader->newline, (size_t)(reader->end - reader->at));
    char *line = reader->at;
    if (!stop) stop = reader->end;
    *stop = '\0';
    reader->at = stop + 1;
    reader->line++;
    reader->explained = reader->lost;
    text[0] = '\0';
    if (memchr(line, '\0', (size_t)(stop - line))) {
        refuse_line(reader, "holds a NUL byte; save the file as UTF-8 or ASCII text");
    } else {
        while (isspace((unsigned char)*line)) line++;
        cut_comment(line);
        trim_end(line);
        if (understand(reader, line)) snprintf(text, (size_t)size - 1, "%.*s", LONGEST_KEY + 1, line);
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
static int take_pair(void *user, const char *section, const char *name, const char *beginning) {
    line_reader *reader = user;
    const char *value = reader->value;
    (void)beginning;
    char place[SP_PLACE];
    line_place(reader, place);
    if (reader->error->status == SP_FAILED) return 0; /* no memory: the next line would say that again */
    if (!reader->explained && reader->sweep && strcmp(section, sweep_section) == 0)
        take_sweep_line(reader, place, name, value);
    else if (!reader->explained)
        sp_config_assign(reader->config, place, reader->line, section, name, value, reader->error);
    return 1;
}

/* Editors of Windows save "Unicode" so; every line would be a fault. */
static bool is_utf16(const char *bytes, size_t size) {
    return size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0 ||
                         (!bytes[0] && bytes[1]) || (bytes[0] && !bytes[1]));
}

/* The text of a config; SP_BAD_CONFIG: it cannot be read, or is none. */
static sp_status read_file(const char *path, char **bytes, size_t *size, sp_error *error) {
    enum { LARGEST_FILE = 1 << 20 };
    sp_status status = sp_file_read(path, LARGEST_FILE, bytes, size, error);
    /* Whatever is wrong with the bytes of a config is a wrong configuration. */
    if (status == SP_BAD_DATA) error->status = SP_BAD_CONFIG;
    if (status) return error->status;
    if (!is_utf16(*bytes, *size)) return SP_OK;
    free(*bytes);
    return sp_fail(error, SP_BAD_CONFIG, "%s: is UTF-16; save it as UTF-8", path);
}

bool sp_config_choose_dir(sp_config *config) {
    char dir[SP_PLACE] = "runs/";
    if (*config->output.dir) return true;
    sp_path_stem(config->path, dir + strlen(dir), sizeof dir - strlen(dir));
    return sp_config_resolve_text(&config->output.dir, dir);
}

sp_status sp_config_load(sp_config *config, const char *path, sp_error *error) {
    return sp_config_load_sweep(config, path, NULL, error);
}

sp_status sp_config_load_sweep(sp_config *config, const char *path, sp_sweep_lines *lines, sp_error *error) {
    char *bytes;
    size_t size;
    sp_status status = read_file(path, &bytes, &size, error);
    if (status) return status;
    size_t mark = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* of UTF-8 */
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
                          .at = bytes + mark,
                          .end = bytes + size,
                          .newline = memchr(bytes, '\n', size) || !memchr(bytes, '\r', size) ? '\n' : '\r',
                          .value = ""};
    size_t before = error->faults;
    int came_to = ini_parse_stream(next_line, &reader, take_pair, &reader);
    free(bytes);
    if (came_to < 0) return sp_fail_memory(error, path, INI_MAX_LINE); /* of a build that has no lines on the stack */
    if (error->status == SP_FAILED) return error->status;
    if (!sp_config_choose_dir(config)) return sp_fail_memory(error, path, SP_PLACE);
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
        char value[SP_VALUE_ROOM];
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
