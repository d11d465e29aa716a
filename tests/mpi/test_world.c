/* How ranks agree, compare, and share memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "comm/world.h"
#include "test.h"

static struct world open_world(void)
{
    struct world world;
    CU_ASSERT_EQUAL(world_init(&world), ST_OK);
    return world;
}

static void test_init(void)
{
    struct world world = open_world();
    int size = 0, rank = -1;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    CU_ASSERT_EQUAL(world.size, size);
    CU_ASSERT_EQUAL(world.rank, rank);
    CU_ASSERT(world.comm != MPI_COMM_WORLD);
    CU_ASSERT(world.node_size >= 1 && world.node_size <= size);
    CU_ASSERT(world.nodes >= 1 && world.nodes * world.node_size >= size);
    CU_ASSERT(!world.started);
    world_finish(&world);
}

static void test_environment(void)
{
    struct world world;
    setenv("CONVOY_TRANSPORT", "tcp", 1);
    CU_ASSERT_EQUAL(world_init(&world), ST_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "CONVOY_TRANSPORT: found 'tcp', expected auto, "
                                                    "shm or mpi"));
    world_finish(&world);
    setenv("CONVOY_TRANSPORT", "mpi", 1);
    setenv("CONVOY_OVERLAP", "yes", 1);
    CU_ASSERT_EQUAL(world_init(&world), ST_USAGE);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(status_message(), "CONVOY_OVERLAP: found 'yes', expected 1 or 0"));
    world_finish(&world);
    setenv("CONVOY_OVERLAP", "0", 1);
    world = open_world();
    CU_ASSERT_EQUAL(world.transport, TRANSPORT_MPI);
    CU_ASSERT_FALSE(world.overlap);
    CU_ASSERT_EQUAL(world.group.count, world.size);
    world_finish(&world);
    unsetenv("CONVOY_TRANSPORT");
    unsetenv("CONVOY_OVERLAP");
    setenv("CONVOY_RANKS_PER_NODE", "2", 1);
    world = open_world();
    CU_ASSERT_EQUAL(world.transport, TRANSPORT_AUTO);
    CU_ASSERT(world.overlap);
    CU_ASSERT_EQUAL(world.nodes, (world.size + 1) / 2);
    CU_ASSERT_EQUAL(world.group.count, world.nodes);
    CU_ASSERT_EQUAL(world.group.index, world.rank / 2);
    CU_ASSERT_EQUAL(world.group.rank, world.rank % 2);
    world_finish(&world);
    unsetenv("CONVOY_RANKS_PER_NODE");
}

/* Whoever stands for a rank in another group is one of that group, and in its own itself. */
static void test_handlers(void)
{
    struct span span = {4, 3};
    for (int owner = 0; owner < 20; owner++) {
        int handler = span_handler(span, owner);
        CU_ASSERT(handler >= 4 && handler < 7);
        CU_ASSERT(owner < 4 || owner >= 7 || handler == owner);
    }
}

/* With the set bits of failing as the ranks that fail, does everybody learn of the lowest one? */
static void check_agree(const struct world *world, unsigned failing)
{
    static const enum status codes[] = {ST_IO, ST_DATA, ST_MODEL, ST_USAGE};
    enum status mine = ST_OK;
    int lowest = 0;
    char wanted[64];
    status_fail(ST_USAGE, "an earlier message");
    if (failing >> world->rank & 1)
        mine = status_fail(codes[world->rank % 4], "trouble number %d", world->rank * 7);
    while (!(failing >> lowest & 1) && lowest < world->size)
        lowest++;
    enum status all = world_agree(world, mine);
    if (lowest == world->size) {
        CU_ASSERT_EQUAL(all, ST_OK);
        return;
    }
    if (world->size > 1)
        snprintf(wanted, sizeof wanted, "rank %d: trouble number %d", lowest, lowest * 7);
    else
        snprintf(wanted, sizeof wanted, "trouble number 0");
    CU_ASSERT_EQUAL(all, codes[lowest % 4]);
    CU_ASSERT_STRING_EQUAL(status_message(), wanted);
}

static void test_agree(void)
{
    struct world world = open_world();
    unsigned sets = 1u << (world.size < 8 ? world.size : 8);
    for (unsigned failing = 0; failing < sets; failing++)
        check_agree(&world, failing);
    world_finish(&world);
}

/* Agreed on twice, the rank is named once; a long message ends, and does not run over. */
static void test_agree_messages(void)
{
    struct world world = open_world();
    int last = world.size - 1;
    enum status status = ST_OK;
    if (world.rank == last)
        status = status_fail(ST_DATA, "no such file");
    status = world_agree(&world, world_agree(&world, status));
    CU_ASSERT_EQUAL(status, ST_DATA);
    const char *at = strstr(status_message(), "rank ");
    CU_ASSERT(world.size == 1 ? at == NULL : at == status_message());
    CU_ASSERT_PTR_NULL(strstr(at ? at + 1 : status_message(), "rank "));
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    status = world.rank == last ? status_fail(ST_DATA, "%s", text) : ST_OK;
    CU_ASSERT_EQUAL(world_agree(&world, status), ST_DATA);
    CU_ASSERT(strlen(status_message()) >= 500);
    world_finish(&world);
}

static void test_same(void)
{
    struct world world = open_world();
    char bytes[] = "epochs: 3", wanted[64];
    int last = world.size - 1;
    CU_ASSERT_EQUAL(world_same(&world, bytes, sizeof bytes, "the text"), ST_OK);
    CU_ASSERT_EQUAL(world_same(&world, NULL, 0, "nothing"), ST_OK);
    if (world.rank == last)
        bytes[8] = '4';
    enum status status = world_same(&world, bytes, sizeof bytes, "the text");
    CU_ASSERT_EQUAL(status, world.size > 1 ? ST_USAGE : ST_OK);
    snprintf(wanted, sizeof wanted, "rank %d: the text differs from rank 0's", last);
    if (world.size > 1)
        CU_ASSERT_STRING_EQUAL(status_message(), wanted);
    /* the same beginning, another length */
    bytes[8] = '3';
    size_t size = world.rank == last ? 9 : 8;
    status = world_same(&world, bytes, size, "the text");
    CU_ASSERT_EQUAL(status, world.size > 1 ? ST_USAGE : ST_OK);
    world_finish(&world);
}

static void test_broadcast(void)
{
    struct world world = open_world();
    enum { SIZE = 100001 };
    unsigned char *bytes = mem_need(SIZE, 1);
    size_t wrong = 0;
    for (size_t i = 0; i < SIZE && world.rank == 0; i++)
        bytes[i] = (unsigned char)(i % 251);
    world_broadcast(&world, bytes, SIZE - 1);
    for (size_t i = 0; i < SIZE - 1; i++)
        wrong += bytes[i] != i % 251;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(bytes[SIZE - 1], world.rank == 0 ? (SIZE - 1) % 251 : 0);
    world_broadcast(&world, NULL, 0);
    free(bytes);
    world_finish(&world);
}

/* Fills or checks a piece of shared memory. */
static size_t other_bytes(const unsigned char *memory, size_t size, unsigned char wanted)
{
    size_t wrong = 0;
    for (size_t i = 0; i < size; i++)
        wrong += memory[i] != wanted;
    return wrong;
}

static void test_share_memory(void)
{
    enum { BLOCKS = 3 };
    static const size_t size[BLOCKS] = {1, 70000, 12345};
    struct world world = open_world();
    struct share share;
    void *memory[BLOCKS] = {NULL};
    world_share(&world, &share);
    CU_ASSERT_EQUAL(share.leader, world.node_rank == 0);
    for (size_t b = 0; b < BLOCKS; b++) {
        CU_ASSERT_EQUAL(share.get(&share, size[b], &memory[b]), ST_OK);
        if (share.leader)
            memset(memory[b], (int)b + 1, size[b]);
    }
    CU_ASSERT_EQUAL(share.agree(&share, ST_OK), ST_OK);
    for (size_t b = 0; b < BLOCKS; b++)
        CU_ASSERT_EQUAL(other_bytes(memory[b], size[b], (unsigned char)(b + 1)), 0);
    CU_ASSERT_EQUAL(share.agree(&share, ST_OK), ST_OK);
    /* in another order than they came; the others stay as they are */
    share.drop(&share, memory[1]);
    CU_ASSERT_EQUAL(other_bytes(memory[0], size[0], 1) + other_bytes(memory[2], size[2], 3), 0);
    share.drop(&share, memory[0]);
    share.drop(&share, memory[2]);
    world_finish(&world);
}

static void test_share_words(void)
{
    struct world world = open_world();
    struct share share;
    world_share(&world, &share);
    uint64_t told = share.leader ? 0x1234567890abcdefu : 0;
    CU_ASSERT_EQUAL(share.tell(&share, &told, sizeof told), ST_OK);
    CU_ASSERT_EQUAL(told, 0x1234567890abcdefu);
    /* the last rank of the node fails: all know, by its number in the world */
    bool failing = world.node_rank == world.node_size - 1;
    enum status status = failing ? status_fail(ST_DATA, "a.gz ends early") : ST_OK;
    CU_ASSERT_EQUAL(share.agree(&share, status), ST_DATA);
    char wanted[64] = "a.gz ends early";
    if (world.size > 1 && world.nodes == 1)
        snprintf(wanted, sizeof wanted, "rank %d: a.gz ends early", world.size - 1);
    if (world.nodes == 1)
        CU_ASSERT_STRING_EQUAL(status_message(), wanted);
    world_finish(&world);
}

const struct test tests_world[] = {{"init", test_init},
                                   {"environment", test_environment},
                                   {"handlers", test_handlers},
                                   {"agree", test_agree},
                                   {"agree messages", test_agree_messages},
                                   {"same", test_same},
                                   {"broadcast", test_broadcast},
                                   {"shared memory", test_share_memory},
                                   {"shared words", test_share_words},
                                   {0}};
TEST_MAIN(tests_world)
