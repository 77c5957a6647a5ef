/* test_hub.c - what pull decides without a network: which addresses may see a token or be followed,
 * which names may be written to, which files of a model are needed. */
#include "cli/cli.h"
#include "cli/hub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"https://huggingface.co", "http://127.0.0.1:8080/hub",
                                       "http://[::1]:80"};
    static const char *const bad[] = {"",
                                      "huggingface.co",
                                      "ftp://a.b",
                                      "file:///etc/passwd",
                                      "https://",
                                      "http://me@a.b",
                                      "http://me:pw@a.b",

                                      "javascript://a.b",
                                      "http://a b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(transfer_is_url(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (transfer_is_url(bad[i]))
            fail_msg("'%s' was taken for an address", bad[i]);
}

static void test_token_stays_at_its_origin(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *url;
        bool may;
    } cases[] = {
        {"https://hub.example", "https://hub.example/a/b", true},
        {"https://hub.example", "https://HUB.example:443/a/b", true},
        {"https://hub.example/path", "https://hub.example/elsewhere", true},
        {"http://127.0.0.1:8080", "http://127.0.0.1:8080/x", true},
        {"http://localhost:8080", "http://localhost:8080/x", true},
        {"https://hub.example", "https://cdn.hub.example/a", false},
        {"https://hub.example", "https://hub.example.evil.example/a", false},
        {"https://hub.example", "https://hub.example:444/a", false},
        {"https://hub.example", "https://hub.example@evil.example/a", false},
        {"https://hub.example", "http://hub.example/a", false},
        {"http://hub.example", "http://hub.example/a", false}, /* in clear through a network */
        {"http://127.0.0.1:8080", "http://127.0.0.1:8081/x", false},
        {"http://127.0.0.1.evil.example", "http://127.0.0.1.evil.example/x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (transfer_may_carry_token(cases[i].origin, cases[i].url) != cases[i].may)
            fail_msg("a token for '%s' at '%s'", cases[i].origin, cases[i].url);
}

static void test_redirects(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool may;
    } cases[] = {
        {"https://a.example/x", "https://b.example/y", true},
        {"http://a.example/x", "http://b.example/y", true},
        {"http://a.example/x", "https://b.example/y", true},
        {"https://a.example/x", "http://127.0.0.1:8080/y", true},
        {"https://a.example/x", "http://[::1]:8080/y", true},
        {"https://a.example/x", "http://a.example/x", false},
        {"https://a.example/x", "http://127.0.0.1.evil.example/y", false},
        {"https://a.example/x", "http://1270.0.0.1/y", false},
        {"https://a.example/x", "file:///etc/passwd", false},
        {"http://a.example/x", "ftp://a.example/x", false},
        {"http://a.example/x", "gopher://127.0.0.1/x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (transfer_may_follow(cases[i].from, cases[i].to) != cases[i].may)
            fail_msg("from '%s' to '%s'", cases[i].from, cases[i].to);
}

static void test_escape(void **state)
{
    (void)state;
    struct strbuf out = {0};
    transfer_escape(&out, "refs/pr/1 a?b#c%d\xc3\xa9-._~Z9");
    assert_string_equal(out.text, "refs%2Fpr%2F1%20a%3Fb%23c%25d%C3%A9-._~Z9");
    strbuf_clear(&out);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"config.json", "model-00001-of-00002.safetensors", "a",
                                       "a..b"};
    static const char *const bad[] = {"",         ".",        "..",   ".hidden", "a/b", "/a",
                                      "../a",     "a/../b",   "a\\b", "a b",     "-a",  "a\nb",
                                      "a\x1b[2J", "\xc3\xa9", "a:b",  "a;b",     "$(a)"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(hub_is_plain_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (hub_is_plain_name(bad[i]))
            fail_msg("'%s' was taken for a plain name", bad[i]);
    char name[300];
    memset(name, 'a', sizeof name);
    name[201] = '\0';
    assert_false(hub_is_plain_name(name));
}

static struct hub hub_of(struct hub_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strcpy(files[i].git_sha1, "x");
    return (struct hub){.model = "m", .files = files, .count = count};
}

/* The order is that in which they are fetched; the last is the weights. */
static void check_choice(struct hub_file *files, size_t count, const char *expected, bool sharded)
{
    struct hub h = hub_of(files, count);
    struct hub_choice c = {0};
    struct err err = {0};
    struct strbuf names = {0};
    if (hub_choose(&h, &c, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < c.count; i++)
        strbuf_printf(&names, "%s%s", i ? " " : "", c.files[i]->name);
    assert_string_equal(names.text, expected);
    assert_int_equal(c.sharded, sharded);
    assert_int_equal(c.weights, c.count - 1);
    strbuf_clear(&names);
    hub_choice_clear(&c);
}

static void test_choice(void **state)
{
    (void)state;
    struct hub_file all[] = {{.name = "pytorch_model.bin"},
                             {.name = "pytorch_model.bin.index.json"},
                             {.name = "tf_model.h5"},
                             {.name = "model.safetensors.index.json"},
                             {.name = "model.safetensors"},
                             {.name = "vocab.txt"},
                             {.name = "README.md", .size_bytes = 2 << 20},
                             {.name = "LICENSE"},
                             {.name = "config.json"},
                             {.name = "config.json"},
                             {.name = "optimizer.pt"}};
    check_choice(all, 11, "config.json vocab.txt LICENSE model.safetensors", false);
    all[4].name = "model.fp16.safetensors";
    check_choice(all, 11, "config.json vocab.txt LICENSE model.safetensors.index.json", true);
    all[3].name = "flax_model.msgpack";
    check_choice(all, 11, "config.json vocab.txt LICENSE pytorch_model.bin", false);
    all[0].name = "rust_model.ot";
    check_choice(all, 11, "config.json vocab.txt LICENSE pytorch_model.bin.index.json", true);
    all[5].name = "spiece.model";
    check_choice(all, 11, "config.json spiece.model LICENSE pytorch_model.bin.index.json", true);
}

static void test_bytes_for_people(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},           {999, "999 B"},      {1000, "1.00 kB"},
                 {999499, "999 kB"},   {999500, "1.00 MB"}, {90868376, "90.9 MB"},
                 {99960000, "100 MB"}, {4e18, "4000 PB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        cli_format_bytes(text, sizeof text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_token_stays_at_its_origin),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_bytes_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
