/* The tree behind node.h; only for the files of this folder. */
#ifndef CONVOY_CONFIG_TREE_H
#define CONVOY_CONFIG_TREE_H

#include "config/node.h"

/* Of a tree with its aliases expanded: what a reader would visit. */
enum { TREE_MAX_NODES = 1000000, TREE_MAX_DEPTH = 64, TREE_MAX_ANCHORS = 1000 };

struct entry {
    struct node *key, *value; /* the key is a scalar */
};

struct node {
    enum node_kind kind;
    bool plain; /* a scalar without quotes */
    struct position position;
    const char *text; /* scalars */
    size_t n;         /* items or entries */
    struct node **items;
    struct entry *entries;       /* in file order */
    const struct entry **sorted; /* by key, equal keys in file order */
    size_t weight;               /* nodes in this tree, itself included */
    int depth;                   /* 1 for a scalar */
};

struct document {
    struct pool pool;
    struct node *root;
};

/* Text is copied into the pool, as are items and entries. */
struct node *node_scalar(struct pool *pool, struct position position, const char *text,
                         size_t length, bool plain);
struct node *node_list(struct pool *pool, struct position position, struct node *const *items,
                       size_t n);
struct node *node_map(struct pool *pool, struct position position, const struct entry *entries,
                      size_t n);

/* The entry of a key, or NULL. */
const struct entry *node_entry(const struct node *map, const char *key);

/* Parses text into the pool. Where origin.line is 0 every position is the origin. Errors: ST_USAGE
 * with position. */
enum status tree_parse(struct pool *pool, struct position origin, const char *text, size_t length,
                       struct node **root);

/* Is the tree within the limits? at: its position in the message. */
enum status tree_check(const struct node *node);

/* Text for a message, without quotes: at most about 60 characters, none of them a control
 * character. In a ring of 8 buffers of this thread. */
const char *text_shown(const char *text);

#endif
