#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cmd/cmd.h"

int cmd_finish(enum status status)
{
    if (status == ST_STOPPED)
        log_info("%s", status_message());
    else if (status != ST_OK)
        log_error("%s", status_message());
    return (int)status;
}

int cmd_end(enum status status, struct world *world)
{
    int code = cmd_finish(status);
    world_finish(world);
    return code;
}

int cmd_usage(const char *command, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("%s: %s; see 'convoy %s --help'", command, text, command);
    return ST_USAGE;
}

int cmd_number(const char *command, const char *option, const char *text, long most, long *value)
{
    char *end = NULL;
    *value = strtol(text, &end, 10);
    if (end == text || *end || *value < 1 || *value > most)
        return cmd_usage(command, "%s: found '%s', expected a whole number from 1 to %ld", option,
                         text, most);
    return 0;
}

int cmd_override(const char *command, struct overrides *overrides, char *assignment)
{
    if (overrides->n == CMD_MAX_OVERRIDES)
        return cmd_usage(command, "more than %d times --set", CMD_MAX_OVERRIDES);
    overrides->v[overrides->n++] = assignment;
    return 0;
}

void cmd_print(const struct world *world, const struct text *text)
{
    if (world && world->rank != 0)
        return;
    fwrite(text->data, 1, text->length, stdout);
    fflush(stdout);
}
