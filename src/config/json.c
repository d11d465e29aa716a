/* JSON output. */
#include <math.h>
#include <string.h>

#include "config/number.h"
#include "config/schema.h"
#include "config/utf8.h"

/* Characters that JSON forbids in a string, and those that YAML forbids or would change. */
static bool must_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

static void add_character(struct text *text, const char *bytes, size_t length, uint32_t code)
{
    static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *found = code < 0x80 ? memchr(special, (int)code, sizeof special - 1) : NULL;
    if (found)
        text_add(text, "\\%c", letter[found - special]);
    else if (must_escape(code))
        text_add(text, "\\u%04x", (unsigned)code);
    else
        text_append(text, bytes, length);
}

void json_string(struct text *text, const char *value)
{
    text_append(text, "\"", 1);
    for (size_t left = strlen(value); left > 0;) {
        uint32_t code;
        size_t length = utf8_decode(value, left, &code);
        if (length == 0) {
            text_add(text, "\\ufffd");
            length = 1;
        } else {
            add_character(text, value, length, code);
        }
        value += length;
        left -= length;
    }
    text_append(text, "\"", 1);
}

void json_number(struct text *text, double value)
{
    char digits[32] = "null";
    if (isfinite(value))
        number_text(value, digits);
    text_add(text, "%s", digits);
}
