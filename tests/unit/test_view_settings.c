/* The Settings view from outside: every setting can be reached, edited, refused, reset and undone; staged
 * changes and what is known of the run are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>

#include "unit/ui_check.h"

static void all_sizes(void **state)
{
    struct app *a = check_open(&check_tickets, "tests/fixtures/tiny_bert");
    (void)state;
    check_type(a, "2");
    check_all_sizes(a);
    check_type(a, "]\n-1e99"); /* with a refusal */
    check_all_sizes(a);
    check_type(a, "\x1b");
    a->session.run.kind = RUN_ENDED;
    a->session.run.view.labels = 5;
    a->session.run.view.params = 22700000;
    snprintf(a->session.run.view.kernels, sizeof a->session.run.view.kernels, "%0150d", 7);
    check_all_sizes(a);
    app_destroy(a);
}

static void every_setting_is_shown_with_what_it_takes(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "2[");
    for (size_t i = 0; i < settings_count(); i++, check_type(a, "v")) {
        char title[64];
        snprintf(title, sizeof title, "┌─ %s ─", settings_at(i)->name);
        check_shows(a, 80, 24, title, true);
        check_shows(a, 80, 24, "Takes ", true);
    }
    app_destroy(a);
}

static void what_cannot_be_taken_says_why_in_full(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    for (size_t i = 0; i < settings_count(); i++) {
        char want[40];
        check_type(a, i ? "v\n" : "2[\n");
        check_type(a, "nonsense\n");
        assert_true(a->prompt_open);
        assert_true(a->prompt_err.text[0]);
        snprintf(want, sizeof want, "│ %.30s", a->prompt_err.text); /* beside the form */
        check_shows(a, 80, 24, want, true);
        check_type(a, "\x1b");
        check_shows(a, 80, 24, "nonsense", false);
        check_shows(a, 80, 24, " changed", false);
    }
    app_destroy(a);
}

static void choices_turn_and_defaults_come_back(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "2[>");
    check_shows(a, 100, 30, "(full)", true);
    check_shows(a, 100, 30, "1 changed", true);
    check_type(a, ">");
    check_shows(a, 100, 30, "changed", false);
    check_type(a, "<d");
    check_shows(a, 100, 30, "changed", false);
    check_type(a, ">u");
    check_shows(a, 100, 30, "changed", false);
    app_destroy(a);
}

/* While our own run goes on, a live setting that differs from the one in force is staged; while another
 * process's does, nothing is ours to stage. */
static void staged_changes_stand_beside_what_is_in_force(void **state)
{
    struct err err;
    struct app *a = check_open(&check_tickets, NULL);
    struct run *r = &a->session.run;
    (void)state;
    check_type(a, "2");
    r->kind = RUN_OURS;
    r->view.state = TRAINER_PAUSED;
    r->view.settings = a->session.resolved;
    check_shows(a, 100, 30, "staged", false);
    assert_int_equal(app_setting_set(a, settings_find("learning_rate"), "0.25", &err), 0);
    check_shows(a, 100, 30, "2e-5 → 0.25", true);
    check_shows(a, 100, 30, "1 staged: a applies them", true);
    check_shows(a, 100, 30, "next run", true);
    r->kind = RUN_WATCHED;
    check_shows(a, 100, 30, "staged", false);
    r->kind = RUN_NONE;
    app_destroy(a);
}

static void the_run_is_described_where_there_is_room(void **state)
{
    struct app *a = check_open(&check_tickets, NULL);
    (void)state;
    check_type(a, "2");
    check_shows(a, 120, 36, "this run", false);
    a->session.run.kind = RUN_ENDED;
    a->session.run.view.labels = 5;
    a->session.run.view.params = 22700000;
    check_shows(a, 120, 36, "parameters  22.7 M", true);
    check_shows(a, 80, 24, "this run", false);
    app_destroy(a);
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(every_setting_is_shown_with_what_it_takes),
        cmocka_unit_test(what_cannot_be_taken_says_why_in_full),
        cmocka_unit_test(choices_turn_and_defaults_come_back),
        cmocka_unit_test(staged_changes_stand_beside_what_is_in_force),
        cmocka_unit_test(the_run_is_described_where_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
