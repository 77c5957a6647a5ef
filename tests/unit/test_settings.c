/* The settings table: every row takes its own text back, refuses what is out of range, and the
 * committed docs/settings.md is what the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/file.h"
#include "engine/base/rng.h"
#include "engine/train/settings.h"
#include "engine/train/settings_page.h"

static struct settings defaults(void)
{
    struct settings s;
    settings_defaults(&s);
    return s;
}

static const char *format(const struct settings *s, const char *name)
{
    static char text[SETTING_TEXT_SIZE];
    settings_format(s, settings_find(name), text, sizeof text);
    return text;
}

static void takes(const char *name, const char *text, const char *formatted)
{
    struct settings s = defaults();
    struct err err = {0};
    if (settings_parse(&s, name, text, &err))
        fail_msg("%s '%s' refused: %s", name, text, err.text);
    assert_string_equal(format(&s, name), formatted);
}

static void refuses(const char *name, const char *text, const char *message)
{
    struct settings s = defaults(), before = defaults();
    struct err err = {0};
    if (settings_parse(&s, name, text, &err) != -1)
        fail_msg("%s took '%s'", name, text);
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.text, message);
    assert_memory_equal(&s, &before, sizeof s);
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings s = defaults();
    struct err err = {0};
    assert_int_equal(settings_resolve(&s, &err), 0);
    assert_true(s.learning_rate == 2e-5 && s.epochs == 3);
    assert_int_equal(s.batch_size, 16);
    assert_int_equal(s.gradient_accumulation_steps, 1);
    assert_true(s.adam_beta1 == 0.9 && s.adam_beta2 == 0.999 && s.adam_epsilon == 1e-8);
    assert_true(s.weight_decay == 0 && s.max_grad_norm == 1 && s.dropout < 0);
    assert_int_equal(s.max_length, 128);
    assert_int_equal(s.seed, 42);
    assert_string_equal(s.class_weights, "none");
    for (size_t i = 0; i < settings_count(); i++)
        assert_true(settings_is_default(&s, settings_at(i)));
}

static void test_auto_depends_on_tune_in_any_order(void **state)
{
    (void)state;
    struct settings s = defaults();
    struct err err = {0};
    assert_string_equal(format(&s, "learning_rate"), "auto");
    assert_int_equal(settings_parse(&s, "epochs", "7", &err), 0);
    assert_int_equal(settings_parse(&s, "tune", "head", &err), 0);
    assert_int_equal(settings_resolve(&s, &err), 0);
    assert_true(s.learning_rate == 1e-3 && s.epochs == 7);
    assert_true(settings_is_default(&s, settings_find("learning_rate")));
    assert_false(settings_is_default(&s, settings_find("epochs")));
}

static void test_names_and_aliases(void **state)
{
    (void)state;
    assert_ptr_equal(settings_find("batch-size"), settings_find("per_device_train_batch_size"));
    assert_ptr_equal(settings_find("epochs"), settings_find("num-train_epochs"));
    assert_null(settings_find("batch"));
    assert_null(settings_find(""));
    for (size_t i = 0; i < settings_count(); i++) {
        assert_ptr_equal(settings_find(settings_at(i)->name), settings_at(i));
        assert_true(settings_at(i)->help[0] && settings_at(i)->group[0]);
        assert_true((settings_at(i)->when == SETTING_LIVE) ==
                    !strcmp(settings_at(i)->name, "learning_rate"));
    }
}

static void test_what_is_taken(void **state)
{
    (void)state;
    takes("learning_rate", "1e-4", "1e-4");
    takes("learning_rate", "0.00002", "2e-5");
    takes("learning_rate", ".5", "0.5");
    takes("learning_rate", "-0", "0");
    takes("epochs", "30", "30");
    takes("epochs", "2.50", "2.5");
    takes("max_grad_norm", "1e5", "100000");
    takes("optim", "adamw_torch", "adamw");
    takes("optim", "adamw_torch_fused", "adamw");
    takes("metric_for_best_model", "eval_loss", "loss");
    takes("lr_scheduler_type", "constant-with-warmup", "constant_with_warmup");
    takes("dropout", "model", "model");
    takes("dropout", "0", "0");
    takes("threads", "all", "all");
    takes("threads", "0", "all");
    takes("eval_steps", "epoch", "epoch");
    takes("seed", "9007199254740991", "9007199254740991");
    takes("class_weights", "balanced", "balanced");
    takes("class_weights", "spam=2.5,ham=1", "spam=2.5,ham=1");
}

static void test_what_is_refused(void **state)
{
    (void)state;
#define RATE "learning_rate is 0 to 1 per step, or 'auto', not "
    refuses("learning_rate", "abc", RATE "'abc'");
    refuses("learning_rate", "1.5", RATE "'1.5'");
    refuses("learning_rate", "inf", RATE "'inf'");
    refuses("learning_rate", "nan", RATE "'nan'");
    refuses("learning_rate", "1e-4x", RATE "'1e-4x'");
    refuses("learning_rate", " 1e-4", RATE "' 1e-4'");
    refuses("learning_rate", "0x1p-4", RATE "'0x1p-4'");
    refuses("learning_rate", "1,5", RATE "'1,5'");
    refuses("learning_rate", "1e999", RATE "'1e999'");
    refuses("learning_rate", "-1e-4", RATE "'-1e-4'");
    refuses("learning_rate", "", RATE "''");
    refuses("batch_size", "0", "batch_size is a whole number, 1 to 4096 examples, not '0'");
    refuses("batch_size", "2.5", "batch_size is a whole number, 1 to 4096 examples, not '2.5'");
    refuses("batch_size", "1e1", "batch_size is a whole number, 1 to 4096 examples, not '1e1'");
    refuses("seed", "9007199254740993",
            "seed is a whole number, 0 to 9007199254740991, not '9007199254740993'");
    refuses("dropout", "1", "dropout is 0 to 0.99 of the values, or 'model', not '1'");
    refuses("optim", "adam", "optim is adamw or sgd, not 'adam'");
    refuses("pooling", "max", "pooling is model, cls or mean, not 'max'");
    refuses("load_best_model_at_end", "1", "load_best_model_at_end is true or false, not '1'");
    refuses("learningrate", "1", "unknown setting 'learningrate'; did you mean learning_rate?");
    refuses("zzzzzzzz", "1", "unknown setting 'zzzzzzzz'; docs/settings.md lists them");
    refuses("class_weights", "spam=2,spam=3", "class_weights names the label 'spam' twice");
    static const char *const lists[] = {"spam", "=2",    "spam=", "spam=2,",
                                        "a=-1", "a=nan", "a=1e7", ""};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct settings s = defaults();
        assert_int_equal(settings_parse(&s, "class_weights", lists[i], NULL), -1);
    }
    char longer[SETTING_TEXT_SIZE + 8];
    memset(longer, 'a', sizeof longer);
    memcpy(longer + sizeof longer - 3, "=2", 3);
    struct settings s = defaults();
    assert_int_equal(settings_parse(&s, "class_weights", longer, NULL), -1);
}

static void test_class_weights_of_odd_labels(void **state)
{
    (void)state;
    const char *text = "a,b=2,c=d=0.5,=x=1", *label;
    size_t n;
    double weight;
    assert_true(settings_next_class_weight(&text, &label, &n, &weight));
    assert_true(n == 3 && !memcmp(label, "a,b", 3) && weight == 2);
    assert_true(settings_next_class_weight(&text, &label, &n, &weight));
    assert_true(n == 3 && !memcmp(label, "c=d", 3) && weight == 0.5);
    assert_true(settings_next_class_weight(&text, &label, &n, &weight));
    assert_true(n == 2 && !memcmp(label, "=x", 2) && weight == 1);
    assert_false(settings_next_class_weight(&text, &label, &n, &weight));
    assert_int_equal(*text, '\0');
}

/* A random value a user could have set. */
static void randomise(struct settings *s, uint64_t round)
{
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *w = settings_at(i);
        double u = rng_uniform(round, RNG_TEST, i);
        char text[64];
        if (w->type == SETTING_INT)
            snprintf(text, sizeof text, "%.0f", floor(w->min + u * (w->max - w->min)));
        else if (w->type == SETTING_REAL)
            snprintf(text, sizeof text, "%.17g",
                     w->min + (round % 2 ? u : exp2(-40 * u)) * (w->max - w->min));
        else if (w->type == SETTING_BOOL)
            snprintf(text, sizeof text, "%s", u < 0.5 ? "true" : "false");
        else if (w->type == SETTING_TEXT)
            snprintf(text, sizeof text, "label %d=%.17g", (int)round, u);
        else {
            size_t n = 0;
            while (w->choices[n])
                n++;
            snprintf(text, sizeof text, "%s", w->choices[(size_t)(u * (double)n)]);
        }
        struct err err;
        if (settings_parse(s, w->name, text, &err))
            fail_msg("%s", err.text);
    }
}

static void test_text_and_json_round_trip(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        struct settings s = defaults(), by_text = defaults(), by_json = defaults();
        randomise(&s, round);
        for (size_t i = 0; i < settings_count(); i++) {
            const char *name = settings_at(i)->name;
            assert_int_equal(settings_parse(&by_text, name, format(&s, name), NULL), 0);
        }
        assert_memory_equal(&s, &by_text, sizeof s);

        struct strbuf out = {0};
        struct json_writer w;
        struct err err;
        json_writer_init(&w, &out, 0);
        settings_to_json(&s, &w);
        cJSON *object = json_parse(out.text, out.length, "settings", 1, &err);
        assert_non_null(object);
        if (settings_from_json(&by_json, object, "settings", &err))
            fail_msg("%s", err.text);
        assert_memory_equal(&s, &by_json, sizeof s);
        cJSON_Delete(object);
        strbuf_clear(&out);
    }
}

static void json_refuses(const char *text, const char *message)
{
    struct settings s = defaults(), before = defaults();
    struct err err = {0};
    cJSON *object = json_parse(text, strlen(text), "c.json", 1, &err);
    assert_non_null(object);
    assert_int_equal(settings_from_json(&s, object, "c.json", &err), -1);
    assert_string_equal(err.text, message);
    assert_memory_equal(&s, &before, sizeof s);
    cJSON_Delete(object);
}

static void test_json_refusals_change_nothing(void **state)
{
    (void)state;
    json_refuses("{\"seed\": 1, \"batchsize\": 8}",
                 "c.json: unknown setting 'batchsize'; did you mean batch_size?");
    json_refuses("{\"seed\": 1, \"nothing_like_it\": null}",
                 "c.json: unknown setting 'nothing_like_it'; docs/settings.md lists them");
    json_refuses("{\"seed\": 1, \"batch_size\": 8.5}",
                 "c.json: batch_size is a whole number, 1 to 4096 examples, not '8.5'");
    json_refuses("{\"seed\": null}", "c.json: seed is a number, a word or true or false, not null");
    json_refuses("[1]", "c.json: settings are an object, {\"learning_rate\": 2e-5}");
}

static void test_resolve_checks_what_ranges_cannot(void **state)
{
    (void)state;
    struct err err = {0};
    struct settings s = defaults();
    s.warmup_steps = 1.5;
    assert_int_equal(settings_resolve(&s, &err), -1);
    s = defaults();
    s.warmup_steps = 11, s.max_steps = 10;
    assert_int_equal(settings_resolve(&s, &err), -1);
    s = defaults();
    s.lr_scheduler_type = SCHEDULE_POLYNOMIAL, s.learning_rate = 1e-7;
    assert_int_equal(settings_resolve(&s, &err), -1);
    assert_int_equal(err.code, ERR_USAGE);
}

static void test_the_page_is_the_table(void **state)
{
    (void)state;
    struct strbuf page = {0};
    struct err err;
    size_t n;
    settings_page(&page);
    char *committed = file_read("docs/settings.md", &n, &err);
    assert_non_null(committed);
    if (n != page.length || memcmp(committed, page.text, n))
        fail_msg("docs/settings.md is not what the table says; run `make docs/settings.md`");
    free(committed);
    strbuf_clear(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_auto_depends_on_tune_in_any_order),
        cmocka_unit_test(test_names_and_aliases),
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_class_weights_of_odd_labels),
        cmocka_unit_test(test_text_and_json_round_trip),
        cmocka_unit_test(test_json_refusals_change_nothing),
        cmocka_unit_test(test_resolve_checks_what_ranges_cannot),
        cmocka_unit_test(test_the_page_is_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
