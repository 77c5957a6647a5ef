/* intern.h - strings to dense numbers from 0, in order of first appearance.
 *
 * For column names and labels, whose count is the user's: look-ups stay constant however many there
 * are. The bytes are borrowed and must outlive the table. */
#ifndef INTERN_H
#define INTERN_H
#include "engine/base/err.h"
#include "engine/data/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. items[id] is the string; items and count may be read freely. */
struct intern {
    struct cell *items;
    size_t count, capacity;
    uint32_t *slots; /* id+1, 0 empty; a power of two, at most half full */
    size_t slot_count;
};

/* The number of bytes[0..n), added when it is new. */
int intern_add(struct intern *in, const char *bytes, size_t n, uint32_t *id, struct err *err);
bool intern_find(const struct intern *in, const char *bytes, size_t n, uint32_t *id);
void intern_clear(struct intern *in);

#endif
