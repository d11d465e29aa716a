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

struct slice bucket_piece(struct slice bucket, int rank, int ranks)
{
    size_t lines = (bucket.size + LINE - 1) / LINE, r = (size_t)rank, p = (size_t)ranks;
    size_t first = r * lines / p * LINE, end = (r + 1) * lines / p * LINE;
    first = first < bucket.size ? first : bucket.size;
    end = end < bucket.size ? end : bucket.size;
    return (struct slice){bucket.first + first, end - first};
}
