#include "data/guard.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* What the handler reads was completed before it became reachable; nothing is built in the handler.
 * A list is changed only outside of any access to mapped bytes, so it is whole when SIGBUS comes.
 */
struct guarded {
    const unsigned char *base;
    size_t size;
    struct text line;
    struct guarded *next;
};

static struct guarded *volatile all_guarded;

static void on_bus_error(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (const struct guarded *g = all_guarded; g; g = g->next) {
        if (address - (uintptr_t)g->base >= g->size)
            continue;
        ssize_t ignored = write(STDERR_FILENO, g->line.data, g->line.length);
        (void)ignored; /* nothing more can be said; the exit code still speaks */
        _exit(ST_DATA);
    }
    signal(signal_number, SIG_DFL); /* not ours: the access is repeated and has its usual effect */
}

void data_guard_maps(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    int failed = sigaction(SIGBUS, &action, NULL);
    MUST(failed == 0, "sigaction: %d", failed);
}

enum status guard_map(const char *path, struct file_map *map)
{
    TRY(file_map(path, ST_DATA, map));
    FAIL_IF(map->size == 0, ST_DATA, "%s: the file is empty", path);
    struct guarded *fresh = mem_need(1, sizeof *fresh);
    fresh->base = map->base;
    fresh->size = map->size;
    fresh->next = all_guarded;
    text_add(&fresh->line,
             "convoy: error: %s: the file was cut short, or its disk failed, while it was read "
             "(it had %zu bytes)\n",
             path, map->size);
    all_guarded = fresh;
    return ST_OK;
}

void guard_unmap(struct file_map *map)
{
    struct guarded *before = NULL, *g = all_guarded;
    while (g && g->base != map->base) {
        before = g;
        g = g->next;
    }
    if (g) {
        if (before)
            before->next = g->next;
        else
            all_guarded = g->next;
        text_release(&g->line);
        free(g);
    }
    file_unmap(map);
}
