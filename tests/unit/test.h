/* The test harness: one program for each test_<topic>.c, on top of CUnit.
 *
 * A test file ends with
 *
 *     const struct test tests_topic[] = {{"name", function}, ..., {0}};
 *     TEST_MAIN(tests_topic)
 *
 * and is linked with test.c, which has main(). Use CUnit's assertions. The program prints a line
 * for each failed assertion and each skipped test, and ends with "N passed, N failed, N skipped";
 * it exits with 1 if a test failed. Its arguments, if any, are the names of the tests to run.
 *
 * In tests/mpi the same harness is compiled with TEST_MPI: it calls MPI_Init, every rank runs
 * every test, a test has failed if it failed on any rank, and rank 0 prints. There, never use
 * a fatal assertion (CU_..._FATAL) or test_skip between collectives on some of the ranks only: the
 * others would wait for ever. */
#ifndef CONVOY_TEST_H
#define CONVOY_TEST_H

#include <CUnit/CUnit.h>

struct test {
    const char *name;
    void (*run)(void);
};

extern const char *const test_suite_name;
extern const struct test *const test_suite;

#define TEST_MAIN(tests)                                                                           \
    const char *const test_suite_name = #tests;                                                    \
    const struct test *const test_suite = tests;

/* Ends the running test, which is counted as skipped (unless it has failed already). */
_Noreturn void test_skip(const char *why);

/* The path of a file or folder of real data, below $CONVOY_TEST_DATA or else below ../shared/data
 * beside the project; NULL if it is not there. Valid until the program ends. */
const char *test_data(const char *relative);

/* The path of a file of the project ("tests/golden/relu.yaml"). Valid until the program ends. */
const char *test_source(const char *relative);

/* A fresh folder, removed with all that is in it when the program ends. With TEST_MPI: collective,
 * and the same folder on all ranks. Valid until the program ends. */
const char *test_folder(void);

#endif
