/* ZeroPadding2D: rows and columns of zeros around an image. */
#include <string.h>

#include "layers/window.h"

struct zeropadding_args {
    struct layer_common common;
    int64_t padding[2][2]; /* top, bottom; left, right */
};

static const struct field fields[] = {
    {.key = "padding",
     .type = FIELD_MARGINS,
     .offset = offsetof(struct zeropadding_args, padding),
     .fallback = "1",
     .min = 0,
     .max = 65536,
     .bare = true,
     .help = "one number, [rows, columns], or [[top, bottom], [left, right]]"},
    {0}};
static const struct schema schema = {"ZeroPadding2D", fields, &layer_common_schema};

static enum status infer(struct layer *layer, struct pool *pool)
{
    (void)pool;
    const struct zeropadding_args *args = layer->args;
    TRY(window_need_image(layer));
    layer->out = layer->in[0];
    for (int a = 0; a < 2; a++)
        layer->out.dim[a] += args->padding[a][0] + args->padding[a][1];
    return ST_OK;
}

/* Copies every row of the n images between the bordered and the plain layout. */
static void copy_rows(const struct layer *layer, int n, const float *from, float *to, bool add)
{
    const struct zeropadding_args *args = layer->args;
    size_t h = (size_t)layer->in[0].dim[0], channels = (size_t)layer->in[0].dim[2];
    size_t row = (size_t)layer->in[0].dim[1] * channels;
    size_t wide = (size_t)layer->out.dim[1] * channels, high = (size_t)layer->out.dim[0];
    size_t corner = (size_t)args->padding[0][0] * wide + (size_t)args->padding[1][0] * channels;
    for (size_t s = 0; s < (size_t)n; s++)
        for (size_t r = 0; r < h; r++) {
            size_t plain = (s * h + r) * row, bordered = s * high * wide + corner + r * wide;
            memcpy(to + (add ? bordered : plain), from + (add ? plain : bordered),
                   row * sizeof *to);
        }
}

static void forward(const struct layer *layer, const struct pass *p)
{
    memset(p->y, 0, (size_t)p->n * shape_size(&layer->out) * sizeof *p->y);
    copy_rows(layer, p->n, p->x[0], p->y, true);
}

static void backward(const struct layer *layer, const struct pass *p)
{
    if (p->dx[0])
        copy_rows(layer, p->n, p->dy, p->dx[0], false);
}

const struct layer_type layer_zeropadding2d = {
    .kind = {"ZeroPadding2D", &schema, sizeof(struct zeropadding_args), &layer_zeropadding2d},
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
