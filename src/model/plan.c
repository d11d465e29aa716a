#include "model/plan.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static int larger_first(const void *a, const void *b)
{
    const struct buffer *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    if (x->first != y->first)
        return x->first - y->first;
    return x->last - y->last;
}

static bool meet(const struct buffer *a, const struct buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which buffer i fits among those already placed. */
static size_t lowest(const struct buffer *buffers, size_t i)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t j = 0; j < i; j++) {
            size_t start = *buffers[j].offset, end = start + buffers[j].size;
            if (meet(&buffers[i], &buffers[j]) && offset < end &&
                start < offset + buffers[i].size) {
                offset = end;
                moved = true;
            }
        }
    }
    return offset;
}

size_t plan_buffers(struct buffer *buffers, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        buffers[i].size = mem_round(buffers[i].size, 16);
    qsort(buffers, n, sizeof *buffers, larger_first);
    for (size_t i = 0; i < n; i++) {
        *buffers[i].offset = lowest(buffers, i);
        size_t end = *buffers[i].offset + buffers[i].size;
        total = end > total ? end : total;
    }
    return total;
}
