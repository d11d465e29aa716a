/* The matrix products between the points of Winograd's tiles. */
#include "kernels/native/tile.h"
#include "kernels/native/winograd_plan.h"

/* Tiles that the registers hold the sums of, for one and for two vectors of filters; and channels,
 * in outer products. */
enum {
    TILES_1 = PIXELS_1,
    TILES_2 = PIXELS_2,
    ROWS_1 = LANES,
    ROWS_2 = PIXELS_2 < 8 ? LANES / 2 : 8
};

/* One point's product for P tiles and V vectors of filters. */
INLINE void product_tile(const struct winograd *g, const float *x, const float *w, float *y,
                         const int P, const int V)
{
    vec sum[TILES_1 > TILES_2 ? TILES_1 : TILES_2][2];
    const ptrdiff_t vector = g->vector;
    UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++) sum[p][v] = vec_set(0.0f);
    for (int left = g->channels; left > 0; left -= LANES, x += vector) {
        int count = left < LANES ? left : LANES;
        for (int c = 0; c < count; c++, w += V * LANES) {
            vec weight[2];
            UNROLL for (int v = 0; v < V; v++) weight[v] = vec_load(w + v * LANES);
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++) sum[p][v] =
                vec_fma(x[p * LANES + c], weight[v], sum[p][v]);
        }
    }
    UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++)
        vec_store(y + p * LANES + v * vector, sum[p][v]);
}

/* Calls do_some(P) for each constant size P that count is cut into, the largest first. */
#define CUT(count, MOST, do_some)                                                                  \
    do {                                                                                           \
        for (; (count) >= (MOST); (count) -= (MOST))                                               \
            do_some(MOST);                                                                         \
        for (; (MOST) > 8 && (count) >= 8; (count) -= 8)                                           \
            do_some(8);                                                                            \
        for (; (MOST) > 4 && (count) >= 4; (count) -= 4)                                           \
            do_some(4);                                                                            \
        for (; (count) >= 1; (count) -= 1)                                                         \
            do_some(1);                                                                            \
    } while (0)

#define DEFINE_PRODUCTS(V)                                                                         \
    static void products_##V(const struct winograd *g, const float *x, const float *w, int count,  \
                             float *y)                                                             \
    {                                                                                              \
        CUT(count, TILES_##V, PRODUCT_##V);                                                        \
    }
#define PRODUCT_1(P) (product_tile(g, x, w, y, P, 1), x += (P)*LANES, y += (P)*LANES)
#define PRODUCT_2(P) (product_tile(g, x, w, y, P, 2), x += (P)*LANES, y += (P)*LANES)
DEFINE_PRODUCTS(1)
DEFINE_PRODUCTS(2)

void NATIVE(winograd_products)(const struct winograd *w, const float *in, const float *packed,
                               int count, float *out)
{
    for (int f = 0; f < w->filters; f += 2 * LANES, out += 2 * w->vector) {
        bool two = w->filters - f > LANES;
        for (int k = 0; k < POINTS; k++, packed += (ptrdiff_t)w->channels * (two ? 2 : 1) * LANES)
            (two ? products_2 : products_1)(w, in + k * w->point, packed, count,
                                            out + k * w->point);
    }
}

/* C channels of one point's outer products, for V vectors of filters; sums of channels are row
 * floats apart. */
INLINE void outer_tile(const float *x, const float *y, ptrdiff_t vector, int count, bool resume,
                       float *sums, ptrdiff_t row, const int C, const int V)
{
    vec sum[ROWS_1][2];
    UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++) sum[c][v] =
        resume ? vec_load(sums + c * row + v * LANES) : vec_set(0.0f);
    for (int t = 0; t < count; t++, x += LANES, y += LANES) {
        vec value[2];
        UNROLL for (int v = 0; v < V; v++) value[v] = vec_load(y + v * vector);
        UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++) sum[c][v] =
            vec_fma(x[c], value[v], sum[c][v]);
    }
    UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++)
        vec_store(sums + c * row + v * LANES, sum[c][v]);
}

#define DEFINE_OUTER(V)                                                                            \
    static void outer_##V(const struct winograd *g, const float *x, const float *y, int count,     \
                          bool resume, float *sums, ptrdiff_t row)                                 \
    {                                                                                              \
        for (int left = g->channels; left > 0; left -= LANES, x += g->vector) {                    \
            int channels = left < LANES ? left : LANES;                                            \
            const float *from = x;                                                                 \
            CUT(channels, ROWS_##V, OUTER_##V);                                                    \
        }                                                                                          \
    }
#define OUTER_1(C)                                                                                 \
    (outer_tile(from, y, g->vector, count, resume, sums, row, C, 1), from += (C), sums += (C)*row)
#define OUTER_2(C)                                                                                 \
    (outer_tile(from, y, g->vector, count, resume, sums, row, C, 2), from += (C), sums += (C)*row)
DEFINE_OUTER(1)
DEFINE_OUTER(2)

void NATIVE(winograd_outer)(const struct winograd *w, const float *in, const float *gradient,
                            int count, bool resume, float *sums)
{
    ptrdiff_t row = (ptrdiff_t)packed_lanes(w->filters);
    for (int k = 0; k < POINTS; k++, sums += w->channels * row)
        for (int f = 0; f < w->filters; f += 2 * LANES) {
            bool two = w->filters - f > LANES;
            (two ? outer_2 : outer_1)(w, in + k * w->point,
                                      gradient + k * w->point + f / LANES * w->vector, count,
                                      resume, sums + f, row);
        }
}
