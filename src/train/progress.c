#include "train/progress.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

/* What a live line leaves free at the right: the terminal may show ^C there. */
enum { MARGIN = 3 };

static bool line_is_drawn;

/* The terminal behind our standard output, or -1. Under mpirun that is the launcher's. */
static int find_terminal(void)
{
    char path[64];
    if (!isatty(STDOUT_FILENO))
        return -1;
    if (!getenv("OMPI_COMM_WORLD_SIZE"))
        return dup(STDOUT_FILENO);
    snprintf(path, sizeof path, "/proc/%ld/fd/1", (long)getppid());
    int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && !isatty(fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void progress_init(struct progress *progress, enum progress_mode mode, bool show, int64_t epochs)
{
    *progress = (struct progress){.terminal = -1, .epochs = epochs};
    if (!show || mode == PROGRESS_QUIET)
        return;
    progress->lines = true;
    if (mode != PROGRESS_LINES)
        progress->terminal = find_terminal();
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool capable = progress->terminal >= 0 && term && strcmp(term, "dumb") != 0;
    progress->live = mode == PROGRESS_LIVE || capable;
    progress->colour = capable && !(no_color && no_color[0]);
}

void progress_release(struct progress *progress)
{
    progress_clear();
    if (progress->terminal >= 0)
        close(progress->terminal);
    progress->terminal = -1;
}

void progress_clear(void)
{
    if (!line_is_drawn)
        return;
    fputs("\r\033[K", stdout);
    fflush(stdout);
    line_is_drawn = false;
}

static int width_of(const struct progress *progress)
{
    struct winsize size;
    if (progress->terminal >= 0 && ioctl(progress->terminal, TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    return width > 0 ? width : 80;
}

/* "1:05:09" or "0:42" */
static const char *duration(double seconds, char text[32])
{
    long s = (long)(seconds + 0.5);
    s = s < 0 ? 0 : s;
    if (s >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    return text;
}

static void add_value(struct text *line, const char *name, double value, bool brief)
{
    const char *share = strstr(name, "accuracy");
    int length = share && brief ? (int)(share - name) + 3 : (int)strlen(name);
    text_add(line, share ? "  %.*s %.2f%%" : "  %.*s %.4f", length, name,
             share ? 100.0 * value : value);
}

static void add_bar(struct text *line, double fraction, int width)
{
    int full = (int)(fraction * (double)width);
    for (int i = 0; i < width; i++)
        text_add(line, "%s", i < full ? "━" : "─");
}

void progress_step(struct progress *progress, int64_t epoch, double fraction,
                   double samples_per_second, double seconds_left, const struct history *history,
                   const double *values, size_t count)
{
    double now = clock_seconds();
    if (!progress->live || (now - progress->drawn < 0.1 && fraction < 1.0))
        return;
    progress->drawn = now;
    char left[32];
    struct text head = {0}, tail = {0}, line = {0};
    text_add(&head, "epoch %lld/%lld ", (long long)epoch, (long long)progress->epochs);
    text_add(&tail, " %3.0f%%  %.0f samples/s", 100.0 * fraction, samples_per_second);
    for (size_t i = 0; i < count; i++)
        add_value(&tail, history->name[i], values[i], false);
    text_add(&tail, "  lr %.3g  %s left", progress->learning_rate, duration(seconds_left, left));
    int width = width_of(progress);
    int room = width - MARGIN - (int)head.length - (int)tail.length;
    room = room > 30 ? 30 : room;
    text_add(&line, "\r\033[K%s", head.data);
    text_add(&line, "%s", progress->colour ? "\033[36m" : "");
    if (room >= 4)
        add_bar(&line, fraction, room);
    text_add(&line, "%s", progress->colour ? "\033[0m" : "");
    int space = width - MARGIN - (int)head.length - (room >= 4 ? room : 0);
    text_add(&line, "%.*s", space > 0 ? space : 0, tail.data);
    fputs(line.data, stdout);
    fflush(stdout);
    line_is_drawn = true;
    text_release(&head);
    text_release(&tail);
    text_release(&line);
}

/* An epoch's line but for the digest, with less in it the higher the level. */
static void add_epoch(struct text *line, const struct progress *progress,
                      const struct history *history, const struct history_row *row, int level)
{
    char taken[32];
    text_add(line, "epoch %lld/%lld", (long long)row->epoch, (long long)progress->epochs);
    for (size_t i = 0; i < history->values; i++)
        add_value(line, history->name[i], row->value[i], level > 2);
    if (level < 1)
        text_add(line, "  lr %.3g  %.0f samples/s", row->learning_rate, row->samples_per_second);
    if (level < 2)
        text_add(line, "  %s", duration(row->seconds, taken));
}

void progress_epoch(struct progress *progress, const struct history *history,
                    const struct history_row *row, bool marked)
{
    enum { LEVELS = 4, DIGITS = 8, TAIL = 2 + DIGITS + 2 /* two spaces, digest, mark */ };
    if (!progress->lines)
        return;
    progress_clear();
    struct text line = {0};
    size_t width = progress->terminal >= 0 ? (size_t)width_of(progress) : SIZE_MAX;
    for (int level = 0; level < LEVELS && (level == 0 || line.length + TAIL > width); level++) {
        line.length = 0;
        add_epoch(&line, progress, history, row, level);
    }
    printf("%s  %s%.*s%s%s\n", line.data, progress->colour ? "\033[2m" : "", DIGITS, row->digest,
           progress->colour ? "\033[0m" : "", marked ? " *" : "");
    fflush(stdout);
    text_release(&line);
}
