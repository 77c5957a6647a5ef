/* encode_hex.c - tokenizer_encode() for the parity scripts, whatever bytes a text holds.
 *
 *     encode_hex MODELDIR < requests
 *
 * A request is a line "MAX_LENGTH TEXT [PAIR]" with the texts as hexadecimal digits behind an 'x';
 * the answer a JSON line of ids, segments, offsets and full_length. */
#include "engine/base/json.h"
#include "engine/text/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "x4869" in place to "Hi"; returns the bytes. */
static size_t unhex(char *s)
{
    size_t n = 0;
    for (const char *p = s + 1; p[0] && p[1]; p += 2) {
        char digits[3] = {p[0], p[1], '\0'};
        s[n++] = (char)strtoul(digits, NULL, 16);
    }
    return n;
}

static void print_array(struct json_writer *w, const char *key, const int32_t *values, size_t n)
{
    json_key(w, key);
    json_open(w, '[');
    for (size_t i = 0; i < n; i++)
        json_int(w, values[i]);
    json_close(w, ']');
}

static void print_encoding(const struct encoding *e)
{
    struct strbuf out = {0};
    struct json_writer w;
    json_writer_init(&w, &out, 0);
    json_open(&w, '{');
    print_array(&w, "ids", e->ids, e->length);
    print_array(&w, "segments", e->segments, e->length);
    json_key(&w, "offsets");
    json_open(&w, '[');
    for (size_t i = 0; i < 2 * e->length; i++)
        json_int(&w, e->offsets[i / 2][i % 2]);
    json_close(&w, ']');
    json_key(&w, "full_length");
    json_int(&w, (int64_t)e->full_length);
    json_close(&w, '}');
    puts(out.text);
    strbuf_clear(&out);
}

static int answer(const struct tokenizer *t, char *line, struct encoding *e, struct err *err)
{
    char *rest = line;
    const char *max_length = strsep(&rest, " \n");
    char *text = strsep(&rest, " \n"), *pair = strsep(&rest, " \n");
    if (pair && *pair != 'x')
        pair = NULL;
    size_t text_len = text ? unhex(text) : 0, pair_len = pair ? unhex(pair) : 0;
    if (tokenizer_encode(t, text ? text : "", text_len, pair, pair_len,
                         strtoul(max_length, NULL, 10), e, err))
        return -1;
    print_encoding(e);
    return 0;
}

int main(int argc, char **argv)
{
    struct err err;
    struct tokenizer *t = argc == 2 ? tokenizer_open(argv[1], &err) : NULL;
    if (!t) {
        fprintf(stderr, "encode_hex: %s\n", argc == 2 ? err.text : "needs a model directory");
        return 1;
    }
    struct encoding e = {0};
    char *line = NULL;
    size_t capacity = 0;
    int status = 0;
    while (!status && getline(&line, &capacity, stdin) >= 0)
        status = answer(t, line, &e, &err);
    if (status)
        fprintf(stderr, "encode_hex: %s\n", err.text);
    free(line);
    encoding_clear(&e);
    tokenizer_close(t);
    return status ? 1 : 0;
}
