#include "cli/fault.h"

#include "engine/base/file_map.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static void add(char *line, size_t size, const char *text)
{
    size_t at = strlen(line), n = strlen(text);
    memcpy(line + at, text, at + n < size ? n + 1 : 0);
}

/* Only calls that POSIX allows in a signal handler. What is not ours happens again without us: a fault by
 * itself, a signal that somebody sent when it is raised anew. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    static char line[1000]; /* longer than any path that is remembered */
    (void)context;
    const char *path = info->si_code > 0 ? file_map_path_at(info->si_addr) : NULL;
    if (!path) {
        signal(number, SIG_DFL);
        if (info->si_code <= 0)
            raise(number);
        return;
    }
    while (atomic_flag_test_and_set(&told)) /* another thread says it, and ends us all */
        pause();
    add(line, sizeof line, "sft: '");
    add(line, sizeof line, path);
    add(line, sizeof line,
        "' was cut short by another program while it was read; make it whole and start again\n");
    ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
    (void)ignored;
    _exit(1);
}

void fault_explain_cut_files(void)
{
    struct sigaction a = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGBUS, &a, NULL);
}
