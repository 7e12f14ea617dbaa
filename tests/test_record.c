/* States on their way to a file and back, to the last bit; checksums, locks, and the thread that writes. */
#include "base/jobs.h"
#include "base/lock.h"
#include "base/record.h"
#include "faults.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Puts the same names again and again, as a training does. */
static void fill(sp_record *record, double real, uint64_t count, const char *text) {
    float *floats = sp_record_floats(record, "vector", 3);
    for (int i = 0; i < 3; i++) floats[i] = (float)real + (float)i;
    sp_record_put_reals(record, "reals", (double[]){real, NAN, -INFINITY, -0.0}, 4);
    sp_record_put_counts(record, "counts", (uint64_t[]){count, UINT64_MAX}, 2);
    sp_record_put_text(record, "text", text, 40);
}

Test(record, the_last_state_comes_back_to_the_last_bit) {
    sp_error error = {0};
    sp_safetensors *file;
    double reals[4];
    uint64_t counts[2];
    float floats[3];
    sp_record *record = sp_record_create();
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where there is such a locale */
    fill(record, 1, 2, "a longer text than the next");
    size_t bytes = sp_record_bytes(record);
    fill(record, 0.1 + 0.2, 3, "a \"text\"\nof two lines");
    cr_expect(sp_record_is_whole(record));
    cr_expect_eq(sp_record_bytes(record), bytes, "no more places");
    must(sp_record_write(record, scratch_path("r"), &error), error);
    sp_record_destroy(record);
    must(sp_safetensors_read(scratch_path("r"), &file, &error), error);
    must(sp_record_take_reals(file, "reals", reals, 4, &error), error);
    must(sp_record_take_counts(file, "counts", counts, 2, &error), error);
    must(sp_safetensors_copy(file, "vector", 3, 0, floats, &error), error);
    cr_expect(reals[0] == 0.1 + 0.2 && isnan(reals[1]) && reals[2] == -INFINITY && signbit(reals[3]));
    cr_expect(counts[0] == 3 && counts[1] == UINT64_MAX);
    cr_expect_eq(floats[2], (float)(0.1 + 0.2) + 2);
    cr_expect_str_eq(sp_safetensors_text(file, "text"), "a \"text\"\nof two lines");
    expect_fault(sp_record_take_reals(file, "reals", reals, 3, &error), error, SP_BAD_DATA, "reals in it is missing");
    expect_fault(sp_record_take_counts(file, "text", counts, 1, &error), error, SP_BAD_DATA, "text in it is missing");
    expect_fault(sp_record_take_counts(file, "none", counts, 1, &error), error, SP_BAD_DATA, "none in it is missing");
    sp_safetensors_destroy(file);
}

/* Every single byte that is altered is told, in the header or in the tensors. */
Test(record, any_altered_byte_is_found) {
    sp_error error = {0};
    sp_safetensors *file;
    sp_record *record = sp_record_create();
    fill(record, 2.5, 7, "text");
    must(sp_record_write(record, scratch_path("r"), &error), error);
    sp_record_destroy(record);
    must(sp_safetensors_read(scratch_path("r"), &file, &error), error);
    cr_expect(sp_safetensors_is_sealed(file));
    sp_safetensors_destroy(file);
    FILE *stream = fopen(scratch_path("r"), "rb");
    char bytes[2000];
    size_t size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    cr_assert(size > 200 && size < sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 4;
        error = (sp_error){0};
        sp_status status = sp_safetensors_read(write_bytes("altered", bytes, size), &file, &error);
        cr_expect(status == SP_BAD_DATA || !sp_safetensors_is_sealed(file), "byte %zu", i);
        if (!status) sp_safetensors_destroy(file);
        bytes[i] ^= 4;
    }
}

/* ---- The lock ---- */

Test(lock, excludes_and_names_its_holder) {
    sp_error error = {0};
    sp_lock *first, *second;
    long holder;
    must(sp_lock_take(scratch_path("l"), &first, &holder, &error), error);
    cr_expect(first && holder == 0);
    must(sp_lock_take(scratch_path("l"), &second, &holder, &error), error);
    cr_expect(!second && holder == (long)getpid());
    sp_lock_release(first);
    cr_expect_neq(access(scratch_path("l"), F_OK), 0);
    must(sp_lock_take(write_text("l", "99999\n"), &first, &holder, &error), error); /* what a killed process left */
    cr_expect(first && holder == 0);
    sp_lock_release(first);
    expect_fault(sp_lock_take(scratch_path("none/l"), &first, &holder, &error), error, SP_FAILED, "cannot be written");
}

/* ---- The helper ---- */

typedef struct tally {
    int done, order[8];
} tally;

static void note(void *context) {
    tally *t = context;
    t->order[t->done] = t->done;
    t->done++;
}

Test(jobs, a_helper_does_one_job_after_another) {
    tally t = {0};
    sp_helper *helper = sp_helper_create();
    cr_assert_not_null(helper);
    for (int i = 0; i < 8; i++) sp_helper_start(helper, note, &t);
    sp_helper_wait(helper);
    cr_expect(!sp_helper_is_busy(helper));
    cr_expect_eq(t.done, 8);
    for (int i = 0; i < 8; i++) cr_expect_eq(t.order[i], i);
    t.done = 0;
    sp_helper_start(helper, note, &t);
    sp_helper_destroy(helper);
    cr_expect_eq(t.done, 1, "what was started is done");
    cr_expect_eq(sp_jobs_grant(3), 3);
}
