#include "config/expect.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/number.h"

static bool has_range(const struct field *field)
{
    return field->min != 0 || field->max != 0;
}

static bool has_upper_bound(const struct field *field)
{
    return field->max >= field->min && field->max < 9e18;
}

bool expect_holds(const struct field *field, long double value)
{
    if (!has_range(field))
        return true;
    return isfinite(value) && value >= field->min &&
           (!has_upper_bound(field) || value <= field->max);
}

/* The range, after a noun that stands for one or (plural) for several numbers. */
static void add_range(const struct field *field, char *out)
{
    size_t used = strlen(out);
    char low[32], high[32];
    number_text(field->min, low);
    number_text(has_upper_bound(field) ? field->max : 0, high);
    if (!has_range(field))
        return;
    if (field->min == DBL_MIN && !has_upper_bound(field))
        snprintf(out + used, EXPECT_SIZE - used, " above 0");
    else if (field->min == DBL_MIN)
        snprintf(out + used, EXPECT_SIZE - used, " above 0, at most %s", high);
    else if (!has_upper_bound(field))
        snprintf(out + used, EXPECT_SIZE - used, " of at least %s", low);
    else
        snprintf(out + used, EXPECT_SIZE - used, " from %s to %s", low, high);
}

static void add_choices(const struct field *field, char *out)
{
    const char *const *choices = field->choices;
    for (size_t i = 0; choices[i]; i++) {
        size_t used = strlen(out);
        const char *between = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
        snprintf(out + used, EXPECT_SIZE - used, "%s%s", between, choices[i]);
    }
}

static const char *type_text(enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return "true or false";
    case FIELD_INT:
        return "a whole number";
    case FIELD_FLOAT:
        return "a number";
    case FIELD_STRING:
        return "a text";
    case FIELD_CHOICE:
        return "";
    case FIELD_PAIR:
        return "one or a list of two whole numbers";
    case FIELD_MARGINS:
        return "one whole number, [a, b] or [[top, bottom], [left, right]]";
    case FIELD_INTS:
        return "a list of whole numbers";
    case FIELD_FLOATS:
        return "a list of numbers";
    case FIELD_STRINGS:
        return "a list of texts";
    case FIELD_NUMBERS:
        return "a map of whole numbers to numbers";
    case FIELD_STRUCT:
    case FIELD_TAGGED:
        return "a map";
    case FIELD_VARIANT:
        return "a name or {name: {...}}";
    case FIELD_VARIANTS:
        return "a list of names or {name: {...}}";
    }
    return "";
}

void expect_text(const struct field *field, char out[EXPECT_SIZE])
{
    snprintf(out, EXPECT_SIZE, "%s%s", field->plain ? "a number, " : "", type_text(field->type));
    if (field->type == FIELD_CHOICE)
        add_choices(field, out);
    else
        add_range(field, out);
    if (field->type == FIELD_NUMBERS) {
        strcat(out, ", or ");
        add_choices(field, out);
    }
    size_t used = strlen(out);
    if (field->nullable)
        snprintf(out + used, EXPECT_SIZE - used, "%s",
                 field->type == FIELD_CHOICE ? " or null" : ", or null");
    else if (field->word)
        snprintf(out + used, EXPECT_SIZE - used, ", or %s", field->word);
}
