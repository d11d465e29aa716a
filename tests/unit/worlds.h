/* For tests over MPI: worlds of the ranks there are, and of one. */
#ifndef CONVOY_TEST_WORLDS_H
#define CONVOY_TEST_WORLDS_H

#include "comm/world.h"

/* Starts a world with that transport ("auto", "shm", "mpi"), each so many ranks of it taken for a
 * machine ("0": as they are). Collective, and so is world_finish. */
void world_by(struct world *world, const char *transport, const char *ranks_per_node);

/* A world of this rank alone; its group is to be released. */
struct world world_alone(const struct world *world);

#endif
