#include "tui/harness.h"

#include "engine/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>

#define WAIT_SECONDS 20.0
#define SETTLE_MS    250

struct harness {
    pid_t pid;
    int terminal;
    bool ended;
    int status;
    VTerm *vt;
    VTermScreen *screen;
    int w, h;
    struct strbuf raw;
    struct termios before;
};

static void child(const struct harness_spec *s)
{
    static const char *const pinned[] = {
        "TERM=xterm-256color",          "LC_ALL=C.UTF-8",    "TZ=UTC",
        "SFT_TEST_CLOCK=1795442700",    "SFT_TEST_SCREEN=1", "HOME=/nonexistent",
        "ASAN_OPTIONS=abort_on_error=0"};
    const char *path = getenv("PATH");
    char keep_path[4096];
    snprintf(keep_path, sizeof keep_path, "PATH=%s", path ? path : "/usr/bin:/bin");
    clearenv();
    putenv(keep_path);
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++)
        putenv((char *)pinned[i]);
    for (size_t i = 0; s->environment && s->environment[i]; i++)
        putenv((char *)s->environment[i]);
    if (s->directory && chdir(s->directory))
        _exit(126);
    execv(s->argv[0], (char *const *)s->argv);
    _exit(127);
}

static bool has_pseudo_terminals(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    bool has = terminal >= 0 && !grantpt(terminal) && !unlockpt(terminal);
    if (terminal >= 0)
        close(terminal);
    return has;
}

bool harness_prepare(const char *argv0, char program[4096], char root[4096])
{
    const char *sft = getenv("SFT"), *slash = strrchr(argv0, '/');
    char beside[4096];
    snprintf(beside, sizeof beside, "%.*s/../../sft", (int)(slash ? slash - argv0 : 0), argv0);
    bool found = realpath(sft ? sft : beside, program) && getcwd(root, 4096);
    if (!found)
        fprintf(stderr, "skipped: no program to test at %s\n", sft ? sft : beside);
    else if (!has_pseudo_terminals())
        fprintf(stderr, "skipped: this system gives no pseudo-terminal (is /dev/pts mounted?)\n");
    else
        return true;
    return false;
}

struct harness *harness_start(const struct harness_spec *s)
{
    struct harness *h = calloc(1, sizeof *h);
    struct winsize size = {.ws_row = (unsigned short)s->h, .ws_col = (unsigned short)s->w};
    int terminal;
    h->w = s->w;
    h->h = s->h;
    int gate[2]; /* the program starts when the terminal's settings have been read */
    char byte = 0;
    if (pipe2(gate, O_CLOEXEC))
        abort();
    h->pid = forkpty(&terminal, NULL, NULL, &size);
    if (h->pid == 0) {
        if (read(gate[0], &byte, 1) == 1)
            child(s);
        _exit(126);
    }
    h->terminal = terminal;
    tcgetattr(terminal, &h->before);
    if (write(gate[1], &byte, 1) != 1)
        abort();
    close(gate[0]);
    close(gate[1]);
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    h->vt = vterm_new(s->h, s->w);
    vterm_set_utf8(h->vt, 1);
    h->screen = vterm_obtain_screen(h->vt);
    vterm_screen_enable_altscreen(h->screen, 1);
    vterm_screen_reset(h->screen, 1);
    return h;
}

static bool reap(struct harness *h)
{
    int status;
    if (!h->ended && waitpid(h->pid, &status, WNOHANG) == h->pid) {
        h->ended = true;
        h->status = WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
    }
    return h->ended;
}

void harness_stop(struct harness *h)
{
    if (!h)
        return;
    if (!reap(h)) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    close(h->terminal);
    vterm_free(h->vt);
    strbuf_clear(&h->raw);
    free(h);
}

/* Take in what comes within wait_ms; false when nothing did. */
static bool pump(struct harness *h, int wait_ms)
{
    char bytes[8192];
    struct pollfd p = {.fd = h->terminal, .events = POLLIN};
    if (poll(&p, 1, wait_ms) <= 0)
        return false;
    ssize_t n = read(h->terminal, bytes, sizeof bytes);
    if (n <= 0)
        return false;
    strbuf_add(&h->raw, bytes, (size_t)n);
    vterm_input_write(h->vt, bytes, (size_t)n);
    return true;
}

static const struct {
    const char *name, *bytes;
} key_names[] = {
    {"Enter", "\r"},    {"Esc", "\x1b"},     {"Tab", "\t"},       {"BackTab", "\x1b[Z"},
    {"Space", " "},     {"Up", "\x1bOA"},    {"Down", "\x1bOB"},  {"Right", "\x1bOC"},
    {"Left", "\x1bOD"}, {"PgUp", "\x1b[5~"}, {"PgDn", "\x1b[6~"}, {"Home", "\x1bOH"},
    {"End", "\x1bOF"},  {"BS", "\x7f"},      {"Del", "\x1b[3~"},  {"F1", "\x1bOP"},
    {"F2", "\x1bOQ"},   {"lt", "<"},
};

/* The bytes of the key that starts at *at, which moves past it. */
static const char *next_key(const char **at, char one[2])
{
    const char *close = **at == '<' ? strchr(*at, '>') : NULL;
    if (close) {
        size_t n = (size_t)(close - *at) - 1;
        const char *name = *at + 1;
        *at = close + 1;
        if (n == 3 && name[0] == 'C' && name[1] == '-') {
            one[0] = (char)(name[2] & 0x1f);
            return one;
        }
        for (size_t i = 0; i < sizeof key_names / sizeof key_names[0]; i++)
            if (strlen(key_names[i].name) == n && !strncmp(key_names[i].name, name, n))
                return key_names[i].bytes;
        fprintf(stderr, "no key called <%.*s>\n", (int)n, name);
        abort();
    }
    one[0] = *(*at)++;
    return one;
}

void harness_keys(struct harness *h, const char *keys)
{
    char one[2] = {0};
    while (*keys) {
        const char *bytes = next_key(&keys, one);
        /* An Esc is only an Esc when nothing follows it at once. */
        bool lone_escape = !strcmp(bytes, "\x1b");
        if (write(h->terminal, bytes, strlen(bytes)) < 0)
            return;
        if (lone_escape)
            harness_settle(h);
    }
}

void harness_screen(struct harness *h, struct strbuf *out)
{
    for (int y = 0; y < h->h; y++) {
        size_t line_start = out->length, line_end = line_start;
        for (int x = 0; x < h->w; x++) {
            VTermScreenCell cell;
            vterm_screen_get_cell(h->screen, (VTermPos){y, x}, &cell);
            if (!cell.chars[0])
                strbuf_puts(out, " ");
            for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i]; i++) {
                char bytes[8];
                uint32_t cp = cell.chars[i];
                int n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
                static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
                for (int k = n - 1; k > 0; k--, cp >>= 6)
                    bytes[k] = (char)(0x80 | (cp & 0x3f));
                bytes[0] = (char)(n == 1 ? cp : lead[n] | cp);
                strbuf_add(out, bytes, (size_t)n);
            }
            if (cell.chars[0] && cell.chars[0] != ' ')
                line_end = out->length;
            if (cell.width == 2)
                x++;
        }
        if (out->text) {
            out->length = line_end;
            out->text[line_end] = '\0';
        }
        strbuf_puts(out, "\n");
    }
}

static bool shows(struct harness *h, const char *text)
{
    struct strbuf screen = {0};
    harness_screen(h, &screen);
    bool found = screen.text && strstr(screen.text, text);
    strbuf_clear(&screen);
    return found;
}

bool harness_wait(struct harness *h, const char *text, bool present)
{
    double end = clock_monotonic() + WAIT_SECONDS;
    while (shows(h, text) != present) {
        if (clock_monotonic() > end || (!pump(h, 50) && reap(h) && !pump(h, 0)))
            return shows(h, text) == present;
    }
    return true;
}

void harness_settle(struct harness *h)
{
    while (pump(h, SETTLE_MS))
        ;
}

void harness_resize(struct harness *h, int w, int rows)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)w};
    h->w = w;
    h->h = rows;
    vterm_set_size(h->vt, rows, w);
    ioctl(h->terminal, TIOCSWINSZ, &size);
}

int harness_wait_exit(struct harness *h)
{
    double end = clock_monotonic() + WAIT_SECONDS;
    while (!reap(h) && clock_monotonic() < end)
        pump(h, 20);
    while (pump(h, 0))
        ;
    return h->ended ? h->status : -1;
}

void harness_signal(struct harness *h, int sig)
{
    kill(h->pid, sig);
}

const char *harness_raw(const struct harness *h, size_t *n)
{
    *n = h->raw.length;
    return h->raw.text ? h->raw.text : "";
}

bool harness_is_cooked(struct harness *h)
{
    struct termios now;
    tcgetattr(h->terminal, &now);
    return now.c_lflag == h->before.c_lflag && now.c_iflag == h->before.c_iflag &&
           now.c_oflag == h->before.c_oflag;
}

int harness_pid(const struct harness *h)
{
    return (int)h->pid;
}
