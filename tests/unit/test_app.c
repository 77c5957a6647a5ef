/* The whole workbench without a terminal: keys in, cells out, at every size and in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "ui/app.h"
#include "ui/keys.h"

static const struct dataset_spec tickets = {.files = {"tests/tui/data/tickets/train.csv",
                                                      "tests/tui/data/tickets/validation.csv",
                                                      "tests/tui/data/tickets/test.csv"}};
static const struct dataset_spec hostile = {.files = {"tests/tui/data/hostile.csv"},
                                            .split_lone_train = true};

static struct app *open_app(const struct dataset_spec *data, const char *model)
{
    struct err err = {0};
    struct app *a = app_create(&(struct app_spec){.data = data, .model_dir = model}, &err);
    if (!a)
        fail_msg("%s", err.text);
    return a;
}

static void wait_loaded(struct app *a)
{
    const struct session *s = app_session(a);
    while (s->load != LOAD_READY && s->load != LOAD_FAILED) {
        struct pollfd p = {.fd = app_jobs_fd(a), .events = POLLIN};
        assert_true(poll(&p, 1, 20000) > 0);
        app_tick(a, clock_monotonic());
    }
}

static char *draw(struct app *a, int w, int h, enum glyph_level level)
{
    struct strbuf text = {0};
    struct canvas *c = canvas_create(w, h, level, NULL);
    app_draw(a, c);
    canvas_to_text(c, &text);
    canvas_destroy(c);
    return text.text;
}

static void shows(struct app *a, const char *want)
{
    char *text = draw(a, 100, 30, GLYPHS_BRAILLE);
    if (!strstr(text, want))
        fail_msg("no '%s' in\n%s", want, text);
    free(text);
}

static void type(struct app *a, const char *keys)
{
    for (; *keys; keys++)
        app_key(a, *keys == '\n' ? KEYCODE_ENTER : *keys == '\x1b' ? KEYCODE_ESC : (uint32_t)*keys);
}

static void every_view_at_every_size(void **state)
{
    (void)state;
    struct app *a = open_app(&hostile, "tests/fixtures/tiny_bert");
    wait_loaded(a);
    assert_int_equal(app_session(a)->load, LOAD_READY);
    for (const char *view = "1234?"; *view; view++) {
        app_key(a, (uint32_t)*view);
        for (int w = 1; w <= 120; w += w < 50 ? 1 : 7)
            for (int h = 1; h <= 40; h += h < 26 ? 1 : 7)
                free(draw(a, w, h, (enum glyph_level)(h % GLYPH_LEVELS)));
    }
    app_destroy(a);
}

static void too_small_answers_only_quit(void **state)
{
    (void)state;
    struct app *a = open_app(&tickets, NULL);
    wait_loaded(a);
    char *text = draw(a, 20, 5, GLYPHS_BRAILLE);
    assert_non_null(strstr(text, "20x5"));
    assert_non_null(strstr(text, "40x10"));
    free(text);
    type(a, "1:x");
    text = draw(a, 100, 30, GLYPHS_BRAILLE);
    assert_non_null(strstr(text, "[3 Train]"));
    assert_null(strstr(text, "commands ─"));
    free(text);
    free(draw(a, 20, 5, GLYPHS_BRAILLE));
    assert_false(app_take_wish(a, APP_WISH_QUIT));
    type(a, "q");
    assert_true(app_take_wish(a, APP_WISH_QUIT));
    app_destroy(a);
}

static void starting_without_a_model_says_so(void **state)
{
    (void)state;
    struct app *a = open_app(&tickets, NULL);
    wait_loaded(a);
    shows(a, "Nothing to train yet");
    type(a, " ");
    shows(a, "no model to train");
    app_destroy(a);
}

/* Nobody knows yet whether there are test rows; the key must not say that there are none. */
static void test_set_key_before_the_data_are_read(void **state)
{
    (void)state;
    struct app *a = open_app(&tickets, "tests/fixtures/tiny_bert");
    assert_null(app_session(a)->dataset); /* published by a tick, and there was none */
    type(a, "3T");
    shows(a, "the test rows wait for a run that has finished");
    wait_loaded(a);
    type(a, "T");
    shows(a, "the test rows wait for a run that has finished");
    app_destroy(a);
}

/* A start before the data are read waits for them; asked for twice, it is taken back. */
static void start_key_before_the_data_are_read(void **state)
{
    (void)state;
    struct app *a = open_app(&tickets, "tests/fixtures/tiny_bert");
    assert_null(app_session(a)->dataset);
    type(a, "3 ");
    shows(a, "the training starts as soon as the data are read");
    type(a, " ");
    shows(a, "taken back: the training does not start");
    wait_loaded(a);
    assert_false(session_run_is_active(app_session(a)));
    app_destroy(a);
}

static void write_rows(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* A start that waited for data which could not be read is over: it does not fire when others are read. */
static void a_failed_load_ends_a_waiting_start(void **state)
{
    (void)state;
    char path[] = "/tmp/sft-app-XXXXXX";
    struct err err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_rows(path, "text,label\n\"never closed,a\n");
    const struct dataset_spec spec = {.files = {path}, .format = TABLE_CSV, .split_lone_train = true};
    struct app *a = open_app(&spec, "tests/fixtures/tiny_bert");
    type(a, "3 ");
    shows(a, "the training starts as soon as the data are read");
    wait_loaded(a);
    assert_int_equal(app_session(a)->load, LOAD_FAILED);
    write_rows(path, "text,label\none,a\ntwo,b\nthree,a\nfour,b\nfive,a\nsix,b\nseven,a\neight,b\n");
    assert_int_equal(app_setting_set(a, settings_find("split_seed"), "7", &err), 0);
    wait_loaded(a);
    assert_int_equal(app_session(a)->load, LOAD_READY);
    assert_false(session_run_is_active(app_session(a)));
    app_destroy(a);
    unlink(path);
}

static void a_search_narrows_the_rows(void **state)
{
    (void)state;
    struct app *a = open_app(&tickets, NULL);
    wait_loaded(a);
    app_search(a, "label:login split:train");
    while (app_session(a)->search.running) {
        struct pollfd p = {.fd = app_jobs_fd(a), .events = POLLIN};
        assert_true(poll(&p, 1, 20000) > 0);
        app_tick(a, clock_monotonic());
    }
    assert_int_equal(app_session(a)->search.count, 3);
    app_search(a, "/[/");
    assert_true(strlen(app_session(a)->search.error) > 0);
    app_search(a, "");
    assert_int_equal(app_session(a)->search.count, 0);
    app_destroy(a);
}

static void settings_are_checked_and_undone(void **state)
{
    (void)state;
    struct err err;
    struct app *a = open_app(&tickets, NULL);
    const struct session *s = app_session(a);
    const struct setting *rate = settings_find("learning_rate");
    wait_loaded(a);
    assert_int_equal(app_setting_set(a, rate, "nonsense", &err), -1);
    assert_int_equal(app_setting_set(a, rate, "3e-4", &err), 0);
    assert_true(s->resolved.learning_rate == 3e-4);
    assert_int_equal(app_setting_undo(a, &err), 0);
    assert_true(s->resolved.learning_rate == 2e-5);
    assert_int_equal(app_setting_undo(a, &err), -1);
    assert_int_equal(app_run_set(a, rate, "1e-3", &err), -1); /* nothing runs */
    assert_int_equal(app_settings_apply(a, &err), -1);
    for (int i = 0; i < 200; i++) { /* more than undo remembers */
        char text[32];
        snprintf(text, sizeof text, "%d", 8 + i);
        assert_int_equal(app_setting_set(a, settings_find("max_length"), text, &err), 0);
    }
    int undone = 0;
    while (!app_setting_undo(a, &err))
        undone++;
    assert_true(undone >= 50);
    wait_loaded(a);
    app_destroy(a);
}

/* Nothing a user can press, in whatever order, at whatever size, breaks it. Without a model nothing
 * can be trained, so the keys cost nothing. */
static void random_keys(void **state)
{
    static const uint32_t special[] = {
        KEYCODE_UP,
        KEYCODE_DOWN,
        KEYCODE_LEFT,
        KEYCODE_RIGHT,
        KEYCODE_PAGE_UP,
        KEYCODE_PAGE_DOWN,
        KEYCODE_HOME,
        KEYCODE_END,
        KEYCODE_ENTER,
        KEYCODE_ESC,
        KEYCODE_TAB,
        KEYCODE_BACK_TAB,
        KEYCODE_BACKSPACE,
        KEYCODE_DELETE,
        0x65e5,
        0x301,
        0x1f600,
        0x7f,
        0x90,
    };
    (void)state;
    struct app *a = open_app(&hostile, NULL);
    wait_loaded(a);
    for (uint64_t n = 0; n < 10000; n++) {
        uint64_t bits = rng_bits(11, RNG_TEST, n);
        uint32_t key = bits % 3 ? special[bits / 3 % (sizeof special / sizeof special[0])]
                                : (uint32_t)(1 + bits / 3 % 126);
        app_key(a, key);
        app_tick(a, 1e9 + (double)n);
        if (n % 7 == 0)
            free(draw(a, (int)(bits >> 20) % 130, (int)(bits >> 40) % 45,
                      (enum glyph_level)(n % GLYPH_LEVELS)));
    }
    app_destroy(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_view_at_every_size),
        cmocka_unit_test(too_small_answers_only_quit),
        cmocka_unit_test(starting_without_a_model_says_so),
        cmocka_unit_test(test_set_key_before_the_data_are_read),
        cmocka_unit_test(start_key_before_the_data_are_read),
        cmocka_unit_test(a_failed_load_ends_a_waiting_start),
        cmocka_unit_test(a_search_narrows_the_rows),
        cmocka_unit_test(settings_are_checked_and_undone),
        cmocka_unit_test(random_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
