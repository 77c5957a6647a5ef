/* table_delimited.c - CSV as RFC 4180 has it, and TSV, which has no quoting.
 *
 * Cells stay where they are: the delimiter behind one becomes its NUL, and only a quoted cell with
 * doubled quotes inside moves bytes, always to the left. The bytes hold no NUL of their own (the
 * table has looked), so the one behind the last byte stops every scan.
 *
 * A quote inside a text that does not begin with one stands for itself, as in most readers of CSV,
 * although the RFC forbids it: nothing is ambiguous about it. It is remembered only because it is the
 * likely reason when the row turns out to be ragged. */
#include "engine/data/table_internal.h"

#include <string.h>

/* Bytes at which a scan of an unquoted cell stops. */
static const bool csv_stops[256] = {[0] = true, [','] = true, ['"'] = true, ['\n'] = true};
static const bool tsv_stops[256] = {[0] = true, ['\t'] = true, ['\n'] = true};

/* The row being read: where it began, its cells so far, its first quote inside a plain text. */
struct row {
    uint32_t line;
    size_t fields;
    bool has_stray_quote;
    struct table_cursor stray_quote;
};

static void next_line(struct table_cursor *c, char *line_start)
{
    c->line++;
    c->line_start = line_start;
}

/* Count the line breaks in [from, to) of a quoted cell. */
static void count_lines(struct table_cursor *c, char *from, const char *to)
{
    while ((from = memchr(from, '\n', (size_t)(to - from))))
        next_line(c, ++from);
}

/* A cell in quotes; the cursor is at the opening one and ends behind the closing one. */
static int read_quoted(struct table_cursor *c)
{
    struct table_cursor opening = *c;
    char *start = c->at + 1, *out = start, *from = start;
    for (;;) {
        char *quote = memchr(from, '"', (size_t)(c->end - from));
        if (!quote)
            return table_fault(&opening, opening.at,
                               "the quote that opens here is never closed; close it, or double the "
                               "quotes inside a quoted text");
        count_lines(c, from, quote);
        size_t n = (size_t)(quote - from);
        if (out != from)
            memmove(out, from, n);
        out += n;
        from = quote + 1;
        if (*from != '"')
            break;
        *out++ = '"';
        from++;
    }
    c->at = from;
    char after = *from;
    bool row_ends = after == '\n' || (after == '\r' && (from[1] == '\n' || from + 1 == c->end));
    if (from != c->end && after != ',' && !row_ends)
        return table_fault(c, from, "text after a closing quote; double the quotes inside a quoted "
                                    "text (\"\"), or use --format tsv for text without quoting");
    *out = '\0';
    return table_add_cell(c->t, start, (size_t)(out - start), c->err);
}

/* A cell without quotes; the cursor ends at the delimiter, the line's end or the text's. */
static int read_plain(struct table_cursor *c, const bool stops[256], struct row *row)
{
    char *start = c->at, *p = start;
    for (;; p++) {
        while (!stops[(unsigned char)*p])
            p++;
        if (*p != '"')
            break;
        if (!row->has_stray_quote) {
            c->at = p;
            row->stray_quote = *c;
            row->has_stray_quote = true;
        }
    }
    c->at = p;
    size_t n = (size_t)(p - start);
    if (n && (*p == '\n' || p == c->end) && p[-1] == '\r')
        n--;
    return table_add_cell(c->t, start, n, c->err);
}

static int ragged_row(const struct table_cursor *c, const struct row *row)
{
    const struct table *t = c->t;
    const char *remedy = "take tabs and line breaks out of the texts, or use CSV with quotes";
    struct table_cursor place = *c;
    place.line = row->line;
    place.at = place.line_start;
    if (t->format == TABLE_CSV)
        remedy = "put quotes around a text that holds a comma, or use --format tsv where commas do "
                 "not separate";
    if (row->has_stray_quote) {
        place = row->stray_quote;
        remedy = "this quote does not open its text: quote the whole text and double the quotes "
                 "inside";
    }
    return table_fault(&place, place.at, "%zu field%s, but line %u has %zu; %s", row->fields,
                       row->fields == 1 ? "" : "s", t->lines[0], t->columns, remedy);
}

/* The row is read: it has as many cells as the first one, or it is an error. */
static int end_row(struct table_cursor *c, const struct row *row)
{
    struct table *t = c->t;
    bool blank = row->fields == 1 && !t->cells[t->cell_count - 1].length;
    if (blank && t->columns != 1 && row->line == c->line) {
        t->cell_count--;
        return 0;
    }
    if (!t->columns)
        t->columns = row->fields;
    return row->fields == t->columns ? table_add_row(t, row->line, c->err) : ragged_row(c, row);
}

/* Rows up to the end. A delimiter becomes a NUL only after it was looked at, and so does the cell's
 * own end (before a CR). */
static int read_rows(struct table_cursor *c, char delimiter, const bool stops[256])
{
    bool quotes = delimiter == ',';
    while (c->at < c->end) {
        struct row row = {.line = c->line};
        for (char found = delimiter; found == delimiter; row.fields++) {
            if (quotes && *c->at == '"' ? read_quoted(c) : read_plain(c, stops, &row))
                return -1;
            if (*c->at == '\r')
                c->at++;
            found = c->at < c->end ? *c->at : '\n';
            const struct cell *cell = &c->t->cells[c->t->cell_count - 1];
            ((char *)cell->bytes)[cell->length] = '\0';
            c->at++;
        }
        if (end_row(c, &row))
            return -1;
        next_line(c, c->at);
    }
    return 0;
}

int table_read_csv(struct table_cursor *c)
{
    return read_rows(c, ',', csv_stops);
}

int table_read_tsv(struct table_cursor *c)
{
    return read_rows(c, '\t', tsv_stops);
}
