/* convoy report: a run as one HTML page. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cmd/cmd.h"
#include "report/report.h"

static const char usage[] =
    "usage: convoy report RUN [options]\n"
    "\n"
    "Writes RUN/report.html, one page that needs no other file: curves of losses and metrics,\n"
    "confusion matrix, model, experiment, warnings. Training ends with it, too; this makes it\n"
    "anew, and for a run that is not finished.\n"
    "\n"
    "options:\n"
    "  -o, --out FILE   where to write it\n"
    "  -h, --help       this text\n";

enum status cmd_write_report(const char *folder, const struct experiment *experiment,
                             const struct model *model, const char *digest, const char *path)
{
    const struct report_of run = {folder, experiment, model, digest};
    struct text page = {0}, inside = {0};
    text_add(&inside, "%s/report.html", folder);
    enum status status = report_html(&run, &page);
    if (status == ST_OK)
        status = file_write_atomic(path ? path : inside.data, page.data, page.length);
    text_release(&page);
    text_release(&inside);
    return status;
}

static enum status report(const char *folder, const char *path, struct world *world)
{
    struct loaded loaded = {0};
    enum status status = load_model(folder, world, &loaded);
    if (status == ST_OK && world->rank == 0)
        status =
            cmd_write_report(folder, loaded.experiment, loaded.session.model, loaded.digest, path);
    load_release(&loaded);
    TRY(world_agree(world, status));
    struct text out = {0};
    text_add(&out, path ? "report: %s\n" : "report: %s/report.html\n", path ? path : folder);
    cmd_print(world, &out);
    text_release(&out);
    return ST_OK;
}

int cmd_report(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"out", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *path = NULL;
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1;) {
        if (code == 'h') {
            fputs(usage, stdout);
            return ST_OK;
        }
        if (code != 'o')
            return cmd_usage("report", "unknown option or missing value");
        path = optarg;
    }
    if (argc - optind != 1)
        return cmd_usage("report", "expected the folder of one run");
    struct world world;
    enum status status = world_init(&world);
    if (status == ST_OK)
        status = report(argv[optind], path, &world);
    return cmd_end(status, &world);
}
