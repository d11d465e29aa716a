/* A parsed YAML or JSON value, read-only: for readers of JSON that has no schema table, such as the
 * model inside a Keras file. Nodes belong to their document. Aliases are resolved. */
#ifndef CONVOY_CONFIG_NODE_H
#define CONVOY_CONFIG_NODE_H

#include "config/schema.h"

/* What a value is. A quoted number is text; so is a fraction, which only FIELD_FLOAT knows. */
enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node;

/* The value of the whole document; null for an empty one. */
const struct node *document_root(const struct document *document);

/* NODE_NULL for a NULL node, so that node_kind(node_get(map, key)) needs no check. */
enum node_kind node_kind(const struct node *node);

/* Null, or absent (a NULL node). */
bool node_is_null(const struct node *node);

struct position node_position(const struct node *node);

/* Items of a list or keys of a map; 0 for anything else and NULL. */
size_t node_count(const struct node *node);

/* Item i of a list, value i of a map, in file order; NULL if there is none. */
const struct node *node_at(const struct node *node, size_t i);

/* Key i of a map, in file order; NULL if there is none. */
const char *node_key(const struct node *node, size_t i);

/* The value of a key; NULL if absent or if node is not a map. By bisection. */
const struct node *node_get(const struct node *node, const char *key);

/* A scalar as it was written, without quotes; NULL for lists, maps and NULL. */
const char *node_text(const struct node *node);

/* Whether the value is of that type, and then stores it. A whole number is a number too; a whole
 * number that does not fit 64 bits is only a number. */
bool node_bool(const struct node *node, bool *out);
bool node_integer(const struct node *node, int64_t *out);
bool node_number(const struct node *node, double *out);

/* What was found, for a message: a list, a map, null, 3, "many". In a ring of 8 buffers of this
 * thread. */
const char *node_shown(const struct node *node);

#endif
