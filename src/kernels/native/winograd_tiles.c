/* Between pixels and the points of Winograd's tiles. */
#include "kernels/native/transform.h"
#include "kernels/native/winograd_plan.h"

/* Where a tile lies: its sample, and the output pixel at its corner. */
struct place {
    int n, i, j;
};

static struct place place_of(const struct winograd *w, int tile)
{
    int row = tile / w->across;
    return (struct place){row / w->down, row % w->down * OUT, tile % w->across * OUT};
}

static void advance(const struct winograd *w, struct place *at)
{
    at->j += OUT;
    if (at->j < w->out_w)
        return;
    at->j = 0;
    at->i += OUT;
    if (at->i < w->out_h)
        return;
    at->i = 0;
    at->n++;
}

/* A square of pixels: its corner, and how far it is to the next row and the next pixel. Its rows
 * top to bottom - 1 and columns left to right - 1 lie in the image, the others are zero. */
struct patch {
    const float *corner;
    ptrdiff_t line, step;
    int top, bottom, left, right;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* The patch of side x side pixels from (i,j) on; an image has h x w pixels of c channels. */
static struct patch patch_at(const float *image, int h, int w, int c, int i, int j, int side)
{
    return (struct patch){.corner = image + ((ptrdiff_t)i * w + j) * c,
                          .line = (ptrdiff_t)w * c,
                          .step = c,
                          .top = i < 0 ? -i : 0,
                          .bottom = least(h - i, side),
                          .left = j < 0 ? -j : 0,
                          .right = least(w - j, side)};
}

static bool is_inside(const struct patch *p, int side)
{
    return !p->top && !p->left && p->bottom == side && p->right == side;
}

/* Row r of a patch, width lanes of it; column says what is inside where edge is set. */
INLINE void load_row(const struct patch *p, int r, const int side, bool edge,
                     const struct part *column, bool whole, vec *row)
{
    const float *from = p->corner + r * p->line;
    const ptrdiff_t step = p->step;
    if (edge && (r < p->top || r >= p->bottom)) {
        UNROLL for (int s = 0; s < side; s++) row[s] = vec_set(0.0f);
        return;
    }
    UNROLL for (int s = 0; s < side; s++) row[s] =
        vec_fetch(from + s * step, whole && !edge, column[edge ? s : 0]);
}

/* A patch through both passes of a transform to 36 points. */
#define DEFINE_TO_POINTS(name, transform, side)                                                    \
    INLINE void name##_variant(const struct patch *p, int width, const bool edge,                  \
                               const bool whole, float *to, const ptrdiff_t point)                 \
    {                                                                                              \
        vec pass[(side)*SIDE], row[side], points[SIDE];                                            \
        struct part column[side];                                                                  \
        UNROLL for (int s = 0; s < (side); s++) column[s] =                                        \
            part_of(edge && (s < p->left || s >= p->right) ? 0 : width);                           \
        UNROLL for (int r = 0; r < (side); r++)                                                    \
        {                                                                                          \
            load_row(p, r, side, edge, column, whole, row);                                        \
            transform(row, 1, pass + r * SIDE);                                                    \
        }                                                                                          \
        UNROLL for (int j = 0; j < SIDE; j++)                                                      \
        {                                                                                          \
            transform(pass + j, SIDE, points);                                                     \
            UNROLL for (int i = 0; i < SIDE; i++)                                                  \
                vec_store(to + (i * SIDE + j) * point, points[i]);                                 \
        }                                                                                          \
    }                                                                                              \
    static void name##_inside(const struct patch *p, float *to, ptrdiff_t point)                   \
    {                                                                                              \
        name##_variant(p, LANES, false, true, to, point);                                          \
    }                                                                                              \
    static void name##_edge(const struct patch *p, int width, float *to, ptrdiff_t point)          \
    {                                                                                              \
        name##_variant(p, width, true, false, to, point);                                          \
    }                                                                                              \
    /* All channels of a tile, a vector at a time. */                                              \
    static void name##_tile(const struct winograd *w, struct patch p, int channels, float *to)     \
    {                                                                                              \
        bool inside = is_inside(&p, side);                                                         \
        for (int c = 0; c < channels; c += LANES, p.corner += LANES, to += w->vector)              \
            if (inside && c + LANES <= channels)                                                   \
                name##_inside(&p, to, w->point);                                                   \
            else                                                                                   \
                name##_edge(&p, least(channels - c, LANES), to, w->point);                         \
    }

DEFINE_TO_POINTS(input, transform_input, SIDE)
DEFINE_TO_POINTS(gradient, transform_gradient, OUT)

void NATIVE(winograd_input)(const struct winograd *w, const float *in, int first, int count,
                            float *to)
{
    struct place at = place_of(w, first);
    for (int t = 0; t < count; t++, to += LANES, advance(w, &at)) {
        const float *image = in + (ptrdiff_t)at.n * w->in_h * w->in_w * w->channels;
        input_tile(w,
                   patch_at(image, w->in_h, w->in_w, w->channels, at.i - w->pt, at.j - w->pl, SIDE),
                   w->channels, to);
    }
}

void NATIVE(winograd_gradient)(const struct winograd *w, const float *dy, int first, int count,
                               float *to)
{
    struct place at = place_of(w, first);
    for (int t = 0; t < count; t++, to += LANES, advance(w, &at)) {
        const float *image = dy + (ptrdiff_t)at.n * w->out_h * w->out_w * w->filters;
        gradient_tile(w, patch_at(image, w->out_h, w->out_w, w->filters, at.i, at.j, OUT),
                      w->filters, to);
    }
}

/* The 4x4 pixels of a tile in the image, of which rows x columns are inside it. */
struct pixels {
    float *corner;
    ptrdiff_t line, step;
    int rows, columns;
};

INLINE void output_variant(const float *from, const ptrdiff_t point, vec bias, bool relu,
                           const bool whole, int width, const struct pixels *to)
{
    vec pass[SIDE * OUT], row[SIDE];
    const struct part part = part_of(width);
    const ptrdiff_t line = to->line, step = to->step;
    UNROLL for (int i = 0; i < SIDE; i++)
    {
        UNROLL for (int j = 0; j < SIDE; j++) row[j] = vec_load(from + (i * SIDE + j) * point);
        transform_output(row, 1, pass + i * OUT);
    }
    UNROLL for (int j = 0; j < OUT; j++)
    {
        if (!whole && j >= to->columns)
            break;
        transform_output(pass + j, OUT, row);
        UNROLL for (int i = 0; i < OUT; i++)
        {
            vec y = vec_add(row[i], bias);
            if (whole || i < to->rows)
                vec_put(to->corner + i * line + j * step, relu ? vec_relu(y) : y, whole, part);
        }
    }
}

static void output_inside(const float *from, ptrdiff_t point, vec bias, bool relu,
                          const struct pixels *to)
{
    output_variant(from, point, bias, relu, true, LANES, to);
}

static void output_edge(const float *from, ptrdiff_t point, vec bias, bool relu, int width,
                        const struct pixels *to)
{
    output_variant(from, point, bias, relu, false, width, to);
}

void NATIVE(winograd_output)(const struct winograd *w, const float *from, int first, int count,
                             const float *bias, bool relu, float *out)
{
    struct place at = place_of(w, first);
    for (int t = 0; t < count; t++, from += LANES, advance(w, &at)) {
        ptrdiff_t line = (ptrdiff_t)w->out_w * w->filters;
        struct pixels to = {out + ((ptrdiff_t)at.n * w->out_h + at.i) * line +
                                (ptrdiff_t)at.j * w->filters,
                            line, w->filters, w->out_h - at.i, w->out_w - at.j};
        bool inside = to.rows >= OUT && to.columns >= OUT;
        const float *vector = from;
        for (int f = 0; f < w->filters; f += LANES, to.corner += LANES, vector += w->vector) {
            int width = least(w->filters - f, LANES);
            vec start = bias ? vec_load_part(bias + f, part_of(width)) : vec_set(0.0f);
            if (inside && width == LANES)
                output_inside(vector, w->point, start, relu, &to);
            else
                output_edge(vector, w->point, start, relu, width, &to);
        }
    }
}
