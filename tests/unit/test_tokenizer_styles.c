/* test_tokenizer_styles.c - tokenizers in the style of each family (make_tokenizer_styles.py): ids,
 * offsets and decoded text as Transformers has them; what must hold of any of them; and the
 * published cases of GPT-2 where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/rng.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STYLES "tests/fixtures/tokenizer_styles"
#define GOLDEN "../shared/reference/tok-golden-hf/gpt2.jsonl"
#define VOCAB  "../shared/reference/vocab-gpt2"

static const char *const names[] = {"llama2", "llama3", "qwen2", "smollm", "modernbert", "o200k"};
enum { COUNT = sizeof names / sizeof *names };
static struct encoding e;

static struct tokenizer *open_tokenizer(const char *dir)
{
    struct err err = {0};
    struct tokenizer *t = tokenizer_open(dir, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static struct tokenizer *open_style(const char *name)
{
    char dir[256];
    snprintf(dir, sizeof dir, STYLES "/%s", name);
    return open_tokenizer(dir);
}

static const char *member(const cJSON *o, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static char *unhex(const char *digits, size_t *n)
{
    *n = strlen(digits) / 2;
    char *bytes = malloc(*n + 1);
    for (size_t i = 0; i < *n; i++) {
        char two[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(two, NULL, 16);
    }
    bytes[*n] = '\0';
    return bytes;
}

static void expect_numbers(const cJSON *o, const char *key, const int32_t *got, size_t count,
                           const char *what)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, key);
    if ((size_t)cJSON_GetArraySize(m) != count)
        fail_msg("%s: %zu %s, not %d", what, count, key, cJSON_GetArraySize(m));
    size_t i = 0;
    for (const cJSON *x = m->child; x; x = x->next, i++)
        if (got[i] != x->valueint)
            fail_msg("%s: %s[%zu] is %d, not %d", what, key, i, (int)got[i], x->valueint);
}

static void each_line(const char *path, void (*check)(const cJSON *o, const char *what))
{
    size_t size;
    char *text = file_read(path, &size, NULL), *rest = text, *line;
    assert_non_null(text);
    for (size_t number = 1; (line = strsep(&rest, "\n")); number++) {
        struct err err;
        char what[300];
        if (!*line || strstr(line, "\\u0000")) /* a NUL cannot come through cJSON */
            continue;
        cJSON *o = json_parse(line, strlen(line), path, number, &err);
        if (!o)
            fail_msg("%s", err.text);
        snprintf(what, sizeof what, "%s:%zu", path, number);
        check(o, what);
        cJSON_Delete(o);
    }
    free(text);
}

static struct tokenizer *opened[COUNT];

static void check_case(const cJSON *o, const char *what)
{
    struct tokenizer *t = NULL;
    struct strbuf out = {0};
    size_t n, want_n;
    for (size_t i = 0; i < COUNT; i++)
        t = strcmp(names[i], member(o, "tokenizer")) ? t : opened[i];
    char *text = unhex(member(o, "text"), &n), *want = unhex(member(o, "decoded"), &want_n);
    assert_int_equal(tokenizer_encode(t, text, n, NULL, 0, 0, &e, NULL), 0);
    expect_numbers(o, "ids", e.ids, e.length, what);
    expect_numbers(o, "segments", e.segments, e.length, what);
    if (strcmp(member(o, "tokenizer"), "qwen2") && strcmp(member(o, "tokenizer"), "modernbert"))
        expect_numbers(o, "offsets", (const int32_t *)e.offsets, 2 * e.length, what);
    assert_int_equal(tokenizer_decode(t, e.ids, e.length, false, &out, NULL), 0);
    if (out.length != want_n || (want_n && memcmp(out.text, want, want_n)))
        fail_msg("%s: decodes to '%s', not '%s'", what, out.text ? out.text : "", want);
    strbuf_clear(&out);
    free(text);
    free(want);
}

/* NFC joins characters; `tokenizers` then names the place of the first, this program that of all:
 * Qwen2 and ModernBERT are held by their ids alone. */
static void test_cases_from_transformers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        opened[i] = open_style(names[i]);
    each_line(STYLES "/cases.jsonl", check_case);
    for (size_t i = 0; i < COUNT; i++)
        tokenizer_close(opened[i]);
}

/* Byte-level tokenizers lose nothing: decoded, any UTF-8 text is itself again. */
static void test_byte_level_comes_back(void **state)
{
    (void)state;
    static const char *const whole[] = {"llama3", "smollm", "o200k"};
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) {
        struct tokenizer *t = open_style(whole[k]);
        for (uint64_t round = 0; round < 300; round++) {
            struct strbuf out = {0};
            char text[128];
            size_t n = rng_bits(5, RNG_TEST, round) % 100;
            static const char some[] = "ab cDE'st 12\n\t,.-(\xc3\xa9\xe4\xb8\xad";
            for (size_t i = 0, at = 0; i < n; i++) {
                size_t c = rng_bits(6, RNG_TEST, 200 * round + i) % 20;
                size_t from = c < 19 ? c : 20, length = c < 18 ? 1 : c == 18 ? 2 : 3;
                if (at + length > n || i + 1 == n) {
                    n = at;
                    break;
                }
                memcpy(text + at, some + from, length);
                at += length;
            }
            assert_int_equal(tokenizer_encode(t, text, n, NULL, 0, 0, &e, NULL), 0);
            assert_int_equal(tokenizer_decode(t, e.ids, e.length, true, &out, NULL), 0);
            assert_int_equal(out.length, n);
            if (n)
                assert_memory_equal(out.text, text, n);
            strbuf_clear(&out);
        }
        tokenizer_close(t);
    }
}

/* A megabyte without a place to cut is no reason to hang. */
static void test_one_long_word(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'a', SIZE);
    for (size_t k = 0; k < COUNT; k++) {
        struct tokenizer *t = open_style(names[k]);
        clock_t start = clock();
        struct err err = {0};
        if (tokenizer_encode(t, text, SIZE, NULL, 0, 0, &e, &err))
            fail_msg("%s: %s", names[k], err.text);
        assert_true(e.length > 100);
        assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
        tokenizer_close(t);
    }
    free(text);
}

static void check_golden(const cJSON *o, const char *what)
{
    const char *text = member(o, "text");
    if (member(o, "text_pair"))
        return;
    assert_int_equal(tokenizer_encode(opened[0], text, strlen(text), NULL, 0, 0, &e, NULL), 0);
    expect_numbers(o, "ids", e.ids, e.length, what);
}

/* From vocab.json and merges.txt, without a tokenizer.json. */
static void test_published_gpt2_cases(void **state)
{
    (void)state;
    static const char config[] = "{\"model_type\": \"gpt2\"}";
    if (!file_exists(GOLDEN) || !file_exists(VOCAB "/vocab.json"))
        skip();
    char dir[] = "/tmp/sft-test-gpt2-XXXXXX", path[300];
    assert_non_null(mkdtemp(dir));
    static const char *const files[] = {"vocab.json", "merges.txt"};
    for (int i = 0; i < 2; i++) {
        char from[300];
        snprintf(from, sizeof from, VOCAB "/%s", files[i]);
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        assert_int_equal(file_copy(from, path, NULL), 0);
    }
    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(file_write(path, config, strlen(config), NULL), 0);
    opened[0] = open_tokenizer(dir);
    assert_int_equal(tokenizer_vocabulary(opened[0]), 50257);
    each_line(GOLDEN, check_golden);
    tokenizer_close(opened[0]);
    file_remove_tree(dir, NULL);
}

/* RobertaProcessing trims what the token's own text begins with: an unknown word keeps its place even
 * where the word begins with the letter that the byte alphabet has for a space; one space alone is
 * the prefix space, more are trimmed. Places as `tokenizers` 0.23 gives them, in bytes. */
static void test_trimmed_places(void **state)
{
    (void)state;
    static const char json[] =
        "{'added_tokens':[{'id':0,'content':'[UNK]','single_word':false,'lstrip':false,"
        "'rstrip':false,'normalized':false,'special':true},"
        "{'id':1,'content':'<mask>','single_word':false,'lstrip':true,"
        "'rstrip':false,'normalized':false,'special':true}],"
        "'normalizer':null,'pre_tokenizer':{'type':'BertPreTokenizer'},"
        "'post_processor':{'type':'RobertaProcessing','sep':['</s>',2],'cls':['<s>',3],"
        "'trim_offsets':true,'add_prefix_space':true},'decoder':null,"
        "'model':{'type':'WordPiece','unk_token':'[UNK]','continuing_subword_prefix':'##',"
        "'max_input_chars_per_word':100,"
        "'vocab':{'[UNK]':0,'<mask>':1,'</s>':2,'<s>':3,'a':4}}}";
    static const struct {
        const char *text;
        uint32_t token, start, end; /* the place of one token, counted with <s> */
    } cases[] = {
        {"\u0120d", 1, 0, 3},         {"a \u0120d", 2, 2, 5}, {"<mask>", 1, 0, 6},
        {" <mask>", 1, 0, 7},         {"  <mask>", 1, 2, 8},  {"   <mask>a", 1, 3, 9},
        {"a <mask>", 2, 2, 8},        {"a  <mask>", 2, 3, 9}, {"\u3000 <mask>", 1, 4, 10},
        {"<mask>  <mask>", 2, 8, 14},
    };
    char dir[] = "/tmp/sft-trim.XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (const char *c = json; *c; c++)
        fputc(*c == '\'' ? '"' : *c, f);
    fclose(f);
    struct tokenizer *t = open_tokenizer(dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        assert_int_equal(
            tokenizer_encode(t, cases[i].text, strlen(cases[i].text), NULL, 0, 0, &e, &err), 0);
        assert_true(cases[i].token < e.length);
        const uint32_t *at = e.offsets[cases[i].token];
        if (at[0] != cases[i].start || at[1] != cases[i].end)
            fail_msg("'%s': token %u is at [%u, %u), not [%u, %u)", cases[i].text, cases[i].token,
                     at[0], at[1], cases[i].start, cases[i].end);
    }
    tokenizer_close(t);
    file_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_from_transformers),
        cmocka_unit_test(test_byte_level_comes_back),
        cmocka_unit_test(test_one_long_word),
        cmocka_unit_test(test_published_gpt2_cases),
        cmocka_unit_test(test_trimmed_places),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    encoding_clear(&e);
    return rc;
}
