/* json.h - cJSON with this project's errors, and a writer for numbers that must come back.
 *
 * Reading: json_parse names file, line and column of the first fault, and rejects what RFC 8259
 * does (trailing text, bad UTF-8, control characters in strings, duplicate keys are kept: the
 * last wins). Writing: a streaming writer into a strbuf; doubles print with the fewest digits
 * that read back the same, floats likewise as floats; NaN and infinities become null. */
#ifndef JSON_H
#define JSON_H
#include "engine/base/err.h"
#include "engine/base/mem.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `name` is for messages, `first_line` the number of the text's first line. cJSON_Delete() it. */
cJSON *json_parse(const char *text, size_t n, const char *name, size_t first_line, struct err *err);
cJSON *json_read(const char *path, struct err *err);

/* Give every number of a parsed value the spelling it has in `text`, so that printing the value
 * says 2.0 where 2.0 was read: there are readers that take 2 for another type. The numbers are raw
 * text then and no longer answer to cJSON_IsNumber. -1 with ERR_NOMEM. */
int json_keep_spelling(cJSON *value, const char *text, struct err *err);

/* Members of an object. -1 with an error that names `where` and the key when absent or of another
 * type; the _or forms take a default for an absent or null member, and still reject a wrong type. */
int json_get_string(const cJSON *o, const char *key, const char **out, const char *where,
                    struct err *err);
int json_get_number(const cJSON *o, const char *key, double *out, const char *where,
                    struct err *err);
int json_get_size(const cJSON *o, const char *key, size_t *out, const char *where, struct err *err);
int json_number_or(const cJSON *o, const char *key, double dflt, double *out, const char *where,
                   struct err *err);
int json_string_or(const cJSON *o, const char *key, const char *dflt, const char **out,
                   const char *where, struct err *err);
int json_bool_or(const cJSON *o, const char *key, bool dflt, bool *out, const char *where,
                 struct err *err);

struct json_writer {
    struct strbuf *out;
    bool comma;     /* the next member or element needs one before it */
    bool after_key; /* the next value belongs to the key just written */
    int indent;     /* 0: one line; else spaces a level */
    int depth;
};
void json_writer_init(struct json_writer *w, struct strbuf *out, int indent);
void json_open(struct json_writer *w, char bracket);  /* '{' or '[' as a value */
void json_close(struct json_writer *w, char bracket); /* '}' or ']' */
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *s);
void json_string_n(struct json_writer *w, const char *s, size_t n); /* bad UTF-8 becomes U+FFFD */
void json_double(struct json_writer *w, double x);
void json_float(struct json_writer *w, float x);
void json_int(struct json_writer *w, int64_t x);
void json_bool(struct json_writer *w, bool x);
void json_null(struct json_writer *w);

#endif
