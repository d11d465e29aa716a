/* For the tests of data sets: files made of given bytes, sets opened from YAML. */
#ifndef CONVOY_TEST_SETS_H
#define CONVOY_TEST_SETS_H

#include "data/dataset.h"

/* A file of this name in the program's test folder, written anew; the path stays valid. */
const char *set_file(const char *name, const void *bytes, size_t size);
const char *set_text(const char *name, const char *text);

/* The same, packed. */
const char *set_gzip(const char *name, const void *bytes, size_t size);
const char *set_xz(const char *name, const void *bytes, size_t size);

/* The folder. */
const char *set_folder(void);

/* Opens a set given as flow YAML, with seed 1. NULL on failure, which set_status has. */
struct dataset *set_open(const char *yaml, ...) __attribute__((format(printf, 1, 2)));
enum status set_status(void);

/* Asserts that opening fails with code and a message that contains part. */
void set_must_fail(enum status code, const char *part, const char *yaml, ...)
    __attribute__((format(printf, 3, 4)));

#endif
