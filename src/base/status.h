/* Status codes and the one pending error message.
 *
 * Functions return an enum status; ST_OK is 0. The codes that a user can meet are also the exit
 * codes of the program, so there is one table for both. A failing function records a single line
 * (what was found, what was expected, in which file, line, layer or tensor) with FAIL or FAIL_IF;
 * its callers forward the code with TRY. Who prints the line is decided once, in comm or in cmd. */
#ifndef CONVOY_BASE_STATUS_H
#define CONVOY_BASE_STATUS_H

#define STATUS_MAP(X)                                                                              \
    X(ST_OK, 0, "done")                                                                            \
    X(ST_USAGE, 2, "experiment or usage")                                                          \
    X(ST_DATA, 3, "data")                                                                          \
    X(ST_MODEL, 4, "no usable checkpoint or model")                                                \
    X(ST_IO, 5, "input or output")                                                                 \
    X(ST_DIVERGED, 6, "diverged")                                                                  \
    X(ST_STOPPED, 75, "stopped with a checkpoint, run again")                                      \
    X(ST_STALLED, 76, "stalled")

enum status {
#define X(name, code, text) name = code,
    STATUS_MAP(X)
#undef X
};

/* What a code means, in a few words. */
const char *status_text(enum status status);

/* Records the message of a failure and returns the status. */
enum status status_fail(enum status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The message of the last failure of this thread; empty if there was none. */
const char *status_message(void);

/* Puts text in front of the recorded message ("rank 2: "). */
void status_prefix(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define FAIL(status, ...) return status_fail(status, __VA_ARGS__)

#define FAIL_IF(condition, status, ...)                                                            \
    do {                                                                                           \
        if (condition)                                                                             \
            return status_fail(status, __VA_ARGS__);                                               \
    } while (0)

#define TRY(expression)                                                                            \
    do {                                                                                           \
        enum status try_status_ = (expression);                                                    \
        if (try_status_ != ST_OK)                                                                  \
            return try_status_;                                                                    \
    } while (0)

/* A bug of ours, not the user's: says where and both values, then aborts. */
#define MUST(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition))                                                                          \
            status_bug(__FILE__, __LINE__, #condition, __VA_ARGS__);                               \
    } while (0)

_Noreturn void status_bug(const char *file, int line, const char *condition, const char *format,
                          ...) __attribute__((format(printf, 4, 5)));

#endif
