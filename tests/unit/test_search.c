/* Queries over rows, against a plain reading of what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/dataset.h"
#include "ui/search.h"

static struct dataset *tickets;

static int open_tickets(void **state)
{
    struct dataset_spec spec = {.files = {"tests/tui/data/tickets/train.csv",
                                          "tests/tui/data/tickets/validation.csv",
                                          "tests/tui/data/tickets/test.csv"}};
    (void)state;
    tickets = dataset_open(&spec, NULL);
    return tickets ? 0 : -1;
}

static int close_tickets(void **state)
{
    (void)state;
    dataset_close(tickets);
    return 0;
}

static size_t count(const char *text)
{
    struct err err = {0};
    uint32_t *rows = NULL;
    size_t n = 0;
    struct query *q = query_compile(text, &err);
    if (!q || query_run(q, tickets, NULL, NULL, &rows, &n, &err))
        fail_msg("%s: %s", text, err.text);
    for (size_t i = 1; i < n; i++)
        assert_true(rows[i] > rows[i - 1]);
    query_destroy(q);
    free(rows);
    return n;
}

static void refused(const char *text)
{
    struct err err = {0};
    struct query *q = query_compile(text, &err);
    if (q)
        fail_msg("'%s' was taken", text);
    assert_true(err.text[0]);
}

static void queries_find_what_they_say(void **state)
{
    (void)state;
    size_t all = dataset_rows(tickets);
    assert_int_equal(count(""), all);
    assert_int_equal(count("refund"), 3);
    assert_int_equal(count("REFUND"), 3);
    assert_int_equal(count("-refund"), all - 3);
    assert_int_equal(count("QUE"), count("que"));
    assert_int_equal(count("包裹"), 1);
    assert_int_equal(count("i camera"), 1);
    assert_int_equal(count("\"sign in\""), 2);
    assert_int_equal(count("/^cannot .* in/"), 2);
    assert_int_equal(count("label:app"), count("label:=\"app crash\""));
    assert_int_equal(count("label:=app"), 0);
    assert_int_equal(count("split:train"), dataset_split_rows(tickets, SPLIT_TRAIN));
    assert_int_equal(count("split:val label:login"), 2);
    assert_int_equal(count("tokens>1"), 0); /* nothing is tokenised */
    assert_int_equal(count("."), count("\".\""));
    assert_int_equal(count("(["), 0); /* a word is no pattern */
}

static void what_cannot_be_run_is_refused(void **state)
{
    (void)state;
    refused("/[/");
    refused("tokens>");
    refused("tokens>many");
    refused("split:nowhere");
    refused("a b c d e f g h i j k l m n o p q");
}

static void a_cancelled_search_ends(void **state)
{
    struct err err = {0};
    uint32_t *rows;
    size_t n;
    _Atomic int cancel = 1;
    struct query *q = query_compile("x", &err);
    (void)state;
    assert_int_equal(query_run(q, tickets, NULL, &cancel, &rows, &n, &err), -1);
    assert_int_equal(err.code, ERR_CANCELLED);
    query_destroy(q);
}

/* Of sets any label counts; of values only numbers are compared. */
static void sets_and_values_have_terms(void **state)
{
    struct dataset *before = tickets;
    struct dataset_spec sets = {.files = {"tests/tui/data/topics/train.csv"},
                                .problem = PROBLEM_MULTI_LABEL};
    struct dataset_spec values = {.files = {"tests/tui/data/similar/train.csv"},
                                  .text_column = "first",
                                  .pair_column = "second",
                                  .label_column = "similarity",
                                  .problem = PROBLEM_REGRESSION};
    (void)state;
    assert_non_null(tickets = dataset_open(&sets, NULL));
    assert_int_equal(count("label:=delivery"), 3);
    assert_int_equal(count("label:DELIV"), 3);
    assert_int_equal(count("label:=delivery label:=billing"), 1);
    assert_int_equal(count("-label:delivery"), 7);
    assert_int_equal(count("value>0"), 0);
    dataset_close(tickets);
    assert_non_null(tickets = dataset_open(&values, NULL));
    assert_int_equal(count("value>4.1"), 3);
    assert_int_equal(count("value<1.5"), 1);
    assert_int_equal(count("value=1.5"), 1);
    assert_int_equal(count("-value>4.1"), 7);
    assert_int_equal(count("label:4"), 0);
    assert_int_equal(count("bulb"), 1); /* in the second text */
    dataset_close(tickets);
    tickets = before;
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_find_what_they_say),
        cmocka_unit_test(what_cannot_be_run_is_refused),
        cmocka_unit_test(a_cancelled_search_ends),
        cmocka_unit_test(sets_and_values_have_terms),
    };
    return cmocka_run_group_tests(tests, open_tickets, close_tickets);
}
