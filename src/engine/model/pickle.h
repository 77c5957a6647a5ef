/* pickle.h - Python's pickle format as inert data.
 *
 * A pickle is a program for a small stack machine, and its REDUCE, INST, OBJ, NEWOBJ and BUILD can
 * call anything Python can import. This reader calls nothing. It knows the opcodes that
 * torch.save's protocol 2 uses for dictionaries of tensors, takes only globals that its caller
 * lists, and turns a REDUCE into a value that says what would have been called with which
 * arguments. Every other opcode and global is refused by name.
 *
 * Values refer to each other by index, so a list may hold itself; whoever walks them must not
 * recurse without a bound. Memory is linear in the bytes read, which PICKLE_LIMIT bounds. */
#ifndef PICKLE_H
#define PICKLE_H
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICKLE_LIMIT ((size_t)8 << 20) /* bytes; a tensor's entry has about 150 */

enum pickle_role {
    PICKLE_NAME,        /* may be mentioned */
    PICKLE_FUNCTION,    /* may be reduced, which gives a PICKLE_CALL */
    PICKLE_ORDERED_DICT /* may be reduced with (), which gives an empty PICKLE_DICT */
};

/* What a pickle may import. `tag` is the caller's own. */
struct pickle_global {
    const char *module, *name;
    enum pickle_role role;
    int tag;
};

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT, /* its number is not kept: nothing here needs one */
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,
    PICKLE_CALL,
    PICKLE_PERSISTENT /* something outside the pickle */
};

struct pickle_value {
    enum pickle_kind kind;
    bool ordered;                       /* a dictionary that is an OrderedDict */
    const struct pickle_global *global; /* GLOBAL, CALL */
    union {
        int64_t integer; /* BOOL, INT */
        size_t of;       /* CALL: the tuple of arguments; PERSISTENT: the id */
        struct {         /* TEXT: UTF-8 in the bytes read, not terminated */
            const char *text;
            size_t length;
        };
        struct { /* TUPLE, LIST; DICT: key, value, key, value ... */
            size_t *items, count, capacity;
        };
    };
};

struct pickle {
    struct pickle_value *values;
    size_t count, capacity, root;
};

/* Reads one pickle from the start of `bytes`; *used gets its length. `globals` (global_count) are
 * those allowed. The error names no file. On failure *p is cleared. */
int pickle_read(struct pickle *p, const unsigned char *bytes, size_t n, size_t *used,
                const struct pickle_global *globals, size_t global_count, struct err *err);
void pickle_clear(struct pickle *p); /* a zeroed struct is fine */

#endif
