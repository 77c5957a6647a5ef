/* child.c - fork, a pipe, a clock. */
#include "engine/base/child.h"

#include "engine/base/clock.h"
#include "engine/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t k = write(fd, bytes, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return -1;
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

/* _exit: what the parent had buffered for its files is the parent's to write. */
static void live(child_fn *fn, void *arg, void *answer, size_t size, int pipe_end)
{
    int nowhere = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = 0; fd < 3 && nowhere >= 0; fd++)
        dup2(nowhere, fd);
    _exit(fn(arg, answer) || write_all(pipe_end, answer, size) ? 1 : 0);
}

/* Until `size` bytes, the end of the pipe, or the time is over. */
static size_t read_answer(int fd, char *to, size_t size, double end)
{
    size_t n = 0;
    while (n < size) {
        double left = end - clock_monotonic();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = left > 0 ? poll(&p, 1, (int)(left * 1e3) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        ssize_t k = read(fd, to + n, size - n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        n += (size_t)k;
    }
    return n;
}

static int reap(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static enum child_end await(pid_t child, int fd, void *answer, size_t size, double timeout)
{
    double end = clock_monotonic() + timeout;
    char *got = mem_alloc(size, 1, "an answer", NULL);
    size_t n = got ? read_answer(fd, got, size, end) : 0;
    bool late = clock_monotonic() >= end;
    if (n < size && late)
        kill(child, SIGKILL);
    int status = reap(child);
    if (n == size)
        memcpy(answer, got, size);
    free(got);
    if (n == size)
        return CHILD_ANSWERED;
    if (late)
        return CHILD_HUNG;
    return WIFSIGNALED(status) ? CHILD_CRASHED : CHILD_FAILED;
}

enum child_end child_run(child_fn *fn, void *arg, void *answer, size_t size,
                         double timeout_seconds)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return CHILD_FAILED;
    pid_t child = fork();
    if (child == 0)
        live(fn, arg, answer, size, ends[1]);
    close(ends[1]);
    enum child_end how =
        child > 0 ? await(child, ends[0], answer, size, timeout_seconds) : CHILD_FAILED;
    close(ends[0]);
    return how;
}
