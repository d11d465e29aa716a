/* What a field accepts: its range, and in words for messages. */
#ifndef CONVOY_CONFIG_EXPECT_H
#define CONVOY_CONFIG_EXPECT_H

#include "config/schema.h"

enum { EXPECT_SIZE = 512 };

/* "a whole number of at least 1", "same or valid", "a list of numbers from 0 to 1, or null". */
void expect_text(const struct field *field, char out[EXPECT_SIZE]);

/* Is value within the field's range? long double holds every int64_t and every double. */
bool expect_holds(const struct field *field, long double value);

#endif
