/* What a training is said to need before it starts, against what it then takes. */
#include "config.h"
#include "judge.h"
#include "plan.h"
#include "support.h"

#ifdef __SANITIZE_ADDRESS__

/* Of <sanitizer/allocator_interface.h>, which gcc does not bring. */
size_t __sanitizer_get_current_allocated_bytes(void);

static size_t taken(void) {
    return __sanitizer_get_current_allocated_bytes();
}

#else

#include <malloc.h>

/* What malloc() has given out, mapped pages included. */
static size_t taken(void) {
    struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd;
}

#endif

typedef struct setup {
    sp_config *config;
    sp_data *data;
    sp_plan plan;
} setup;

static setup prepare(const char *threads, const char *test) {
    setup made = {.config = sp_config_create()};
    const char *const settings[] = {
        "data.train=data/digits.csv", test, threads, "data.validation=0.1", "network.hidden=800,600",
        "parallel.kernels=reference"};
    sp_error error = {0};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        must(sp_config_set(made.config, settings[i], &error), error);
    must(sp_data_load(made.config, &made.data, &error), error);
    must(sp_plan_create(made.config, made.data, &made.plan, &error), error);
    return made;
}

static void clear(setup *made) {
    sp_plan_clear(&made->plan);
    sp_data_destroy(made->data);
    sp_config_destroy(made->config);
}

/* Each thread has a workspace of its own to evaluate in; 1797 rows are seven blocks. Of less than a huge page each,
 * to whole ones of which malloc() would be seen to round. */
Test(plan, memory_of_evaluation_is_what_it_takes) {
    setup made = prepare("parallel.threads=5", "data.test=0.2");
    const sp_part *const parts[] = {&made.data->train, &made.data->validation, &made.data->test};
    sp_error error = {0};
    sp_evaluator *evaluator;
    sp_judge *judge;
    size_t before = taken();
    must(sp_evaluator_create(made.plan.layout, 5, parts, 3, &evaluator, &error), error);
    size_t evaluation = taken() - before, told = sp_evaluator_bytes(made.plan.layout, 5, parts, 3);
    cr_expect(told > 0.98 * evaluation && told < 1.1 * evaluation, "%zu, said to be %zu", evaluation, told);
    before = taken();
    must(sp_judge_create(made.plan.net, SP_CLASSIFICATION, 10, parts + 1, 2, &judge, &error), error);
    size_t judging = taken() - before;
    told = sp_judge_bytes(made.plan.net, parts + 1, 2);
    cr_expect(told > 0.9 * judging && told < 2 * judging, "%zu, said to be %zu", judging, told);
    sp_judge_destroy(judge);
    sp_evaluator_destroy(evaluator);
    clear(&made);
}

/* The plan counts them: another thread is another workspace. */
Test(plan, memory_counts_evaluation) {
    setup one = prepare("parallel.threads=1", "data.test=0.2"), five = prepare("parallel.threads=5", "data.test=0.2");
    size_t more = five.plan.total_bytes - one.plan.total_bytes;
    size_t workspace = sp_workspace_bytes(one.plan.layout, SP_EVAL_ROWS, 0);
    cr_expect_geq(more, 4 * workspace, "%zu more, a workspace has %zu", more, workspace);
    cr_expect_gt(workspace, 256 * 600 * sizeof(float), "and is no small thing");
    clear(&one);
    clear(&five);
}
