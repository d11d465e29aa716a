/* Groups: ranks with successive numbers that share memory.
 *
 * The microbatches of a group are one range, so that it can add up the range's maximal tree nodes
 * by itself, and only those travel to other groups. Usually a group is a machine; where the ranks
 * of a machine are not numbered one after the other, each run of them is a group of its own. */
#ifndef CONVOY_COMM_GROUP_H
#define CONVOY_COMM_GROUP_H

#include <mpi.h>
#include <stdbool.h>

/* Ranks [first, first + size) of the world. */
struct span {
    int first, size;
};

struct group {
    MPI_Comm comm; /* its ranks; MPI_COMM_NULL where none are to share memory */
    int rank, size;
    int index, count;  /* it is number index of count groups */
    struct span *span; /* of every group, ascending */
};

/* Forms the groups from comm, whose ranks share memory with those of node; shared false: each rank
 * is a group, with whatever the others want. Collective. */
void group_form(struct group *group, MPI_Comm comm, MPI_Comm node, bool shared);

/* As many groups as ranks, for want of shared memory. Not collective. */
void group_alone(struct group *group, int rank, int ranks);

/* Collective over the group. */
void group_release(struct group *group);

/* The rank of the world that takes part for a span in what belongs to rank owner: the owner itself
 * where it is one of the span, else one whose turn it is. */
int span_handler(struct span span, int owner);

#endif
