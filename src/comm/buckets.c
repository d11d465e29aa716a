#include "comm/buckets.h"

#include <stdlib.h>

#include "base/mem.h"

enum { BUCKET = 1 << 18, LINE = MEM_ALIGN / sizeof(float) };

void buckets_cut(struct buckets *buckets, size_t n, const size_t *starts, size_t layers)
{
    size_t end = n;
    *buckets = (struct buckets){.bucket = mem_need(layers + 1, sizeof *buckets->bucket)};
    for (size_t layer = layers; layer-- > 1;) {
        if (end - starts[layer] < BUCKET)
            continue;
        buckets->bucket[buckets->count++] = (struct slice){starts[layer], end - starts[layer]};
        end = starts[layer];
    }
    if (end > 0 || buckets->count == 0)
        buckets->bucket[buckets->count++] = (struct slice){0, end};
}

void buckets_release(struct buckets *buckets)
{
    free(buckets->bucket);
    *buckets = (struct buckets){0};
}

/* The first cut from offset on, or end. */
static size_t cut_from(const struct cuts *cuts, size_t offset, size_t end)
{
    size_t low = 0, high = cuts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cuts->at[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cuts->count && cuts->at[low] < end ? cuts->at[low] : end;
}

/* Where the pieces of the ranks before this one end. */
static size_t border(struct slice bucket, const struct cuts *cuts, size_t rank, size_t ranks)
{
    size_t lines = (bucket.size + LINE - 1) / LINE, first = rank * lines / ranks * LINE;
    size_t end = bucket.first + bucket.size;
    first = bucket.first + (first < bucket.size ? first : bucket.size);
    return cuts->at ? cut_from(cuts, first, end) : first;
}

struct slice bucket_piece(struct slice bucket, const struct cuts *cuts, int rank, int ranks)
{
    size_t first = border(bucket, cuts, (size_t)rank, (size_t)ranks);
    return (struct slice){first, border(bucket, cuts, (size_t)rank + 1, (size_t)ranks) - first};
}
