/* test_gate.c - each finding on rows made to show it, and against a slow count over random rows. */
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "data_fixture.h"

static struct gate *must_run(const struct dataset *d, const struct encoded *e)
{
    struct err err;
    struct gate *g = gate_run(d, e, &err);
    assert_non_null(g);
    return g;
}

static void expect_rows(const struct gate *g, enum finding_kind k, size_t n, const uint32_t *rows)
{
    assert_int_equal(g->findings[k].kind, k);
    if (g->findings[k].count != n)
        fail_msg("%s: %zu rows, not %zu", finding_name(k, PROBLEM_SINGLE_LABEL), g->findings[k].count, n);
    assert_memory_equal(g->findings[k].rows, rows, n * sizeof *rows);
}
#define EXPECT(g, k, ...)                                                                          \
    expect_rows(g, k, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),                        \
                (const uint32_t[]){__VA_ARGS__})

static void each_finding_finds_its_rows(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec(
        "text,label\none,a\ntwo,a\none,a\nthree,a\nfour,a\n \t,a\ntwo,b\n", /* rows 0 to 6 */
        "text,label\none,b\nfive,a\n",                                        /* 7 and 8 */
        "text,label\nfive,a\nsix,c\nsix,\n");                                 /* 9 to 11 */
    spec.survey = true;
    struct dataset *d = must_open(&spec);
    struct gate *g = must_run(d, NULL);
    EXPECT(g, FINDING_EMPTY_TEXT, 5);
    EXPECT(g, FINDING_DUPLICATE, 2, 6, 11);
    EXPECT(g, FINDING_LEAK, 7);
    EXPECT(g, FINDING_CONFLICT, 0, 1, 2, 6, 7);
    EXPECT(g, FINDING_RARE_LABEL, 6);
    EXPECT(g, FINDING_UNTRAINED_LABEL, 10);
    EXPECT(g, FINDING_NO_LABEL, 11);
    assert_int_equal(g->findings[FINDING_TRUNCATED].count, 0);
    assert_int_equal(g->twin[7], 0);
    assert_int_equal(g->twin[9], 8);
    assert_int_equal(g->twin[10], 10);
    assert_int_equal(g->rows[SPLIT_TEST], 3);
    gate_destroy(g);
    dataset_close(d);
}

static void token_lengths_and_what_is_cut(void **state)
{
    (void)state;
    struct dataset_spec spec = data_files_spec("text,label\na,x\nb,y\nc,x\nd,y\n", NULL, NULL);
    struct dataset *d = must_open(&spec);
    uint64_t start[] = {0, 4, 12, 20, 23};
    uint32_t full[] = {4, 8, 30, 3};
    struct encoded e = {.rows = 4, .max_length = 8, .start = start, .full_length = full};
    struct gate *g = must_run(d, &e);
    EXPECT(g, FINDING_TRUNCATED, 2);
    assert_int_equal(g->tokens, 45);
    assert_int_equal(g->shortest, 3);
    assert_int_equal(g->median, 4);
    assert_int_equal(g->p95, 30);
    assert_int_equal(g->longest, 30);
    gate_destroy(g);
    dataset_close(d);
}

/* Quadratic and obvious. */
static void check_against_slow_count(const struct dataset *d, const struct gate *g)
{
    size_t n = dataset_rows(d), duplicates = 0, leaks = 0, conflicts = 0;
    for (size_t i = 0; i < n; i++) {
        bool duplicate = false, leak = false, conflict = false;
        size_t first = n;
        for (size_t j = n; j-- > 0;) {
            struct example x, y;
            dataset_get(d, i, &x);
            dataset_get(d, j, &y);
            if (strcmp(x.text, y.text))
                continue;
            first = j;
            duplicate |= j < i && x.split == y.split;
            leak |= x.split != SPLIT_TRAIN && y.split == SPLIT_TRAIN;
            conflict |= x.label != y.label;
        }
        assert_int_equal(g->twin[i], first);
        duplicates += duplicate, leaks += leak, conflicts += conflict;
    }
    assert_int_equal(g->findings[FINDING_DUPLICATE].count, duplicates);
    assert_int_equal(g->findings[FINDING_LEAK].count, leaks);
    assert_int_equal(g->findings[FINDING_CONFLICT].count, conflicts);
}

static void random_rows_agree_with_a_slow_count(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 10; round++) {
        struct strbuf s[SPLIT_COUNT] = {{0}};
        for (size_t i = 0; i < 300; i++) {
            uint64_t bits = rng_bits(round, RNG_TEST, i);
            if (i < SPLIT_COUNT)
                strbuf_puts(&s[i], "text,label\n");
            strbuf_printf(&s[i < SPLIT_COUNT ? i : bits % SPLIT_COUNT], "t%d,l%d\n",
                          (int)(bits >> 8 & 127), (int)(bits >> 20 & 3) / 3);
        }
        struct dataset_spec spec = data_files_spec(s[0].text, s[1].text, s[2].text);
        struct dataset *d = must_open(&spec);
        struct gate *g = must_run(d, NULL);
        check_against_slow_count(d, g);
        gate_destroy(g);
        dataset_close(d);
        for (int i = 0; i < SPLIT_COUNT; i++)
            strbuf_clear(&s[i]);
    }
}

static void percentiles_are_lengths_that_occur(void **state)
{
    (void)state;
    uint32_t hundred[100], one[] = {7};
    struct lengths l;
    for (uint32_t i = 0; i < 100; i++)
        hundred[i] = 100 - i;
    gate_lengths(hundred, 100, &l);
    assert_true(l.shortest == 1 && l.median == 50 && l.p95 == 95 && l.longest == 100);
    assert_int_equal(l.sum, 5050);
    gate_lengths(one, 1, &l);
    assert_true(l.shortest == 7 && l.median == 7 && l.p95 == 7 && l.longest == 7);
    gate_lengths(one, 0, &l);
    assert_int_equal(l.longest, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_finding_finds_its_rows),
        cmocka_unit_test(token_lengths_and_what_is_cut),
        cmocka_unit_test(random_rows_agree_with_a_slow_count),
        cmocka_unit_test(percentiles_are_lengths_that_occur),
    };
    return cmocka_run_group_tests(tests, data_group_setup, data_group_teardown);
}
