/* test_table.c - tables from bytes: what is read, and what is said of what cannot be read. */
#include "engine/base/file.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/data/table.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64]; /* of the file each test writes */

static int make_file(void **state)
{
    (void)state;
    strcpy(path, "/tmp/sft-test-table-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct table *open_as(const char *text, enum table_format format, enum table_header header)
{
    struct err err = {0};
    put(text, strlen(text));
    struct table *t = table_open(path, format, header, NULL, 0, &err);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

static void expect_cell(const struct table *t, size_t row, size_t column, const char *want)
{
    struct cell c = table_cell(t, row, column);
    if (!want) {
        assert_null(c.bytes);
        return;
    }
    assert_non_null(c.bytes);
    assert_string_equal(c.bytes, want);
    assert_int_equal(c.length, strlen(want));
}

/* The file is refused, and the message has the place behind the file's name and the words. */
static void expect_fault_n(const char *bytes, size_t n, enum table_format format, const char *place,
                           const char *words)
{
    struct err err = {0};
    const char *wanted[] = {"text", "label"};
    put(bytes, n);
    assert_null(table_open(path, format, HEADER_AUTO, wanted, 2, &err));
    assert_int_equal(err.code, ERR_INPUT);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    if (strncmp(err.text + strlen(path), place, strlen(place)) || !strstr(err.text, words))
        fail_msg("'%s' lacks '%s' or '%s'", err.text, place, words);
}

static void expect_fault(const char *text, enum table_format format, const char *place,
                         const char *words)
{
    expect_fault_n(text, strlen(text), format, place, words);
}

static void csv_keeps_quotes_commas_and_line_breaks(void **state)
{
    (void)state;
    struct table *t = open_as("\xEF\xBB\xBFtext,label\r\n\"a \"\"b\"\", c\",x\r\n\"one\r\ntwo\","
                              "\"y\"\r\n\r\n,z",
                              TABLE_CSV, HEADER_AUTO);
    assert_int_equal(table_rows(t), 3);
    assert_int_equal(table_columns(t), 2);
    assert_string_equal(table_column_name(t, 0), "text");
    expect_cell(t, 0, 0, "a \"b\", c");
    expect_cell(t, 0, 1, "x");
    expect_cell(t, 1, 0, "one\r\ntwo");
    expect_cell(t, 1, 1, "y");
    expect_cell(t, 2, 0, "");
    expect_cell(t, 2, 1, "z");
    assert_int_equal(table_line(t, 0), 2);
    assert_int_equal(table_line(t, 1), 3);
    assert_int_equal(table_line(t, 2), 6);
    table_close(t);
}

static void a_quote_inside_a_plain_text_stands_for_itself(void **state)
{
    (void)state;
    struct table *t = open_as("8\" pipe,\"x\"\n", TABLE_CSV, HEADER_NO);
    expect_cell(t, 0, 0, "8\" pipe");
    expect_cell(t, 0, 1, "x");
    table_close(t);
}

static void tsv_has_no_quoting(void **state)
{
    (void)state;
    struct table *t = open_as("ham\t\"so\" she said\r\nspam\tfree\r twice\n", TABLE_TSV, HEADER_AUTO);
    assert_int_equal(table_rows(t), 2);
    assert_null(table_column_name(t, 0));
    expect_cell(t, 0, 1, "\"so\" she said");
    expect_cell(t, 1, 1, "free\r twice");
    table_close(t);
}

static void a_blank_line_is_an_empty_cell_only_in_one_column(void **state)
{
    (void)state;
    struct table *t = open_as("one\n\nthree\n", TABLE_TSV, HEADER_NO);
    assert_int_equal(table_rows(t), 3);
    expect_cell(t, 1, 0, "");
    table_close(t);
    t = open_as("a\tb\n\n\nc\td\n", TABLE_TSV, HEADER_NO);
    assert_int_equal(table_rows(t), 2);
    assert_int_equal(table_line(t, 1), 4);
    table_close(t);
}

static void jsonl_values_become_text(void **state)
{
    (void)state;
    struct table *t = open_as("{\"text\":\"a\\n\\u00e9\\ud83d\\ude00\\ud800x\",\"label\":1.50,"
                              "\"n\":12345678901234567890}\r\n\n"
                              "{\"label\":true,\"extra\":{\"deep\":[1,{}]},\"text\":\"b\"}\n"
                              "{\"text\":null,\"text\":\"last\",\"label\":\"\"}",
                              TABLE_AUTO, HEADER_AUTO);
    size_t text, label, n, extra;
    struct err err;
    assert_int_equal(table_rows(t), 3);
    assert_int_equal(table_find_column(t, "text", &text, &err), 0);
    assert_int_equal(table_find_column(t, "label", &label, &err), 0);
    assert_int_equal(table_find_column(t, "n", &n, &err), 0);
    assert_int_equal(table_find_column(t, "extra", &extra, &err), 0);
    expect_cell(t, 0, text, "a\n\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBDx");
    expect_cell(t, 0, label, "1.50");
    expect_cell(t, 0, n, "12345678901234567890");
    expect_cell(t, 0, extra, NULL);
    expect_cell(t, 1, text, "b");
    expect_cell(t, 1, label, "true");
    expect_cell(t, 1, extra, NULL);
    expect_cell(t, 2, text, "last");
    expect_cell(t, 2, label, "");
    assert_int_equal(table_line(t, 1), 3);
    table_close(t);
}

static void json_array_spans_lines(void **state)
{
    (void)state;
    struct table *t = open_as(" [ {\"text\": \"a\",\n \"label\": -1e+2},\n\n {\"text\": \"b\"} , {} ]\n",
                              TABLE_AUTO, HEADER_AUTO);
    assert_int_equal(table_rows(t), 3);
    expect_cell(t, 0, 1, "-1e+2");
    expect_cell(t, 1, 1, NULL);
    expect_cell(t, 2, 0, NULL);
    assert_int_equal(table_line(t, 0), 1);
    assert_int_equal(table_line(t, 1), 4);
    table_close(t);
}

static void format_is_guessed_from_content_when_the_name_says_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"ham\tGo until jurong, crazy\r\n", 2}, /* the SMS collection's shape */
        {"a,b,c\n", 3},
        {"{\"x\":1,\"y\":2}\n", 2},
        {"\n[{\"x\":1}]", 1},
        {"[unsure] what this is\n", 1},
        {"one text a line\nand another\n", 1},
        {"text\n\"one, two\"\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *t = open_as(cases[i].text, TABLE_AUTO, HEADER_AUTO);
        assert_int_equal(table_columns(t), cases[i].columns);
        table_close(t);
    }
}

static void header_is_there_when_a_wanted_name_is(void **state)
{
    (void)state;
    static const struct {
        const char *wanted;
        enum table_header header;
        size_t rows;
    } cases[] = {{"message", HEADER_AUTO, 1}, {"0", HEADER_AUTO, 2}, {"nope", HEADER_AUTO, 2},
                 {"nope", HEADER_YES, 1},     {"message", HEADER_NO, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err;
        put("message,kind\nhello,x\n", 21);
        struct table *t = table_open(path, TABLE_CSV, cases[i].header, &cases[i].wanted, 1, &err);
        assert_non_null(t);
        assert_int_equal(table_rows(t), cases[i].rows);
        table_close(t);
    }
}

static void a_missing_column_lists_those_there_are(void **state)
{
    (void)state;
    struct err err;
    size_t column = 99;
    struct table *t = open_as("text,category\na,b\n", TABLE_CSV, HEADER_AUTO);
    assert_int_equal(table_find_column(t, "label", &column, &err), -1);
    assert_non_null(strstr(err.text, "no column 'label'; its columns are 'text', 'category'"));
    assert_int_equal(column, 99);
    assert_int_equal(table_find_column(t, "1", &column, &err), 0);
    assert_int_equal(column, 1);
    assert_int_equal(table_find_column(t, "2", &column, &err), -1);
    table_close(t);
}

static void faults_name_place_and_remedy(void **state)
{
    (void)state;
    expect_fault("text,label\na,b\nc,d,e\n", TABLE_CSV, ":3:", "3 fields, but line 1 has 2");
    expect_fault("text,label\n\"a\nb\",c\nd\n", TABLE_CSV, ":4:", "1 field, but line 1 has 2");
    expect_fault("text\tlabel\na\tb\tc\n", TABLE_TSV, ":2:", "3 fields");
    expect_fault("text,label\nx,y\nok,\"never\nends\n\n", TABLE_CSV, ":3:4:", "never closed");
    expect_fault("text,label\nsay \"hi, you\",y\n", TABLE_CSV, ":2:5:", "quote does not open");
    expect_fault("text,label\n\"a\nb\"c,y\n", TABLE_CSV, ":3:3:", "closing quote");
    expect_fault("text,label\na\nb\xE9\n", TABLE_CSV, ":3:2:", "iconv -f WINDOWS-1252");
    expect_fault_n("text,label\na\0b,c\n", 17, TABLE_CSV, ":2:2:", "NUL");
    expect_fault_n("\xFF\xFEt\0e\0", 6, TABLE_CSV, ":1:1:", "iconv -f UTF-16");
    expect_fault("a,b\rc,d\r", TABLE_CSV, ":1:4:", "lone CR");
    expect_fault("", TABLE_AUTO, ": ", "empty");
    expect_fault("\xEF\xBB\xBF\r\n", TABLE_AUTO, ": ", "empty");
    expect_fault("{\"text\":\"a\"}\n{\"text\":\"a\",}\n", TABLE_JSONL, ":2:13:", "a key");
    expect_fault("{\"text\":\"a\"\n}\n", TABLE_JSONL, ":1:12:", "one whole object a line");
    expect_fault("{\"text\":\"a\"} {}\n", TABLE_JSONL, ":1:14:", "one object a line");
    expect_fault("{\"text\":[\"a\"]}\n", TABLE_JSONL, ":1:8:", "an object or an array");
    expect_fault("{\"text\":\"a\\u0000\"}\n", TABLE_JSONL, ":1:8:", "NUL character");
    expect_fault("[{\"text\":\"a\"},\n {\"text\":\"b]\n", TABLE_JSON, ":2:10:", "never closed");
    expect_fault("[{\"text\":\"a\"}", TABLE_JSON, ":1:14:", "cut short");
    expect_fault("[1]", TABLE_JSON, ":1:2:", "an object");
    expect_fault("{\"text\":\"a\tb\"}", TABLE_JSONL, ":1:11:", "control character");
}

static void a_missing_file_is_an_error_of_the_system(void **state)
{
    (void)state;
    struct err err;
    assert_null(table_open("/nonexistent/x.csv", TABLE_AUTO, HEADER_AUTO, NULL, 0, &err));
    assert_int_equal(err.code, ERR_IO);
    assert_null(table_open("/tmp", TABLE_AUTO, HEADER_AUTO, NULL, 0, &err));
}

static void deep_nesting_and_many_keys_are_survived(void **state)
{
    (void)state;
    struct strbuf s = {0};
    strbuf_puts(&s, "{\"x\":");
    for (int i = 0; i < 100000; i++)
        strbuf_puts(&s, "[");
    expect_fault(s.text, TABLE_JSONL, ":1:", "nested deeper");
    strbuf_clear(&s);
    for (int i = 0; i < 20000; i++) /* other keys in each row: memory stays in proportion */
        strbuf_printf(&s, "{\"key%d\":%d,\"%d\":\"x\"}\n", i, i, i);
    struct table *t = open_as(s.text, TABLE_JSONL, HEADER_AUTO);
    assert_int_equal(table_rows(t), 20000);
    assert_int_equal(table_columns(t), 40000);
    expect_cell(t, 7, 14, "7");
    expect_cell(t, 7, 0, NULL);
    table_close(t);
    strbuf_clear(&s);
}

/* ---------------------------------------------------------------- a property */

/* Random cells; letters that make trouble in every format are frequent. */
static size_t random_cell(char *out, uint64_t *counter, bool tsv)
{
    static const char *const pieces[] = {"a", "\"", ",", " ", "\xC3\xA9", "x", "\\", "{", "\n",
                                         "\r", "\t"};
    size_t n = 0, count = rng_bits(7, RNG_TEST, (*counter)++) % 6;
    for (size_t i = 0; i < count; i++) {
        const char *p = pieces[rng_bits(7, RNG_TEST, (*counter)++) % (tsv ? 8 : 11)];
        memcpy(out + n, p, strlen(p));
        n += strlen(p);
    }
    out[n] = '\0';
    return n;
}

static void write_cell(struct strbuf *s, enum table_format format, const char *cell)
{
    if (format == TABLE_TSV) {
        strbuf_puts(s, cell);
        return;
    }
    strbuf_puts(s, "\"");
    for (; *cell; cell++) {
        char plain[2] = {*cell, '\0'}, escape[8];
        if (format == TABLE_CSV) {
            strbuf_puts(s, *cell == '"' ? "\"\"" : plain);
            continue;
        }
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)*cell);
        bool ascii = (unsigned char)*cell < 0x80;
        strbuf_puts(s, ascii && !(*cell >= 'a' && *cell <= 'z') ? escape : plain);
    }
    strbuf_puts(s, "\"");
}

static void write_row(struct strbuf *s, enum table_format format, char cells[3][64], bool first)
{
    static const char *const keys[] = {"{\"p\":", ",\"q\":", ",\"r\":"};
    bool json = format == TABLE_JSON || format == TABLE_JSONL;
    if (format == TABLE_JSON)
        strbuf_puts(s, first ? "[" : ",");
    for (int i = 0; i < 3; i++) {
        strbuf_puts(s, json ? keys[i] : !i ? "" : format == TABLE_CSV ? "," : "\t");
        write_cell(s, format, cells[i]);
    }
    strbuf_puts(s, json ? "}\n" : "\r\n");
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint64_t counter = 0;
    for (int round = 0; round < 200; round++) {
        enum table_format format = (enum table_format)(1 + round % 4);
        struct strbuf s = {0};
        char cells[8][3][64];
        size_t rows = 1 + rng_bits(7, RNG_TEST, counter++) % 8;
        for (size_t r = 0; r < rows; r++) {
            for (int i = 0; i < 3; i++)
                random_cell(cells[r][i], &counter, format == TABLE_TSV);
            write_row(&s, format, cells[r], r == 0);
        }
        if (format == TABLE_JSON)
            strbuf_puts(&s, "]");
        struct table *t = open_as(s.text, format, HEADER_NO);
        assert_int_equal(table_rows(t), rows);
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < 3; i++)
                expect_cell(t, r, i, cells[r][i]);
        table_close(t);
        strbuf_clear(&s);
    }
}

/* ---------------------------------------------------------------- public suites, where present */

/* A suite's CSV file as it was meant: a checkout may have turned the CRLF of *_crlf into LF. */
static struct table *open_spectrum_csv(const char *file)
{
    struct err err;
    struct strbuf s = {0};
    char *text = file_read(file, &(size_t){0}, &err);
    bool crlf = strstr(file, "_crlf") && !strchr(text, '\r');
    for (const char *p = text; *p; p++)
        strbuf_printf(&s, "%s%c", crlf && *p == '\n' ? "\r" : "", *p);
    struct table *t = open_as(s.text, TABLE_CSV, HEADER_YES);
    strbuf_clear(&s);
    free(text);
    return t;
}

/* A file of one row is one object there, not an array. */
static struct table *open_spectrum_json(const char *file)
{
    struct err err;
    struct strbuf s = {0};
    char *text = file_read(file, &(size_t){0}, &err);
    bool lone = *text == '{';
    strbuf_printf(&s, "%s%s%s", lone ? "[" : "", text, lone ? "]" : "");
    struct table *t = open_as(s.text, TABLE_JSON, HEADER_AUTO);
    strbuf_clear(&s);
    free(text);
    return t;
}

/* All but location_coordinates, whose expected file holds another telephone number than its CSV. */
static void csv_spectrum(void **state)
{
    (void)state;
    static const char dir[] = "../shared/reference/csv-spectrum";
    static const char *const names[] = {"comma_in_quotes", "empty", "empty_crlf", "escaped_quotes",
                                        "json", "newlines", "newlines_crlf", "quotes_and_newlines",
                                        "simple", "simple_crlf", "utf8"};
    if (!file_is_directory(dir))
        skip();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char csv[256], json[256];
        struct err err;
        snprintf(csv, sizeof csv, "%s/csvs/%s.csv", dir, names[i]);
        snprintf(json, sizeof json, "%s/json/%s.json", dir, names[i]);
        struct table *got = open_spectrum_csv(csv), *want = open_spectrum_json(json);
        assert_int_equal(table_rows(got), table_rows(want));
        for (size_t c = 0; c < table_columns(want); c++) {
            size_t column;
            assert_int_equal(table_find_column(got, table_column_name(want, c), &column, &err), 0);
            for (size_t r = 0; r < table_rows(want); r++)
                expect_cell(got, r, column, table_cell(want, r, c).bytes);
        }
        table_close(got);
        table_close(want);
    }
}

/* Each case of the suite as a value of a row: what must parse does, what must not does not. */
static void json_test_suite(void **state)
{
    (void)state;
    DIR *dir = opendir("../shared/reference/json-test-suite/test_parsing");
    if (!dir)
        skip();
    size_t seen = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strchr("yni", entry->d_name[0]))
            continue;
        char name[512];
        struct err err;
        size_t n;
        snprintf(name, sizeof name, "../shared/reference/json-test-suite/test_parsing/%s",
                 entry->d_name);
        char *text = file_read(name, &n, &err);
        struct strbuf s = {0};
        strbuf_puts(&s, "[{\"x\":");
        strbuf_add(&s, text, n);
        strbuf_puts(&s, "}]");
        put(s.text, s.length);
        struct table *t = table_open(path, TABLE_JSON, HEADER_AUTO, NULL, 0, &err);
        if (entry->d_name[0] != 'i' && !t != (entry->d_name[0] == 'n'))
            fail_msg("%s: %s", entry->d_name, t ? "accepted" : err.text);
        table_close(t);
        strbuf_clear(&s);
        free(text);
        seen++;
    }
    closedir(dir);
    assert_true(seen > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_keeps_quotes_commas_and_line_breaks),
        cmocka_unit_test(a_quote_inside_a_plain_text_stands_for_itself),
        cmocka_unit_test(tsv_has_no_quoting),
        cmocka_unit_test(a_blank_line_is_an_empty_cell_only_in_one_column),
        cmocka_unit_test(jsonl_values_become_text),
        cmocka_unit_test(json_array_spans_lines),
        cmocka_unit_test(format_is_guessed_from_content_when_the_name_says_nothing),
        cmocka_unit_test(header_is_there_when_a_wanted_name_is),
        cmocka_unit_test(a_missing_column_lists_those_there_are),
        cmocka_unit_test(faults_name_place_and_remedy),
        cmocka_unit_test(a_missing_file_is_an_error_of_the_system),
        cmocka_unit_test(deep_nesting_and_many_keys_are_survived),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(csv_spectrum),
        cmocka_unit_test(json_test_suite),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
