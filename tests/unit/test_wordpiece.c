/* test_wordpiece.c - the trie, the words and the literals, each against the plain reading of its
 * rule. */
#include "engine/base/rng.h"
#include "engine/text/literal.h"
#include "engine/text/normalize.h"
#include "engine/text/wordpiece.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t draw(uint64_t *counter, uint64_t below)
{
    return rng_bits(7, RNG_TEST, (*counter)++) % below;
}

static void random_word(char *word, size_t longest, uint64_t *counter)
{
    size_t n = 1 + draw(counter, longest);
    for (size_t i = 0; i < n; i++)
        word[i] = (char)('a' + draw(counter, 3));
    word[n] = '\0';
}

static void test_trie_finds_the_longest(void **state)
{
    (void)state;
    enum { WORDS = 400 };
    char words[WORDS][12];
    uint64_t counter = 0;
    struct trie t;
    assert_int_equal(trie_init(&t, 0, NULL), 0);
    for (int i = 0; i < WORDS; i++) {
        random_word(words[i], 10, &counter);
        assert_int_equal(trie_add(&t, TRIE_ROOT, words[i], strlen(words[i]), i, NULL), 0);
    }
    for (int round = 0; round < 2000; round++) {
        char text[32];
        random_word(text, 20, &counter);
        size_t n = strlen(text), longest = 0;
        int32_t want = -1, got = -1;
        for (int i = 0; i < WORDS; i++) { /* of equal words the last wins */
            size_t m = strlen(words[i]);
            if (m >= longest && !strncmp(text, words[i], m))
                longest = m, want = i;
        }
        assert_int_equal(trie_longest(&t, TRIE_ROOT, text, n, &got), longest);
        assert_int_equal(got, want);
    }
    trie_clear(&t);
}

/* Pieces of a text by the normaliser that changes nothing. */
static void encode(const struct wordpiece *w, const char *text, struct pieces *out)
{
    struct normalizer nothing = {0};
    struct normalized n = {0};
    normalize_prepare(&nothing);
    assert_int_equal(normalize_text(&nothing, text, 0, strlen(text), &n, NULL), 0);
    out->count = 0;
    assert_int_equal(wordpiece_encode(w, &n, 0, n.length, out, NULL), 0);
    normalized_clear(&n);
}

static void expect_ids(const struct wordpiece *w, const char *text, const int32_t *ids,
                       size_t count)
{
    struct pieces p = {0};
    encode(w, text, &p);
    assert_int_equal(p.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(p.id[i], ids[i]);
    pieces_clear(&p);
}

static void add_all(struct wordpiece *w, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(wordpiece_add(w, words[i], strlen(words[i]), (int32_t)i, NULL), 0);
    w->unknown = 0;
}

#define EXPECT(w, text, ...)                                                                       \
    expect_ids(w, text, (const int32_t[]){__VA_ARGS__}, COUNT(((const int32_t[]){__VA_ARGS__})))

static void test_words_are_cut_from_the_left(void **state)
{
    (void)state;
    static const char *const words[] = {"[UNK]", "un", "##able", "##a", "##ble",
                                        "b",     "é",  ",",      "##é"};
    struct wordpiece w;
    assert_int_equal(wordpiece_init(&w, "##", 8, 0, NULL), 0);
    add_all(&w, words, COUNT(words));
    EXPECT(&w, "unable", 1, 2);
    EXPECT(&w, "unaable", 1, 3, 2);
    EXPECT(&w, "unab", 0); /* "##a" fits, the "b" left over does not: all unknown */
    EXPECT(&w, "able", 0); /* continues words, starts none */
    EXPECT(&w, "un,b  éé", 1, 7, 5, 6, 8);
    EXPECT(&w, "\u00a0b\u3000b\x85", 5, 0);
    EXPECT(&w, "éééééééé é", 6, 8, 8, 8, 8, 8, 8, 8, 6); /* 8 characters, of 2 bytes each */
    EXPECT(&w, "ééééééééé é", 0, 6);                     /* 9: too long to try */
    expect_ids(&w, " \t\n", NULL, 0);
    struct pieces p = {0};
    encode(&w, " unable?", &p);
    assert_int_equal(p.count, 3);
    assert_int_equal(p.span[1].start, 3);
    assert_int_equal(p.span[1].end, 7);
    assert_int_equal(p.span[2].end, 8);
    pieces_clear(&p);
    assert_int_equal(wordpiece_find(&w, "un", 2), 1);
    assert_int_equal(wordpiece_find(&w, "u", 1), -1);
    wordpiece_clear(&w);
}

static void test_other_prefixes(void **state)
{
    (void)state;
    static const char *const words[] = {"[UNK]", "a", "b", "xb"};
    struct wordpiece w;
    assert_int_equal(wordpiece_init(&w, "", 100, 0, NULL), 0); /* every word continues */
    add_all(&w, words, COUNT(words));
    EXPECT(&w, "abba", 1, 2, 2, 1);
    wordpiece_clear(&w);
    assert_int_equal(wordpiece_init(&w, "x", 100, 0, NULL), 0); /* may also stand in a text */
    add_all(&w, words, COUNT(words));
    EXPECT(&w, "ab xb", 1, 3, 3);
    wordpiece_clear(&w);
}

/* The rule read aloud: try the longest rest, shorten it until the vocabulary has it. */
static size_t cut_plainly(char words[][12], size_t count, const char *word, int32_t *ids)
{
    size_t n = strlen(word), pieces = 0;
    for (size_t at = 0, end; at < n; at = end) {
        int32_t found = -1;
        for (end = n; end > at && found < 0; end -= found < 0) {
            char piece[40];
            snprintf(piece, sizeof piece, "%s%.*s", at ? "##" : "", (int)(end - at), word + at);
            for (size_t i = 0; i < count && found < 0; i++)
                if (!strcmp(words[i], piece))
                    found = (int32_t)i;
        }
        if (found < 0) {
            ids[0] = 0;
            return 1;
        }
        ids[pieces++] = found;
    }
    return pieces;
}

static void test_random_vocabularies(void **state)
{
    (void)state;
    uint64_t counter = 1 << 20;
    for (int round = 0; round < 60; round++) {
        char words[40][12] = {"[UNK]"};
        size_t count = 1;
        while (count < 40) {
            bool inside = draw(&counter, 2);
            memcpy(words[count], "##", 2);
            random_word(words[count] + 2 * inside, 5, &counter);
            bool known = false;
            for (size_t i = 0; i < count; i++)
                known |= !strcmp(words[i], words[count]);
            count += !known;
        }
        struct wordpiece w;
        assert_int_equal(wordpiece_init(&w, "##", 100, 0, NULL), 0);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(wordpiece_add(&w, words[i], strlen(words[i]), (int32_t)i, NULL), 0);
        w.unknown = 0;
        for (int k = 0; k < 100; k++) {
            char word[24];
            int32_t ids[24];
            random_word(word, 15, &counter);
            size_t n = cut_plainly(words, count, word, ids);
            expect_ids(&w, word, ids, n);
        }
        wordpiece_clear(&w);
    }
}

static void expect_match(const struct literals *l, struct literal_search *s, size_t gap,
                         size_t start, size_t end, int32_t id)
{
    assert_true(literals_next(l, s));
    assert_int_equal(s->gap, gap);
    assert_int_equal(s->start, start);
    assert_int_equal(s->end, end);
    assert_int_equal(s->id, id);
}

static struct literal_search search(const char *text)
{
    return (struct literal_search){.text = text, .n = strlen(text)};
}

static void test_literals(void **state)
{
    (void)state;
    struct literals l;
    assert_int_equal(literals_init(&l, NULL), 0);
    static const struct {
        const char *text;
        struct literal literal;
    } list[] = {{"[M]", {1, false, false, false}}, {"[M]x", {2, false, false, false}},
                {"<l>", {3, true, false, false}},  {"<r>", {4, false, true, false}},
                {"word", {5, false, false, true}}, {"", {6, false, false, false}}};
    for (size_t i = 0; i < COUNT(list); i++)
        assert_int_equal(
            literals_add(&l, list[i].text, strlen(list[i].text), list[i].literal, NULL), 0);
    struct literal_search s = search("a[M]x[M][M");
    expect_match(&l, &s, 0, 1, 5, 2); /* the longest at its place */
    expect_match(&l, &s, 5, 5, 8, 1);
    assert_false(literals_next(&l, &s));
    assert_int_equal(s.gap, 8);
    s = search("a <l> <r> \u00a0<l>");
    expect_match(&l, &s, 0, 1, 5, 3);
    expect_match(&l, &s, 5, 6, 12, 4);
    expect_match(&l, &s, 12, 12, 15, 3); /* the space before it is already taken */
    assert_false(literals_next(&l, &s));
    s = search("words sword _word word \u0301word \u00a0word.");
    expect_match(&l, &s, 0, 18, 22, 5);
    expect_match(&l, &s, 22, 32, 36, 5);
    assert_false(literals_next(&l, &s));
    literals_clear(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trie_finds_the_longest),
        cmocka_unit_test(test_words_are_cut_from_the_left),
        cmocka_unit_test(test_other_prefixes),
        cmocka_unit_test(test_random_vocabularies),
        cmocka_unit_test(test_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
