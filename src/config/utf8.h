/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CONVOY_CONFIG_UTF8_H
#define CONVOY_CONFIG_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the character at text, of which left bytes are there; returns its length, 0 if it is not
 * UTF-8. Source: The Unicode Standard 15.0, table 3-7. */
size_t utf8_decode(const char *text, size_t left, uint32_t *code);

#endif
