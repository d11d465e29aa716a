#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int own_rank;
static FILE *log_file;
static void (*before_line)(void);

void log_set_rank(int rank)
{
    own_rank = rank;
}

void log_set_before(void (*before)(void))
{
    before_line = before;
}

enum status log_open(const char *path)
{
    if (log_file)
        fclose(log_file);
    log_file = NULL;
    if (!path || own_rank != 0)
        return ST_OK;
    log_file = fopen(path, "a");
    FAIL_IF(!log_file, ST_IO, "%s: cannot write the log: %s", path, strerror(errno));
    setvbuf(log_file, NULL, _IOLBF, 0);
    return ST_OK;
}

static void emit(const char *level, bool to_terminal, const char *format, va_list args)
{
    if (own_rank != 0)
        return;
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    if (to_terminal) {
        if (before_line)
            before_line();
        fprintf(stderr, "convoy: %s%s\n", level, line);
    }
    if (log_file) {
        char stamp[32] = "";
        time_t now = time(NULL);
        struct tm local;
        if (localtime_r(&now, &local))
            strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S%z", &local);
        fprintf(log_file, "%s %s%s\n", stamp, level, line);
    }
}

#define DEFINE_LEVEL(name, level, to_terminal)                                                     \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        emit(level, to_terminal, format, args);                                                    \
        va_end(args);                                                                              \
    }

DEFINE_LEVEL(log_info, "", true)
DEFINE_LEVEL(log_warn, "warning: ", true)
DEFINE_LEVEL(log_error, "error: ", true)
DEFINE_LEVEL(log_note, "", false)
