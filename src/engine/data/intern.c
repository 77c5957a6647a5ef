#include "engine/data/intern.h"

#include "engine/base/hash.h"
#include "engine/base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The slot that holds the string, or the empty one where it belongs. */
static size_t find_slot(const struct intern *in, const char *bytes, size_t n)
{
    size_t mask = in->slot_count - 1, i = (size_t)hash_bytes(bytes, n, 0) & mask;
    for (; in->slots[i]; i = (i + 1) & mask) {
        const struct cell *item = &in->items[in->slots[i] - 1];
        if (item->length == n && !memcmp(item->bytes, bytes, n))
            break;
    }
    return i;
}

static int grow_slots(struct intern *in, struct err *err)
{
    size_t count = in->slot_count ? in->slot_count * 2 : 64;
    uint32_t *slots = mem_alloc(count, sizeof *slots, "names", err);
    if (!slots)
        return -1;
    free(in->slots);
    in->slots = slots;
    in->slot_count = count;
    for (size_t id = 0; id < in->count; id++)
        slots[find_slot(in, in->items[id].bytes, in->items[id].length)] = (uint32_t)id + 1;
    return 0;
}

int intern_add(struct intern *in, const char *bytes, size_t n, uint32_t *id, struct err *err)
{
    if (2 * (in->count + 1) > in->slot_count && grow_slots(in, err))
        return -1;
    size_t slot = find_slot(in, bytes, n);
    if (!in->slots[slot]) {
        if (mem_grow(&in->items, &in->capacity, in->count + 1, sizeof *in->items, "names", err))
            return -1;
        in->items[in->count++] = (struct cell){bytes, n};
        in->slots[slot] = (uint32_t)in->count;
    }
    *id = in->slots[slot] - 1;
    return 0;
}

bool intern_find(const struct intern *in, const char *bytes, size_t n, uint32_t *id)
{
    if (!in->slot_count)
        return false;
    uint32_t found = in->slots[find_slot(in, bytes, n)];
    if (found)
        *id = found - 1;
    return found != 0;
}

void intern_clear(struct intern *in)
{
    free(in->items);
    free(in->slots);
    memset(in, 0, sizeof *in);
}
