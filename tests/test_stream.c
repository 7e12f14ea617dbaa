/* Streams into memory. */
#include "base/stream.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

Test(stream, all_is_there_once_it_is_closed) {
    enum { LINES = 20000 };
    char *text = NULL;
    size_t size = 0, used = 0;
    FILE *stream = sp_stream_into_memory(&text, &size);
    cr_assert_not_null(stream);
    for (int i = 0; i < LINES; i++) cr_assert_gt(fprintf(stream, "line %d\n", i), 0);
    cr_assert_eq(ferror(stream), 0);
    cr_assert_eq(fclose(stream), 0);
    keep(text);
    cr_assert_eq(strlen(text), size);
    for (int i = 0; i < LINES; i++) {
        char line[20];
        int length = snprintf(line, sizeof line, "line %d\n", i);
        cr_assert_eq(strncmp(text + used, line, (size_t)length), 0, "line %d", i);
        used += (size_t)length;
    }
    cr_expect_eq(used, size);
}

Test(stream, nothing_is_an_empty_text) {
    char *text = NULL;
    size_t size = 1;
    FILE *stream = sp_stream_into_memory(&text, &size);
    cr_assert_not_null(stream);
    cr_assert_eq(fclose(stream), 0);
    cr_expect_eq(size, 0);
    cr_expect_str_empty(keep(text));
}

/* Buffers are filled and emptied in parts; what does not fit is told of at last when the stream is closed. */
Test(stream, memory_that_runs_out_is_told) {
    static char block[1 << 16];
    char *text = NULL;
    size_t size = 0;
    FILE *stream = sp_stream_into_memory(&text, &size);
    cr_assert_not_null(stream);
    cr_assert_eq(fwrite(block, 1, sizeof block, stream), sizeof block);
    cr_assert_eq(fflush(stream), 0);
    size = (size_t)-1 / 2; /* as if there were so much already: nobody has that and more */
    fwrite(block, 1, sizeof block, stream);
    fflush(stream);
    cr_expect(ferror(stream));
    fclose(stream);
    free(text);
}
