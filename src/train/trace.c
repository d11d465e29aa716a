/* The events of a profile in the Trace Event Format of Chrome: complete events ("X"), a process a
 * rank, times in microseconds. */
#include <stdlib.h>

#include "base/file.h"
#include "train/profile.h"

static const char *const categories[] = {[EVENT_STEP] = "step",
                                         [EVENT_PHASE] = "phase",
                                         [EVENT_FORWARD] = "forward",
                                         [EVENT_BACKWARD] = "backward"};

static void add_name(const struct profile *profile, const struct event *event, struct text *out)
{
    if (event->kind == EVENT_STEP)
        text_add(out, "\"step %d\"", event->index);
    else if (event->kind == EVENT_PHASE)
        text_add(out, "\"%s\"", phase_names[event->index]);
    else
        json_string(out, profile->model->node[event->index].layer.name);
}

static void add_rank(const struct profile *profile, int rank, const struct event *events, size_t n,
                     struct text *out)
{
    text_add(out,
             "%s\n{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": %d, \"tid\": 0, "
             "\"args\": {\"name\": \"rank %d\"}}",
             rank ? "," : "", rank, rank);
    for (size_t i = 0; i < n; i++) {
        text_add(out, ",\n{\"name\": ");
        add_name(profile, &events[i], out);
        text_add(out,
                 ", \"cat\": \"%s\", \"ph\": \"X\", \"ts\": %.3f, \"dur\": %.3f, \"pid\": %d, "
                 "\"tid\": 0}",
                 categories[events[i].kind], 1e-3 * (double)events[i].begin,
                 1e-3 * (double)(events[i].end - events[i].begin), rank);
    }
}

/* Rank 0: the events of rank after rank. */
static enum status write_all(const struct profile *profile, const struct world *world,
                             const char *path)
{
    struct text out = {0};
    struct event *other = mem_need(profile->capacity + 1, sizeof *other);
    text_add(&out, "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [");
    add_rank(profile, 0, profile->event, profile->events, &out);
    for (int rank = 1; rank < world->size; rank++) {
        MPI_Status status;
        int bytes = 0;
        MPI_Recv(other, (int)(profile->capacity * sizeof *other), MPI_BYTE, rank, 0, world->comm,
                 &status);
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        add_rank(profile, rank, other, (size_t)bytes / sizeof *other, &out);
    }
    text_add(&out, "\n]}\n");
    enum status status = file_write_atomic(path, out.data, out.length);
    text_release(&out);
    free(other);
    return status;
}

enum status profile_write_trace(const struct profile *profile, const struct world *world,
                                const char *path)
{
    enum status status = ST_OK;
    if (world->rank == 0)
        status = write_all(profile, world, path);
    else
        MPI_Send(profile->event, (int)(profile->events * sizeof *profile->event), MPI_BYTE, 0, 0,
                 world->comm);
    return world_agree(world, status);
}
