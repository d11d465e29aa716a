#include "comm/group.h"

#include <stdlib.h>

#include "base/mem.h"

/* For each rank a number that the ranks of its memory have in common. */
static int *find_homes(MPI_Comm comm, MPI_Comm node, bool shared)
{
    int rank = 0, size = 0;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    int home = rank, *homes = mem_need((size_t)size, sizeof *homes);
    MPI_Bcast(&home, 1, MPI_INT, 0, node);
    home = shared ? home : -1 - rank;
    MPI_Allgather(&home, 1, MPI_INT, homes, 1, MPI_INT, comm);
    return homes;
}

void group_form(struct group *group, MPI_Comm comm, MPI_Comm node, bool shared)
{
    int rank = 0, size = 0, *homes = find_homes(comm, node, shared);
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    *group = (struct group){.comm = MPI_COMM_NULL};
    group->span = mem_need((size_t)size, sizeof *group->span);
    for (int r = 0; r < size; r++) {
        if (r == 0 || homes[r] != homes[r - 1])
            group->span[group->count++].first = r;
        group->span[group->count - 1].size++;
        if (r == rank)
            group->index = group->count - 1;
    }
    struct span own = group->span[group->index];
    group->rank = rank - own.first;
    group->size = own.size;
    MPI_Comm_split(comm, own.first, rank, &group->comm);
    MPI_Comm_set_errhandler(group->comm, MPI_ERRORS_RETURN);
    free(homes);
}

void group_alone(struct group *group, int rank, int ranks)
{
    *group =
        (struct group){.comm = MPI_COMM_NULL, .rank = 0, .size = 1, .index = rank, .count = ranks};
    group->span = mem_need((size_t)ranks, sizeof *group->span);
    for (int r = 0; r < ranks; r++)
        group->span[r] = (struct span){r, 1};
}

void group_release(struct group *group)
{
    if (group->span && group->comm != MPI_COMM_NULL)
        MPI_Comm_free(&group->comm);
    free(group->span);
    *group = (struct group){.comm = MPI_COMM_NULL};
}

int span_handler(struct span span, int owner)
{
    int within = owner - span.first;
    return within >= 0 && within < span.size ? owner : span.first + owner % span.size;
}
