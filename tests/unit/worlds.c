#include "worlds.h"

#include <stdlib.h>

#include "test.h"

void world_by(struct world *world, const char *transport, const char *ranks_per_node)
{
    setenv("CONVOY_TRANSPORT", transport, 1);
    setenv("CONVOY_RANKS_PER_NODE", ranks_per_node, 1);
    CU_ASSERT_EQUAL(world_init(world), ST_OK);
}

struct world world_alone(const struct world *world)
{
    struct world one = *world;
    one.comm = one.node = MPI_COMM_SELF;
    one.rank = one.node_rank = 0;
    one.size = one.node_size = one.nodes = 1;
    group_form(&one.group, MPI_COMM_SELF, MPI_COMM_SELF, true);
    return one;
}
