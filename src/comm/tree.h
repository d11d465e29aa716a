/* The canonical tree: one fixed binary tree of additions over the microbatches of a step, evaluated
 * by any number of ranks to the same bits.
 *
 * Node (level k, index i) covers microbatches [i 2^k, (i+1) 2^k) cut at M; its value is left +
 * right, or left alone where right is empty. A rank owns a contiguous range of microbatches. It
 * adds up the maximal nodes inside its range with a binary counter (struct counter), in the order
 * in which the microbatches come; the nodes above are added by whoever finishes the tree
 * (tree_fold). */
#ifndef CONVOY_COMM_TREE_H
#define CONVOY_COMM_TREE_H

#include <stdbool.h>
#include <stddef.h>

enum { TREE_MAX_NODES = 64 }; /* maximal nodes in a range: at most 2 log2(M) */

struct tree_node {
    int level;
    size_t index;
};

/* Rank r of P owns microbatches [first, end): r*M/P up to (r+1)*M/P. */
struct tree_range {
    size_t first, end;
};
struct tree_range tree_range(size_t microbatches, int rank, int ranks);

/* The maximal nodes inside a range, ascending; returns how many. */
size_t tree_nodes(struct tree_range range, struct tree_node nodes[TREE_MAX_NODES]);

/* Adds nodes as they come. values[d] is the buffer of the d-th node on the stack; the caller puts
 * leaf number m into values[depth] and calls counter_push, which adds siblings together. In the
 * end the stack holds the nodes of tree_nodes. kind-independent: add(left, right, n) does left +=
 * right. */
typedef void (*tree_add)(void *left, const void *right, size_t n);
void tree_add_float(void *left, const void *right, size_t n);
void tree_add_double(void *left, const void *right, size_t n);

struct counter {
    size_t depth;
    struct tree_node node[TREE_MAX_NODES];
};
void counter_push(struct counter *counter, size_t leaf, void *const *values, size_t n,
                  tree_add add);

/* The same without the values: returns how many additions there are to do. With depth the depth
 * before, the first adds buffer depth to buffer depth - 1, the next that one to depth - 2, ... */
size_t counter_count(struct counter *counter, size_t leaf);

/* The leaf that comes next in the range. */
size_t counter_next(const struct counter *counter, struct tree_range range);

/* Most buffers that a range's counter needs at once. */
size_t tree_depth(struct tree_range range);

/* Ascending nodes of a tree. */
struct tree_list {
    const struct tree_node *node;
    size_t count;
};

/* Adds nodes up to larger ones that together cover the same leaves: values[j] holds node j of from;
 * they are overwritten, and values[j] then is the buffer that holds node j of to. */
void tree_merge(size_t microbatches, struct tree_list from, struct tree_list to, void **values,
                size_t n, tree_add add);

/* The node that covers all leaves. */
struct tree_node tree_root(size_t microbatches);

/* Finishes the tree: values[j] holds node j of count nodes (ascending, covering 0..microbatches-1
 * once); they are overwritten; returns the buffer that holds the root. */
void *tree_fold(size_t microbatches, const struct tree_node *nodes, void *const *values,
                size_t count, size_t n, tree_add add);

#endif
