/* Gradients summed over the canonical tree across ranks, and the exchange of parameters.
 *
 * The gradient is cut into buckets and each bucket into a piece a rank (comm/buckets.h). A step:
 *   1. Each rank adds up its microbatches' gradients to the maximal tree nodes of its range, in
 *      memory that its group shares (comm/group.h, comm/window.h). With the last microbatch the
 *      buckets become final one by one; each is published to the group at once.
 *   2. Of a published bucket a rank adds up some pieces over the ranks of its group: the piece that
 *      it owns, and for every other group those that it handles, whose owners are there. This gives
 *      the maximal nodes of the group's range; those of the handled pieces are sent to the owners.
 *   3. The owner of a piece adds the nodes of all groups up to the tree's root, updates the piece
 *      with its part of the optimizer's state, and hands the new parameters to its group through
 *      shared memory and to a handler in each other group, who puts them where his group can read.
 * So a piece crosses from a group to another once, and the additions are the tree's in any case.
 *
 * A rank that fails during a step must go on to reducer_total, so that nobody waits for it, and the
 * sums of that step are rubbish. */
#ifndef CONVOY_COMM_REDUCE_H
#define CONVOY_COMM_REDUCE_H

#include "comm/buckets.h"
#include "comm/tree.h"
#include "comm/window.h"

struct reduce_plan {
    size_t n; /* floats in the gradient */
    const size_t *starts;
    size_t layers;      /* where the layers' gradients begin, see buckets_cut */
    size_t usual, last; /* microbatches that a step may have */
    struct cuts cuts;   /* the reducer keeps none of it but the list, which must live as long */
};

/* What a bucket has cost this rank: additions, and waits for others' gradients and parameters. */
struct bucket_cost {
    double hidden;  /* seconds between layers of the backward pass */
    double exposed; /* seconds after it, in which nothing else was done */
    double bytes;   /* of gradients and parameters that came from other ranks */
};

enum reduce_stage { REDUCE_OPEN, REDUCE_SENT, REDUCE_DONE };

/* Of one bucket. */
struct reduce_bucket {
    struct slice own; /* this rank's piece */
    size_t place;     /* where it begins among this rank's pieces, one after the other */
    enum reduce_stage stage;
    float *part[TREE_MAX_NODES]; /* the own piece of the group's nodes */
    float *total;                /* the sum of the own piece */
    MPI_Request *request;        /* messages under way */
    int requests;
};

struct reducer {
    const struct world *world;
    const struct group *group;
    struct group alone; /* where the world's group cannot share memory */
    size_t n, stride;   /* floats in the gradient, and from buffer to buffer */
    struct cuts cuts;   /* not owned */
    struct buckets buckets;
    struct reduce_bucket *bucket;
    struct window window;
    size_t microbatches;     /* of the sum under way */
    struct tree_range range; /* this rank's */
    struct counter counter;
    uint64_t base;             /* of the marks: what this sum's bucket b raises them to is */
    size_t published, settled; /* base + b + 1; buckets published by us, buckets all done */
    /* nodes: of the group's ranks, of the group, of all groups */
    struct tree_node *rank_node, *all_node;
    size_t rank_nodes, group_nodes, all_nodes;
    size_t own_nodes, nodes_before;  /* of this rank; of groups before this one */
    float **rank_value, **all_value; /* where the values of the nodes are */
    void **at;                       /* for additions */
    float *staging;                  /* nodes' pieces that come from other groups */
    size_t staging_nodes;            /* most that come for one piece */
    struct bucket_cost *cost;        /* of each bucket, since reducer_init */
};

/* Plans for what plan says. Collective. Errors: ST_IO for memory; more than 2^31 floats: ST_USAGE.
 * Where the group's memory cannot be shared, that is said, and ranks exchange messages. */
enum status reducer_init(struct reducer *reducer, const struct world *world,
                         const struct reduce_plan *plan);
void reducer_release(struct reducer *reducer);

/* How many floats the rank's pieces have. */
size_t reducer_own(const struct reducer *reducer);

/* Starts a sum over so many microbatches; range says which are this rank's. Each sum goes through
 * all of the following up to reducer_gather; one that is given up must have gone through
 * reducer_total, and is the last. Not collective. */
void reducer_begin(struct reducer *reducer, size_t microbatches);

/* Where the next microbatch's gradient goes (n floats); reducer_push adds it. Not collective. */
float *reducer_next(struct reducer *reducer);
void reducer_push(struct reducer *reducer);

/* During the rank's last microbatch, before its push: the gradient is final from offset on. What
 * can be reduced by now is. Does nothing in earlier microbatches. Not collective. */
void reducer_finished(struct reducer *reducer, size_t offset);

/* Completes the sums: bucket[b].total has the sum of the rank's piece of bucket b (may be
 * overwritten; valid until the next reducer_begin). Collective. */
void reducer_total(struct reducer *reducer);

/* The rank's piece of a bucket of buffer (n floats) is new: hands it to the others. Buckets come in
 * order, all of them; reducer_gather then takes the other ranks' pieces into buffer. reducer_share
 * does not wait. Collective. */
void reducer_share(struct reducer *reducer, size_t bucket, const float *buffer);
void reducer_gather(struct reducer *reducer, float *buffer);

/* Each of count words is 0 on all ranks but one at most: all get that one's. Collective. */
void reducer_unite(struct reducer *reducer, double *words, size_t count);

/* The pieces of all ranks (mine: one after the other) into full (n floats) on every rank.
 * Collective. */
void reducer_spread(const struct reducer *reducer, const float *mine, float *full);

/* The pieces of all ranks into full (n floats) on rank 0, and back. Collective. */
void reducer_collect(const struct reducer *reducer, const float *mine, float *full);
void reducer_hand_out(const struct reducer *reducer, const float *full, float *mine);

/* Of all buckets. Not collective. */
struct bucket_cost reducer_cost(const struct reducer *reducer);

#endif
