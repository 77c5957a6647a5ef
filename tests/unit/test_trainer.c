/* A run from outside: started, talked to through control.h, read back from its files. */
#include "model_fixture.h"

#include "engine/base/hash.h"
#include "engine/base/rng.h"
#include "engine/train/checkpoint.h"
#include "engine/train/control.h"
#include "engine/train/trainer.h"

#include <math.h>

static char place[256];
static char files[SPLIT_COUNT][300];
static struct dataset *dataset;
static struct dataset_spec spec;

static const char *const label_words[3][4] = {{"bad", "awful", "poor", "worst"},
                                              {"card", "bank", "order", "phone"},
                                              {"good", "great", "best", "love"}};
static const char *const label_names[3] = {"negative", "neutral", "positive"};
static const char *const other_words[6] = {"the", "is", "it", "was", "very", "my"};

static void write_rows(const char *path, size_t n, uint64_t seed)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("text,label\n", f);
    for (size_t i = 0; i < n; i++) {
        size_t k = rng_bits(seed, RNG_TEST, 2 * i) % 3;
        uint64_t bits = rng_bits(seed, RNG_TEST, 2 * i + 1);
        for (size_t w = 0; w < 3 + bits % 7; w++, bits /= 3)
            fprintf(f, "%s %s ", label_words[k][bits % 4], other_words[bits / 5 % 6]);
        fprintf(f, "it,%s\n", label_names[k]);
    }
    fclose(f);
}

static int setup(void **state)
{
    struct err err;
    (void)state;
    fixture_place(place, sizeof place, "trainer");
    assert_int_equal(file_make_directories(place, &err), 0);
    for (enum split s = 0; s < SPLIT_COUNT; s++) {
        snprintf(files[s], sizeof files[s], "%s/%s.csv", place, split_name(s));
        write_rows(files[s], s == SPLIT_TRAIN ? 120 : 30, 1 + (uint64_t)s);
        spec.files[s] = files[s];
    }
    dataset = dataset_open(&spec, &err);
    assert_non_null(dataset);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dataset_close(dataset);
    return file_remove_tree(place, NULL);
}

static struct settings some_settings(void)
{
    struct settings s;
    struct err err;
    settings_defaults(&s);
    s.learning_rate = 1e-3;
    s.max_steps = 210; /* long enough to be paused on the way */
    s.batch_size = 8;
    s.warmup_steps = 0.1;
    s.eval_steps = s.save_steps = 70;
    s.threads = 2;
    assert_int_equal(settings_resolve(&s, &err), 0);
    return s;
}

struct run {
    struct trainer *trainer;
    struct control *control;
    char directory[300];
    struct record *records;
    size_t count, capacity;
};

static struct trainer_spec spec_of(struct run *r, const char *name, const struct settings *s)
{
    snprintf(r->directory, sizeof r->directory, "%s/%s", place, name);
    return (struct trainer_spec){.model_dir = TINY,
                                 .dataset = dataset,
                                 .data_spec = &spec,
                                 .settings = *s,
                                 .out = r->directory,
                                 .evaluate_test = true};
}

static void start_spec(struct run *r, const struct trainer_spec *t)
{
    struct err err;
    r->trainer = trainer_start(t, &err);
    if (!r->trainer)
        fail_msg("%s", err.text);
    r->control = control_open(trainer_rundir(r->trainer), CONTROL_HOLD, &err);
    if (!r->control)
        fail_msg("%s", err.text);
}

static void start(struct run *r, const char *name, const struct settings *s)
{
    memset(r, 0, sizeof *r);
    struct trainer_spec t = spec_of(r, name, s);
    start_spec(r, &t);
}

static void resume(struct run *r, const char *name, double learning_rate)
{
    struct settings s = some_settings();
    memset(r, 0, sizeof *r);
    s.learning_rate = learning_rate;
    struct trainer_spec t = spec_of(r, name, &s);
    t.resume = true;
    start_spec(r, &t);
}

static void drain(struct run *r)
{
    struct err err;
    uint64_t lost = 0;
    size_t n;
    do {
        assert_int_equal(
            mem_grow(&r->records, &r->capacity, r->count + 64, sizeof *r->records, "records", &err),
            0);
        n = control_read(r->control, r->records + r->count, 64, &lost);
        r->count += n;
    } while (n);
    assert_int_equal(lost, 0);
}

/* Wait until a record of this kind for which `is` holds has come, from records[from] on. */
static const struct record *await(struct run *r, size_t from, enum record_kind kind,
                                  bool (*is)(const struct record *, uint64_t), uint64_t arg)
{
    for (int tries = 0; tries < 6000; tries++) {
        bool ended = trainer_wait(r->trainer, 5);
        drain(r);
        for (size_t i = from; i < r->count; i++)
            if (r->records[i].kind == kind && (!is || is(&r->records[i], arg)))
                return &r->records[i];
        if (ended)
            break;
    }
    fail_msg("the run ended, or a minute passed, without record kind %d", (int)kind);
    return NULL;
}

static bool answers(const struct record *r, uint64_t number)
{
    return r->as.answer.command == number;
}

static bool goes_to(const struct record *r, uint64_t state)
{
    return r->as.state.to == state;
}

static const struct answer_sample *ask(struct run *r, struct command c)
{
    struct err err;
    uint64_t number;
    if (control_post(r->control, &c, &number, &err))
        fail_msg("%s", err.text);
    return &await(r, 0, RECORD_ANSWER, answers, number)->as.answer;
}

static const struct answer_sample *ask_set(struct run *r, const char *setting, const char *value)
{
    struct command c = {.kind = COMMAND_SET};
    snprintf(c.setting, sizeof c.setting, "%s", setting);
    snprintf(c.value, sizeof c.value, "%s", value);
    return ask(r, c);
}

static size_t count_kind(const struct run *r, enum record_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++)
        n += r->records[i].kind == kind;
    return n;
}

/* To its end; the weights' SHA-256. */
static const char *finish(struct run *r, char sha256[65], enum trainer_state want)
{
    struct trainer_view v;
    struct err err = {0};
    trainer_wait(r->trainer, -1);
    drain(r);
    control_snapshot(r->control, &v);
    if (v.state != want)
        fail_msg("%s, not %s: %s", trainer_state_name(v.state), trainer_state_name(want),
                 v.last_error.text);
    memcpy(sha256, trainer_result(r->trainer)->weights_sha256, 65);
    control_close(r->control);
    assert_int_equal(trainer_finish(r->trainer, &err), 0);
    free(r->records);
    r->records = NULL;
    return sha256;
}

static char plain[65]; /* of the run nobody disturbed */

static void test_a_run_tells_every_step_and_leaves_a_model(void **state)
{
    struct settings s = some_settings();
    struct run r;
    char path[400], sha256[65];
    struct err err;
    (void)state;
    start(&r, "plain", &s);
    trainer_wait(r.trainer, -1);
    drain(&r);
    const struct trainer_result *out = trainer_result(r.trainer);
    assert_int_equal(out->steps, 210);
    assert_true(out->epochs == 14.0);
    assert_non_null(out->validation);
    assert_int_equal(out->validation->rows, 30);
    assert_non_null(out->test);
    double last_epoch = 0;
    for (size_t i = 0; i < r.count; i++) {
        const struct record *x = &r.records[i];
        assert_true(i == 0 || x->seq == r.records[i - 1].seq + 1);
        if (x->kind != RECORD_STEP)
            continue;
        assert_true(isfinite(x->as.step_sample.loss) && isfinite(x->as.step_sample.grad_norm));
        if (x->step > 195)
            last_epoch += x->as.step_sample.loss / 15;
    }
    assert_int_equal(count_kind(&r, RECORD_STEP), 210);
    assert_int_equal(count_kind(&r, RECORD_EVAL), 4);
    assert_true(fabs(last_epoch - out->train_loss) < 1e-12);
    finish(&r, plain, TRAINER_FINISHED);
    snprintf(path, sizeof path, "%s/model/model.safetensors", r.directory);
    assert_int_equal(sha256_file(path, sha256, &err), 0);
    assert_string_equal(sha256, plain);
}

static void test_paused_and_measured_runs_give_the_same_bytes(void **state)
{
    struct settings s = some_settings();
    struct run r;
    char sha256[65];
    (void)state;
    start(&r, "paused", &s);
    assert_int_equal(ask(&r, (struct command){.kind = COMMAND_PAUSE})->code, ERR_NONE);
    struct trainer_view v;
    control_snapshot(r.control, &v);
    assert_int_equal(v.state, TRAINER_PAUSED);
    int64_t step = v.step;
    assert_int_equal(ask(&r, (struct command){.kind = COMMAND_EVALUATE})->code, ERR_NONE);
    const struct record *e = await(&r, 0, RECORD_EVAL, NULL, 0);
    while (!e->as.eval.by_hand)
        e = await(&r, (size_t)(e - r.records) + 1, RECORD_EVAL, NULL, 0);
    assert_false(e->as.eval.best);
    assert_int_equal(e->step, step);
    control_snapshot(r.control, &v);
    assert_int_equal(v.state, TRAINER_PAUSED);
    assert_int_equal(v.step, step);
    assert_int_equal(ask(&r, (struct command){.kind = COMMAND_RESUME})->code, ERR_NONE);
    assert_string_equal(finish(&r, sha256, TRAINER_FINISHED), plain);
}

static void test_a_stopped_run_goes_on_to_the_same_bytes(void **state)
{
    struct settings s = some_settings();
    struct run r;
    char path[400], sha256[65];
    (void)state;
    start(&r, "stopped", &s);
    await(&r, 0, RECORD_STEP, NULL, 0);
    assert_int_equal(ask(&r, (struct command){.kind = COMMAND_STOP})->code, ERR_NONE);
    finish(&r, sha256, TRAINER_STOPPED);
    snprintf(path, sizeof path, "%s/model/README.md", r.directory);
    assert_true(file_exists(path));
    assert_true(checkpoint_newest(r.directory) > 0);
    resume(&r, "stopped", NAN);
    assert_string_equal(finish(&r, sha256, TRAINER_FINISHED), plain);
}

static void test_edits_apply_from_the_next_step_and_are_replayed(void **state)
{
    struct settings s = some_settings();
    struct run r;
    char edited[65], replayed[65], path[400];
    (void)state;
    start(&r, "edited", &s);
    ask(&r, (struct command){.kind = COMMAND_PAUSE});
    assert_int_equal(ask_set(&r, "batch_size", "4")->code, ERR_UNSUPPORTED);
    assert_int_not_equal(ask_set(&r, "learning_rate", "fast")->code, ERR_NONE);
    assert_int_not_equal(ask_set(&r, "learning_rate", "-1")->code, ERR_NONE);
    assert_int_not_equal(ask_set(&r, "no_such_setting", "1")->code, ERR_NONE);
    drain(&r);
    assert_int_equal(count_kind(&r, RECORD_EDIT), 0);
    assert_int_equal(ask_set(&r, "learning_rate", "0.0005")->code, ERR_NONE);
    const struct record *e = await(&r, 0, RECORD_EDIT, NULL, 0);
    assert_true(e->as.edit.before == 1e-3 && e->as.edit.after == 5e-4);
    int64_t step = e->step;
    size_t from = (size_t)(e - r.records);
    ask(&r, (struct command){.kind = COMMAND_RESUME});
    const struct record *next = await(&r, from, RECORD_STEP, NULL, 0);
    assert_int_equal(next->step, step + 1);
    double factor = step < 21 ? (double)step / 21 : (double)(210 - step) / (210 - 21);
    assert_true(fabs(next->as.step_sample.learning_rate - 5e-4 * factor) < 1e-15);
    finish(&r, edited, TRAINER_FINISHED);
    assert_string_not_equal(edited, plain);
    /* Without any checkpoint everything comes from the journal. */
    snprintf(path, sizeof path, "%s/checkpoints", r.directory);
    for (int attempt = 0; attempt < 2; attempt++) {
        assert_int_equal(file_remove_tree(path, NULL), 0);
        resume(&r, "edited", NAN);
        finish(&r, replayed, TRAINER_FINISHED);
        assert_string_equal(replayed, edited);
    }
}

static void test_early_stopping_keeps_the_best(void **state)
{
    struct settings s = some_settings();
    struct run r;
    char sha256[65], path[400], best[65];
    struct err err;
    (void)state;
    s.learning_rate = 0.05; /* too high to go on improving */
    s.eval_steps = s.save_steps = 15;
    s.early_stopping_patience = 3;
    s.load_best_model_at_end = true;
    start(&r, "early", &s);
    trainer_wait(r.trainer, -1);
    drain(&r);
    int64_t best_step = 0, without = 0;
    for (size_t i = 0; i < r.count; i++)
        if (r.records[i].kind == RECORD_EVAL && r.records[i].as.eval.split == SPLIT_VALIDATION) {
            without = r.records[i].as.eval.best ? 0 : without + 1;
            best_step = r.records[i].as.eval.best ? r.records[i].step : best_step;
        }
    assert_int_equal(without, 3);
    assert_int_equal(trainer_result(r.trainer)->steps, best_step + 3 * 15);
    finish(&r, sha256, TRAINER_FINISHED);
    snprintf(path, sizeof path, "%s/checkpoints/step-%06lld/model.safetensors", r.directory,
             (long long)best_step);
    assert_int_equal(sha256_file(path, best, &err), 0);
    assert_string_equal(sha256, best);
}

/* A step's gradient does not depend on how it is cut into micro-batches: with class weights the sum
 * is divided by the weights of the whole step. */
static void test_accumulation_is_one_batch(void **state)
{
    double loss[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct settings s = some_settings();
        struct run r;
        char sha256[65], name[32];
        s.dropout = 0;
        s.max_steps = 10;
        s.batch_size = i ? 3 : 24;
        s.gradient_accumulation_steps = i ? 8 : 1;
        snprintf(s.class_weights, sizeof s.class_weights, "negative=0.25,positive=3");
        snprintf(name, sizeof name, "accumulate%d", i);
        start(&r, name, &s);
        trainer_wait(r.trainer, -1);
        assert_int_equal(trainer_result(r.trainer)->steps, 10);
        loss[i] = trainer_result(r.trainer)->train_loss;
        finish(&r, sha256, TRAINER_FINISHED);
    }
    assert_true(fabs(loss[0] - loss[1]) < 1e-5 * loss[0]);
}

static void spoil(const char *dir)
{
    struct safetensors s;
    struct err err;
    char path[400];
    fixture_copy(dir, NULL);
    static const char *const tokenizer[] = {"tokenizer.json", "tokenizer_config.json", "vocab.txt"};
    for (size_t i = 0; i < 3; i++) {
        char from[400];
        snprintf(from, sizeof from, TINY "/%s", tokenizer[i]);
        snprintf(path, sizeof path, "%s/%s", dir, tokenizer[i]);
        assert_int_equal(file_copy(from, path, &err), 0);
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    assert_int_equal(safetensors_open(&s, path, &err), 0);
    const struct tensor_entry *t = safetensors_find(&s, "classifier.bias");
    long at = (long)(t->bytes - s.map.data);
    safetensors_close(&s);
    const float nan = NAN;
    FILE *f = fopen(path, "r+b");
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(&nan, sizeof nan, 1, f), 1);
    fclose(f);
}

static void test_a_loss_that_is_not_finite_ends_the_run_and_names_rows(void **state)
{
    struct settings s = some_settings();
    struct run r = {0};
    struct trainer_view v;
    struct err err = {0};
    char model[300];
    (void)state;
    snprintf(model, sizeof model, "%s/spoiled", place);
    spoil(model);
    struct trainer_spec t = spec_of(&r, "nan", &s);
    t.model_dir = model;
    start_spec(&r, &t);
    trainer_wait(r.trainer, -1);
    control_snapshot(r.control, &v);
    assert_int_equal(v.state, TRAINER_FAILED);
    assert_int_equal(v.last_error.code, ERR_NUMERIC);
    assert_non_null(strstr(v.last_error.text, "step 1:"));
    assert_non_null(strstr(v.last_error.text, "train.csv:"));
    control_close(r.control);
    assert_int_equal(trainer_finish(r.trainer, &err), -1);
    assert_int_equal(err.code, ERR_NUMERIC);
    assert_false(file_exists(r.directory)); /* nothing was worth keeping */
}

static void test_a_run_that_is_served_is_not_served_twice(void **state)
{
    struct settings s = some_settings();
    struct run r, second = {0};
    struct err err = {0};
    char sha256[65];
    (void)state;
    start(&r, "served", &s);
    ask(&r, (struct command){.kind = COMMAND_PAUSE});
    struct trainer_spec t = spec_of(&second, "served", &s);
    t.resume = true;
    assert_null(trainer_start(&t, &err));
    assert_int_equal(err.code, ERR_BUSY);
    ask(&r, (struct command){.kind = COMMAND_RESUME});
    assert_string_equal(finish(&r, sha256, TRAINER_FINISHED), plain);
}

static void test_finish_stops_a_paused_run(void **state)
{
    struct settings s = some_settings();
    struct run r;
    struct err err = {0};
    (void)state;
    start(&r, "left", &s);
    await(&r, 0, RECORD_STATE, goes_to, TRAINER_RUNNING);
    await(&r, 0, RECORD_STEP, NULL, 0);
    ask(&r, (struct command){.kind = COMMAND_PAUSE});
    control_close(r.control);
    assert_int_equal(trainer_finish(r.trainer, &err), 0);
    assert_true(checkpoint_newest(r.directory) > 0);
    free(r.records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_tells_every_step_and_leaves_a_model),
        cmocka_unit_test(test_paused_and_measured_runs_give_the_same_bytes),
        cmocka_unit_test(test_a_stopped_run_goes_on_to_the_same_bytes),
        cmocka_unit_test(test_edits_apply_from_the_next_step_and_are_replayed),
        cmocka_unit_test(test_early_stopping_keeps_the_best),
        cmocka_unit_test(test_accumulation_is_one_batch),
        cmocka_unit_test(test_a_loss_that_is_not_finite_ends_the_run_and_names_rows),
        cmocka_unit_test(test_a_run_that_is_served_is_not_served_twice),
        cmocka_unit_test(test_finish_stops_a_paused_run),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
