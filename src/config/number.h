/* Numbers in text, strictly: the whole text or nothing, decimal, in the C locale's spelling. */
#ifndef CONVOY_CONFIG_NUMBER_H
#define CONVOY_CONFIG_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

enum number { NUMBER_OK, NUMBER_NONE, NUMBER_TOO_LARGE };

/* "12", "-3". */
enum number number_integer(const char *text, int64_t *out);

/* "12", "1.", ".5", "-1e-3", ".inf", "-.inf", ".nan". */
enum number number_float(const char *text, double *out);

/* A number, or a fraction of two finite ones such as 1/255. */
enum number number_fraction(const char *text, double *out);

/* Writes value, which is finite, with the fewest digits that read back the same. */
void number_text(double value, char out[32]);

#endif
