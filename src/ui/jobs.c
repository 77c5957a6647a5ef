#include "ui/jobs.h"

#include "engine/base/mem.h"
#include "engine/base/thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct job {
    uint64_t number;
    job_run_fn *run;
    job_done_fn *done;
    void *arg, *owner;
    _Atomic int cancel;
    bool failed;
    struct err err;
    struct job *next;
};

struct jobs {
    pthread_t thread;
    bool started;
    int pipe[2];
    pthread_mutex_t mutex; /* guards all below, and each job's place in a list; not its arg */
    pthread_cond_t more;
    struct job *queued, *running, *finished;
    uint64_t newest;
    bool closing;
};

static void append(struct job **list, struct job *job)
{
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

static void finish_locked(struct jobs *j, struct job *job)
{
    append(&j->finished, job);
    ssize_t ignored = write(j->pipe[1], "j", 1); /* full: it is readable already */
    (void)ignored;
}

static void *jobs_thread(void *arg)
{
    struct jobs *j = arg;
    pthread_setname_np(pthread_self(), "sft-jobs");
    /* Below the screen and below training: what it makes can wait, a key and a step cannot. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5);
    pthread_mutex_lock(&j->mutex);
    for (;;) {
        while (!j->queued && !j->closing)
            pthread_cond_wait(&j->more, &j->mutex);
        if (!j->queued)
            break;
        struct job *job = j->running = j->queued;
        j->queued = job->next;
        pthread_mutex_unlock(&j->mutex);
        if (job->cancel)
            err_set(&job->err, ERR_CANCELLED, "no longer wanted");
        job->failed = job->cancel || job->run(job->arg, &job->cancel, &job->err);
        pthread_mutex_lock(&j->mutex);
        j->running = NULL;
        finish_locked(j, job);
    }
    pthread_mutex_unlock(&j->mutex);
    return NULL;
}

struct jobs *jobs_create(struct err *err)
{
    struct jobs *j = mem_alloc(1, sizeof *j, "the jobs thread", err);
    if (!j)
        return NULL;
    pthread_mutex_init(&j->mutex, NULL);
    pthread_cond_init(&j->more, NULL);
    j->pipe[0] = j->pipe[1] = -1;
    if (pipe2(j->pipe, O_CLOEXEC | O_NONBLOCK)) {
        err_errno(err, "cannot make a pipe");
    } else if (thread_start(&j->thread, jobs_thread, j)) {
        err_set(err, ERR_NOMEM, "cannot start the jobs thread");
    } else {
        j->started = true;
        return j;
    }
    jobs_destroy(j);
    return NULL;
}

void jobs_destroy(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->mutex);
    j->closing = true;
    for (struct job *job = j->queued; job; job = job->next)
        job->cancel = 1;
    if (j->running)
        j->running->cancel = 1;
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->mutex);
    if (j->started)
        pthread_join(j->thread, NULL);
    jobs_collect(j);
    for (int i = 0; i < 2; i++)
        if (j->pipe[i] >= 0)
            close(j->pipe[i]);
    pthread_cond_destroy(&j->more);
    pthread_mutex_destroy(&j->mutex);
    free(j);
}

uint64_t jobs_submit(struct jobs *j, job_run_fn *run, job_done_fn *done, void *arg, void *owner)
{
    struct err err = {0};
    struct job *job = mem_alloc(1, sizeof *job, "a job", &err);
    if (!job) {
        done(arg, owner, &err);
        return 0;
    }
    job->run = run;
    job->done = done;
    job->arg = arg;
    job->owner = owner;
    pthread_mutex_lock(&j->mutex);
    bool closing = j->closing;
    uint64_t number = job->number = ++j->newest;
    if (!closing)
        append(&j->queued, job);
    pthread_cond_signal(&j->more);
    pthread_mutex_unlock(&j->mutex);
    if (closing) { /* a done function asked for more while we end */
        err_set(&err, ERR_CANCELLED, "no longer wanted");
        done(arg, owner, &err);
        free(job);
        return 0;
    }
    return number;
}

void jobs_cancel(struct jobs *j, uint64_t number)
{
    pthread_mutex_lock(&j->mutex);
    for (struct job *job = j->queued; job; job = job->next)
        if (job->number == number)
            job->cancel = 1;
    if (j->running && j->running->number == number)
        j->running->cancel = 1;
    pthread_mutex_unlock(&j->mutex);
}

int jobs_fd(const struct jobs *j)
{
    return j->pipe[0];
}

bool jobs_collect(struct jobs *j)
{
    char bytes[64];
    while (read(j->pipe[0], bytes, sizeof bytes) > 0)
        ;
    pthread_mutex_lock(&j->mutex);
    struct job *job = j->finished;
    j->finished = NULL;
    pthread_mutex_unlock(&j->mutex);
    bool any = job != NULL;
    while (job) {
        struct job *next = job->next;
        job->done(job->arg, job->owner, job->failed ? &job->err : NULL);
        free(job);
        job = next;
    }
    return any;
}

bool jobs_idle(struct jobs *j)
{
    pthread_mutex_lock(&j->mutex);
    bool idle = !j->queued && !j->running && !j->finished;
    pthread_mutex_unlock(&j->mutex);
    return idle;
}
