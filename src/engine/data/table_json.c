/* table_json.c - rows of JSON objects: one a line (JSONL), or all in one array (JSON).
 *
 * A scanner of its own rather than a tree: numbers stay as they are written (a label 007 or an id of
 * 20 digits must not pass through a double), strings are unescaped where they stand, nothing is
 * allocated per value, and a file of any size is walked once. It accepts what RFC 8259 does.
 *
 * A key becomes a column at its first appearance. A value that is an object or an array is checked
 * and skipped, unless its column was asked for: then it is an error, but for an array where the caller
 * takes lists. The UTF-8 of the file has been
 * checked already; an escaped surrogate without its partner becomes U+FFFD. */
#include "engine/data/table_internal.h"

#include <string.h>

#define MAX_DEPTH 512 /* of nesting; the scanner recurses */

enum kind { KIND_TEXT, KIND_NULL, KIND_NESTED };

struct value {
    enum kind kind;
    const char *bytes;
    size_t length;
};

static int scan_value(struct table_cursor *c, struct value *v, int depth);

static void skip_space(struct table_cursor *c)
{
    for (; c->at < c->end; c->at++) {
        if (*c->at == '\n') {
            c->line++;
            c->line_start = c->at + 1;
        } else if (*c->at != ' ' && *c->at != '\t' && *c->at != '\r') {
            return;
        }
    }
}

/* What stands at the cursor, 0 at the end: the bytes hold no NUL. */
static char peek(const struct table_cursor *c)
{
    return c->at < c->end ? *c->at : '\0';
}

static int unexpected(const struct table_cursor *c, const char *wanted)
{
    if (c->at >= c->end)
        return table_fault(c, c->at, "the JSON ends where %s should be%s", wanted,
                           c->t->format == TABLE_JSONL
                               ? "; JSON Lines has one whole object a line, JSON an array of them"
                               : "; is the file cut short?");
    return table_fault(c, c->at,
                       "not JSON: %s should be here; see whether a comma, a quote or a "
                       "bracket is missing",
                       wanted);
}

static int scan_hex(struct table_cursor *c, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, c->at++) {
        char x = peek(c);
        uint32_t digit = x >= '0' && x <= '9'   ? (uint32_t)(x - '0')
                         : x >= 'a' && x <= 'f' ? (uint32_t)(x - 'a') + 10
                         : x >= 'A' && x <= 'F' ? (uint32_t)(x - 'A') + 10
                                                : 16;
        if (digit == 16)
            return unexpected(c, "a hexadecimal digit of \\uXXXX");
        *unit = *unit * 16 + digit;
    }
    return 0;
}

static char *put_utf8(char *out, uint32_t u)
{
    if (u < 0x80) {
        *out++ = (char)u;
    } else if (u < 0x800) {
        *out++ = (char)(0xC0 | u >> 6);
        *out++ = (char)(0x80 | (u & 63));
    } else if (u < 0x10000) {
        *out++ = (char)(0xE0 | u >> 12);
        *out++ = (char)(0x80 | (u >> 6 & 63));
        *out++ = (char)(0x80 | (u & 63));
    } else {
        *out++ = (char)(0xF0 | u >> 18);
        *out++ = (char)(0x80 | (u >> 12 & 63));
        *out++ = (char)(0x80 | (u >> 6 & 63));
        *out++ = (char)(0x80 | (u & 63));
    }
    return out;
}

/* \uXXXX, or two of them for a code point above U+FFFF; the cursor is behind the u. */
static int scan_unicode_escape(struct table_cursor *c, char **out)
{
    uint32_t unit, low;
    if (scan_hex(c, &unit))
        return -1;
    if (unit >= 0xD800 && unit < 0xDC00 && c->end - c->at >= 6 && c->at[0] == '\\' &&
        c->at[1] == 'u') {
        char *before = c->at;
        c->at += 2;
        if (scan_hex(c, &low))
            return -1;
        if (low >= 0xDC00 && low < 0xE000)
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        else
            c->at = before;
    }
    if (unit >= 0xD800 && unit < 0xE000)
        unit = 0xFFFD;
    *out = put_utf8(*out, unit);
    return 0;
}

/* One escape, the cursor behind its backslash. */
static int scan_escape(struct table_cursor *c, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char x = peek(c);
    if (x == 'u') {
        c->at++;
        return scan_unicode_escape(c, out);
    }
    const char *found = x ? strchr(names, x) : NULL;
    if (!found)
        return unexpected(c, "one of \" \\ / b f n r t u after a backslash");
    c->at++;
    *(*out)++ = values[found - names];
    return 0;
}

/* A string, unescaped in place; the cursor is at its opening quote and ends behind the closing one.
 * The NUL goes where the closing quote was or before. */
static int scan_string(struct table_cursor *c, struct value *v)
{
    struct table_cursor opening = *c;
    char *out = ++c->at;
    *v = (struct value){KIND_TEXT, out, 0};
    for (;;) {
        char *from = c->at;
        while (c->at < c->end && *c->at != '"' && *c->at != '\\' && (unsigned char)*c->at >= 0x20)
            c->at++;
        size_t n = (size_t)(c->at - from);
        if (out != from)
            memmove(out, from, n);
        out += n;
        char x = peek(c);
        if (c->at >= c->end || x == '\n')
            return table_fault(&opening, opening.at,
                               "the string that opens here is never closed; a line break inside "
                               "one is written \\n");
        if (x == '"')
            break;
        if (x != '\\')
            return table_fault(c, c->at,
                               "a raw control character in a JSON string; write it as "
                               "\\n, \\t or \\u%04x",
                               (unsigned char)x);
        c->at++;
        if (scan_escape(c, &out))
            return -1;
    }
    c->at++;
    *out = '\0';
    v->length = (size_t)(out - v->bytes);
    return 0;
}

/* A number or a word has no spare byte behind it for a NUL, but one before it (a colon, a space, a
 * comma or a bracket that is done with): move it there. */
static void shift_left(char *start, size_t n, struct value *v)
{
    memmove(start - 1, start, n);
    start[n - 1] = '\0';
    *v = (struct value){KIND_TEXT, start - 1, n};
}

static size_t scan_digits(struct table_cursor *c)
{
    char *from = c->at;
    while (peek(c) >= '0' && peek(c) <= '9')
        c->at++;
    return (size_t)(c->at - from);
}

static int scan_number(struct table_cursor *c, struct value *v)
{
    char *start = c->at;
    c->at += peek(c) == '-';
    bool zero = peek(c) == '0';
    size_t whole = scan_digits(c);
    if (!whole || (zero && whole > 1))
        return unexpected(c, "a number without leading zeros");
    if (peek(c) == '.') {
        c->at++;
        if (!scan_digits(c))
            return unexpected(c, "a digit after the point");
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        c->at += peek(c) == '+' || peek(c) == '-';
        if (!scan_digits(c))
            return unexpected(c, "a digit of the exponent");
    }
    shift_left(start, (size_t)(c->at - start), v);
    return 0;
}

static int scan_word(struct table_cursor *c, struct value *v)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(c->end - c->at) < n || memcmp(c->at, words[i], n))
            continue;
        c->at += n;
        if (i == 2)
            *v = (struct value){KIND_NULL, NULL, 0};
        else
            shift_left(c->at - n, n, v);
        return 0;
    }
    return unexpected(c, "a value");
}

/* The colon of a member whose key has been read, and the space up to its value. */
static int scan_colon(struct table_cursor *c)
{
    skip_space(c);
    if (peek(c) != ':')
        return unexpected(c, "a colon");
    c->at++;
    skip_space(c);
    return 0;
}

static int scan_key(struct table_cursor *c, struct value *key)
{
    skip_space(c);
    if (peek(c) != '"')
        return unexpected(c, "a key in double quotes");
    return scan_string(c, key);
}

/* After an element: true in *more when a comma follows, false when `close` does. */
static int scan_separator(struct table_cursor *c, char close, bool *more)
{
    skip_space(c);
    *more = peek(c) == ',';
    if (!*more && peek(c) != close)
        return unexpected(c, close == '}' ? "a comma or }" : "a comma or ]");
    c->at++;
    return 0;
}

/* An object or array nobody asked for: checked and skipped. */
static int scan_nested(struct table_cursor *c, int depth)
{
    if (depth > MAX_DEPTH)
        return table_fault(c, c->at, "JSON nested deeper than %d levels", MAX_DEPTH);
    char close = *c->at == '{' ? '}' : ']';
    struct value ignored;
    c->at++;
    skip_space(c);
    if (peek(c) == close) {
        c->at++;
        return 0;
    }
    for (bool more = true; more;) {
        skip_space(c);
        if (close == '}' && (scan_key(c, &ignored) || scan_colon(c)))
            return -1;
        if (scan_value(c, &ignored, depth))
            return -1;
        if (scan_separator(c, close, &more))
            return -1;
    }
    return 0;
}

static int scan_value(struct table_cursor *c, struct value *v, int depth)
{
    char x = peek(c);
    if (x == '"')
        return scan_string(c, v);
    if (x == '{' || x == '[') {
        *v = (struct value){KIND_NESTED, NULL, 0};
        return scan_nested(c, depth + 1);
    }
    return x == '-' || (x >= '0' && x <= '9') ? scan_number(c, v) : scan_word(c, v);
}

/* An array of strings and numbers, as table.h lays out a list, written over the array's own bytes. A
 * number's shift_left takes the byte before it, so the NUL there is written again with each item. */
static int scan_list(struct table_cursor *c, struct value *v)
{
    char *start = c->at, *out = ++c->at;
    struct value item;
    skip_space(c);
    bool more = peek(c) != ']';
    if (!more)
        c->at++;
    while (more) {
        skip_space(c);
        struct table_cursor before = *c;
        if (scan_value(c, &item, 1))
            return -1;
        if (item.kind != KIND_TEXT || !item.length || memchr(item.bytes, '\0', item.length))
            return table_fault(&before, before.at,
                               "an array of labels holds names; an object, an "
                               "array, null, \"\" and a NUL are none");
        if (scan_separator(c, ']', &more))
            return -1;
        memmove(out, item.bytes, item.length);
        out[-1] = '\0';
        out += item.length + 1;
    }
    *start = '\0';
    out[out == start + 1 ? 0 : -1] = '\0';
    *v = (struct value){KIND_TEXT, start, out == start + 1 ? 1 : (size_t)(out - start) - 1};
    return 0;
}

static bool takes_lists(const struct table_cursor *c, const struct value *key)
{
    return c->list_column && strlen(c->list_column) == key->length &&
           !memcmp(c->list_column, key->bytes, key->length);
}

static bool is_wanted(const struct table_cursor *c, const struct value *key)
{
    for (size_t i = 0; i < c->wanted_count; i++)
        if (c->wanted[i] && strlen(c->wanted[i]) == key->length &&
            !memcmp(c->wanted[i], key->bytes, key->length))
            return true;
    return false;
}

/* The column of a key. Objects tend to have their keys in one order, so the column that stood at
 * this place in the row before is tried first. */
static int find_column(struct table *t, const struct value *key, size_t place, uint32_t *column,
                       struct err *err)
{
    if (t->row_count) {
        uint64_t guess = t->row_start[t->row_count - 1] + place;
        if (guess < t->row_start[t->row_count]) {
            const struct cell *name = &t->names.items[t->cell_column[guess]];
            if (name->length == key->length && !memcmp(name->bytes, key->bytes, key->length)) {
                *column = t->cell_column[guess];
                return 0;
            }
        }
    }
    return intern_add(&t->names, key->bytes, key->length, column, err);
}

/* One member of a row. */
static int read_member(struct table_cursor *c, size_t place)
{
    struct table *t = c->t;
    struct value key, value;
    uint32_t column;
    if (scan_key(c, &key))
        return -1;
    struct table_cursor before = *c;
    if (scan_colon(c))
        return -1;
    bool list = peek(c) == '[' && takes_lists(c, &key);
    if (list ? scan_list(c, &value) : scan_value(c, &value, 0))
        return -1;
    bool text_with_nul = !list && value.bytes && memchr(value.bytes, '\0', value.length);
    if ((value.kind == KIND_NESTED || text_with_nul) && is_wanted(c, &key))
        return table_fault(&before, before.at,
                           "\"%.60s\" holds %s; a column must hold text, a "
                           "number, true or false",
                           key.bytes, text_with_nul ? "a NUL character" : "an object or an array");
    if (find_column(t, &key, place, &column, c->err) ||
        mem_grow(&t->cell_column, &t->column_capacity, t->cell_count + 1, sizeof *t->cell_column,
                 "the table's cells", c->err))
        return -1;
    t->cell_column[t->cell_count] = column;
    return table_add_cell(t, value.bytes, value.length, c->err);
}

/* row_start has an entry more than there are rows: where the next row's cells begin. */
static int open_next_row(struct table *t, struct err *err)
{
    if (mem_grow(&t->row_start, &t->start_capacity, t->row_count + 1, sizeof *t->row_start,
                 "the table's rows", err))
        return -1;
    t->row_start[t->row_count] = t->cell_count;
    return 0;
}

/* One object; the cursor stands where it should begin. */
static int read_object(struct table_cursor *c)
{
    struct table *t = c->t;
    uint32_t line = c->line;
    bool more = true;
    if (peek(c) != '{')
        return unexpected(c, "an object {...}");
    c->at++;
    skip_space(c);
    if (peek(c) == '}') {
        c->at++;
        more = false;
    }
    for (size_t place = 0; more; place++)
        if (read_member(c, place) || scan_separator(c, '}', &more))
            return -1;
    if (table_add_row(t, line, c->err))
        return -1;
    t->columns = t->names.count;
    return open_next_row(t, c->err);
}

int table_read_jsonl(struct table_cursor *c)
{
    char *end = c->end;
    if (open_next_row(c->t, c->err))
        return -1;
    while (c->at < end) {
        char *newline = memchr(c->at, '\n', (size_t)(end - c->at));
        c->line_start = c->at;
        c->end = newline ? newline : end;
        skip_space(c);
        if (c->at < c->end) {
            if (read_object(c))
                return -1;
            skip_space(c);
            if (c->at < c->end)
                return unexpected(c, "the end of the line (one object a line)");
        }
        c->at = c->end + 1;
        c->line++;
    }
    return 0;
}

int table_read_json(struct table_cursor *c)
{
    if (open_next_row(c->t, c->err))
        return -1;
    skip_space(c);
    if (peek(c) != '[')
        return unexpected(c, "an array of objects [{...}, ...]");
    c->at++;
    skip_space(c);
    bool more = peek(c) != ']';
    if (!more)
        c->at++;
    while (more) {
        skip_space(c);
        if (read_object(c) || scan_separator(c, ']', &more))
            return -1;
    }
    skip_space(c);
    return c->at < c->end ? unexpected(c, "the end of the file") : 0;
}
