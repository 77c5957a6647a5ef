/* tokenize.c - `sft tokenize MODELDIR [FILE]`: a line in, a line out.
 *
 * A line ends at "\n", which alone is taken off: a "\r" before it is text (white space to a BERT
 * tokenizer, so it changes no id and moves no offset). A line may hold any byte. With --decode the
 * ids are turned back into text: as the JSON key "decoded", or in the place of the ids, where a line
 * break within the text is written as a space, so that a line stays a line. */
#include "cli/args.h"
#include "cli/cli.h"
#include "engine/base/json.h"
#include "engine/text/tokenizer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_ids(const struct encoding *e, struct strbuf *out)
{
    for (size_t i = 0; i < e->length; i++)
        strbuf_printf(out, i ? " %d" : "%d", (int)e->ids[i]);
    strbuf_puts(out, "\n");
}

/* The text of the ids, special tokens included, as Transformers' decode() has it. */
static int decode(const struct tokenizer *t, const struct encoding *e, struct strbuf *text,
                  struct err *err)
{
    text->length = 0;
    return tokenizer_decode(t, e->ids, e->length, false, text, err);
}

static void write_text(const struct strbuf *text, struct strbuf *out)
{
    for (size_t i = 0; i < text->length; i++)
        strbuf_add(out, text->text[i] == '\n' ? " " : text->text + i, 1);
    strbuf_puts(out, "\n");
}

/* `decoded` is NULL where it was not asked for. */
static void write_json(const struct tokenizer *t, const struct encoding *e,
                       const struct strbuf *decoded, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_open(&w, '{');
    json_key(&w, "ids");
    json_open(&w, '[');
    for (size_t i = 0; i < e->length; i++)
        json_int(&w, e->ids[i]);
    json_close(&w, ']');
    json_key(&w, "tokens");
    json_open(&w, '[');
    for (size_t i = 0; i < e->length; i++)
        json_string(&w, tokenizer_token(t, e->ids[i]));
    json_close(&w, ']');
    json_key(&w, "offsets");
    json_open(&w, '[');
    for (size_t i = 0; i < e->length; i++) {
        json_open(&w, '[');
        json_int(&w, e->offsets[i][0]);
        json_int(&w, e->offsets[i][1]);
        json_close(&w, ']');
    }
    json_close(&w, ']');
    if (decoded) {
        json_key(&w, "decoded");
        json_string_n(&w, decoded->length ? decoded->text : "", decoded->length);
    }
    json_close(&w, '}');
    strbuf_puts(out, "\n");
}

/* What is asked for. */
struct wanted {
    bool json, decode;
};

static int tokenize_lines(const struct tokenizer *t, FILE *in, const char *name,
                          const struct wanted *wanted, struct err *err)
{
    struct encoding e = {0};
    struct strbuf out = {0}, text = {0};
    char *line = NULL;
    size_t capacity = 0;
    int status = 0;
    ssize_t n;
    while (!status && (errno = 0, n = getline(&line, &capacity, in)) >= 0) {
        n -= n && line[n - 1] == '\n';
        status = tokenizer_encode(t, line, (size_t)n, NULL, 0, 0, &e, err);
        if (!status && wanted->decode)
            status = decode(t, &e, &text, err);
        if (status)
            break;
        out.length = 0;
        if (wanted->json)
            write_json(t, &e, wanted->decode ? &text : NULL, &out);
        else if (wanted->decode)
            write_text(&text, &out);
        else
            write_ids(&e, &out);
        if (out.failed)
            status = err_set(err, ERR_NOMEM, "out of memory for a line of '%.300s'", name);
        else if (fwrite(out.text, 1, out.length, stdout) != out.length)
            status = err_errno(err, "cannot write to standard output");
    }
    if (!status && ferror(in))
        status = err_errno(err, "cannot read '%.300s'", name);
    if (!status && fflush(stdout))
        status = err_errno(err, "cannot write to standard output");
    encoding_clear(&e);
    strbuf_clear(&out);
    strbuf_clear(&text);
    free(line);
    return status;
}

static int tokenize_file(const char *directory, const char *path, const struct wanted *wanted,
                         struct err *err)
{
    struct tokenizer *t = tokenizer_open(directory, err);
    if (!t)
        return -1;
    int status = -1;
    FILE *in = path && strcmp(path, "-") ? fopen(path, "rb") : stdin;
    if (!in)
        err_errno(err, "cannot open '%.300s'", path);
    else
        status = tokenize_lines(t, in, in == stdin ? "standard input" : path, wanted, err);
    if (in && in != stdin)
        fclose(in);
    tokenizer_close(t);
    return status;
}

int cli_tokenize(int argc, char **argv)
{
    struct wanted wanted = {0};
    const struct arg table[] = {
        {"decode", ARG_FLAG, &wanted.decode, NULL,
         "the text of the ids, in their place; with --json also"},
        {"json", ARG_FLAG, &wanted.json, NULL,
         "ids, tokens and byte offsets of every line, as JSON"},
    };
    struct args args = {.command = "tokenize",
                        .usage = "MODELDIR [FILE]",
                        .summary = "Lines of text to lines of token ids. Without FILE, or with -, "
                                   "standard input.",
                        .table = table,
                        .count = sizeof table / sizeof table[0]};
    struct err err;
    if (args_parse(&args, argc, argv, &err))
        return cli_fail(&err);
    if (args.help) {
        args_print_help(&args);
        return 0;
    }
    if (args.positional_count < 1 || args.positional_count > 2) {
        err_set(&err, ERR_USAGE,
                "tokenize takes a model directory and at most one file; "
                "see sft tokenize --help");
        return cli_fail(&err);
    }
    const char *path = args.positional_count > 1 ? args.positional[1] : NULL;
    return tokenize_file(args.positional[0], path, &wanted, &err) ? cli_fail(&err) : 0;
}
