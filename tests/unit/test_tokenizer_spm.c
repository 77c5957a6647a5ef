/* test_tokenizer_spm.c - directories whose tokenizer is a SentencePiece .model, against what
 * Transformers makes of them (tests/fixtures/make_sentencepiece.py): ids, token types, pairs and
 * decoded text; what configurations change, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIXTURES "tests/fixtures/sentencepiece"

static const char *const names[] = {"albert", "xlm-roberta", "xlnet", "t5", "llama"};
static const char *const files[] = {"spiece.model", "sentencepiece.bpe.model", "spiece.model",
                                    "spiece.model", "tokenizer.model"};
enum { COUNT = sizeof names / sizeof *names };
static struct encoding e;
static char dir[] = "/tmp/sft-test-spm-XXXXXX";

static struct tokenizer *open_tokenizer(const char *path)
{
    struct err err = {0};
    struct tokenizer *t = tokenizer_open(path, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static char *unhex(const cJSON *o, const char *key, size_t *n)
{
    const char *digits = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
    *n = digits ? strlen(digits) / 2 : 0;
    char *bytes = digits ? malloc(*n + 1) : NULL;
    for (size_t i = 0; i < *n; i++) {
        char two[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(two, NULL, 16);
    }
    return bytes;
}

static void expect_numbers(const cJSON *o, const char *key, const int32_t *got, size_t line)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, key);
    size_t i = 0;
    if ((size_t)cJSON_GetArraySize(m) != e.length)
        fail_msg("case %zu: %zu %s, not %d", line, e.length, key, cJSON_GetArraySize(m));
    for (const cJSON *x = m->child; x; x = x->next, i++)
        if (got[i] != x->valueint)
            fail_msg("case %zu: %s[%zu] is %d, not %d", line, key, i, (int)got[i], x->valueint);
}

/* Places lie inside their text, in order. */
static void expect_places(size_t n, size_t pair_n)
{
    size_t most = n > pair_n ? n : pair_n;
    for (size_t i = 0; i < e.length; i++)
        assert_true(e.offsets[i][0] <= e.offsets[i][1] && e.offsets[i][1] <= most);
}

static void check_case(const cJSON *o, const struct tokenizer *t, size_t line)
{
    struct strbuf out = {0};
    size_t n, pair_n, want_n;
    char *text = unhex(o, "text", &n), *pair = unhex(o, "pair", &pair_n);
    char *want = unhex(o, "decoded", &want_n);
    assert_int_equal(tokenizer_encode(t, text, n, pair, pair_n, 0, &e, NULL), 0);
    expect_numbers(o, "ids", e.ids, line);
    expect_numbers(o, "segments", e.segments, line);
    expect_places(n, pair_n);
    assert_int_equal(tokenizer_decode(t, e.ids, e.length, false, &out, NULL), 0);
    assert_int_equal(out.length, want_n);
    if (want_n)
        assert_memory_equal(out.text, want, want_n);
    strbuf_clear(&out);
    free(text);
    free(pair);
    free(want);
}

/* All cases whose tokenizer is `name`. */
static void check_cases(const struct tokenizer *t, const char *name)
{
    size_t size, line = 0, checked = 0;
    char *text = file_read(FIXTURES "/cases.jsonl", &size, NULL), *rest = text, *row;
    assert_non_null(text);
    while ((row = strsep(&rest, "\n")) && *row) {
        cJSON *o = json_parse(row, strlen(row), "cases.jsonl", ++line, NULL);
        assert_non_null(o);
        if (!strcmp(cJSON_GetObjectItemCaseSensitive(o, "tokenizer")->valuestring, name)) {
            check_case(o, t, line);
            checked++;
        }
        cJSON_Delete(o);
    }
    assert_true(checked > 50);
    free(text);
}

static void test_as_transformers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        char path[256];
        snprintf(path, sizeof path, FIXTURES "/%s", names[i]);
        struct tokenizer *t = open_tokenizer(path);
        check_cases(t, names[i]);
        tokenizer_close(t);
        snprintf(path, sizeof path, FIXTURES "/%s_json", names[i]); /* what is saved of it */
        t = open_tokenizer(path);
        check_cases(t, names[i]);
        tokenizer_close(t);
    }
}

/* -- directories made here ------------------------------------------------------------------ */

static void put(const char *name, const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(file_write(path, text, strlen(text), NULL), 0);
}

/* An empty directory with the .model of a fixture under a name. */
static void start_directory(size_t which, const char *as)
{
    char from[256], to[300];
    file_remove_tree(dir, NULL);
    assert_int_equal(file_make_directories(dir, NULL), 0);
    snprintf(from, sizeof from, FIXTURES "/%s/%s", names[which], files[which]);
    snprintf(to, sizeof to, "%s/%s", dir, as);
    assert_int_equal(file_copy(from, to, NULL), 0);
}

/* config.json's model_type stands in for a class; tokenizer.model for the class's own file. */
static void test_class_and_file_by_other_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        char config[64];
        start_directory(i, "tokenizer.model");
        snprintf(config, sizeof config, "{\"model_type\": \"%s\"}", names[i]);
        put("config.json", config);
        struct tokenizer *t = open_tokenizer(dir);
        check_cases(t, names[i]);
        tokenizer_close(t);
    }
}

/* What was exported opens as what it was. */
static void test_export_takes_the_model_along(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        char path[256];
        snprintf(path, sizeof path, FIXTURES "/%s", names[i]);
        file_remove_tree(dir, NULL);
        assert_int_equal(file_make_directories(dir, NULL), 0);
        struct tokenizer *t = open_tokenizer(path);
        assert_int_equal(tokenizer_export(t, dir, NULL), 0);
        tokenizer_close(t);
        t = open_tokenizer(dir);
        check_cases(t, names[i]);
        tokenizer_close(t);
    }
}

static size_t vocabulary_with(size_t which, const char *config)
{
    start_directory(which, files[which]);
    put("tokenizer_config.json", config);
    struct tokenizer *t = open_tokenizer(dir);
    size_t count = tokenizer_vocabulary(t);
    assert_int_equal(tokenizer_encode(t, "Ab\xc3\xa9", 4, NULL, 0, 0, &e, NULL), 0);
    tokenizer_close(t);
    return count;
}

static void test_options(void **state)
{
    (void)state;
    static const char *const configs[] = {
        "{\"tokenizer_class\": \"AlbertTokenizerFast\", \"do_lower_case\": false}",
        "{\"tokenizer_class\": \"AlbertTokenizerFast\", \"keep_accents\": true}",
        "{\"tokenizer_class\": \"AlbertTokenizerFast\", \"add_prefix_space\": false}",
    };
    assert_int_equal(vocabulary_with(3, "{\"tokenizer_class\": \"T5Tokenizer\"}"), 400);
    assert_int_equal(vocabulary_with(3, "{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 7}"),
                     307);
    assert_int_equal(vocabulary_with(1, "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}"), 302);
    vocabulary_with(0, "{\"tokenizer_class\": \"AlbertTokenizer\"}");
    int32_t plain[64];
    size_t n = e.length;
    assert_true(n < 64);
    memcpy(plain, e.ids, n * sizeof *plain);
    for (size_t i = 0; i < 3; i++) { /* each changes what becomes of the text */
        vocabulary_with(0, configs[i]);
        assert_false(e.length == n && !memcmp(plain, e.ids, n * sizeof *plain));
    }
}

static const char *path_of(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void expect_refusal(const char *config, const char *says)
{
    struct err err = {0};
    put("tokenizer_config.json", config);
    assert_null(tokenizer_open(dir, &err));
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void test_refusals(void **state)
{
    (void)state;
    start_directory(3, "spiece.model");
    expect_refusal("{\"tokenizer_class\": \"PegasusTokenizer\"}", "'PegasusTokenizer'");
    expect_refusal("{\"tokenizer_class\": \"PegasusTokenizer\"}", "XLMRobertaTokenizer");
    expect_refusal("{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": -1}", "extra_ids");
    expect_refusal("{\"tokenizer_class\": \"T5Tokenizer\", \"extra_ids\": 1e9}", "extra_ids");
    expect_refusal("{\"tokenizer_class\": \"T5Tokenizer\", \"eos_token\": \"<none>\"}", "<none>");
    expect_refusal("{\"tokenizer_class\": \"AlbertTokenizer\", \"keep_accents\": 3}",
                   "keep_accents");
    expect_refusal("{\"tokenizer_class\": \"XLMRobertaTokenizer\"}", "sentencepiece.bpe.model");
    expect_refusal("{}", "spiece.model"); /* which says of itself no class */
    expect_refusal("{}", "tokenizer_class");
    put("spiece.model", "not a model");
    expect_refusal("{\"tokenizer_class\": \"T5Tokenizer\"}", "spiece.model");
    /* Transformers does not do what such a class's tokenizer.json says; nobody's class it does. */
    assert_int_equal(
        file_copy(FIXTURES "/albert_json/tokenizer.json", path_of("tokenizer.json"), NULL), 0);
    expect_refusal("{\"tokenizer_class\": \"DebertaV2TokenizerFast\"}", "'DebertaV2TokenizerFast'");
    expect_refusal("{\"tokenizer_class\": \"BertweetTokenizer\"}", "XLMRobertaTokenizer");
    put("tokenizer_config.json", "{\"tokenizer_class\": \"SomebodysTokenizer\"}");
    tokenizer_close(open_tokenizer(dir));
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    encoding_clear(&e);
    return file_remove_tree(dir, NULL);
}

/* As model_input_names of Transformers' classes: ALBERT's and XLNet's lack token_type_ids, whatever
 * their templates have; tokenizer_config.json may say otherwise. */
static void test_what_a_model_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        bool types;
    } cases[] = {
        {"{\"tokenizer_class\":\"AlbertTokenizer\"}", false},
        {"{\"tokenizer_class\":\"AlbertTokenizer\",\"model_input_names\":[\"input_ids\","
         "\"token_type_ids\"]}",
         true},
        {"{\"tokenizer_class\":\"AlbertTokenizer\",\"model_input_names\":[\"input_ids\"]}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start_directory(0, files[0]);
        put("tokenizer_config.json", cases[i].config);
        struct tokenizer *t = open_tokenizer(dir);
        assert_int_equal(tokenizer_gives_types(t), cases[i].types);
        tokenizer_close(t);
    }
    struct err err;
    put("tokenizer_config.json",
        "{\"tokenizer_class\":\"AlbertTokenizer\",\"model_input_names\":[7]}");
    assert_null(tokenizer_open(dir, &err));
    assert_non_null(strstr(err.text, "model_input_names"));
    struct tokenizer *bert = open_tokenizer("tests/fixtures/tiny_bert");
    assert_true(tokenizer_gives_types(bert));
    tokenizer_close(bert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_transformers),
        cmocka_unit_test(test_class_and_file_by_other_names),
        cmocka_unit_test(test_export_takes_the_model_along),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_a_model_is_told),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
