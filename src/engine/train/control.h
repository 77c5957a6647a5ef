/* control.h - talk to a trainer: the only way in, for the workbench's own trainer, a headless run
 * and a run in another process alike.
 *
 * Commands go through a bounded queue of numbered slots in RUNDIR/control.ring; full means
 * ERR_BUSY. The trainer applies them between two optimiser steps and answers each by a
 * RECORD_ANSWER that names the command's number. One process holds the controls (a lock that ends
 * with it), others watch. All calls but open and close are wait-free and safe from the thread that
 * opened. */
#ifndef CONTROL_H
#define CONTROL_H
#include "engine/base/err.h"
#include "engine/train/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_kind {
    COMMAND_PAUSE = 1,
    COMMAND_RESUME,
    COMMAND_STOP,
    COMMAND_EVALUATE,
    COMMAND_SET
};

struct command {
    enum command_kind kind;
    char setting[48], value[SETTING_TEXT_SIZE]; /* COMMAND_SET */
};

enum control_mode { CONTROL_WATCH, CONTROL_HOLD };

struct control;
/* RUNDIR must hold the rings a trainer made (trainer_start makes them before it returns). */
struct control *control_open(const char *rundir, enum control_mode mode, struct err *err);
void control_close(struct control *c);

/* True while a trainer, in whatever process, serves this run directory: a run whose last state is
 * "running" and that nobody serves was killed. */
bool control_is_served(const char *rundir);

/* *number (may be NULL) gets the command's number. Also wakes a paused trainer. ERR_BUSY when the
 * queue is full or this handle only watches, ERR_UNSUPPORTED when no trainer serves the run. */
int control_post(struct control *c, const struct command *cmd, uint64_t *number, struct err *err);
void control_snapshot(struct control *c, struct trainer_view *out);
size_t control_read(struct control *c, struct record *out, size_t max, uint64_t *lost);
const char *control_rundir(const struct control *c);

/* Trainer's side. Creating the queue also takes the run directory for this process: ERR_BUSY when
 * another trainer serves it. So make it before the metrics ring, which would be replaced. Commands
 * left over from an earlier trainer are dropped; numbers go on. */
struct control_queue;
struct control_queue *control_queue_create(const char *rundir, struct err *err);
void control_queue_close(struct control_queue *q);
/* The next command, if any: true and *cmd, *number. */
bool control_queue_take(struct control_queue *q, struct command *cmd, uint64_t *number);
/* Sleep until a command is posted or `wait_ms` passed. */
void control_queue_wait(struct control_queue *q, int wait_ms);

#endif
