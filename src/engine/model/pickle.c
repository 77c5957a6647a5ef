#include "engine/model/pickle.h"

#include "engine/base/mem.h"
#include "engine/text/unicode.h"

#include <stdlib.h>
#include <string.h>

struct indexes {
    size_t *at, count, capacity;
};

struct machine {
    struct pickle *p;
    const unsigned char *bytes;
    size_t n, at, op_at;
    const struct pickle_global *globals;
    size_t global_count;
    struct indexes stack, marks, memo; /* a memo holds index + 1, so that 0 is absent */
    bool stopped;
    struct err *err;
};

struct opcode {
    const char *name;
    int (*run)(struct machine *m, size_t arg);
    size_t arg;
};

static int bad(const struct machine *m, const char *what)
{
    return err_set(m->err, ERR_INPUT, "byte %zu of its pickle: %s", m->op_at, what);
}

static int push_index(struct indexes *list, size_t index, struct err *err)
{
    if (mem_grow(&list->at, &list->capacity, list->count + 1, sizeof *list->at, "a pickle", err))
        return -1;
    list->at[list->count++] = index;
    return 0;
}

/* The arguments of opcodes are little-endian. */
static int read_number(struct machine *m, size_t width, uint64_t *out)
{
    if (m->n - m->at < width)
        return bad(m, "it ends early");
    *out = 0;
    for (size_t i = 0; i < width; i++)
        *out |= (uint64_t)m->bytes[m->at++] << (8 * i);
    return 0;
}

static int push_value(struct machine *m, struct pickle_value v)
{
    struct pickle *p = m->p;
    if (mem_grow(&p->values, &p->capacity, p->count + 1, sizeof *p->values, "a pickle", m->err))
        return -1;
    p->values[p->count] = v;
    return push_index(&m->stack, p->count++, m->err);
}

/* The values above the last mark are all that may be taken. */
static size_t available(const struct machine *m)
{
    return m->stack.count - (m->marks.count ? m->marks.at[m->marks.count - 1] : 0);
}

static int need(const struct machine *m, size_t count)
{
    return available(m) < count ? bad(m, "its stack is empty") : 0;
}

/* The value `below` places under the top, which need() has checked. */
static struct pickle_value *peek(const struct machine *m, size_t below)
{
    return &m->p->values[m->stack.at[m->stack.count - 1 - below]];
}

static int add_items(struct machine *m, struct pickle_value *to, size_t count)
{
    if (!count)
        return 0;
    if (mem_grow(&to->items, &to->capacity, to->count + count, sizeof *to->items, "a pickle",
                 m->err))
        return -1;
    memcpy(to->items + to->count, m->stack.at + m->stack.count - count, count * sizeof *to->items);
    to->count += count;
    m->stack.count -= count;
    return 0;
}

static int run_proto(struct machine *m, size_t width)
{
    uint64_t version;
    if (read_number(m, width, &version))
        return -1;
    return version > 5 ? bad(m, "an unknown protocol") : 0;
}

static int run_stop(struct machine *m, size_t arg)
{
    (void)arg;
    if (m->marks.count || m->stack.count != 1)
        return bad(m, "STOP with more or less than one value");
    m->p->root = m->stack.at[0];
    m->stopped = true;
    return 0;
}

static int run_mark(struct machine *m, size_t arg)
{
    (void)arg;
    return push_index(&m->marks, m->stack.count, m->err);
}

static int run_empty(struct machine *m, size_t kind)
{
    return push_value(m, (struct pickle_value){.kind = (enum pickle_kind)kind});
}

static int run_bool(struct machine *m, size_t value)
{
    return push_value(m, (struct pickle_value){.kind = PICKLE_BOOL, .integer = (int64_t)value});
}

static int run_unsigned(struct machine *m, size_t width)
{
    uint64_t x;
    if (read_number(m, width, &x))
        return -1;
    return push_value(m, (struct pickle_value){.kind = PICKLE_INT, .integer = (int64_t)x});
}

static int push_signed(struct machine *m, size_t width)
{
    uint64_t x, sign = width ? (uint64_t)1 << (8 * width - 1) : 0;
    if (read_number(m, width, &x))
        return -1;
    return push_value(
        m, (struct pickle_value){.kind = PICKLE_INT, .integer = (int64_t)((x ^ sign) - sign)});
}

static int run_signed(struct machine *m, size_t width)
{
    return push_signed(m, width);
}

static int run_long(struct machine *m, size_t width)
{
    uint64_t length;
    if (read_number(m, width, &length))
        return -1;
    return length > 8 ? bad(m, "an integer of more than 64 bits") : push_signed(m, (size_t)length);
}

static int run_float(struct machine *m, size_t width)
{
    uint64_t ignored;
    return read_number(m, width, &ignored) ? -1 : run_empty(m, PICKLE_FLOAT);
}

static int run_text(struct machine *m, size_t width)
{
    uint64_t length;
    if (read_number(m, width, &length))
        return -1;
    if (length > m->n - m->at)
        return bad(m, "it ends early");
    struct pickle_value v = {.kind = PICKLE_TEXT};
    v.text = (const char *)m->bytes + m->at;
    v.length = (size_t)length;
    m->at += (size_t)length;
    if (!unicode_valid(v.text, v.length))
        return bad(m, "a text that is not UTF-8");
    return push_value(m, v);
}

/* A tuple of the `count` topmost values. */
static int push_tuple(struct machine *m, size_t count)
{
    struct pickle_value v = {.kind = PICKLE_TUPLE};
    if (add_items(m, &v, count))
        return -1;
    if (!push_value(m, v))
        return 0;
    free(v.items);
    return -1;
}

static int run_tuple_of(struct machine *m, size_t count)
{
    return need(m, count) ? -1 : push_tuple(m, count);
}

/* How many values lie above the last mark, which goes. */
static int pop_mark(struct machine *m, size_t *count)
{
    if (!m->marks.count)
        return bad(m, "it has no mark");
    *count = available(m);
    m->marks.count--;
    return 0;
}

static int run_tuple(struct machine *m, size_t arg)
{
    size_t count = 0;
    (void)arg;
    return pop_mark(m, &count) ? -1 : push_tuple(m, count);
}

/* Move the topmost `count` values into the container under them. */
static int put_in(struct machine *m, enum pickle_kind kind, size_t count)
{
    if (need(m, count + 1))
        return -1;
    struct pickle_value *to = peek(m, count);
    if (to->kind != kind || (kind == PICKLE_DICT && count % 2))
        return bad(m, "it puts items into what cannot take them");
    return add_items(m, to, count);
}

static int run_append(struct machine *m, size_t arg)
{
    (void)arg;
    return put_in(m, PICKLE_LIST, 1);
}

static int run_setitem(struct machine *m, size_t arg)
{
    (void)arg;
    return put_in(m, PICKLE_DICT, 2);
}

static int run_put_all(struct machine *m, size_t kind)
{
    size_t count = 0;
    return pop_mark(m, &count) ? -1 : put_in(m, (enum pickle_kind)kind, count);
}

/* The bytes up to the next line break, which goes. NULL when there is none. */
static const char *read_line(struct machine *m, size_t *length)
{
    const unsigned char *from = m->bytes + m->at, *end = memchr(from, '\n', m->n - m->at);
    if (!end)
        return NULL;
    *length = (size_t)(end - from);
    m->at += *length + 1;
    return (const char *)from;
}

static bool text_is(const char *text, size_t length, const char *expected)
{
    return strlen(expected) == length && !memcmp(text, expected, length);
}

static int run_global(struct machine *m, size_t arg)
{
    size_t module_length, name_length;
    const char *module = read_line(m, &module_length);
    const char *name = module ? read_line(m, &name_length) : NULL;
    (void)arg;
    if (!name)
        return bad(m, "it ends early");
    for (size_t i = 0; i < m->global_count; i++) {
        const struct pickle_global *g = &m->globals[i];
        if (text_is(module, module_length, g->module) && text_is(name, name_length, g->name))
            return push_value(m, (struct pickle_value){.kind = PICKLE_GLOBAL, .global = g});
    }
    return err_set(m->err, ERR_UNSUPPORTED,
                   "its pickle asks for Python's '%.*s.%.*s', which is no part of a tensor; only "
                   "tensors are read and nothing is called: get the model as safetensors",
                   (int)(module_length < 80 ? module_length : 80), module,
                   (int)(name_length < 80 ? name_length : 80), name);
}

static int run_reduce(struct machine *m, size_t arg)
{
    (void)arg;
    if (need(m, 2))
        return -1;
    const struct pickle_value *args = peek(m, 0), *callee = peek(m, 1);
    if (callee->kind != PICKLE_GLOBAL || args->kind != PICKLE_TUPLE)
        return bad(m, "it calls what is no function");
    const struct pickle_global *g = callee->global;
    if (g->role == PICKLE_NAME || (g->role == PICKLE_ORDERED_DICT && args->count))
        return err_set(m->err, ERR_UNSUPPORTED,
                       "its pickle calls '%s.%s'; only tensors are read and nothing is called: get "
                       "the model as safetensors",
                       g->module, g->name);
    struct pickle_value v = {.kind = PICKLE_CALL, .global = g};
    v.of = m->stack.at[m->stack.count - 1];
    if (g->role == PICKLE_ORDERED_DICT)
        v = (struct pickle_value){.kind = PICKLE_DICT, .ordered = true};
    m->stack.count -= 2;
    return push_value(m, v);
}

/* A state dictionary carries versions of its modules as an attribute. They go unread; attributes of
 * anything else could mean another value. */
static int run_build(struct machine *m, size_t arg)
{
    (void)arg;
    if (need(m, 2))
        return -1;
    if (!peek(m, 1)->ordered || peek(m, 0)->kind != PICKLE_DICT)
        return bad(m, "BUILD sets attributes of something else than an OrderedDict");
    m->stack.count--;
    return 0;
}

static int run_persistent(struct machine *m, size_t arg)
{
    (void)arg;
    if (need(m, 1))
        return -1;
    struct pickle_value v = {.kind = PICKLE_PERSISTENT, .of = m->stack.at[--m->stack.count]};
    return push_value(m, v);
}

/* Picklers number their memo from 0, so an index beyond the pickle's own length is no one's. */
static int run_put(struct machine *m, size_t width)
{
    uint64_t index;
    if (read_number(m, width, &index) || need(m, 1))
        return -1;
    if (index >= m->n)
        return bad(m, "an impossible memo number");
    while (m->memo.count <= index)
        if (push_index(&m->memo, 0, m->err))
            return -1;
    m->memo.at[index] = m->stack.at[m->stack.count - 1] + 1;
    return 0;
}

static int run_get(struct machine *m, size_t width)
{
    uint64_t index;
    if (read_number(m, width, &index))
        return -1;
    if (index >= m->memo.count || !m->memo.at[index])
        return bad(m, "a memo number that was never given");
    return push_index(&m->stack, m->memo.at[index] - 1, m->err);
}

/* All opcodes by Python's names; those without a function are refused. */
static const struct opcode opcodes[256] = {
    [0x80] = {"PROTO", run_proto, 1},
    ['.'] = {"STOP", run_stop, 0},
    ['('] = {"MARK", run_mark, 0},
    ['N'] = {"NONE", run_empty, PICKLE_NONE},
    [')'] = {"EMPTY_TUPLE", run_empty, PICKLE_TUPLE},
    [']'] = {"EMPTY_LIST", run_empty, PICKLE_LIST},
    ['}'] = {"EMPTY_DICT", run_empty, PICKLE_DICT},
    [0x88] = {"NEWTRUE", run_bool, 1},
    [0x89] = {"NEWFALSE", run_bool, 0},
    ['J'] = {"BININT", run_signed, 4},
    ['K'] = {"BININT1", run_unsigned, 1},
    ['M'] = {"BININT2", run_unsigned, 2},
    [0x8a] = {"LONG1", run_long, 1},
    ['G'] = {"BINFLOAT", run_float, 8},
    ['X'] = {"BINUNICODE", run_text, 4},
    ['U'] = {"SHORT_BINSTRING", run_text, 1},
    ['t'] = {"TUPLE", run_tuple, 0},
    [0x85] = {"TUPLE1", run_tuple_of, 1},
    [0x86] = {"TUPLE2", run_tuple_of, 2},
    [0x87] = {"TUPLE3", run_tuple_of, 3},
    ['a'] = {"APPEND", run_append, 0},
    ['e'] = {"APPENDS", run_put_all, PICKLE_LIST},
    ['s'] = {"SETITEM", run_setitem, 0},
    ['u'] = {"SETITEMS", run_put_all, PICKLE_DICT},
    ['c'] = {"GLOBAL", run_global, 0},
    ['R'] = {"REDUCE", run_reduce, 0},
    ['b'] = {"BUILD", run_build, 0},
    ['Q'] = {"BINPERSID", run_persistent, 0},
    ['q'] = {"BINPUT", run_put, 1},
    ['r'] = {"LONG_BINPUT", run_put, 4},
    ['h'] = {"BINGET", run_get, 1},
    ['j'] = {"LONG_BINGET", run_get, 4},
    ['0'] = {"POP", NULL, 0},
    ['1'] = {"POP_MARK", NULL, 0},
    ['2'] = {"DUP", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['T'] = {"BINSTRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['d'] = {"DICT", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['i'] = {"INST", NULL, 0},
    ['l'] = {"LIST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    [0x81] = {"NEWOBJ", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x8b] = {"LONG4", NULL, 0},
    ['B'] = {"BINBYTES", NULL, 0},
    ['C'] = {"SHORT_BINBYTES", NULL, 0},
    [0x8c] = {"SHORT_BINUNICODE", NULL, 0},
    [0x8d] = {"BINUNICODE8", NULL, 0},
    [0x8e] = {"BINBYTES8", NULL, 0},
    [0x8f] = {"EMPTY_SET", NULL, 0},
    [0x90] = {"ADDITEMS", NULL, 0},
    [0x91] = {"FROZENSET", NULL, 0},
    [0x92] = {"NEWOBJ_EX", NULL, 0},
    [0x93] = {"STACK_GLOBAL", NULL, 0},
    [0x94] = {"MEMOIZE", NULL, 0},
    [0x95] = {"FRAME", NULL, 0},
    [0x96] = {"BYTEARRAY8", NULL, 0},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
};

static int run_one(struct machine *m)
{
    m->op_at = m->at;
    if (m->at == m->n)
        return bad(m, "it ends early");
    const struct opcode *op = &opcodes[m->bytes[m->at++]];
    if (op->run)
        return op->run(m, op->arg);
    if (!op->name)
        return bad(m, "no opcode");
    return err_set(
        m->err, ERR_UNSUPPORTED,
        "byte %zu of its pickle: opcode %s is no part of a list of tensors; only tensors "
        "are read and nothing is called: get the model as safetensors",
        m->op_at, op->name);
}

int pickle_read(struct pickle *p, const unsigned char *bytes, size_t n, size_t *used,
                const struct pickle_global *globals, size_t global_count, struct err *err)
{
    *p = (struct pickle){0};
    struct machine m = {.p = p, .bytes = bytes, .n = n < PICKLE_LIMIT ? n : PICKLE_LIMIT};
    m.globals = globals;
    m.global_count = global_count;
    m.err = err;
    int rc = 0;
    while (!rc && !m.stopped)
        rc = run_one(&m);
    *used = m.at;
    free(m.stack.at);
    free(m.marks.at);
    free(m.memo.at);
    if (rc)
        pickle_clear(p);
    return rc;
}

void pickle_clear(struct pickle *p)
{
    for (size_t i = 0; i < p->count; i++) {
        enum pickle_kind kind = p->values[i].kind;
        if (kind == PICKLE_TUPLE || kind == PICKLE_LIST || kind == PICKLE_DICT)
            free(p->values[i].items);
    }
    free(p->values);
    *p = (struct pickle){0};
}
