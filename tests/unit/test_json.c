/* test_json.c - what is read must be JSON, what is written must come back. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/rng.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_fault(const char *text, const char *where)
{
    struct err e = {0};
    cJSON *v = json_parse(text, strlen(text), "f", 1, &e);
    if (v)
        fail_msg("accepted: %s", text);
    if (strncmp(e.text, where, strlen(where)))
        fail_msg("'%s' does not start with '%s'", e.text, where);
}

static void test_faults_are_named_by_place(void **state)
{
    (void)state;
    expect_fault("", "f:1:1: ");
    expect_fault("{\"a\": 1,\n \"b\" 2}", "f:2:");
    expect_fault("[1] x", "f:1:5: text after");
    expect_fault("[01]", "f:1:2: a number starts with 0");
    expect_fault("[1.]", "f:1:2: ");
    expect_fault("[1.e5]", "f:1:2: ");
    expect_fault("[-]", "f:1:2: ");
    expect_fault("[\"\xff\"]", "f:1:3: not UTF-8");
    expect_fault("[\"a\nb\"]", "f:1:4: a control character");
    expect_fault("[\"\\u0000\"]", "f:1:3: ");
    expect_fault("[\"\\", "f:1:");
}

static void test_getters_name_the_key(void **state)
{
    (void)state;
    struct err e = {0};
    const char *s;
    double x;
    size_t n;
    bool b;
    const char *text = "{\"n\": 3, \"s\": \"t\", \"x\": 1.5, \"b\": true, \"z\": null}";
    cJSON *o = json_parse(text, strlen(text), "f", 1, &e);
    assert_non_null(o);
    assert_int_equal(json_get_size(o, "n", &n, "config.json", &e), 0);
    assert_int_equal(n, 3);
    assert_int_equal(json_get_string(o, "s", &s, "config.json", &e), 0);
    assert_string_equal(s, "t");
    assert_int_equal(json_bool_or(o, "b", false, &b, "config.json", &e), 0);
    assert_true(b);
    assert_int_equal(json_number_or(o, "z", 7, &x, "config.json", &e), 0);
    assert_true(x == 7);
    assert_int_equal(json_get_size(o, "x", &n, "config.json", &e), -1);
    assert_string_equal(e.text, "config.json: \"x\" is not a whole number, 0 or more");
    assert_int_equal(json_get_number(o, "none", &x, "config.json", &e), -1);
    assert_string_equal(e.text, "config.json: no \"none\" key");
    cJSON_Delete(o);
}

static void test_numbers_come_back(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        union {
            uint64_t u;
            double d;
        } any = {rng_bits(3, RNG_TEST, i)};
        union {
            uint32_t u;
            float f;
        } small = {(uint32_t)rng_bits(4, RNG_TEST, i)};
        if (!isfinite(any.d) || !isfinite(small.f))
            continue;
        struct strbuf s = {0};
        struct json_writer w;
        json_writer_init(&w, &s, 0);
        json_open(&w, '[');
        json_double(&w, any.d);
        json_float(&w, small.f);
        json_close(&w, ']');
        cJSON *v = json_parse(s.text, s.length, "f", 1, NULL);
        assert_non_null(v);
        assert_true(cJSON_GetArrayItem(v, 0)->valuedouble == any.d);
        assert_true((float)cJSON_GetArrayItem(v, 1)->valuedouble == small.f);
        cJSON_Delete(v);
        strbuf_clear(&s);
    }
}

static void test_writer(void **state)
{
    (void)state;
    struct strbuf s = {0};
    struct json_writer w;
    json_writer_init(&w, &s, 0);
    json_open(&w, '{');
    json_key(&w, "a: ");
    json_string_n(&w, "q\"\\\n\x01\xff\xc3\xa9: ", 10);
    json_key(&w, "l");
    json_open(&w, '[');
    json_int(&w, -5);
    json_double(&w, NAN);
    json_open(&w, '{');
    json_close(&w, '}');
    json_bool(&w, false);
    json_close(&w, ']');
    json_key(&w, "n");
    json_null(&w);
    json_close(&w, '}');
    assert_string_equal(s.text, "{\"a: \": \"q\\\"\\\\\\n\\u0001\xef\xbf\xbd\xc3\xa9: \", "
                                "\"l\": [-5, null, {}, false], \"n\": null}");
    strbuf_clear(&s);
    json_writer_init(&w, &s, 2);
    json_open(&w, '{');
    json_key(&w, "a");
    json_open(&w, '[');
    json_close(&w, ']');
    json_key(&w, "b");
    json_int(&w, 1);
    json_close(&w, '}');
    assert_string_equal(s.text, "{\n  \"a\": [],\n  \"b\": 1\n}");
    strbuf_clear(&s);
}

/* Nicolas Seriot's suite, where the checkout lies beside the shared references: y_ must parse, n_
 * must not. Two sorts of valid files are refused on purpose: "\u0000", which a C string cannot
 * hold, and nesting deeper than cJSON's limit. */
static void test_json_test_suite(void **state)
{
    (void)state;
    const char *suite = "../shared/reference/json-test-suite/test_parsing";
    DIR *d = opendir(suite);
    if (!d)
        skip();
    size_t seen = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[4096];
        size_t n;
        if (e->d_name[0] != 'y' && e->d_name[0] != 'n')
            continue;
        assert_int_equal(file_join(path, sizeof path, suite, e->d_name, NULL), 0);
        char *text = file_read(path, &n, NULL);
        cJSON *v = json_parse(text, n, e->d_name, 1, NULL);
        bool null_escape = n && memmem(text, n, "\\u0000", 6);
        if (e->d_name[0] == 'y' ? !v && !null_escape : v != NULL)
            fail_msg("%s %s", e->d_name, v ? "was accepted" : "was refused");
        cJSON_Delete(v);
        free(text);
        seen++;
    }
    closedir(d);
    assert_true(seen > 250);
}

/* What is read and printed again says the same numbers in the same way. */
static void numbers_keep_their_spelling(void **state)
{
    (void)state;
    struct err err = {0};
    const char *text =
        "{\"a\":2.0,\"-7\":[1e-05,-0.50,{\"x\\\"3\":1E+2}],\"s\":\"9\\\\\",\"n\":12}";
    cJSON *value = json_parse(text, strlen(text), "text", 1, &err);
    assert_non_null(value);
    assert_int_equal(json_keep_spelling(value, text, &err), 0);
    char *printed = cJSON_PrintUnformatted(value);
    assert_string_equal(printed, text);
    cJSON_free(printed);
    cJSON_Delete(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_keep_their_spelling),
        cmocka_unit_test(test_faults_are_named_by_place),
        cmocka_unit_test(test_getters_name_the_key),
        cmocka_unit_test(test_numbers_come_back),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_json_test_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
