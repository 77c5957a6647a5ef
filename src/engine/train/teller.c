#include "engine/train/teller.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/file.h"

/* Room for some seconds of the fastest steps there are, before the recorder has read them. */
enum { RING_CAPACITY = 32768 };

int teller_open(struct teller *t, const char *rundir, uint64_t first_seq, struct err *err)
{
    char path[4096];
    if (file_join(path, sizeof path, rundir, "metrics.ring", err))
        return -1;
    t->ring = ring_create(path, RING_CAPACITY, first_seq, err);
    if (!t->ring)
        return -1;
    teller_publish(t);
    return 0;
}

void teller_close(struct teller *t)
{
    ring_close(t->ring);
    t->ring = NULL;
}

void teller_publish(struct teller *t)
{
    t->published = clock_monotonic();
    ring_set_view(t->ring, &t->view);
}

void teller_phase(struct teller *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->view.phase, sizeof t->view.phase, fmt, ap);
    va_end(ap);
    teller_publish(t);
}

static struct record new_record(const struct teller *t, enum record_kind kind)
{
    struct record r;
    memset(&r, 0, sizeof r); /* no byte of a record is undefined */
    r.kind = kind;
    r.time_us = clock_wall_us();
    r.step = t->view.step;
    return r;
}

static void tell(struct teller *t, struct record *r)
{
    ring_push(t->ring, r);
    if (t->recorder)
        recorder_put(t->recorder, r);
}

int teller_commit(struct teller *t, struct record *rec, struct err *err)
{
    rec->time_us = clock_wall_us();
    rec->seq = ring_newest(t->ring) + 1; /* what ring_push is about to give it */
    if (recorder_put_and_wait(t->recorder, rec, err))
        return -1;
    ring_push(t->ring, rec);
    return 0;
}

void teller_state(struct teller *t, enum trainer_state to)
{
    struct record r = new_record(t, RECORD_STATE);
    r.as.state = (struct state_sample){t->view.state, to};
    t->view.state = to;
    t->view.phase[0] = '\0';
    tell(t, &r);
    teller_publish(t);
}

static void follow_speed(struct teller *t, const struct step_sample *s)
{
    double keep = exp(-s->seconds / 2.0);
    t->recent_steps = keep * t->recent_steps + 1;
    t->recent_seconds = keep * t->recent_seconds + s->seconds;
    t->recent_tokens = keep * t->recent_tokens + s->tokens;
    if (t->recent_seconds > 0)
        t->view.tokens_per_second = t->recent_tokens / t->recent_seconds;
}

/* At the pace of the last steps, with the evaluations still due. */
static double seconds_left(const struct teller *t, int64_t steps, int64_t evaluations)
{
    return (double)steps * t->recent_seconds / t->recent_steps +
           (double)evaluations * t->evaluation_seconds;
}

void teller_step(struct teller *t, int64_t step, const struct step_sample *s, int64_t evaluations)
{
    struct trainer_view *v = &t->view;
    v->step = step;
    struct record r = new_record(t, RECORD_STEP);
    r.as.step_sample = *s;
    ring_push(t->ring, &r);
    v->epoch = s->epoch;
    v->learning_rate = s->learning_rate;
    v->loss = s->loss;
    v->tokens += s->tokens;
    follow_speed(t, s);
    v->seconds_left = seconds_left(t, v->total_steps - step, evaluations);
    if (clock_monotonic() - t->published > 0.020)
        teller_publish(t);
}

void teller_answer(struct teller *t, uint64_t command, enum err_code code, const char *fmt, ...)
{
    struct record r = new_record(t, RECORD_ANSWER);
    r.as.answer.command = command;
    r.as.answer.code = (int32_t)code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r.as.answer.text, sizeof r.as.answer.text, fmt, ap);
    va_end(ap);
    tell(t, &r);
}

void teller_warn(struct teller *t, const char *text)
{
    struct record r = new_record(t, RECORD_WARNING);
    snprintf(r.as.warning.text, sizeof r.as.warning.text, "%s", text);
    tell(t, &r);
}

void teller_evaluation(struct teller *t, struct eval_sample s, const struct evaluated *rows)
{
    struct record r = new_record(t, RECORD_EVAL);
    r.as.eval = s;
    r.as.eval.id = -1;
    r.seq = ring_newest(t->ring) + 1;
    struct err ignored; /* without memory for the rows the numbers still go on: id stays -1 */
    r.as.eval.id = recorder_put_evaluation(t->recorder, &r, rows->rows, rows->truth, rows->logits,
                                           rows->n, &ignored);
    ring_push(t->ring, &r);
    teller_publish(t);
}
