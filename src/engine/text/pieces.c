#include "engine/text/pieces.h"

#include "engine/base/mem.h"

#include <stdlib.h>
#include <string.h>

int pieces_reserve(struct pieces *p, size_t more, struct err *err)
{
    if (mem_grow(&p->id, &p->id_capacity, p->count + more, sizeof *p->id, "token ids", err))
        return -1;
    return mem_grow(&p->span, &p->span_capacity, p->count + more, sizeof *p->span, "token offsets",
                    err);
}

void pieces_clear(struct pieces *p)
{
    free(p->id);
    free(p->span);
    memset(p, 0, sizeof *p);
}
