#include "comm/world.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/mem.h"
#include "comm/window.h"

enum { MESSAGE_SIZE = 1024 };

/* A variable of the environment that is one of some words; the first is the default. */
static enum status read_choice(const char *variable, const char *const *words, int *choice)
{
    const char *value = getenv(variable);
    *choice = 0;
    if (!value || !*value)
        return ST_OK;
    struct text known = {0};
    for (int i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *choice = i;
            text_release(&known);
            return ST_OK;
        }
        text_add(&known, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    status_fail(ST_USAGE, "%s: found '%s', expected %s", variable, value, known.data);
    text_release(&known);
    return ST_USAGE;
}

static enum status read_environment(struct world *world)
{
    static const char *const transports[] = {"auto", "shm", "mpi", NULL};
    static const char *const switches[] = {"1", "0", NULL};
    int transport = 0, off = 0;
    TRY(read_choice("CONVOY_TRANSPORT", transports, &transport));
    TRY(read_choice("CONVOY_OVERLAP", switches, &off));
    world->transport = (enum transport)transport;
    world->overlap = !off;
    return ST_OK;
}

/* The ranks of this machine, or of the part that the tests take for one. */
static void split_nodes(struct world *world)
{
    const char *each = getenv("CONVOY_RANKS_PER_NODE");
    int ranks = each ? atoi(each) : 0;
    MPI_Comm_split_type(world->comm, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL,
                        &world->node);
    if (ranks > 0) {
        MPI_Comm machine = world->node;
        MPI_Comm_split(machine, world->rank / ranks, world->rank, &world->node);
        MPI_Comm_free(&machine);
    }
    MPI_Comm_set_errhandler(world->node, MPI_ERRORS_RETURN);
    MPI_Comm_rank(world->node, &world->node_rank);
    MPI_Comm_size(world->node, &world->node_size);
    int leader = world->node_rank == 0;
    MPI_Allreduce(&leader, &world->nodes, 1, MPI_INT, MPI_SUM, world->comm);
}

enum status world_init(struct world *world)
{
    int running = 0;
    *world = (struct world){0};
    MPI_Initialized(&running);
    if (!running) {
        FAIL_IF(MPI_Init(NULL, NULL) != MPI_SUCCESS, ST_IO, "%s", "MPI does not start");
        world->started = true;
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &world->comm);
    MPI_Comm_rank(world->comm, &world->rank);
    MPI_Comm_size(world->comm, &world->size);
    log_set_rank(world->rank);
    split_nodes(world);
    enum status status = world_agree(world, read_environment(world));
    group_form(&world->group, world->comm, world->node, world->transport != TRANSPORT_MPI);
    return status;
}

void world_finish(struct world *world)
{
    if (world->size == 0)
        return;
    group_release(&world->group);
    MPI_Comm_free(&world->node);
    MPI_Comm_free(&world->comm);
    if (world->started)
        MPI_Finalize();
    *world = (struct world){0};
}

static enum status agree(MPI_Comm comm, int rank, int size, enum status mine)
{
    /* the lowest failing rank, and its message to all */
    int failing = mine == ST_OK ? INT_MAX : rank, lowest = INT_MAX;
    MPI_Allreduce(&failing, &lowest, 1, MPI_INT, MPI_MIN, comm);
    if (lowest == INT_MAX)
        return ST_OK;
    char message[MESSAGE_SIZE] = "";
    int code = (int)mine;
    if (rank == lowest)
        snprintf(message, sizeof message, "%s", status_message());
    MPI_Bcast(&code, 1, MPI_INT, lowest, comm);
    MPI_Bcast(message, MESSAGE_SIZE, MPI_CHAR, lowest, comm);
    if (size > 1 && strncmp(message, "rank ", 5) != 0)
        return status_fail((enum status)code, "rank %d: %s", lowest, message);
    return status_fail((enum status)code, "%s", message);
}

enum status world_agree(const struct world *world, enum status mine)
{
    return agree(world->comm, world->rank, world->size, mine);
}

enum status world_same(const struct world *world, const void *bytes, size_t size, const char *what)
{
    uint64_t mine = XXH3_64bits(bytes, size), first = mine;
    world_broadcast(world, &first, sizeof first);
    enum status status = ST_OK;
    if (mine != first)
        status = status_fail(ST_USAGE, "%s differs from rank 0's", what);
    return world_agree(world, status);
}

void world_broadcast(const struct world *world, void *bytes, size_t size)
{
    enum { PIECE = 1 << 30 };
    for (size_t done = 0; done < size; done += PIECE) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        MPI_Bcast((char *)bytes + done, (int)piece, MPI_BYTE, 0, world->comm);
    }
}

/* ---- the seam to data/: memory that the ranks of a node share ---- */

static enum status share_tell(struct share *share, void *bytes, size_t size)
{
    struct world *world = share->context;
    MPI_Bcast(bytes, (int)size, MPI_BYTE, 0, world->node);
    return ST_OK;
}

/* The window is found again by its base address when the memory is dropped. */
struct shared_block {
    MPI_Win window;
    void *base;
    struct shared_block *next;
};
static struct shared_block *blocks;

static enum status share_get(struct share *share, size_t size, void **memory)
{
    struct world *world = share->context;
    MPI_Aint mine = share->leader ? (MPI_Aint)size : 0;
    void *own = NULL;
    if (world->node_size > 1)
        TRY(window_room(world->node, (size_t)mine, "a data set"));
    struct shared_block *block = mem_need(1, sizeof *block);
    int failed = MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, world->node, &own, &block->window);
    FAIL_IF(failed != MPI_SUCCESS, ST_IO, "no shared memory for a data set of %zu bytes", size);
    MPI_Aint length = 0;
    int unit = 0;
    MPI_Win_shared_query(block->window, 0, &length, &unit, &block->base);
    block->next = blocks;
    blocks = block;
    *memory = block->base;
    return ST_OK;
}

static void share_drop(struct share *share, void *memory)
{
    (void)share;
    for (struct shared_block **at = &blocks; *at; at = &(*at)->next) {
        struct shared_block *block = *at;
        if (block->base != memory)
            continue;
        *at = block->next;
        MPI_Win_free(&block->window);
        free(block);
        return;
    }
}

static enum status share_agree(struct share *share, enum status mine)
{
    struct world *world = share->context;
    /* named by world rank, so that the message is the same wherever it is agreed on */
    if (mine != ST_OK && world->size > 1 && strncmp(status_message(), "rank ", 5) != 0)
        status_prefix("rank %d: ", world->rank);
    return agree(world->node, world->node_rank, 1, mine);
}

void world_share(struct world *world, struct share *share)
{
    *share = (struct share){.leader = world->node_rank == 0,
                            .tell = share_tell,
                            .get = share_get,
                            .drop = share_drop,
                            .agree = share_agree,
                            .context = world,
                            .rank = world->node_rank,
                            .ranks = world->node_size};
}
