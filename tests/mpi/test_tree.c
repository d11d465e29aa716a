/* The canonical tree against its definition, computed naively, in exact bits: as all P ranks of a
 * run would do it, simulated in one process. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/tree.h"
#include "leaves.h"
#include "test.h"

enum { MOST_MICROBATCHES = 70, MOST_RANKS = 9, N = 3 };

static void test_ranges(void)
{
    for (size_t m = 1; m <= MOST_MICROBATCHES; m++)
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
            size_t at = 0, smallest = m, largest = 0;
            for (int r = 0; r < ranks; r++) {
                struct tree_range range = tree_range(m, r, ranks);
                CU_ASSERT_EQUAL(range.first, at);
                CU_ASSERT(range.end >= range.first);
                size_t size = range.end - range.first;
                smallest = size < smallest ? size : smallest;
                largest = size > largest ? size : largest;
                at = range.end;
            }
            CU_ASSERT_EQUAL(at, m);
            CU_ASSERT(largest - smallest <= 1);
        }
}

static size_t node_first(struct tree_node node)
{
    return node.index << node.level;
}

static size_t node_end(struct tree_node node)
{
    return (node.index + 1) << node.level;
}

/* Inside the range, ascending, without a gap, and none could be larger: the parent of a node
 * reaches out of the range. */
static void check_nodes(struct tree_range range)
{
    struct tree_node nodes[TREE_MAX_NODES];
    size_t count = tree_nodes(range, nodes), at = range.first;
    for (size_t j = 0; j < count; j++) {
        struct tree_node parent = {nodes[j].level + 1, nodes[j].index / 2};
        CU_ASSERT_EQUAL(node_first(nodes[j]), at);
        CU_ASSERT(node_first(parent) < range.first || node_end(parent) > range.end);
        at = node_end(nodes[j]);
    }
    CU_ASSERT_EQUAL(at, range.end);
}

static void test_nodes(void)
{
    for (size_t first = 0; first <= MOST_MICROBATCHES; first++)
        for (size_t end = first; end <= MOST_MICROBATCHES; end++)
            check_nodes((struct tree_range){first, end});
    check_nodes((struct tree_range){1, (size_t)1 << 31});
    check_nodes((struct tree_range){((size_t)1 << 31) - 1, ((size_t)1 << 32) + 12345});
}

/* What a rank's counter leaves, with buffers from store on; returns how many. */
static size_t count_range(struct tree_range range, void **values, size_t size, tree_add add,
                          struct counter *counter)
{
    struct tree_node nodes[TREE_MAX_NODES];
    size_t depth = 0;
    *counter = (struct counter){0};
    for (size_t leaf = range.first; leaf < range.end; leaf++) {
        CU_ASSERT_EQUAL(counter_next(counter, range), leaf);
        for (size_t i = 0; i < N; i++)
            if (size == sizeof(float))
                ((float *)values[counter->depth])[i] = (float)leaf_element(leaf, i);
            else
                ((double *)values[counter->depth])[i] = leaf_element(leaf, i);
        depth = counter->depth + 1 > depth ? counter->depth + 1 : depth;
        counter_push(counter, leaf, values, N, add);
    }
    CU_ASSERT_EQUAL(depth, tree_depth(range));
    size_t count = tree_nodes(range, nodes);
    CU_ASSERT_EQUAL(count, counter->depth);
    for (size_t j = 0; j < count && j < counter->depth; j++) {
        CU_ASSERT_EQUAL(nodes[j].level, counter->node[j].level);
        CU_ASSERT_EQUAL(nodes[j].index, counter->node[j].index);
    }
    return counter->depth;
}

/* All ranks' nodes, then the fold of them; the root's N numbers are left in root. */
static void simulate(size_t microbatches, int ranks, size_t size, tree_add add, void *root)
{
    size_t most = (size_t)ranks * TREE_MAX_NODES, total = 0;
    struct tree_node *nodes = mem_need(most, sizeof *nodes);
    void **values = mem_need(most + TREE_MAX_NODES, sizeof *values);
    char *store = mem_need((most + TREE_MAX_NODES) * N, size);
    struct counter counter;
    for (int r = 0; r < ranks; r++) {
        for (size_t j = 0; j < TREE_MAX_NODES; j++)
            values[total + j] = store + (total + j) * N * size;
        size_t count =
            count_range(tree_range(microbatches, r, ranks), values + total, size, add, &counter);
        memcpy(nodes + total, counter.node, count * sizeof *nodes);
        total += count;
    }
    memcpy(root, tree_fold(microbatches, nodes, values, total, N, add), N * size);
    free(store);
    free(values);
    free(nodes);
}

static void test_fold_float(void)
{
    for (size_t m = 1; m <= MOST_MICROBATCHES; m++) {
        float wanted[N], root[N];
        for (size_t i = 0; i < N; i++)
            wanted[i] = leaves_sum_float(m, i);
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
            simulate(m, ranks, sizeof(float), tree_add_float, root);
            CU_ASSERT(memcmp(root, wanted, sizeof root) == 0);
        }
    }
}

static void test_fold_double(void)
{
    for (size_t m = 1; m <= MOST_MICROBATCHES; m++) {
        double wanted[N], root[N];
        for (size_t i = 0; i < N; i++)
            wanted[i] = leaves_sum_double(m, i);
        for (int ranks = 1; ranks <= MOST_RANKS; ranks++) {
            simulate(m, ranks, sizeof(double), tree_add_double, root);
            CU_ASSERT(memcmp(root, wanted, sizeof root) == 0);
        }
    }
}

/* These numbers do tell orders apart: one after the other gives other bits. */
static void test_order_matters(void)
{
    size_t differing = 0;
    for (size_t m = 3; m <= MOST_MICROBATCHES; m++) {
        float serial = (float)leaf_element(0, 0);
        for (size_t leaf = 1; leaf < m; leaf++)
            serial += (float)leaf_element(leaf, 0);
        differing += serial != leaves_sum_float(m, 0);
    }
    CU_ASSERT(differing > MOST_MICROBATCHES / 2);
}

const struct test tests_tree[] = {{"ranges", test_ranges},
                                  {"nodes", test_nodes},
                                  {"fold in float", test_fold_float},
                                  {"fold in double", test_fold_double},
                                  {"the order matters", test_order_matters},
                                  {0}};
TEST_MAIN(tests_tree)
