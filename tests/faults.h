/* What a refusal must be: the status expected, and one line that says what is wrong. */
#ifndef SP_TESTS_FAULTS_H
#define SP_TESTS_FAULTS_H

#include "support.h"

#include <string.h>

/* Whether `error`, of a call that came to `came`, is one line of `status` that holds `says`. */
static inline bool one_fault(const sp_error *error, sp_status came, sp_status status, const char *says) {
    return came == status && error->status == status && error->faults == 1 && !strchr(error->text, '\n') &&
           strstr(error->text, says);
}

/* Expects `call` to be refused so; `error` is cleared before. */
#define expect_fault(call, error, status, says)                                                                        \
    do {                                                                                                               \
        (error) = (sp_error){0};                                                                                       \
        sp_status came = (call);                                                                                       \
        cr_expect(one_fault(&(error), came, (status), (says)), "%s: status %d, %zu faults: '%s'; expected '%s'",       \
                  #call, (int)came, (error).faults, (error).text, (says));                                             \
    } while (0)

#endif
