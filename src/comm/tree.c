#include "comm/tree.h"

#include "base/status.h"
#include "base/vectorized.h"

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

size_t counter_count(struct counter *counter, size_t leaf)
{
    struct tree_node *node = counter->node;
    size_t additions = 0;
    node[counter->depth++] = (struct tree_node){0, leaf};
    while (counter->depth >= 2) {
        struct tree_node *left = &node[counter->depth - 2], *right = left + 1;
        if (left->level != right->level || left->index % 2 || left->index + 1 != right->index)
            break;
        *left = (struct tree_node){left->level + 1, left->index / 2};
        counter->depth--;
        additions++;
    }
    return additions;
}

void counter_push(struct counter *counter, size_t leaf, void *const *values, size_t n, tree_add add)
{
    size_t top = counter->depth, additions = counter_count(counter, leaf);
    for (size_t i = 0; i < additions; i++)
        add(values[top - i - 1], values[top - i], n);
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
    for (size_t leaf = range.first; leaf < range.end; leaf++) {
        if (counter.depth + 1 > deepest)
            deepest = counter.depth + 1;
        counter_count(&counter, leaf);
    }
    return deepest;
}

/* What tree_merge carries down the recursion. */
struct merge {
    size_t microbatches, n;
    struct tree_list from;
    void *const *values;
    size_t next; /* the nodes are met in ascending order */
    tree_add add;
};

static void *merge_node(struct merge *merge, int level, size_t index)
{
    if (index << level >= merge->microbatches)
        return NULL;
    MUST(merge->next < merge->from.count, "node %zu of %zu", merge->next, merge->from.count);
    const struct tree_node *node = &merge->from.node[merge->next];
    if (node->level == level && node->index == index)
        return merge->values[merge->next++];
    MUST(level > 0, "microbatch %zu is missing", index);
    void *left = merge_node(merge, level - 1, 2 * index);
    void *right = merge_node(merge, level - 1, 2 * index + 1);
    if (right)
        merge->add(left, right, merge->n);
    return left;
}

void tree_merge(size_t microbatches, struct tree_list from, struct tree_list to, void **values,
                size_t n, tree_add add)
{
    struct merge merge = {microbatches, n, from, values, 0, add};
    for (size_t j = 0; j < to.count; j++) /* what was read lies before what is written */
        values[j] = merge_node(&merge, to.node[j].level, to.node[j].index);
}

struct tree_node tree_root(size_t microbatches)
{
    int level = 0;
    while ((size_t)1 << level < microbatches)
        level++;
    return (struct tree_node){level, 0};
}

void *tree_fold(size_t microbatches, const struct tree_node *nodes, void *const *values,
                size_t count, size_t n, tree_add add)
{
    struct merge merge = {microbatches, n, {nodes, count}, values, 0, add};
    struct tree_node root = tree_root(microbatches);
    return merge_node(&merge, root.level, root.index);
}
