/* Messages to people: one line each on stderr, and into the run's log file once there is one.
 * Only rank 0 speaks; on the other ranks every call is silent. */
#ifndef CONVOY_BASE_LOG_H
#define CONVOY_BASE_LOG_H

#include "base/status.h"

/* Says who we are in the world; before it is called the process speaks for itself. */
void log_set_rank(int rank);

/* Appends everything that follows, with a time stamp, to the file at path; NULL stops it. */
enum status log_open(const char *path);

/* Called before each line goes to stderr, so that a live progress line can be cleared. */
void log_set_before(void (*before)(void));

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Into the log file only. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
