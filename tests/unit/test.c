/* The test harness; see test.h.
 *
 * CUnit registers and runs the tests, one after the other, and keeps the failed assertions. What
 * they come to is decided here, because CUnit's own runners report success when tests fail, and
 * know no skipped tests and no ranks. */
#include "test.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#ifdef TEST_MPI
#include <mpi.h>
#endif

enum outcome { PASSED, SKIPPED, FAILED, OUTCOMES }; /* the worst of all ranks counts */

static struct pool paths;
static const char *skip_reason;

struct folder {
    struct folder *next;
    const char *path;
};
static struct folder *folders; /* to be removed at the end */

/* ---- For the tests ---- */

_Noreturn void test_skip(const char *why)
{
    skip_reason = why;
    longjmp(*CU_get_current_test()->pJumpBuf, 1);
}

const char *test_source(const char *relative)
{
    return pool_printf(&paths, "%s/%s", TEST_ROOT, relative);
}

const char *test_data(const char *relative)
{
    const char *given = getenv("CONVOY_TEST_DATA");
    const char *path = given && *given
                           ? pool_printf(&paths, "%s/%s", given, relative)
                           : pool_printf(&paths, "%s/../shared/data/%s", TEST_ROOT, relative);
    return access(path, R_OK) == 0 ? path : NULL;
}

#ifdef TEST_MPI
static int rank, ranks;

static void start(int *argc, char ***argv)
{
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
}

static void share_text(char *text, int size)
{
    MPI_Bcast(text, size, MPI_CHAR, 0, MPI_COMM_WORLD);
}

static enum outcome worst_of_all(enum outcome mine)
{
    int value = (int)mine;
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return (enum outcome)value;
}

/* Rank 0 prints what each rank has to say. Collective. */
static void print_all(const char *mine)
{
    if (rank != 0) {
        MPI_Send(mine, (int)strlen(mine) + 1, MPI_CHAR, 0, 0, MPI_COMM_WORLD);
        return;
    }
    printf("%s", mine);
    for (int from = 1; from < ranks; from++) {
        MPI_Status status;
        int size;
        MPI_Probe(from, 0, MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_CHAR, &size);
        char *text = mem_need((size_t)size, 1);
        MPI_Recv(text, size, MPI_CHAR, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        printf("%s", text);
        free(text);
    }
}

static void finish(void)
{
    MPI_Finalize();
}
#else
enum { rank = 0, ranks = 1 };

static void start(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
}

static void share_text(char *text, int size)
{
    (void)text;
    (void)size;
}

static enum outcome worst_of_all(enum outcome mine)
{
    return mine;
}

static void print_all(const char *mine)
{
    printf("%s", mine);
}

static void finish(void)
{
}
#endif

const char *test_folder(void)
{
    char path[512] = "";
    if (rank == 0) {
        const char *parent = getenv("TMPDIR");
        snprintf(path, sizeof path, "%s/convoy-test-XXXXXX", parent && *parent ? parent : "/tmp");
        if (!mkdtemp(path)) {
            perror(path);
            abort();
        }
    }
    share_text(path, sizeof path);
    struct folder *folder = pool_alloc(&paths, sizeof *folder);
    *folder = (struct folder){.next = folders, .path = pool_strdup(&paths, path)};
    folders = folder;
    return folder->path;
}

/* ---- Running ---- */

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_folders(void)
{
    for (; rank == 0 && folders; folders = folders->next)
        if (nftw(folders->path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
            perror(folders->path);
    pool_release(&paths);
}

/* Runs one test here, and adds what there is to say about it to report. */
static enum outcome run_one(CU_pSuite suite, const struct test *test, struct text *report)
{
    CU_pTest added = CU_add_test(suite, test->name, test->run);
    MUST(added, "%s: %s", test->name, CU_get_error_msg());
    skip_reason = NULL;
    CU_clear_previous_results(); /* so that the failure list is this test's alone */
    CU_run_test(suite, added);
    bool failed = false;
    char place[32] = "";
    if (ranks > 1)
        snprintf(place, sizeof place, " on rank %d of %d", rank, ranks);
    for (CU_pFailureRecord failure = CU_get_failure_list(); failure; failure = failure->pNext) {
        failed = true;
        text_add(report, "FAIL %s%s: %s:%u: %s\n", test->name, place, failure->strFileName,
                 failure->uiLineNumber, failure->strCondition);
    }
    if (failed)
        return FAILED;
    if (!skip_reason)
        return PASSED;
    text_add(report, "SKIP %s%s: %s\n", test->name, place, skip_reason);
    return SKIPPED;
}

static bool is_chosen(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 1;
}

int main(int argc, char **argv)
{
    start(&argc, &argv);
    CU_initialize_registry();
    CU_set_error_action(CUEA_IGNORE);
    CU_pSuite suite = CU_add_suite(test_suite_name, NULL, NULL);
    MUST(suite, "%s", CU_get_error_msg());
    unsigned count[OUTCOMES] = {0};
    for (const struct test *test = test_suite; test->name; test++) {
        if (!is_chosen(test->name, argc, argv))
            continue;
        struct text report = {0};
        enum outcome outcome = worst_of_all(run_one(suite, test, &report));
        if (outcome != PASSED)
            print_all(report.data ? report.data : "");
        fflush(stdout);
        text_release(&report);
        count[outcome]++;
    }
    CU_cleanup_registry();
    if (rank == 0)
        printf("%u passed, %u failed, %u skipped\n", count[PASSED], count[FAILED], count[SKIPPED]);
    finish();
    remove_folders();
    return count[FAILED] > 0;
}
