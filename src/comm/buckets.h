/* How gradients are cut: into buckets, which are reduced one by one as the backward pass finishes
 * them, and each bucket into one piece a rank, which that rank sums and updates. */
#ifndef CONVOY_COMM_BUCKETS_H
#define CONVOY_COMM_BUCKETS_H

#include <stddef.h>

/* A run of floats of a larger buffer. */
struct slice {
    size_t first, size;
};

struct buckets {
    size_t count;         /* at least 1 */
    struct slice *bucket; /* in the order of the backward pass: the last floats first */
};

/* Cuts n floats. Layers begin at starts, ascending from 0: a bucket is of whole layers, as few as
 * make a MiB. */
void buckets_cut(struct buckets *buckets, size_t n, const size_t *starts, size_t layers);
void buckets_release(struct buckets *buckets);

/* Where a buffer may be cut into pieces. */
struct cuts {
    const size_t *at; /* ascending from 0, the start of each bucket among them; NULL: at any line */
    size_t count;
};

/* The piece of a rank: equal numbers of cache lines, as far as they go; or up to the first cut from
 * there on. */
struct slice bucket_piece(struct slice bucket, const struct cuts *cuts, int rank, int ranks);

#endif
