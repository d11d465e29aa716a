#include "config/number.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_sign(char c)
{
    return c == '+' || c == '-';
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

enum number number_integer(const char *text, int64_t *out)
{
    const char *digits = text + is_sign(*text);
    if (!*digits || *skip_digits(digits))
        return NUMBER_NONE;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return NUMBER_TOO_LARGE;
    *out = value;
    return NUMBER_OK;
}

/* The end of the decimal number at text, or NULL if there is none. */
static const char *decimal_end(const char *text)
{
    const char *start = text + is_sign(*text);
    const char *end = skip_digits(start);
    ptrdiff_t digits = end - start;
    if (*end == '.') {
        start = end + 1;
        end = skip_digits(start);
        digits += end - start;
    }
    if (digits == 0)
        return NULL;
    if (*end == 'e' || *end == 'E') {
        const char *exponent = end + 1 + is_sign(end[1]);
        end = skip_digits(exponent);
        if (end == exponent)
            return NULL;
    }
    return end;
}

static bool is_one_of(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

enum number number_float(const char *text, double *out)
{
    const char *end = decimal_end(text);
    if (end && !*end) {
        *out = strtod(text, NULL);
        return isfinite(*out) ? NUMBER_OK : NUMBER_TOO_LARGE;
    }
    if (is_one_of(text, ".nan", ".NaN", ".NAN")) {
        *out = NAN;
        return NUMBER_OK;
    }
    if (!is_one_of(text + is_sign(*text), ".inf", ".Inf", ".INF"))
        return NUMBER_NONE;
    *out = *text == '-' ? -INFINITY : INFINITY;
    return NUMBER_OK;
}

enum number number_fraction(const char *text, double *out)
{
    const char *slash = decimal_end(text);
    if (!slash || *slash != '/')
        return number_float(text, out);
    const char *end = decimal_end(slash + 1);
    if (!end || *end)
        return NUMBER_NONE;
    double below = strtod(slash + 1, NULL);
    *out = strtod(text, NULL) / below;
    return isfinite(below) && isfinite(*out) ? NUMBER_OK : NUMBER_TOO_LARGE;
}

void number_text(double value, char out[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    if (strstr(out, "e+") && fabs(value) < 1e15)
        snprintf(out, 32, "%.0f", value); /* 100, not 1e+02 */
}
