#include "events.h"

#include "base/crc32c.h"
#include "base/error.h"
#include "base/file.h"
#include "event.pb-c.h"
#include "history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 4096, TAG = 48, OF_EPOCH = 7, OF_LAYER = 4, OF_SUMMARY = 2 + SP_METRICS };
enum { LENGTH = 8, CHECKSUM = 4, FRAME = LENGTH + 2 * CHECKSUM };

static const char prefix[] = "events.out.tfevents.", suffix[] = ".shardprop", version[] = "brain.Event:2";

/* In the order of metrics.csv, behind the epoch; TensorBoard shows what stands before a slash together. */
static const char *const epoch_tags[OF_EPOCH] = {"seconds",           "learning_rate",   "loss/train",
                                                 "accuracy/train",    "loss/validation", "accuracy/validation",
                                                 "samples_per_second"};
static const char *const layer_tags[OF_LAYER] = {"gradient_norm", "update_ratio", "saturated", "dead"};

struct sp_events {
    char *path;              /* owned */
    int file;                /* owned; negative: not open */
    uint64_t bytes;          /* whole records in it */
    size_t layers, most;     /* most: scalars of a message */
    char (*tags)[TAG];       /* owned [most] */
    double *values;          /* owned [most]: NaN is left out */
    Sp__Summary__Value *all; /* owned [most] */
    Sp__Summary__Value **list;
    uint8_t *record; /* owned [record_size]: where one is put together */
    size_t record_size;
};

static bool is_events_name(const char *name) {
    size_t length = strlen(name);
    return length < SP_EVENTS_NAME && length >= strlen(suffix) && strncmp(name, prefix, strlen(prefix)) == 0 &&
           strcmp(name + length - strlen(suffix), suffix) == 0;
}

sp_status sp_events_find(const char *folder, char name[SP_EVENTS_NAME], sp_error *error) {
    DIR *entries = opendir(folder);
    *name = '\0';
    errno = entries ? 0 : errno;
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (is_events_name(entry->d_name) && strcmp(entry->d_name, name) > 0)
            strcpy(name, entry->d_name); /* of several the newest */
    int fault = errno;
    if (entries) closedir(entries);
    return fault ? sp_fail(error, SP_FAILED, "%s: cannot be read (%s)", folder, strerror(fault)) : SP_OK;
}

/* ---- Records ----------------------------------------------------------------------------------- */

static void put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value |= (uint64_t)from[i] << (8 * i);
    return value;
}

static uint32_t masked(const void *bytes, size_t size) {
    uint32_t crc = sp_crc32c(bytes, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static double time_of_day(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static sp_status write_failed(const sp_events *events, int cause, sp_error *error) {
    return sp_fail(error, SP_FAILED, "%s: writing failed (%s); free some space, or set output.tensorboard = no",
                   events->path, strerror(cause));
}

/* Appends a message, or nothing. */
static sp_status write_record(sp_events *events, const Sp__Event *event, sp_error *error) {
    size_t size = sp__event__get_packed_size(event), done = 0;
    if (size + FRAME > events->record_size) return sp_fail_memory(error, events->path, size);
    put(events->record, size, LENGTH);
    put(events->record + LENGTH, masked(events->record, LENGTH), CHECKSUM);
    sp__event__pack(event, events->record + LENGTH + CHECKSUM);
    put(events->record + LENGTH + CHECKSUM + size, masked(events->record + LENGTH + CHECKSUM, size), CHECKSUM);
    while (done < size + FRAME) {
        ssize_t count = write(events->file, events->record + done, size + FRAME - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += (size_t)count;
    }
    if (done == size + FRAME) {
        events->bytes += done;
        return SP_OK;
    }
    int cause = errno;
    if (ftruncate(events->file, (off_t)events->bytes)) cause = errno;
    return write_failed(events, cause, error);
}

static sp_status write_version(sp_events *events, sp_error *error) {
    Sp__Event event = SP__EVENT__INIT;
    event.wall_time = time_of_day();
    event.what_case = SP__EVENT__WHAT_FILE_VERSION;
    event.file_version = (char *)version;
    return write_record(events, &event, error);
}

/* `count` of the events' values, under these tags. */
static sp_status write_scalars(sp_events *events, size_t step, char (*tags)[TAG], size_t count, sp_error *error) {
    Sp__Summary summary = SP__SUMMARY__INIT;
    Sp__Event event = SP__EVENT__INIT;
    for (size_t i = 0; i < count; i++) {
        Sp__Summary__Value *value = &events->all[summary.n_value];
        if (isnan(events->values[i])) continue;
        sp__summary__value__init(value);
        value->tag = tags[i];
        value->value_case = SP__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
        value->simple_value = (float)events->values[i];
        events->list[summary.n_value++] = value;
    }
    summary.value = events->list;
    event.wall_time = time_of_day();
    event.step = (int64_t)step;
    event.what_case = SP__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return write_record(events, &event, error);
}

sp_status sp_events_add_epoch(sp_events *events, const sp_epoch *epoch, sp_error *error) {
    const double figures[OF_EPOCH] = {epoch->seconds,           epoch->learning_rate,   epoch->train_loss,
                                      epoch->train_accuracy,    epoch->validation_loss, epoch->validation_accuracy,
                                      epoch->samples_per_second};
    memcpy(events->values, figures, sizeof figures);
    for (size_t l = 0; l < events->layers; l++) {
        const sp_layer_health *h = &epoch->health[l];
        const double of_layer[OF_LAYER] = {h->gradient_norm, h->update_ratio, h->saturated, h->dead};
        memcpy(events->values + OF_EPOCH + l * OF_LAYER, of_layer, sizeof of_layer);
    }
    return write_scalars(events, epoch->epoch, events->tags, OF_EPOCH + events->layers * OF_LAYER, error);
}

sp_status sp_events_add_summary(sp_events *events, const sp_summary *summary, sp_error *error) {
    char tags[OF_SUMMARY][TAG] = {"loss/test", "accuracy/test"};
    events->values[0] = summary->test_loss;
    events->values[1] = summary->test_accuracy;
    for (int m = 0; m < SP_METRICS; m++) {
        bool twice = m == SP_METRIC_LOSS || m == SP_METRIC_ACCURACY;
        events->values[2 + m] = twice ? NAN : summary->test_metrics[m];
        snprintf(tags[2 + m], TAG, "test/%s", sp_metric_name((sp_metric)m));
    }
    if (isnan(summary->test_loss)) return SP_OK;
    return write_scalars(events, summary->epochs, tags, OF_SUMMARY, error);
}

/* ---- Going on ---------------------------------------------------------------------------------- */

/* The message at `at`, checked; its bytes in the file are *size. NULL: there is none that is whole. */
static Sp__Event *read_record(const uint8_t *at, size_t left, size_t *size) {
    if (left < FRAME || get(at + LENGTH, CHECKSUM) != masked(at, LENGTH)) return NULL;
    uint64_t length = get(at, LENGTH);
    if (length > left - FRAME || length > INT_MAX) return NULL;
    const uint8_t *message = at + LENGTH + CHECKSUM;
    if (get(message + length, CHECKSUM) != masked(message, length)) return NULL;
    *size = (size_t)length + FRAME;
    return sp__event__unpack(NULL, (size_t)length, message);
}

/* How far the file is to be kept, which has each of the first `epochs` epochs once; *last: the last that it has. */
static uint64_t find_end(const uint8_t *bytes, size_t size, size_t epochs, size_t *last) {
    uint64_t end = 0;
    size_t taken;
    Sp__Event *event;
    *last = 0;
    while ((event = read_record(bytes + end, size - end, &taken))) {
        bool first = end == 0 && event->what_case == SP__EVENT__WHAT_FILE_VERSION;
        bool next = end > 0 && event->step == (int64_t)*last + 1 && *last < epochs;
        sp__event__free_unpacked(event, NULL);
        if (!first && !next) break;
        end += taken;
        *last += next;
    }
    return end;
}

static sp_status cut(sp_events *events, size_t epochs, size_t *last, sp_error *error) {
    char *bytes;
    size_t size;
    sp_status status = sp_file_read(events->path, SIZE_MAX / 4, &bytes, &size, error);
    if (status) return status;
    events->bytes = find_end((const uint8_t *)bytes, size, epochs, last);
    free(bytes);
    if (ftruncate(events->file, (off_t)events->bytes)) return write_failed(events, errno, error);
    return events->bytes > 0 ? SP_OK : write_version(events, error);
}

static sp_status fill(sp_events *events, const sp_history *history, size_t from, sp_error *error) {
    size_t count = OF_EPOCH + events->layers * OF_LAYER;
    sp_status status = SP_OK;
    if (sp_history_columns(history) != 1 + count) return SP_OK;
    for (size_t row = from; row < sp_history_rows(history) && !status; row++) {
        for (size_t i = 0; i < count; i++) events->values[i] = sp_history_value(history, row, i + 1);
        status = write_scalars(events, row + 1, events->tags, count, error);
    }
    return status;
}

/* ---- Life -------------------------------------------------------------------------------------- */

static void name_tags(sp_events *events) {
    for (size_t i = 0; i < OF_EPOCH; i++) snprintf(events->tags[i], TAG, "%s", epoch_tags[i]);
    for (size_t l = 0; l < events->layers; l++)
        for (size_t i = 0; i < OF_LAYER; i++)
            snprintf(events->tags[OF_EPOCH + l * OF_LAYER + i], TAG, "layer%zu/%s", l + 1, layer_tags[i]);
}

static sp_status prepare(const char *path, size_t layers, sp_events **events, sp_error *error) {
    sp_events *made = calloc(1, sizeof *made);
    size_t most = OF_EPOCH + layers * OF_LAYER;
    if (most < OF_SUMMARY) most = OF_SUMMARY;
    if (!made) return sp_fail_memory(error, path, sizeof *made);
    *made = (sp_events){.file = -1, .layers = layers, .most = most, .record_size = FRAME + 100 + most * (TAG + 20)};
    made->path = strdup(path);
    made->tags = calloc(most, sizeof *made->tags);
    made->values = calloc(most, sizeof *made->values);
    made->all = calloc(most, sizeof *made->all);
    made->list = calloc(most, sizeof *made->list);
    made->record = malloc(made->record_size);
    *events = made;
    if (!made->path || !made->tags || !made->values || !made->all || !made->list || !made->record)
        return sp_fail_memory(error, path, made->record_size);
    name_tags(made);
    made->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (made->file >= 0) return SP_OK;
    return sp_fail(error, SP_FAILED, "%s: cannot be written (%s); set output.dir to a folder that can", path,
                   strerror(errno));
}

static sp_status join(const char *folder, const char *name, char path[PATH], sp_error *error) {
    if (sp_path_join(path, PATH, folder, name)) return SP_OK;
    return sp_fail(error, SP_BAD_CONFIG, "%s: is too long a path; set output.dir to a shorter one", folder);
}

sp_status sp_events_create(const char *folder, size_t layers, sp_events **events, sp_error *error) {
    char path[PATH], name[SP_EVENTS_NAME];
    *events = NULL;
    snprintf(name, sizeof name, "%s%.0f%s", prefix, floor(time_of_day()), suffix);
    sp_status status = join(folder, name, path, error);
    if (!status) status = prepare(path, layers, events, error);
    if (!status) status = write_version(*events, error);
    if (!status) return SP_OK;
    sp_events_destroy(*events);
    *events = NULL;
    return status;
}

sp_status sp_events_continue(const char *folder, size_t layers, sp_events **events, sp_error *error) {
    char path[PATH], name[SP_EVENTS_NAME];
    sp_history *history = NULL;
    size_t last = 0;
    *events = NULL;
    sp_status status = sp_events_find(folder, name, error);
    bool there = *name != '\0';
    if (!status) status = join(folder, "metrics.csv", path, error);
    if (!status) status = sp_history_read(path, &history, error);
    if (!status && !there) status = sp_events_create(folder, layers, events, error);
    if (!status && there) status = join(folder, name, path, error);
    if (!status && there) status = prepare(path, layers, events, error);
    if (!status && there) status = cut(*events, sp_history_rows(history), &last, error);
    if (!status) status = fill(*events, history, last, error);
    sp_history_destroy(history);
    if (!status) return SP_OK;
    sp_events_destroy(*events);
    *events = NULL;
    return status;
}

void sp_events_destroy(sp_events *events) {
    if (!events) return;
    if (events->file >= 0) close(events->file);
    free(events->path);
    free(events->tags);
    free(events->values);
    free(events->all);
    free(events->list);
    free(events->record);
    free(events);
}
