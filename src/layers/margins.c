/* ZeroPadding1D and 2D put zeros around a sequence or an image, Cropping1D and 2D take margins
 * away; each is the other's gradient. A sequence is an image of one row. */
#include <string.h>

#include "layers/window.h"

struct margins_args {
    struct layer_common common;
    int64_t margin[2][2]; /* top, bottom; left, right; a sequence has the last two */
};

#define MARGINS(key_, type_, member, default_, help_)                                              \
    {                                                                                              \
        {.key = key_,                                                                              \
         .type = type_,                                                                            \
         .offset = offsetof(struct margins_args, member),                                          \
         .fallback = default_,                                                                     \
         .min = 0,                                                                                 \
         .max = 65536,                                                                             \
         .bare = true,                                                                             \
         .help = help_},                                                                           \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define HELP_1D "one number, or [before, after]"
#define HELP_2D "one number, [rows, columns], or [[top, bottom], [left, right]]"

static const struct field padding_1d[] = MARGINS("padding", FIELD_PAIR, margin[1], "1", HELP_1D);
static const struct field padding_2d[] = MARGINS("padding", FIELD_MARGINS, margin, "1", HELP_2D);
static const struct field cropping_1d[] = MARGINS("cropping", FIELD_PAIR, margin[1], "1", HELP_1D);
static const struct field cropping_2d[] = MARGINS("cropping", FIELD_MARGINS, margin, "0", HELP_2D);

static enum status infer(struct layer *layer, bool sequence, int sign)
{
    const struct margins_args *args = layer->args;
    TRY(sequence ? window_need_sequence(layer) : window_need_image(layer));
    layer->out = layer->in[0];
    for (int a = 0; a < layer->out.rank - 1; a++) {
        const int64_t *margin = args->margin[sequence ? 1 : a];
        layer->out.dim[a] += sign * (margin[0] + margin[1]);
        LAYER_FAIL_IF(layer, layer->out.dim[a] < 1,
                      "cropping %lld and %lld of an axis of %lld leaves nothing",
                      (long long)margin[0], (long long)margin[1], (long long)layer->in[0].dim[a]);
    }
    return ST_OK;
}

/* Copies the n plain images between their own layout and that with margins, whose shape is given.
 */
static void copy_rows(const struct layer *layer, int n, const struct shape *plain_shape,
                      const struct shape *wide_shape, const float *from, float *to, bool add)
{
    const struct margins_args *args = layer->args;
    struct image plain = image_of(plain_shape), wide = image_of(wide_shape);
    size_t h = (size_t)plain.h, row = (size_t)(plain.w * plain.c);
    size_t wide_row = (size_t)(wide.w * wide.c);
    size_t corner = (size_t)args->margin[0][0] * wide_row + (size_t)(args->margin[1][0] * wide.c);
    for (size_t s = 0; s < (size_t)n; s++)
        for (size_t r = 0; r < h; r++) {
            size_t inner = (s * h + r) * row;
            size_t outer = s * (size_t)wide.h * wide_row + corner + r * wide_row;
            memcpy(to + (add ? outer : inner), from + (add ? inner : outer), row * sizeof *to);
        }
}

/* from, of the smaller shape, into to, of the larger, with zeros around it. */
static void surround(const struct layer *layer, int n, const struct shape *small,
                     const struct shape *large, const float *from, float *to)
{
    memset(to, 0, (size_t)n * shape_size(large) * sizeof *to);
    copy_rows(layer, n, small, large, from, to, true);
}

static void pad(const struct layer *layer, const struct pass *p)
{
    surround(layer, p->n, &layer->in[0], &layer->out, p->x[0], p->y);
}

static void pad_back(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        copy_rows(layer, p->n, &layer->in[0], &layer->out, p->dy, p->dx[0], false);
}

static void crop(const struct layer *layer, const struct pass *p)
{
    copy_rows(layer, p->n, &layer->out, &layer->in[0], p->x[0], p->y, false);
}

static void crop_back(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        surround(layer, p->n, &layer->out, &layer->in[0], p->dy, p->dx[0]);
}

#define LAYER_WITH(symbol, name_, fields, sequence, sign, forward_, backward_)                     \
    static const struct schema symbol##_schema = {name_, fields, &layer_common_schema};            \
    static enum status symbol##_infer(struct layer *layer, struct pool *pool)                      \
    {                                                                                              \
        (void)pool;                                                                                \
        return infer(layer, sequence, sign);                                                       \
    }                                                                                              \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &symbol##_schema, sizeof(struct margins_args), &symbol},                   \
        .infer = symbol##_infer,                                                                   \
        .forward = forward_,                                                                       \
        .backward = backward_,                                                                     \
        .form = FORM_LINEAR,                                                                       \
    }

LAYER_WITH(layer_zeropadding1d, "ZeroPadding1D", padding_1d, true, 1, pad, pad_back);
LAYER_WITH(layer_zeropadding2d, "ZeroPadding2D", padding_2d, false, 1, pad, pad_back);
LAYER_WITH(layer_cropping1d, "Cropping1D", cropping_1d, true, -1, crop, crop_back);
LAYER_WITH(layer_cropping2d, "Cropping2D", cropping_2d, false, -1, crop, crop_back);
