/* Starting one process a core, for people who type convoy without mpirun. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"

/* Set for the ranks that launch_ranks starts. */
#define LAUNCHED "CONVOY_LAUNCHED"

bool launch_by_us(void)
{
    return getenv(LAUNCHED) != NULL;
}

bool launch_in_job(void)
{
    static const char *const marks[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE",
                                        NULL};
    for (size_t i = 0; marks[i]; i++)
        if (getenv(marks[i]))
            return true;
    return false;
}

int launch_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

static volatile sig_atomic_t child;
static volatile sig_atomic_t interrupts;

/* mpirun passes USR1 on to the ranks; INT and TERM would make it kill them at once. A second INT
 * means it. */
static void pass_on(int number)
{
    pid_t process = (pid_t)child;
    if (process <= 0)
        return;
    bool again = number == SIGINT && interrupts++ > 0;
    kill(process, again ? SIGTERM : SIGUSR1);
}

static void add(char **argv, int *argc, const char *word)
{
    argv[(*argc)++] = (char *)(uintptr_t)word;
}

/* The command line: mpirun's options, then this program with its own arguments. */
static char **command_line(int ranks, char **own, const char *program, char count[16])
{
    enum { OPTIONS = 16 };
    int argc = 0, words = 0;
    while (own[words])
        words++;
    char **argv = mem_need((size_t)words + OPTIONS + 1, sizeof *argv);
    snprintf(count, 16, "%d", ranks);
    add(argv, &argc, "mpirun");
    add(argv, &argc, "--quiet");
    if (geteuid() == 0)
        add(argv, &argc, "--allow-run-as-root");
    add(argv, &argc, "-n");
    add(argv, &argc, count);
    if (ranks > launch_cores()) {
        add(argv, &argc, "--oversubscribe");
        add(argv, &argc, "--bind-to");
        add(argv, &argc, "none");
    } else {
        add(argv, &argc, "--bind-to");
        add(argv, &argc, "core");
    }
    add(argv, &argc, "--mca");
    add(argv, &argc, "mpi_yield_when_idle");
    add(argv, &argc, "1"); /* a rank that waits leaves its core to whoever else wants it */
    add(argv, &argc, program);
    for (int i = 1; i < words; i++)
        add(argv, &argc, own[i]);
    return argv;
}

static void start(char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* no run outlives the command that started it */
    setpgid(0, 0); /* the terminal's Ctrl-C comes to us alone, and we pass it on */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!freopen("/dev/null", "r", stdin))
        _exit(127);
    execvp(argv[0], argv);
    _exit(127);
}

static int wait_for(pid_t process)
{
    int result = 0;
    while (waitpid(process, &result, 0) < 0)
        if (errno != EINTR)
            return ST_IO;
    if (WIFSIGNALED(result))
        return 128 + WTERMSIG(result);
    return WEXITSTATUS(result);
}

static bool have_mpirun(void)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at;) {
        size_t length = strcspn(at, ":");
        char file[4096];
        snprintf(file, sizeof file, "%.*s/mpirun", (int)length, at);
        if (access(file, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return false;
}

int launch_ranks(int ranks, char **argv)
{
    char count[16];
    if (!have_mpirun()) {
        log_warn("mpirun is not on the PATH: going on with one process");
        return -1;
    }
    char program[4096] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        snprintf(program, sizeof program, "%s", argv[0]);
    char **line = command_line(ranks, argv, program, count);
    setenv(LAUNCHED, "1", 1);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = pass_on;
    fflush(NULL);
    pid_t process = fork();
    if (process == 0)
        start(line);
    free(line);
    if (process < 0) {
        log_warn("cannot start mpirun (%s): going on with one process", strerror(errno));
        return -1;
    }
    child = process;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    return wait_for(process);
}
