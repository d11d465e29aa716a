#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_SIZE = 1024 };

static _Thread_local char message[MESSAGE_SIZE];

const char *status_text(enum status status)
{
    switch (status) {
#define X(name, code, text)                                                                        \
    case name:                                                                                     \
        return text;
        STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

enum status status_fail(enum status status, const char *format, ...)
{
    char text[MESSAGE_SIZE]; /* the arguments may point into the old message */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    return status;
}

const char *status_message(void)
{
    return message;
}

void status_prefix(const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof text)
        snprintf(text + used, sizeof text - (size_t)used, "%s", message);
    memcpy(message, text, sizeof message);
}

_Noreturn void status_bug(const char *file, int line, const char *condition, const char *format,
                          ...)
{
    va_list args;
    fprintf(stderr, "convoy: internal error at %s:%d: %s: ", file, line, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}
