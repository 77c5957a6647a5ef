#include "engine/train/journal.h"

#include <stdlib.h>
#include <string.h>

#include "engine/train/history.h"

int journal_load(struct journal *j, const char *rundir, int64_t step, struct err *err)
{
    memset(j, 0, sizeof *j);
    struct history *h = history_open(rundir, err);
    if (!h)
        return -1;
    int rc = history_edits(h, step, &j->edits, &j->count, err);
    history_close(h);
    return rc;
}

void journal_clear(struct journal *j)
{
    free(j->edits);
    memset(j, 0, sizeof *j);
}

bool journal_due(struct journal *j, int64_t step, struct record *out)
{
    if (j->next == j->count || j->edits[j->next].step > step)
        return false;
    *out = j->edits[j->next++];
    return true;
}

int64_t journal_last_step(const struct journal *j, int64_t step)
{
    if (!j->count || j->edits[j->count - 1].step < step)
        return step;
    return j->edits[j->count - 1].step;
}
