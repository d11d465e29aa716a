#include "kernels/native/tile.h"

/* ---- Rows ---- */

enum { PIXELS_MOST = PIXELS_1 > PIXELS_2 ? PIXELS_1 : PIXELS_2, LINES_MOST = 5 };

/* Keeps a pointer in a register of its own. A tile reads three pixels through each, as [at],
 * [at + xs] and [at + 2 xs]: a register for each pixel's distance would be more than there are, and
 * the compiler, which knows that all are the same distance apart, would load them in every turn. */
#define keep_apart(pointer) __asm__("" : "+r"(pointer))

/* P pixels of V vectors; P, V and whole are constants at each place that this is compiled into. */
INLINE void row_tile(const struct row *r, const float *x, float *y, const int P, const int V,
                     const bool whole)
{
    vec sum[PIXELS_MOST][2];
    const struct part part = part_of(whole ? 0 : r->width);
    const float *w = r->w;
    const ptrdiff_t xs = r->xs, ys = r->ys, ws = r->ws;
    const int channels = r->channels;
    UNROLL for (int v = 0; v < V; v++)
    {
        vec start = r->start ? vec_fetch(r->start + v * LANES, whole, part) : vec_set(0.0f);
        UNROLL for (int p = 0; p < P; p++) sum[p][v] = start;
    }
    if (r->resume)
        UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++) sum[p][v] =
            vec_fetch(y + p * ys + v * LANES, whole, part);
    for (int t = 0; t < r->taps; t++) {
        const float *at[(PIXELS_MOST + 2) / 3];
        UNROLL for (int p = 0; p < P; p += 3) at[p / 3] = x + p * xs + r->offset[t];
        for (int c = 0; c < channels; c++, w += ws) {
            vec weight[2];
            UNROLL for (int v = 0; v < V; v++) weight[v] = vec_fetch(w + v * LANES, whole, part);
            UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++) sum[p][v] =
                vec_fma(at[p / 3][p % 3 * xs], weight[v], sum[p][v]);
            UNROLL for (int p = 0; p < P; p += 3)
            {
                at[p / 3]++;
                keep_apart(at[p / 3]);
            }
        }
    }
    UNROLL for (int p = 0; p < P; p++) UNROLL for (int v = 0; v < V; v++)
    {
        /* adding 0 makes -0 into 0, as a tap of weight 0 would */
        vec out = vec_add(sum[p][v], vec_set(0.0f));
        vec_put(y + p * ys + v * LANES, r->relu ? vec_relu(out) : out, whole, part);
    }
}

/* ---- Outer products ---- */

INLINE void outer_tile(const struct outer *o, const float *x, float *w, const int C, const int V,
                       const bool whole)
{
    vec sum[PIXELS_MOST][2];
    const struct part part = part_of(whole ? 0 : o->width);
    const ptrdiff_t xs = o->xs, ys = o->ys, ws = o->ws;
    UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++) sum[c][v] = vec_set(0.0f);
    if (o->resume)
        UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++) sum[c][v] =
            vec_fetch(w + c * ws + v * LANES, whole, part);
    for (int r = 0; r < o->rows; r++) {
        const float *xp = x + r * o->xr, *yp = o->y + r * o->yr;
        for (int p = 0; p < o->pixels; p++, xp += xs, yp += ys) {
            vec value[2];
            UNROLL for (int v = 0; v < V; v++) value[v] = vec_fetch(yp + v * LANES, whole, part);
            UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++) sum[c][v] =
                vec_fma(xp[c], value[v], sum[c][v]);
        }
    }
    UNROLL for (int c = 0; c < C; c++) UNROLL for (int v = 0; v < V; v++)
        vec_put(w + c * ws + v * LANES, sum[c][v], whole, part);
}

/* R lines of C columns. */
INLINE void lines_tile(const struct outer *o, const float *x, ptrdiff_t xl, float *w, const int R,
                       const int C)
{
    vec sum[LINES_MOST * LINES_COLUMNS];
    const struct part part = part_of(o->width);
    const ptrdiff_t xs = o->xs, ys = o->ys, ws = o->ws;
    UNROLL for (int k = 0; k < R * C; k++) sum[k] =
        o->resume ? vec_load_part(w + k * ws, part) : vec_set(0.0f);
    for (int r = 0; r < o->rows; r++) {
        const float *at[LINES_MOST], *yp = o->y + r * o->yr;
        UNROLL for (int l = 0; l < R; l++) at[l] = x + r * o->xr + l * xl;
        for (int p = 0; p < o->pixels; p++, yp += ys) {
            vec value = vec_load_part(yp, part);
            UNROLL for (int l = 0; l < R; l++)
            {
                UNROLL for (int c = 0; c < C; c++) sum[l * C + c] =
                    vec_fma(at[l][c], value, sum[l * C + c]);
                at[l] += xs;
                keep_apart(at[l]);
            }
        }
    }
    UNROLL for (int k = 0; k < R * C; k++) vec_store_part(w + k * ws, sum[k], part);
}

/* ---- The tiles, one function for each size ---- */

typedef void (*row_function)(const struct row *, const float *, float *);
typedef void (*outer_function)(const struct outer *, const float *, float *);

#define TILE(P, V, suffix, whole)                                                                  \
    static void row_##P##_##V##suffix(const struct row *r, const float *x, float *y)               \
    {                                                                                              \
        row_tile(r, x, y, P, V, whole);                                                            \
    }                                                                                              \
    static void outer_##P##_##V##suffix(const struct outer *o, const float *x, float *w)           \
    {                                                                                              \
        outer_tile(o, x, w, P, V, whole);                                                          \
    }
#define TILES_4(V, s, w) TILE(1, V, s, w) TILE(2, V, s, w) TILE(3, V, s, w) TILE(4, V, s, w)
#define TILES_6(V, s, w) TILES_4(V, s, w) TILE(5, V, s, w) TILE(6, V, s, w)
#define TILES_12(V, s, w)                                                                          \
    TILES_6(V, s, w)                                                                               \
    TILE(7, V, s, w)                                                                               \
    TILE(8, V, s, w) TILE(9, V, s, w) TILE(10, V, s, w) TILE(11, V, s, w) TILE(12, V, s, w)
#define TILES_14(V, s, w) TILES_12(V, s, w) TILE(13, V, s, w) TILE(14, V, s, w)
#define TILES_16(V, s, w) TILES_14(V, s, w) TILE(15, V, s, w) TILE(16, V, s, w)

#define NAMES_4(k, V, s) NULL, k##_1_##V##s, k##_2_##V##s, k##_3_##V##s, k##_4_##V##s
#define NAMES_6(k, V, s) NAMES_4(k, V, s), k##_5_##V##s, k##_6_##V##s
#define NAMES_12(k, V, s)                                                                          \
    NAMES_6(k, V, s), k##_7_##V##s, k##_8_##V##s, k##_9_##V##s, k##_10_##V##s, k##_11_##V##s,      \
        k##_12_##V##s
#define NAMES_14(k, V, s) NAMES_12(k, V, s), k##_13_##V##s, k##_14_##V##s
#define NAMES_16(k, V, s) NAMES_14(k, V, s), k##_15_##V##s, k##_16_##V##s

#define TABLES(TILES_1, NAMES_1, TILES_2, NAMES_2)                                                 \
    TILES_1(1, part, false)                                                                        \
    TILES_1(1, , true)                                                                             \
    TILES_2(2, , true) static const row_function rows_part[] = {NAMES_1(row, 1, part)};            \
    static const row_function rows_1[] = {NAMES_1(row, 1, )}, rows_2[] = {NAMES_2(row, 2, )};      \
    static const outer_function outers_part[] = {NAMES_1(outer, 1, part)};                         \
    static const outer_function outers_1[] = {NAMES_1(outer, 1, )};                                \
    static const outer_function outers_2[] = {NAMES_2(outer, 2, )};

#if defined(__AVX512F__) || defined(NATIVE_NEON)
TABLES(TILES_16, NAMES_16, TILES_14, NAMES_14)
#elif defined(__AVX2__) && defined(__FMA__)
TABLES(TILES_12, NAMES_12, TILES_6, NAMES_6)
#else
TABLES(TILES_4, NAMES_4, TILES_4, NAMES_4)
#endif

/* The size of the next tile, when left outputs are cut into the fewest tiles, evenly. */
static int next_tile(int left, int width)
{
    int most = width > LANES ? PIXELS_2 : PIXELS_1, tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

void NATIVE(row)(const struct row *row, int pixels)
{
    const row_function *tiles = row->width > LANES    ? rows_2
                                : row->width == LANES ? rows_1
                                                      : rows_part;
    const float *x = row->x;
    float *y = row->y;
    for (int n; pixels > 0; pixels -= n, x += n * row->xs, y += n * row->ys) {
        n = next_tile(pixels, row->width);
        tiles[n](row, x, y);
    }
}

void NATIVE(outer)(const struct outer *outer, int count)
{
    const outer_function *tiles = outer->width > LANES    ? outers_2
                                  : outer->width == LANES ? outers_1
                                                          : outers_part;
    const float *x = outer->x;
    float *w = outer->w;
    for (int n; count > 0; count -= n, x += n, w += n * outer->ws) {
        n = next_tile(count, outer->width);
        tiles[n](outer, x, w);
    }
}

typedef void (*lines_function)(const struct outer *, const float *, ptrdiff_t, float *);

#define LINES(R, C)                                                                                \
    static void lines_##R##_##C(const struct outer *o, const float *x, ptrdiff_t xl, float *w)     \
    {                                                                                              \
        lines_tile(o, x, xl, w, R, C);                                                             \
    }
#define LINES_8(R)                                                                                 \
    LINES(R, 1)                                                                                    \
    LINES(R, 2) LINES(R, 3) LINES(R, 4) LINES(R, 5) LINES(R, 6) LINES(R, 7) LINES(R, 8)
#define LINES_ALL LINES_8(1) LINES_8(2) LINES_8(3) LINES_8(4) LINES_8(5)
#define LINES_NAMES(R)                                                                             \
    {                                                                                              \
        NULL, lines_##R##_1, lines_##R##_2, lines_##R##_3, lines_##R##_4, lines_##R##_5,           \
            lines_##R##_6, lines_##R##_7, lines_##R##_8                                            \
    }
LINES_ALL

static const lines_function lines_tiles[LINES_MOST + 1][LINES_COLUMNS + 1] = {
    {NULL}, LINES_NAMES(1), LINES_NAMES(2), LINES_NAMES(3), LINES_NAMES(4), LINES_NAMES(5)};

void NATIVE(outer_lines)(const struct outer *outer, int count, int lines, ptrdiff_t xl)
{
    int most = SUMS_MOST / count < LINES_MOST ? SUMS_MOST / count : LINES_MOST;
    most = most > 1 ? most : 1;
    for (int l = 0, n; l < lines; l += n) {
        n = lines - l < most ? lines - l : most;
        lines_tiles[n][count](outer, outer->x + l * xl, xl,
                              outer->w + (ptrdiff_t)l * count * outer->ws);
    }
}
