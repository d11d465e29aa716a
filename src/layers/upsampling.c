/* UpSampling1D and 2D: every step or pixel size times. A sequence is an image of one row.
 *
 * nearest: y[i,j] = x[i / size, j / size]. bilinear: output i lies at (i + 1/2)/size - 1/2 of the
 * input, between two neighbours, beyond the border at the border (Keras: half-pixel centers). */
#include <string.h>

#include "base/vectorized.h"
#include "layers/fields.h"
#include "layers/window.h"

enum interpolation { NEAREST, BILINEAR };
static const char *const interpolation_names[] = {"nearest", "bilinear", NULL};

struct upsampling_args {
    struct layer_common common;
    int64_t size[2]; /* a sequence has the second */
    int interpolation;
};

static const struct field fields_1d[] = {{.key = "size",
                                          .type = FIELD_INT,
                                          .offset = offsetof(struct upsampling_args, size[1]),
                                          .fallback = "2",
                                          .min = 1,
                                          .max = 65536,
                                          .bare = true,
                                          .help = "how many times each step"},
                                         {0}};
static const struct field fields_2d[] = {
    FIELD_WINDOW(struct upsampling_args, size, "2", false, "how many times rows and columns"),
    {.key = "interpolation",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct upsampling_args, interpolation),
     .fallback = "nearest",
     .choices = interpolation_names,
     .help = "nearest or bilinear"},
    {0}};
static const struct schema schema_1d = {"UpSampling1D", fields_1d, &layer_common_schema};
static const struct schema schema_2d = {"UpSampling2D", fields_2d, &layer_common_schema};

/* Between which two input rows (columns) an output row lies, and the second one's share. */
struct between {
    size_t first, second;
    float share;
};
struct plan {
    struct image in, out;
    const struct between *row, *column;
};

static const struct between *places(struct pool *pool, int64_t in, int64_t size,
                                    enum interpolation interpolation)
{
    struct between *place = pool_alloc(pool, (size_t)(in * size) * sizeof *place);
    for (int64_t o = 0; o < in * size; o++) {
        int64_t twice = 2 * o + 1 - size; /* the position times 2 size */
        int64_t below = twice < 0 ? -1 : twice / (2 * size);
        int64_t first = below < 0 ? 0 : below, second = below + 1 < in ? below + 1 : in - 1;
        float share = (float)((double)(twice - below * 2 * size) / (double)(2 * size));
        place[o] = interpolation == BILINEAR
                       ? (struct between){(size_t)first, (size_t)second, share}
                       : (struct between){(size_t)(o / size), (size_t)(o / size), 0.0f};
    }
    return place;
}

static enum status infer(struct layer *layer, struct pool *pool, bool sequence)
{
    const struct upsampling_args *args = layer->args;
    struct plan *plan = layer->plan = pool_alloc(pool, sizeof *plan);
    TRY(sequence ? window_need_sequence(layer) : window_need_image(layer));
    int64_t high = sequence ? 1 : args->size[0], wide = args->size[1];
    struct image in = image_of(&layer->in[0]);
    LAYER_FAIL_IF(layer, in.h * high > 1 << 24 || in.w * wide > 1 << 24,
                  "its output would have %lld rows of %lld; at most 2^24 are allowed",
                  (long long)(in.h * high), (long long)(in.w * wide));
    plan->in = in;
    plan->out = (struct image){in.h * high, in.w * wide, in.c};
    plan->row = places(pool, in.h, high, (enum interpolation)args->interpolation);
    plan->column = places(pool, in.w, wide, (enum interpolation)args->interpolation);
    layer->out = sequence ? (struct shape){2, {plan->out.w, in.c}}
                          : (struct shape){3, {plan->out.h, plan->out.w, in.c}};
    return ST_OK;
}

static enum status infer_1d(struct layer *layer, struct pool *pool)
{
    return infer(layer, pool, true);
}

static enum status infer_2d(struct layer *layer, struct pool *pool)
{
    return infer(layer, pool, false);
}

/* The four pixels around an output pixel and their shares. */
struct corners {
    size_t at[4];
    float share[4];
};

static struct corners corners_of(const struct plan *plan, size_t i, size_t j)
{
    struct between r = plan->row[i], s = plan->column[j];
    size_t w = (size_t)plan->in.w, c = (size_t)plan->in.c;
    return (struct corners){{(r.first * w + s.first) * c, (r.first * w + s.second) * c,
                             (r.second * w + s.first) * c, (r.second * w + s.second) * c},
                            {(1.0f - r.share) * (1.0f - s.share), (1.0f - r.share) * s.share,
                             r.share * (1.0f - s.share), r.share * s.share}};
}

VECTORIZED static void mix(size_t channels, const struct corners *k, const float *restrict x,
                           float *restrict y)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = (k->share[0] * x[k->at[0] + c] + k->share[1] * x[k->at[1] + c]) +
               (k->share[2] * x[k->at[2] + c] + k->share[3] * x[k->at[3] + c]);
}

VECTORIZED static void add_share(size_t channels, float share, const float *restrict dy,
                                 float *restrict dx)
{
    for (size_t c = 0; c < channels; c++)
        dx[c] += share * dy[c];
}

static bool is_bilinear(const struct layer *layer)
{
    return ((const struct upsampling_args *)layer->args)->interpolation == BILINEAR;
}

static void forward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t h = (size_t)plan->out.h, w = (size_t)plan->out.w, c = (size_t)plan->out.c;
    size_t row = (size_t)plan->in.w * c;
    const float *x = p->x[0];
    float *y = p->y;
    for (int s = 0; s < p->n; s++, x += (size_t)plan->in.h * row)
        for (size_t i = 0; i < h; i++)
            for (size_t j = 0; j < w; j++, y += c) {
                struct corners corners = corners_of(plan, i, j);
                if (is_bilinear(layer))
                    mix(c, &corners, x, y);
                else
                    memcpy(y, x + corners.at[0], c * sizeof *y);
            }
}

/* Each output pixel in row order gives its gradient to the pixels it came from. */
static void backward(const struct layer *layer, const struct pass *p)
{
    const struct plan *plan = layer->plan;
    size_t h = (size_t)plan->out.h, w = (size_t)plan->out.w, c = (size_t)plan->out.c;
    size_t size = shape_size(&layer->in[0]);
    const float *dy = p->dy;
    float *dx = p->dx[0];
    if (!dx)
        return;
    memset(dx, 0, (size_t)p->n * size * sizeof *dx);
    for (int s = 0; s < p->n; s++, dx += size)
        for (size_t i = 0; i < h; i++)
            for (size_t j = 0; j < w; j++, dy += c) {
                struct corners corners = corners_of(plan, i, j);
                for (int k = 0; k < (is_bilinear(layer) ? 4 : 1); k++)
                    add_share(c, corners.share[k], dy, dx + corners.at[k]);
            }
}

#define UPSAMPLING(symbol, name_, schema_, infer_)                                                 \
    const struct layer_type symbol = {                                                             \
        .kind = {name_, &schema_, sizeof(struct upsampling_args), &symbol},                        \
        .infer = infer_,                                                                           \
        .forward = forward,                                                                        \
        .backward = backward,                                                                      \
        .form = FORM_LINEAR,                                                                       \
    }

UPSAMPLING(layer_upsampling1d, "UpSampling1D", schema_1d, infer_1d);
UPSAMPLING(layer_upsampling2d, "UpSampling2D", schema_2d, infer_2d);
