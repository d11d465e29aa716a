#include "comm/window.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

static size_t aligned(size_t bytes)
{
    return mem_round(bytes, MEM_ALIGN) + MEM_ALIGN; /* the segment may begin anywhere */
}

/* In Open MPI on Linux the memory comes from there. If it is too small, MPI fails on one rank and
 * lets the others wait. */
enum status window_room(MPI_Comm comm, size_t bytes, const char *what)
{
    static const char place[] = "/dev/shm";
    unsigned long long mine = bytes, all = 0, room = ULLONG_MAX;
    struct statvfs info;
    int rank = 0;
    MPI_Comm_rank(comm, &rank);
    MPI_Allreduce(&mine, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, comm);
    if (rank == 0 && statvfs(place, &info) == 0)
        room = (unsigned long long)info.f_bavail * info.f_frsize;
    MPI_Bcast(&room, 1, MPI_UNSIGNED_LONG_LONG, 0, comm);
    FAIL_IF(all > room, ST_IO,
            "no shared memory for %s: %llu MiB are wanted, %s has %llu MiB (in a container, see "
            "--shm-size)",
            what, (all >> 20) + 1, place, room >> 20);
    return ST_OK;
}

static enum status map_shared(struct window *window, const struct group *group, size_t bytes,
                              const char *what)
{
    MPI_Info info;
    void *own = NULL;
    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true");
    int failed = MPI_Win_allocate_shared((MPI_Aint)aligned(bytes), 1, info, group->comm, &own,
                                         &window->handle);
    MPI_Info_free(&info);
    FAIL_IF(failed != MPI_SUCCESS, ST_IO,
            "no shared memory for %s: MPI cannot make a window of %zu "
            "MiB",
            what, (bytes >> 20) + 1);
    window->shared = true;
    for (int r = 0; r < group->size; r++) {
        MPI_Aint length = 0;
        int unit = 0;
        void *base = NULL;
        MPI_Win_shared_query(window->handle, r, &length, &unit, &base);
        window->segment[r] = (char *)mem_round((uintptr_t)base, MEM_ALIGN);
    }
    return ST_OK;
}

static enum status allocate(struct window *window, size_t bytes, const char *what)
{
    void *memory = NULL;
    TRY(mem_alloc(&memory, bytes, what));
    window->segment[0] = memory;
    return ST_OK;
}

enum status window_open(struct window *window, const struct world *world, const struct group *group,
                        size_t bytes, const char *what)
{
    *window = (struct window){.size = group->size};
    window->segment = mem_need((size_t)group->size, sizeof *window->segment);
    bool alone = group->size == 1;
    TRY(world_agree(world, alone ? allocate(window, bytes, what)
                                 : window_room(group->comm, aligned(bytes), what)));
    TRY(world_agree(world, alone ? ST_OK : map_shared(window, group, bytes, what)));
    if (alone)
        return ST_OK;
    memset(window->segment[group->rank], 0, bytes); /* so that the pages are near to this rank */
    MPI_Barrier(group->comm);
    return ST_OK;
}

void window_close(struct window *window)
{
    if (window->shared)
        MPI_Win_free(&window->handle);
    else if (window->size == 1)
        free(window->segment[0]);
    free(window->segment);
    *window = (struct window){0};
}

void wait_round(unsigned *rounds)
{
    enum { SPIN = 2000 };
    if (++*rounds > SPIN)
        sched_yield();
#if defined __x86_64__
    else
        __builtin_ia32_pause();
#endif
}

void mark_wait(struct mark *mark, uint64_t value)
{
    for (unsigned rounds = 0; !mark_reached(mark, value);)
        wait_round(&rounds);
}
