/* table.c - opening a file of rows: read, check its bytes, guess its format, hand it to a reader,
 * decide what the header is. The readers are in table_delimited.c and table_json.c. */
#include "engine/data/table.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/data/table_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const format_names[] = {"auto", "csv", "tsv", "jsonl", "json", NULL};
static const char *const header_names[] = {"auto", "yes", "no", NULL};

static int parse_choice(const char *text, const char *const *names, const char *what, int *out,
                        struct err *err)
{
    struct strbuf all = {0};
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            *out = i;
            return 0;
        }
    }
    for (int i = 0; names[i]; i++)
        strbuf_printf(&all, "%s%s", i ? ", " : "", names[i]);
    err_set(err, ERR_USAGE, "no %s '%.40s'; there are %s", what, text, all.text ? all.text : "");
    strbuf_clear(&all);
    return -1;
}

int table_format_parse(const char *text, enum table_format *out, struct err *err)
{
    int choice;
    if (parse_choice(text, format_names, "format", &choice, err))
        return -1;
    *out = (enum table_format)choice;
    return 0;
}

int table_header_parse(const char *text, enum table_header *out, struct err *err)
{
    int choice;
    if (parse_choice(text, header_names, "header mode", &choice, err))
        return -1;
    *out = (enum table_header)choice;
    return 0;
}

int table_fault(const struct table_cursor *c, const char *at, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(c->err, ERR_INPUT, "%.200s:%u:%zu: %s", c->t->path, c->line,
                   (size_t)(at - c->line_start) + 1, text);
}

int table_add_row(struct table *t, uint32_t line, struct err *err)
{
    if (t->row_count == UINT32_MAX - 1)
        return err_set(err, ERR_UNSUPPORTED, "%.200s: more than 4 billion rows; split the file",
                       t->path);
    if (t->row_count == t->line_capacity && mem_grow(&t->lines, &t->line_capacity, t->row_count + 1,
                                                     sizeof *t->lines, "the table's rows", err))
        return -1;
    t->lines[t->row_count++] = line;
    return 0;
}

/* Length of the UTF-8 sequence at p[0..n), 0 when it is none: no overlong form, no surrogate,
 * nothing above U+10FFFF (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char a = p[0], low = 0x80, high = 0xBF;
    size_t length = a < 0x80 ? 1 : a < 0xC2 ? 0 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : a < 0xF5 ? 4 : 0;
    if (length < 2 || length > n)
        return length > n ? 0 : length;
    if (a == 0xE0)
        low = 0xA0;
    else if (a == 0xED)
        high = 0x9F;
    else if (a == 0xF0)
        low = 0x90;
    else if (a == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* The first byte that is not UTF-8, or a NUL; n when there is none. Words of plain ASCII without a
 * zero byte are passed eight at a time. */
static size_t find_bad_byte(const unsigned char *p, size_t n)
{
    const uint64_t high = 0x8080808080808080, ones = 0x0101010101010101;
    size_t i = 0;
    while (i < n) {
        uint64_t word;
        if (n - i >= 8) {
            memcpy(&word, p + i, 8);
            if (!((word | (word - ones)) & high)) {
                i += 8;
                continue;
            }
        }
        size_t length = p[i] ? utf8_sequence(p + i, n - i) : 0;
        if (!length)
            return i;
        i += length;
    }
    return n;
}

static int check_bytes(const struct table *t, struct err *err)
{
    const unsigned char *p = (const unsigned char *)t->bytes;
    size_t n = t->size_bytes, bad = find_bad_byte(p, n);
    if (n >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF)))
        return err_set(err, ERR_INPUT,
                       "%.120s:1:1: the file is UTF-16; convert it: iconv -f UTF-16 "
                       "-t UTF-8 '%.120s' > utf8.txt",
                       t->path, t->path);
    if (bad < n) {
        uint32_t line = 1;
        size_t start = 0;
        for (size_t i = 0; i < bad; i++)
            if (p[i] == '\n')
                line++, start = i + 1;
        if (!p[bad])
            return err_set(err, ERR_INPUT,
                           "%.120s:%u:%zu: a NUL byte; this is no text file, or it "
                           "is UTF-16 (then: iconv -f UTF-16LE -t UTF-8 '%.120s' > utf8.txt)",
                           t->path, line, bad - start + 1, t->path);
        return err_set(err, ERR_INPUT,
                       "%.120s:%u:%zu: byte 0x%02X is not UTF-8; convert the file, "
                       "if it is Windows-1252: iconv -f WINDOWS-1252 -t UTF-8 '%.120s' > utf8.txt",
                       t->path, line, bad - start + 1, p[bad], t->path);
    }
    if (!memchr(p, '\n', n)) {
        const char *cr = memchr(p, '\r', n);
        if (cr && cr + 1 < t->bytes + n)
            return err_set(err, ERR_INPUT,
                           "%.200s:1:%zu: lines end in a lone CR; convert the file: "
                           "tr '\\r' '\\n' < old > new",
                           t->path, (size_t)(cr - t->bytes) + 1);
    }
    return 0;
}

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end && strchr(" \t\r\n", *p))
        p++;
    return p;
}

/* By what the file holds: an object first is JSON Lines, an array of objects is JSON, a tab in the
 * first line is TSV, a comma or a quote near the beginning CSV; else each line is one text. */
static enum table_format guess_by_content(const char *p, const char *end)
{
    const char *first = skip_blank(p, end);
    if (first < end && *first == '{')
        return TABLE_JSONL;
    if (first < end && *first == '[') {
        const char *second = skip_blank(first + 1, end);
        if (second < end && (*second == '{' || *second == ']'))
            return TABLE_JSON;
    }
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    if (memchr(p, '\t', (size_t)((newline ? newline : end) - p)))
        return TABLE_TSV;
    size_t head = end - p < 65536 ? (size_t)(end - p) : 65536;
    return memchr(p, ',', head) || memchr(p, '"', head) ? TABLE_CSV : TABLE_TSV;
}

static enum table_format guess_format(const char *path, const char *p, const char *end)
{
    static const struct {
        const char *extension;
        enum table_format format;
    } known[] = {{".csv", TABLE_CSV},     {".tsv", TABLE_TSV},      {".tab", TABLE_TSV},
                 {".jsonl", TABLE_JSONL}, {".ndjson", TABLE_JSONL}, {".json", TABLE_JSON}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(dot, known[i].extension))
            continue;
        const char *first = skip_blank(p, end);
        bool object = first < end && *first == '{'; /* JSON Lines are often named .json */
        return known[i].format == TABLE_JSON && object ? TABLE_JSONL : known[i].format;
    }
    return guess_by_content(p, end);
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

static bool first_row_holds(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->columns; i++)
        if (t->cells[i].length == strlen(name) && !strcmp(t->cells[i].bytes, name))
            return true;
    return false;
}

static bool has_header(const struct table *t, enum table_header header, const char *const *wanted,
                       size_t count)
{
    static const char *const usual[] = {"text", "label"};
    if (header != HEADER_AUTO)
        return header == HEADER_YES;
    if (!count)
        wanted = usual, count = 2;
    for (size_t i = 0; i < count; i++)
        if (wanted[i] && !is_number(wanted[i]) && first_row_holds(t, wanted[i]))
            return true;
    return false;
}

static int read_rows(struct table *t, struct table_cursor *c, enum table_header header)
{
    static int (*const readers[])(struct table_cursor *) = {
        [TABLE_CSV] = table_read_csv,
        [TABLE_TSV] = table_read_tsv,
        [TABLE_JSONL] = table_read_jsonl,
        [TABLE_JSON] = table_read_json,
    };
    if (readers[t->format](c))
        return -1;
    bool delimited = t->format == TABLE_CSV || t->format == TABLE_TSV;
    if (delimited && t->row_count && has_header(t, header, c->wanted, c->wanted_count))
        t->header_rows = 1;
    return 0;
}

static int load(struct table *t, enum table_format format, enum table_header header,
                const char *const *wanted, size_t wanted_count, const char *list_column,
                struct err *err)
{
    t->bytes = file_read(t->path, &t->size_bytes, err);
    if (!t->bytes)
        return -1;
    struct sha256 sha;
    sha256_init(&sha);
    sha256_add(&sha, t->bytes, t->size_bytes);
    sha256_finish(&sha, t->sha256);
    if (check_bytes(t, err))
        return -1;
    char *start = t->bytes, *end = t->bytes + t->size_bytes;
    if (t->size_bytes >= 3 && !memcmp(start, "\xEF\xBB\xBF", 3))
        start += 3;
    if (skip_blank(start, end) == end)
        return err_set(err, ERR_INPUT, "%.200s: the file is empty; it needs rows of text and label",
                       t->path);
    t->format = format == TABLE_AUTO ? guess_format(t->path, start, end) : format;
    struct table_cursor c = {t, start, end, start, 1, wanted, wanted_count, list_column, err};
    return read_rows(t, &c, header);
}

struct table *table_open_lists(const char *path, enum table_format format, enum table_header header,
                               const char *const *wanted, size_t wanted_count,
                               const char *list_column, struct err *err)
{
    struct table *t = mem_alloc(1, sizeof *t, "a table", err);
    if (!t)
        return NULL;
    t->path = mem_strdup(path, err);
    if (!t->path || load(t, format, header, wanted, wanted_count, list_column, err)) {
        table_close(t);
        return NULL;
    }
    return t;
}

struct table *table_open(const char *path, enum table_format format, enum table_header header,
                         const char *const *wanted, size_t wanted_count, struct err *err)
{
    return table_open_lists(path, format, header, wanted, wanted_count, NULL, err);
}

bool table_next_item(struct cell *list, const char **item, size_t *length)
{
    if (list->length < 2)
        return false;
    *item = list->bytes + 1;
    *length = strlen(*item);
    list->bytes += *length + 1;
    list->length -= *length + 1;
    return true;
}

void table_close(struct table *t)
{
    if (!t)
        return;
    intern_clear(&t->names);
    free(t->path);
    free(t->bytes);
    free(t->cells);
    free(t->lines);
    free(t->cell_column);
    free(t->row_start);
    free(t);
}

size_t table_rows(const struct table *t)
{
    return t->row_count - t->header_rows;
}

size_t table_columns(const struct table *t)
{
    return t->columns;
}

const char *table_column_name(const struct table *t, size_t column)
{
    if (t->row_start)
        return t->names.items[column].bytes;
    return t->header_rows ? t->cells[column].bytes : NULL;
}

/* 'text', 'category', ... of the header or, without one, of the first row. */
static void list_columns(const struct table *t, struct strbuf *out)
{
    for (size_t i = 0; i < t->columns && i < 8; i++) {
        const char *name = t->row_start ? t->names.items[i].bytes : t->cells[i].bytes;
        strbuf_printf(out, "%s'%.30s'%s", i ? ", " : "", name, strlen(name) > 30 ? "..." : "");
    }
    if (t->columns > 8)
        strbuf_printf(out, " and %zu more", t->columns - 8);
}

int table_find_column(const struct table *t, const char *name, size_t *column, struct err *err)
{
    size_t length = strlen(name);
    uint32_t id;
    if (t->row_start && intern_find(&t->names, name, length, &id)) {
        *column = id;
        return 0;
    }
    for (size_t i = 0; t->header_rows && i < t->columns; i++) {
        if (t->cells[i].length == length && !memcmp(t->cells[i].bytes, name, length)) {
            *column = i;
            return 0;
        }
    }
    if (is_number(name) && (size_t)atol(name) < t->columns) {
        *column = (size_t)atol(name);
        return 0;
    }
    struct strbuf there = {0};
    list_columns(t, &there);
    const char *list = there.text ? there.text : "nothing";
    if (t->row_start || t->header_rows || is_number(name))
        err_set(err, ERR_INPUT, "%.120s:1:1: no column '%.60s'; its columns are %s", t->path, name,
                list);
    else
        err_set(err, ERR_INPUT,
                "%.120s:1:1: no header names a column '%.60s'; the first row holds "
                "%s; name columns by number from 0",
                t->path, name, list);
    strbuf_clear(&there);
    return -1;
}

static struct cell sparse_cell(const struct table *t, size_t row, size_t column)
{
    uint64_t first = t->row_start[row], end = t->row_start[row + 1];
    /* Of repeated keys the last wins, so the search goes backwards. */
    while (end-- > first)
        if (t->cell_column[end] == column)
            return t->cells[end];
    return (struct cell){NULL, 0};
}

struct cell table_cell(const struct table *t, size_t row, size_t column)
{
    if (t->row_start)
        return sparse_cell(t, row, column);
    return t->cells[(row + t->header_rows) * t->columns + column];
}

uint32_t table_line(const struct table *t, size_t row)
{
    return t->lines[row + t->header_rows];
}

const char *table_path(const struct table *t)
{
    return t->path;
}

const char *table_sha256(const struct table *t)
{
    return t->sha256;
}
