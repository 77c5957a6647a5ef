/* test_tokenizer.c - whole tokenizers from their files: ids as Hugging Face has them, and refusals.
 *
 * tests/fixtures/tokenizer/cases.jsonl holds what make_tokenizer.py got from `transformers`. The
 * published cases of bert-base-uncased are compared too where ../shared has them. */
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/rng.h"
#include "engine/text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURES "tests/fixtures/tokenizer"
#define GOLDEN   "../shared/reference/tok-golden-hf/bert-base-uncased.jsonl"
#define VOCAB    "../shared/reference/vocab-bert/vocab.txt"

static char dir[] = "/tmp/sft-test-tokenizer-XXXXXX";
static struct encoding e;

static struct tokenizer *open_tokenizer(const char *path)
{
    struct err err;
    struct tokenizer *t = tokenizer_open(path, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static const char *member(const cJSON *o, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

/* The member's hexadecimal digits as bytes; NULL where there is none. */
static char *unhex(const cJSON *o, const char *key, size_t *n)
{
    const char *digits = member(o, key);
    *n = digits ? strlen(digits) / 2 : 0;
    char *bytes = digits ? malloc(*n + 1) : NULL;
    for (size_t i = 0; i < *n; i++) {
        char two[3] = {digits[2 * i], digits[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(two, NULL, 16);
    }
    return bytes;
}

static size_t number_or(const cJSON *o, const char *key, size_t dflt)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, key);
    return m ? (size_t)m->valuedouble : dflt;
}

static void expect_numbers(const cJSON *o, const char *key, const int32_t *got, size_t count,
                           int line)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(o, key);
    if ((size_t)cJSON_GetArraySize(m) != count)
        fail_msg("line %d: %zu %s, not %d", line, count, key, cJSON_GetArraySize(m));
    size_t i = 0;
    for (const cJSON *x = m->child; x; x = x->next, i++)
        if (got[i] != x->valueint)
            fail_msg("line %d: %s[%zu] is %d, not %d", line, key, i, (int)got[i], x->valueint);
}

/* Every line of a JSONL file through `check`. */
static void each_line(const char *path, void (*check)(const cJSON *o, int line, void *arg),
                      void *arg)
{
    size_t size;
    char *text = file_read(path, &size, NULL), *rest = text, *line;
    assert_non_null(text);
    for (int number = 1; (line = strsep(&rest, "\n")); number++) {
        if (!*line || strstr(line, "\\u0000")) /* a NUL cannot come through cJSON */
            continue;
        struct err err;
        cJSON *o = json_parse(line, strlen(line), path, (size_t)number, &err);
        if (!o)
            fail_msg("%s", err.text);
        check(o, number, arg);
        cJSON_Delete(o);
    }
    free(text);
}

static void check_case(const cJSON *o, int line, void *arg)
{
    struct tokenizer **tokenizers = arg;
    struct tokenizer *t = tokenizers[!strcmp(member(o, "tokenizer"), "options")];
    size_t n, pair_n;
    char *text = unhex(o, "text", &n), *pair = unhex(o, "pair", &pair_n);
    assert_int_equal(
        tokenizer_encode(t, text, n, pair, pair_n, number_or(o, "max_length", 0), &e, NULL), 0);
    expect_numbers(o, "ids", e.ids, e.length, line);
    expect_numbers(o, "segments", e.segments, e.length, line);
    expect_numbers(o, "offsets", (const int32_t *)e.offsets, 2 * e.length, line);
    assert_int_equal(e.full_length, number_or(o, "full", 0));
    free(text);
    free(pair);
}

static void test_cases_from_transformers(void **state)
{
    (void)state;
    struct tokenizer *t[] = {open_tokenizer(FIXTURES "/uncased"),
                             open_tokenizer(FIXTURES "/options")};
    each_line(FIXTURES "/cases.jsonl", check_case, t);
    tokenizer_close(t[0]);
    tokenizer_close(t[1]);
}

static void check_golden(const cJSON *o, int line, void *arg)
{
    const char *text = member(o, "text"), *pair = member(o, "text_pair");
    assert_int_equal(
        tokenizer_encode(arg, text, strlen(text), pair, pair ? strlen(pair) : 0, 0, &e, NULL), 0);
    expect_numbers(o, "ids", e.ids, e.length, line);
}

static const char *in_dir(const char *name)
{
    static char path[4096];
    assert_int_equal(file_join(path, sizeof path, dir, name, NULL), 0);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(file_write(in_dir(name), text, strlen(text), NULL), 0);
}

static void empty_dir(void)
{
    assert_int_equal(file_remove_tree(dir, NULL), 0);
    assert_int_equal(file_make_directories(dir, NULL), 0);
}

static void test_published_cases(void **state)
{
    (void)state;
    if (!file_exists(GOLDEN) || !file_exists(VOCAB))
        skip();
    empty_dir();
    assert_int_equal(file_copy(VOCAB, in_dir("vocab.txt"), NULL), 0);
    struct tokenizer *t = open_tokenizer(dir);
    assert_int_equal(tokenizer_vocabulary(t), 30522);
    each_line(GOLDEN, check_golden, t);
    tokenizer_close(t);
}

static size_t count_segment(const struct encoding *x, int32_t segment)
{
    size_t count = 0;
    for (size_t i = 0; i < x->length; i++)
        count += x->segments[i] == segment;
    return count;
}

/* Whatever the length allowed, what remains is the beginning of each text, and the longer gives
 * first. */
static void test_truncation_keeps_beginnings(void **state)
{
    (void)state;
    struct tokenizer *t = open_tokenizer(FIXTURES "/uncased");
    char text[201];
    struct encoding full = {0};
    for (uint64_t round = 0; round < 400; round++) {
        size_t a = rng_bits(3, RNG_TEST, 3 * round) % 50,
               b = rng_bits(3, RNG_TEST, 3 * round + 1) % 50;
        size_t most = 3 + rng_bits(3, RNG_TEST, 3 * round + 2) % 100;
        for (size_t i = 0; i < a + b; i++)
            text[i] = (char)('a' + rng_bits(4, RNG_TEST, 100 * round + i) % 26);
        assert_int_equal(tokenizer_encode(t, text, a, text + a, b, 0, &full, NULL), 0);
        assert_int_equal(tokenizer_encode(t, text, a, text + a, b, most, &e, NULL), 0);
        assert_int_equal(e.full_length, full.length);
        assert_int_equal(e.length, full.length < most ? full.length : most);
        /* [CLS] text [SEP] with segment 0, pair [SEP] with segment 1 */
        size_t head = count_segment(&e, 0), full_head = count_segment(&full, 0);
        size_t tail = e.length - head, full_tail = full.length - full_head;
        assert_memory_equal(e.ids, full.ids, (head - 1) * sizeof *e.ids);
        assert_memory_equal(e.ids + head, full.ids + full_head, (tail - 1) * sizeof *e.ids);
        /* Texts of head - 2 and tail - 1: who was cut was not left shorter than the other. */
        if (head < full_head)
            assert_true(head - 2 + 1 >= tail - 1);
        if (tail < full_tail)
            assert_true(tail - 1 + 1 >= head - 2);
    }
    encoding_clear(&full);
    tokenizer_close(t);
}

static void test_names_and_export(void **state)
{
    (void)state;
    struct tokenizer *t = open_tokenizer(FIXTURES "/options");
    assert_string_equal(tokenizer_token(t, 4), "[MASK]");
    assert_null(tokenizer_token(t, -1));
    assert_null(tokenizer_token(t, (int32_t)tokenizer_vocabulary(t)));
    assert_non_null(tokenizer_token(t, (int32_t)tokenizer_vocabulary(t) - 1));
    empty_dir();
    assert_int_equal(tokenizer_export(t, dir, NULL), 0);
    struct tokenizer *again = open_tokenizer(dir);
    assert_int_equal(tokenizer_vocabulary(again), tokenizer_vocabulary(t));
    assert_false(file_exists(in_dir("vocab.txt")));
    tokenizer_close(again);
    tokenizer_close(t);
    tokenizer_close(NULL);
}

static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nA\né\n##b\r\n\xe4\xb8\xad";

static void expect_text(const char *text, const char *want)
{
    struct tokenizer *t = open_tokenizer(dir);
    char got[256] = "";
    assert_int_equal(tokenizer_encode(t, text, strlen(text), NULL, 0, 0, &e, NULL), 0);
    for (size_t i = 0; i < e.length; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "",
                 tokenizer_token(t, e.ids[i]));
    assert_string_equal(got, want);
    tokenizer_close(t);
}

static void test_vocabulary_file_and_configuration(void **state)
{
    (void)state;
    empty_dir();
    put("vocab.txt", words); /* one line ends in CR LF, the last in nothing */
    expect_text("Ab é中A[MASK]", "[CLS] a ##b [UNK] 中 a [MASK] [SEP]");
    put("tokenizer_config.json", "{\"do_lower_case\": false}");
    expect_text("Ab é中A", "[CLS] A ##b é 中 A [SEP]");
    put("tokenizer_config.json", "{\"strip_accents\": false, \"tokenize_chinese_chars\": false,"
                                 " \"tokenizer_class\": \"BertTokenizerFast\"}");
    expect_text("Ab é中 É中 中", "[CLS] a ##b [UNK] [UNK] 中 [SEP]");
    put("tokenizer_config.json", "{\"sep_token\": \"A\", \"cls_token\": {\"content\": \"[PAD]\"}}");
    expect_text("aAa", "[PAD] a A a A");
}

static void expect_refusal(enum err_code code, const char *part)
{
    struct err err = {0};
    assert_null(tokenizer_open(dir, &err));
    assert_int_equal(err.code, code);
    if (!strstr(err.text, part))
        fail_msg("'%s' lacks '%s'", err.text, part);
}

#define JSON_HEAD "{\"added_tokens\": [], \"normalizer\": "
#define BERT_N    "{\"type\": \"BertNormalizer\"}"
#define JSON_PRE  ", \"pre_tokenizer\": {\"type\": "
#define JSON_POST "}, \"post_processor\": "
#define JSON_END                                                                                   \
    ", \"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, \"[CLS]\": 1, \"[SEP]\": "   \
    "2, \"a\": 3}}}"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        enum err_code code;
        const char *part;
    } cases[] = {
        {"vocab.txt", "", ERR_INPUT, "lacks the unk_token '[UNK]'"},
        {"vocab.txt", "[UNK]\na\n", ERR_INPUT, "lacks the cls_token '[CLS]'"},
        {"vocab.txt", "[UNK]\n\xc3\n", ERR_INPUT, "vocab.txt:2: not a line of UTF-8"},
        {"tokenizer.json", "{", ERR_INPUT, "tokenizer.json:1:"},
        {"tokenizer.json", "[1]", ERR_INPUT, "not a JSON object"},
        {"tokenizer.json", "{\"model\": {\"type\": \"WordLevel\"}}", ERR_UNSUPPORTED,
         "model type 'WordLevel'"},
        {"tokenizer.json", "{\"model\": {\"type\": \"BPE\"}}", ERR_INPUT, "model.vocab"},
        {"tokenizer.json", "{\"model\": {\"type\": \"WordPiece\"}}", ERR_INPUT, "model.vocab"},
        {"tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": -1}}}",
         ERR_INPUT, "the id of \"a\""},
        {"tokenizer.json", "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1e9}}}",
         ERR_INPUT, "the id of \"a\""},
        {"tokenizer.json",
         JSON_HEAD "{\"type\": \"Odd\"}" JSON_PRE "\"BertPreTokenizer\"" JSON_POST "null" JSON_END,
         ERR_UNSUPPORTED, "normalizer 'Odd'"},
        {"tokenizer.json", JSON_HEAD BERT_N JSON_PRE "\"Odd\"" JSON_POST "null" JSON_END,
         ERR_UNSUPPORTED, "pre_tokenizer 'Odd'"},
        {"tokenizer.json",
         JSON_HEAD BERT_N JSON_PRE "\"BertPreTokenizer\"" JSON_POST "{\"type\": \"Odd\"}" JSON_END,
         ERR_UNSUPPORTED, "post_processor 'Odd'"},
        {"tokenizer.json",
         JSON_HEAD BERT_N JSON_PRE
         "\"BertPreTokenizer\"" JSON_POST
         "{\"type\": \"BertProcessing\", \"cls\": [\"x\", 9], \"sep\": [\"y\", 2]}" JSON_END,
         ERR_INPUT, "id 9, which no token has"},
        {"tokenizer.json",
         JSON_HEAD BERT_N JSON_PRE "\"BertPreTokenizer\"" JSON_POST
                                   "{\"type\": \"TemplateProcessing\", \"single\": []}" JSON_END,
         ERR_UNSUPPORTED, "post_processor.single"},
    };
    empty_dir();
    expect_refusal(ERR_INPUT, "needs tokenizer.json or vocab.txt");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        empty_dir();
        put(cases[i].name, cases[i].text);
        expect_refusal(cases[i].code, cases[i].part);
    }
    empty_dir();
    put("vocab.txt", words);
    put("tokenizer_config.json", "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}");
    expect_refusal(ERR_UNSUPPORTED, "tokenizer_class 'BertJapaneseTokenizer'");
    empty_dir();
    put("tokenizer.json",
        JSON_HEAD BERT_N JSON_PRE "\"BertPreTokenizer\"" JSON_POST "null" JSON_END);
    expect_text("a A", "[CLS] a a [SEP]"); /* the same file, with nothing wrong */
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int clear(void **state)
{
    (void)state;
    encoding_clear(&e);
    return file_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_from_transformers),
        cmocka_unit_test(test_published_cases),
        cmocka_unit_test(test_truncation_keeps_beginnings),
        cmocka_unit_test(test_names_and_export),
        cmocka_unit_test(test_vocabulary_file_and_configuration),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, make_dir, clear);
}
