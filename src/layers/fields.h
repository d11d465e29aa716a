/* The schema fields that many layers share. */
#ifndef CONVOY_LAYERS_FIELDS_H
#define CONVOY_LAYERS_FIELDS_H

#include "layers/constraints.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"

#define FIELD_INITIALIZER(type_, key_, default_)                                                   \
    {                                                                                              \
        .key = #key_, .type = FIELD_VARIANT, .offset = offsetof(type_, key_),                      \
        .fallback = default_, .kinds = initializer_kinds, .help = "how it starts"                  \
    }

#define FIELD_REGULARIZER(type_, key_)                                                             \
    {                                                                                              \
        .key = #key_, .type = FIELD_VARIANT, .offset = offsetof(type_, key_), .fallback = "null",  \
        .nullable = true, .kinds = regularizer_kinds, .help = "penalty added to the loss"          \
    }

#define FIELD_CONSTRAINT(type_, key_)                                                              \
    {                                                                                              \
        .key = #key_, .type = FIELD_VARIANT, .offset = offsetof(type_, key_), .fallback = "null",  \
        .nullable = true, .kinds = constraint_kinds, .help = "where every update ends"             \
    }

#define FIELD_FLAG(type_, key_, default_, help_)                                                   \
    {                                                                                              \
        .key = #key_, .type = FIELD_BOOL, .offset = offsetof(type_, key_), .fallback = default_,   \
        .help = help_                                                                              \
    }

#define FIELD_WINDOW(type_, key_, default_, nullable_, help_)                                      \
    {                                                                                              \
        .key = #key_, .type = FIELD_PAIR, .offset = offsetof(type_, key_), .fallback = default_,   \
        .nullable = nullable_, .min = 1, .max = 65536, .help = help_                               \
    }

#endif
