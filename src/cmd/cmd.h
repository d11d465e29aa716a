/* The subcommands: each is one file that parses its arguments, calls, and prints. */
#ifndef CONVOY_CMD_CMD_H
#define CONVOY_CMD_CMD_H

#include "comm/world.h"
#include "train/loaded.h"

/* One subcommand; returns the process's exit code. argv[0] is its name. */
struct command {
    const char *name;
    const char *help; /* one line */
    int (*run)(int argc, char **argv);
};
extern const struct command commands[]; /* ends with a NULL name */

int cmd_train(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_evaluate(int argc, char **argv);
int cmd_predict(int argc, char **argv);
int cmd_summary(int argc, char **argv);
int cmd_digest(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_data(int argc, char **argv);
int cmd_bench(int argc, char **argv);

/* Writes the report of a run: path, or report.html in its folder. digest: of the model. Not
 * collective. */
enum status cmd_write_report(const char *folder, const struct experiment *experiment,
                             const struct model *model, const char *digest, const char *path);

/* convoy data preview, which unlike the other actions of data needs a model. Collective. */
int cmd_data_preview(const char *experiment, const char *path);

/* Prints the pending error on rank 0 (once, after world_agree has made it everybody's) and returns
 * the exit code. ST_STOPPED is no error and is said as information. */
int cmd_finish(enum status status);
/* The same, and then the end of MPI: in this order, because mpirun ends the other ranks when one
 * has ended. Collective. */
int cmd_end(enum status status, struct world *world);

/* A usage error of the command line: "convoy train: what; see convoy train --help"; returns 2. */
int cmd_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole number from 1 to most after an option; returns 0, or 2 as cmd_usage does. */
int cmd_number(const char *command, const char *option, const char *text, long most, long *value);

/* What --set gives. */
enum { CMD_MAX_OVERRIDES = 256 };
struct overrides {
    char *v[CMD_MAX_OVERRIDES + 2]; /* room for two of a command's own */
    size_t n;
};
/* Adds one; returns 0, or 2 as cmd_usage does. */
int cmd_override(const char *command, struct overrides *overrides, char *assignment);

/* Prints text to standard output on rank 0 of world (NULL: a process on its own). */
void cmd_print(const struct world *world, const struct text *text);

/* Is this process one of an MPI job already (mpirun, srun)? */
bool launch_in_job(void);
/* And did launch_ranks start it? */
bool launch_by_us(void);

/* Starts the program again under mpirun with so many processes (0: one a core) and waits. Signals
 * that ask to stop are passed on. Returns the exit code; does not return -1 unless mpirun cannot be
 * had (then the caller goes on alone). */
int launch_ranks(int ranks, char **argv);

/* How many cores this process may use. */
int launch_cores(void);

#endif
