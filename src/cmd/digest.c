/* convoy digest: the digest of a model's parameters. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

static const char usage[] =
    "usage: convoy digest MODEL... [--json]\n"
    "\n"
    "Prints the digest (XXH3-128, 32 hex digits) of the parameters of each\n"
    "checkpoint file or run's folder: equal digests mean equal models, to\n"
    "the last bit.\n"
    "\n"
    "options:\n"
    "      --json   an object a line, with the file's name\n"
    "  -h, --help   this text\n";

static enum status print_digest(const char *name, bool json, bool many, struct world *world)
{
    struct loaded loaded = {0};
    struct text out = {0};
    enum status status = load_model(name, world, &loaded);
    if (status == ST_OK && json) {
        text_add(&out, "{\"file\": ");
        json_string(&out, loaded.path);
        text_add(&out, ", \"digest\": \"%s\"}\n", loaded.digest);
    } else if (status == ST_OK) {
        text_add(&out, many ? "%s  %s\n" : "digest: %s\n", loaded.digest, loaded.path);
    }
    if (status == ST_OK)
        cmd_print(world, &out);
    text_release(&out);
    load_release(&loaded);
    return status;
}

int cmd_digest(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (code == 'h') {
            fputs(usage, stdout);
            return ST_OK;
        }
        if (code != 'j')
            return cmd_usage("digest", "unknown option");
        json = true;
    }
    if (optind >= argc)
        return cmd_usage("digest", "no model is given");
    struct world world;
    enum status status = world_init(&world);
    for (int i = optind; i < argc && status == ST_OK; i++)
        status = print_digest(argv[i], json, argc - optind > 1, &world);
    return cmd_end(status, &world);
}
