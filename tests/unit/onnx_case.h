/* onnx_case.h - one published case of an ONNX operation: its attributes, inputs and outputs, read
 * from a line of node_vectors.jsonl (a name, a type, a shape and the values of each tensor). */
#ifndef ONNX_CASE_H
#define ONNX_CASE_H
#include "engine/base/json.h"
#include "math_check.h"

enum { ONNX_MOST_TENSORS = 10, ONNX_MOST_RANK = 5 };

struct tensor {
    const char *name, *dtype;
    size_t rank, shape[ONNX_MOST_RANK], n;
    double *data;
    float *f; /* the same, rounded to float */
};

struct onnx_case {
    cJSON *json;
    const char *test, *op;
    struct tensor in[ONNX_MOST_TENSORS], out[ONNX_MOST_TENSORS];
    size_t ins, outs;
};

static inline void tensor_read(struct tensor *t, const cJSON *json)
{
    const cJSON *x, *data = cJSON_GetObjectItem(json, "data");
    *t = (struct tensor){.name = cJSON_GetObjectItem(json, "name")->valuestring,
                         .dtype = cJSON_GetObjectItem(json, "dtype")->valuestring,
                         .n = 1};
    cJSON_ArrayForEach(x, cJSON_GetObjectItem(json, "shape"))
    {
        assert_true(t->rank < ONNX_MOST_RANK);
        t->shape[t->rank++] = (size_t)x->valuedouble;
        t->n *= (size_t)x->valuedouble;
    }
    assert_int_equal(cJSON_GetArraySize(data), t->n);
    t->data = malloc((t->n + 1) * sizeof *t->data);
    t->f = malloc((t->n + 1) * sizeof *t->f);
    assert_true(t->data && t->f);
    size_t i = 0;
    cJSON_ArrayForEach(x, data)
    {
        if (cJSON_IsString(x))
            assert_string_equal(x->valuestring, "-inf");
        t->data[i] = cJSON_IsString(x) ? -INFINITY
                     : cJSON_IsBool(x) ? cJSON_IsTrue(x)
                                       : x->valuedouble;
        t->f[i] = (float)t->data[i];
        i++;
    }
}

static inline size_t tensors_read(struct tensor *t, const cJSON *json)
{
    const cJSON *x;
    size_t n = 0;
    cJSON_ArrayForEach(x, json)
    {
        assert_true(n < ONNX_MOST_TENSORS);
        tensor_read(&t[n++], x);
    }
    return n;
}

static inline void onnx_case_read(struct onnx_case *c, const char *line, size_t length,
                                  const char *path, size_t number)
{
    struct err err = {0};
    *c = (struct onnx_case){.json = json_parse(line, length, path, number, &err)};
    if (!c->json)
        fail_msg("%s", err.text);
    c->test = cJSON_GetObjectItem(c->json, "test")->valuestring;
    c->op = cJSON_GetObjectItem(c->json, "op")->valuestring;
    c->ins = tensors_read(c->in, cJSON_GetObjectItem(c->json, "inputs"));
    c->outs = tensors_read(c->out, cJSON_GetObjectItem(c->json, "outputs"));
}

static inline void onnx_case_clear(struct onnx_case *c)
{
    for (size_t i = 0; i < ONNX_MOST_TENSORS; i++) {
        free(c->in[i].data), free(c->in[i].f);
        free(c->out[i].data), free(c->out[i].f);
    }
    cJSON_Delete(c->json);
}

/* The tensor of that place in the operation's signature; NULL where it is left out. */
static inline const struct tensor *onnx_place(const struct onnx_case *c, const char *list,
                                              size_t place, const struct tensor *t, size_t n)
{
    const cJSON *name = cJSON_GetArrayItem(cJSON_GetObjectItem(c->json, list), (int)place);
    for (size_t i = 0; name && i < n; i++)
        if (name->valuestring[0] && !strcmp(t[i].name, name->valuestring))
            return &t[i];
    return NULL;
}
static inline const struct tensor *onnx_in(const struct onnx_case *c, size_t place)
{
    return onnx_place(c, "node_in", place, c->in, c->ins);
}
static inline const struct tensor *onnx_out(const struct onnx_case *c, size_t place)
{
    return onnx_place(c, "node_out", place, c->out, c->outs);
}

static inline double onnx_number(const struct onnx_case *c, const char *attribute, double otherwise)
{
    const cJSON *x = cJSON_GetObjectItem(cJSON_GetObjectItem(c->json, "attrs"), attribute);
    return x ? x->valuedouble : otherwise;
}
static inline bool onnx_is(const struct onnx_case *c, const char *attribute, const char *value)
{
    const cJSON *x = cJSON_GetObjectItem(cJSON_GetObjectItem(c->json, "attrs"), attribute);
    return x && !strcmp(x->valuestring, value);
}

/* An axis attribute of a tensor, which may count from the end. */
static inline size_t onnx_axis(const struct tensor *t, double axis)
{
    return (size_t)(axis < 0 ? axis + (double)t->rank : axis);
}

/* Elements of the dimensions [from, to). */
static inline size_t tensor_span(const struct tensor *t, size_t from, size_t to)
{
    size_t n = 1;
    for (size_t i = from; i < to; i++)
        n *= t->shape[i];
    return n;
}

/* Holds a kernel's output to the published one. */
static inline void onnx_compare(const struct ops *ops, const struct onnx_case *c,
                                const struct tensor *want, const float *got)
{
    double off = check_error(got, want->data, want->n);
    double bound = strcmp(want->dtype, "float16") ? 1e-5 : 1e-3; /* computed in half there */
    if (!(off <= bound))
        fail_msg("%s: %s: %s is off by %.3g in L2", ops->name, c->test, want->name, off);
}

#endif
