#include "comm/tree.h"

#include "base/vectorized.h"

#include "base/status.h"

struct tree_range tree_range(size_t microbatches, int rank, int ranks)
{
    size_t r = (size_t)rank, p = (size_t)ranks;
    return (struct tree_range){r * microbatches / p, (r + 1) * microbatches / p};
}

size_t tree_nodes(struct tree_range range, struct tree_node nodes[TREE_MAX_NODES])
{
    size_t count = 0;
    for (size_t at = range.first; at < range.end; count++) {
        int level = 0;
        while (at % ((size_t)2 << level) == 0 && at + ((size_t)2 << level) <= range.end)
            level++;
        MUST(count < TREE_MAX_NODES, "%zu nodes", count);
        nodes[count] = (struct tree_node){level, at >> level};
        at += (size_t)1 << level;
    }
    return count;
}

VECTORIZED void tree_add_float(void *left, const void *right, size_t n)
{
    float *to = left;
    const float *from = right;
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

void tree_add_double(void *left, const void *right, size_t n)
{
    double *to = left;
    const double *from = right;
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

void counter_push(struct counter *counter, size_t leaf, void *const *values, size_t n, tree_add add)
{
    struct tree_node *node = counter->node;
    node[counter->depth++] = (struct tree_node){0, leaf};
    while (counter->depth >= 2) {
        struct tree_node *left = &node[counter->depth - 2], *right = left + 1;
        if (left->level != right->level || left->index % 2 || left->index + 1 != right->index)
            return;
        add(values[counter->depth - 2], values[counter->depth - 1], n);
        *left = (struct tree_node){left->level + 1, left->index / 2};
        counter->depth--;
    }
}

size_t counter_next(const struct counter *counter, struct tree_range range)
{
    if (counter->depth == 0)
        return range.first;
    const struct tree_node *top = &counter->node[counter->depth - 1];
    return (top->index + 1) << top->level;
}

size_t tree_depth(struct tree_range range)
{
    struct counter counter = {0};
    size_t deepest = 0;
    void *none[TREE_MAX_NODES] = {0};
    for (size_t leaf = range.first; leaf < range.end; leaf++) {
        if (counter.depth + 1 > deepest)
            deepest = counter.depth + 1;
        counter_push(&counter, leaf, none, 0, tree_add_float);
    }
    return deepest;
}

/* What tree_fold carries down the recursion. */
struct fold {
    size_t microbatches, count, n;
    const struct tree_node *nodes;
    void *const *values;
    size_t next; /* the nodes are met in ascending order */
    tree_add add;
};

static void *fold_node(struct fold *fold, int level, size_t index)
{
    if (index << level >= fold->microbatches)
        return NULL;
    MUST(fold->next < fold->count, "node %zu of %zu", fold->next, fold->count);
    const struct tree_node *node = &fold->nodes[fold->next];
    if (node->level == level && node->index == index)
        return fold->values[fold->next++];
    MUST(level > 0, "microbatch %zu is missing", index);
    void *left = fold_node(fold, level - 1, 2 * index);
    void *right = fold_node(fold, level - 1, 2 * index + 1);
    if (right)
        fold->add(left, right, fold->n);
    return left;
}

void *tree_fold(size_t microbatches, const struct tree_node *nodes, void *const *values,
                size_t count, size_t n, tree_add add)
{
    int level = 0;
    while ((size_t)1 << level < microbatches)
        level++;
    struct fold fold = {microbatches, count, n, nodes, values, 0, add};
    return fold_node(&fold, level, 0);
}
