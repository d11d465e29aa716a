/* src/base: status, memory, randomness, files, log. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "test.h"

/* ---- status ---- */

static enum status fail_with(int value)
{
    FAIL_IF(value < 0, ST_DATA, "found %d, expected 0 or more", value);
    FAIL_IF(value > 9, ST_MODEL, "found %d, expected 9 or less", value);
    return ST_OK;
}

static enum status forward(int value)
{
    TRY(fail_with(value));
    TRY(fail_with(value * 10));
    return ST_OK;
}

static void status_forwards(void)
{
    CU_ASSERT_EQUAL(forward(0), ST_OK);
    CU_ASSERT_EQUAL(forward(-1), ST_DATA);
    CU_ASSERT_STRING_EQUAL(status_message(), "found -1, expected 0 or more");
    CU_ASSERT_EQUAL(forward(1), ST_MODEL);
    CU_ASSERT_STRING_EQUAL(status_message(), "found 10, expected 9 or less");
    status_prefix("rank %d: ", 2);
    CU_ASSERT_STRING_EQUAL(status_message(), "rank 2: found 10, expected 9 or less");
}

/* The exit codes are a contract with those who script convoy. */
static void status_codes(void)
{
    static const struct {
        enum status status;
        int code;
    } contract[] = {{ST_OK, 0}, {ST_USAGE, 2},    {ST_DATA, 3},     {ST_MODEL, 4},
                    {ST_IO, 5}, {ST_DIVERGED, 6}, {ST_STOPPED, 75}, {ST_STALLED, 76}};
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        CU_ASSERT_EQUAL((int)contract[i].status, contract[i].code);
        CU_ASSERT_STRING_NOT_EQUAL(status_text(contract[i].status), "unknown status");
    }
}

static void status_truncates(void)
{
    char *endless = mem_need(5000, 1);
    memset(endless, 'x', 4999);
    status_fail(ST_DATA, "%s", endless);
    size_t length = strlen(status_message());
    CU_ASSERT(length >= 500 && length < 4999);
    status_prefix("rank 1: ");
    CU_ASSERT(strncmp(status_message(), "rank 1: xxx", 11) == 0);
    status_fail(ST_DATA, "again: %.7s", status_message()); /* the old message as an argument */
    CU_ASSERT_STRING_EQUAL(status_message(), "again: rank 1:");
    free(endless);
}

/* ---- memory ---- */

static void pool_serves_all_sizes(void)
{
    struct pool pool = {0};
    unsigned char *piece[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i * i % 40000;
        piece[i] = pool_alloc(&pool, size);
        CU_ASSERT_EQUAL((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k += 97)
            CU_ASSERT_EQUAL(piece[i][k], 0);
        memset(piece[i], (int)i, size);
    }
    for (size_t i = 0; i < 200; i++) /* nobody wrote into another's piece */
        for (size_t k = 0, size = i * i * i % 40000; k < size; k++)
            if (piece[i][k] != (unsigned char)i)
                CU_FAIL("pieces overlap");
    CU_ASSERT_STRING_EQUAL(pool_strdup(&pool, "conv"), "conv");
    CU_ASSERT_STRING_EQUAL(pool_printf(&pool, "%s_%d", "conv2d", 7), "conv2d_7");
    pool_release(&pool);
    CU_ASSERT_PTR_NULL(pool.chunks);
}

static void memory_is_aligned_and_zero(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *memory;
        CU_ASSERT_EQUAL(mem_alloc(&memory, sizes[i], "test"), ST_OK);
        CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
        CU_ASSERT_EQUAL((uintptr_t)memory % MEM_ALIGN, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            if (((unsigned char *)memory)[k] != 0)
                CU_FAIL("memory is not zero");
        free(memory);
    }
}

static void memory_refuses_too_much(void)
{
    void *memory = &memory;
    CU_ASSERT_EQUAL(mem_alloc(&memory, SIZE_MAX, "weights"), ST_IO);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT_EQUAL(mem_alloc(&memory, SIZE_MAX / 4, "weights"), ST_IO);
    CU_ASSERT_PTR_NULL(memory);
    CU_ASSERT(strncmp(status_message(), "weights: not enough memory", 26) == 0);
}

static void products_are_checked(void)
{
    size_t product = 0;
    CU_ASSERT_EQUAL(mem_mul(0, SIZE_MAX, &product), ST_OK);
    CU_ASSERT_EQUAL(product, 0);
    CU_ASSERT_EQUAL(mem_mul(3, SIZE_MAX / 3, &product), ST_OK);
    CU_ASSERT_EQUAL(product, SIZE_MAX / 3 * 3);
    CU_ASSERT_EQUAL(mem_mul(3, SIZE_MAX / 3 + 1, &product), ST_DATA);
    CU_ASSERT_EQUAL(mem_mul(SIZE_MAX, SIZE_MAX, &product), ST_DATA);
    CU_ASSERT_EQUAL(mem_round(0, 64), 0);
    CU_ASSERT_EQUAL(mem_round(1, 64), 64);
    CU_ASSERT_EQUAL(mem_round(64, 64), 64);
    CU_ASSERT_EQUAL(mem_round(65, 64), 128);
}

/* Runs what must abort in a child; returns the signal that ended it, 0 if it was none. */
static int signal_of(void (*doomed)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        doomed();
        _exit(0);
    }
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void overflow_in_need(void)
{
    mem_need(SIZE_MAX / 2, 3);
}

static void overflow_in_pool(void)
{
    struct pool pool = {0};
    pool_alloc(&pool, SIZE_MAX - 3);
}

static void broken_promise(void)
{
    MUST(1 + 1 == 3, "%d and %d", 2, 3);
}

static void bugs_abort(void)
{
    CU_ASSERT_EQUAL(signal_of(overflow_in_need), SIGABRT);
    CU_ASSERT_EQUAL(signal_of(overflow_in_pool), SIGABRT);
    CU_ASSERT_EQUAL(signal_of(broken_promise), SIGABRT);
}

static void text_grows(void)
{
    struct text text = {0};
    text_add(&text, "%s", "");
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%d,", i);
    text_append(&text, "a\0b", 3);
    CU_ASSERT_EQUAL(text.length, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    CU_ASSERT(strncmp(text.data, "0,1,2,3,", 8) == 0);
    CU_ASSERT_EQUAL(memcmp(text.data + text.length - 7, "999,a\0b", 8), 0); /* and the end */
    text_release(&text);
    CU_ASSERT_PTR_NULL(text.data);
    CU_ASSERT_EQUAL(text.length, 0);
}

/* ---- randomness ---- */

/* The vectors published with Random123 (kat_vectors, philox4x32 with 10 rounds). */
static void philox_known_answers(void)
{
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         {UINT32_MAX, UINT32_MAX},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t words[4];
        memcpy(words, known[i].counter, sizeof words);
        rng_philox(words, known[i].key);
        CU_ASSERT_EQUAL(memcmp(words, known[i].answer, sizeof words), 0);
    }
}

static void streams_differ(void)
{
    const struct rng_key base = rng_key(42, RNG_TEST, 1, 2, 3);
    const struct rng_key other[] = {
        rng_key(43, RNG_TEST, 1, 2, 3),         rng_key(42, RNG_SHUFFLE, 1, 2, 3),
        rng_key(42, RNG_TEST, 2, 2, 3),         rng_key(42, RNG_TEST, 1, 3, 3),
        rng_key(42, RNG_TEST, 1, 2, 4),         rng_key(42 + (1ull << 32), RNG_TEST, 1, 2, 3),
        rng_key(42, RNG_TEST, 1ull << 32, 2, 3)};
    uint32_t a[4], b[4];
    rng_block(&base, 7, a);
    for (uint64_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(rng_word(&base, 28 + i), a[i]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        rng_block(&other[i], 7, b);
        for (size_t k = 0; k < 4; k++)
            CU_ASSERT_NOT_EQUAL(a[k], b[k]);
    }
}

static void uniform_is_uniform(void)
{
    CU_ASSERT_EQUAL(rng_uniform(0), 0.0f);
    CU_ASSERT_EQUAL(rng_uniform(UINT32_MAX), 1.0f - 0x1p-24f);
    enum { N = 100000 };
    const struct rng_key key = rng_key(1, RNG_TEST, 0, 0, 0);
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = (double)rng_uniform(rng_word(&key, i)) - 0.5;
        sum += u;
        squares += u * u;
    }
    /* Their mean has the deviation sqrt(1/12N) = 0.0009, their variance sqrt(1/180N) = 0.00024. */
    CU_ASSERT_DOUBLE_EQUAL(sum / N, 0.0, 0.004);
    CU_ASSERT_DOUBLE_EQUAL(squares / N, 1.0 / 12, 0.001);
}

static void permutations_are_permutations(void)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 1000, 60000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s];
        uint32_t *order = mem_need(n + 1, sizeof *order), *again = mem_need(n + 1, sizeof *again);
        unsigned char *seen = mem_need(n + 1, 1);
        order[n] = again[n] = 12345; /* a fence */
        const struct rng_key key = rng_key(42, RNG_SHUFFLE, s, 0, 0);
        rng_permutation(&key, order, n);
        rng_permutation(&key, again, n);
        CU_ASSERT_EQUAL(memcmp(order, again, (n + 1) * sizeof *order), 0);
        for (size_t i = 0; i < n; i++)
            if (order[i] >= n || seen[order[i]]++)
                CU_FAIL("not a permutation");
        CU_ASSERT_EQUAL(order[n], 12345);
        free(order);
        free(again);
        free(seen);
    }
}

/* Fisher-Yates, written down once more: draw number k is word number k of the stream. */
static void permutations_use_each_word_once(void)
{
    enum { N = 100 };
    const struct rng_key key = rng_key(42, RNG_SHUFFLE, 3, 0, 0);
    uint32_t order[N], expected[N];
    for (uint32_t i = 0; i < N; i++)
        expected[i] = i;
    for (uint32_t last = N - 1; last > 0; last--) {
        uint32_t word = rng_word(&key, N - 1 - last);
        uint32_t other = (uint32_t)((uint64_t)word * (last + 1) >> 32);
        uint32_t kept = expected[last];
        expected[last] = expected[other];
        expected[other] = kept;
    }
    rng_permutation(&key, order, N);
    CU_ASSERT_EQUAL(memcmp(order, expected, sizeof order), 0);
}

/* All 120 orders of five items are equally frequent: chi-squared with 119 degrees of freedom is
 * above 180 for one in 4,000 perfect generators. */
static void permutations_are_fair(void)
{
    enum { TRIES = 24000, ORDERS = 120 };
    unsigned count[3125] = {0};
    for (uint64_t epoch = 0; epoch < TRIES; epoch++) {
        const struct rng_key key = rng_key(7, RNG_SHUFFLE, epoch, 0, 0);
        uint32_t order[5];
        rng_permutation(&key, order, 5);
        count[(((order[0] * 5 + order[1]) * 5 + order[2]) * 5 + order[3]) * 5 + order[4]]++;
    }
    unsigned orders = 0;
    double chi = 0, expected = (double)TRIES / ORDERS;
    for (size_t i = 0; i < 3125; i++) {
        orders += count[i] > 0;
        if (count[i])
            chi += (count[i] - expected) * (count[i] - expected) / expected;
    }
    CU_ASSERT_EQUAL(orders, ORDERS);
    CU_ASSERT(chi < 180);
}

/* ---- files ---- */

static unsigned entries(const char *folder)
{
    unsigned n = 0;
    DIR *open = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(open);
    for (struct dirent *entry; (entry = readdir(open));)
        n += entry->d_name[0] != '.';
    closedir(open);
    return n;
}

static void writes_are_atomic(void)
{
    const char *folder = test_folder();
    struct pool pool = {0};
    const char *path = pool_printf(&pool, "%s/file", folder);
    const char *busy = pool_printf(&pool, "%s/busy", folder);
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(file_write_atomic(path, "first", 5), ST_OK);
    CU_ASSERT_EQUAL(file_write_atomic(path, "a\0b", 3), ST_OK);
    CU_ASSERT_EQUAL(file_read(path, 3, &bytes, &size), ST_OK);
    CU_ASSERT_EQUAL(size, 3);
    CU_ASSERT_EQUAL(memcmp(bytes, "a\0b", 4), 0);
    free(bytes);
    CU_ASSERT_EQUAL(entries(folder), 1);

    /* A folder cannot be replaced by a file: nothing is left behind. */
    CU_ASSERT_EQUAL(file_make_folder(busy), ST_OK);
    CU_ASSERT_EQUAL(file_write_atomic(busy, "x", 1), ST_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "busy"));
    CU_ASSERT_EQUAL(entries(folder), 2);
    CU_ASSERT_EQUAL(file_write_atomic(pool_printf(&pool, "%s/no/file", folder), "x", 1), ST_IO);
    CU_ASSERT_EQUAL(entries(folder), 2);
    pool_release(&pool);
}

static void full_disk_keeps_the_old_file(void)
{
    if (access("/dev/full", W_OK) != 0)
        test_skip("there is no /dev/full");
    const char *folder = test_folder();
    struct pool pool = {0};
    const char *path = pool_printf(&pool, "%s/file", folder);
    CU_ASSERT_EQUAL(file_write_atomic(path, "old", 3), ST_OK);
    /* The temporary file's name is documented by nobody but us: it leads to the full device. */
    const char *temporary = pool_printf(&pool, "%s.tmp.%ld", path, (long)getpid());
    CU_ASSERT_EQUAL(symlink("/dev/full", temporary), 0);
    CU_ASSERT_EQUAL(file_write_atomic(path, "new", 3), ST_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), strerror(ENOSPC)));
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(file_read(path, 100, &bytes, &size), ST_OK);
    CU_ASSERT_STRING_EQUAL((char *)bytes, "old");
    free(bytes);
    CU_ASSERT_EQUAL(entries(folder), 1);
    pool_release(&pool);
}

static void reads_are_limited(void)
{
    struct pool pool = {0};
    const char *path = pool_printf(&pool, "%s/big", test_folder());
    enum { SIZE = 200000 };
    unsigned char *data = mem_need(SIZE, 1), *bytes;
    size_t size;
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (unsigned char)(i * 7 >> 3);
    CU_ASSERT_EQUAL(file_write_atomic(path, data, SIZE), ST_OK);
    CU_ASSERT_EQUAL(file_read(path, SIZE - 1, &bytes, &size), ST_IO);
    CU_ASSERT_PTR_NULL(bytes);
    CU_ASSERT_EQUAL(file_read(path, SIZE, &bytes, &size), ST_OK);
    CU_ASSERT_EQUAL(size, SIZE);
    CU_ASSERT_EQUAL(memcmp(bytes, data, SIZE), 0);
    free(bytes);
    free(data);
    CU_ASSERT_EQUAL(file_read(test_folder(), 100, &bytes, &size), ST_IO);
    CU_ASSERT_EQUAL(file_read(pool_printf(&pool, "%s.no", path), 100, &bytes, &size), ST_IO);
    pool_release(&pool);
}

static void maps_files(void)
{
    struct pool pool = {0};
    const char *path = pool_printf(&pool, "%s/file", test_folder());
    struct file_map map;
    CU_ASSERT_EQUAL(file_write_atomic(path, "", 0), ST_OK);
    CU_ASSERT_EQUAL(file_map(path, ST_DATA, &map), ST_OK);
    CU_ASSERT_PTR_NULL(map.base);
    CU_ASSERT_EQUAL(map.size, 0);
    file_unmap(&map);
    CU_ASSERT_EQUAL(file_write_atomic(path, "abc", 3), ST_OK);
    CU_ASSERT_EQUAL(file_map(path, ST_DATA, &map), ST_OK);
    CU_ASSERT_EQUAL(map.size, 3);
    CU_ASSERT_EQUAL(memcmp(map.base, "abc", 3), 0);
    file_unmap(&map);
    CU_ASSERT_PTR_NULL(map.base);
    CU_ASSERT_EQUAL(file_map(test_folder(), ST_DATA, &map), ST_DATA);
    CU_ASSERT_EQUAL(file_map(pool_printf(&pool, "%s.no", path), ST_MODEL, &map), ST_MODEL);
    pool_release(&pool);
}

static void makes_folders(void)
{
    struct pool pool = {0};
    const char *folder = test_folder();
    const char *deep = pool_printf(&pool, "%s/a//b/c/", folder);
    CU_ASSERT_EQUAL(file_make_folder(deep), ST_OK);
    CU_ASSERT_EQUAL(file_make_folder(deep), ST_OK);
    CU_ASSERT(file_exists(pool_printf(&pool, "%s/a/b/c", folder)));
    CU_ASSERT(!file_exists(pool_printf(&pool, "%s/a/b/d", folder)));
    CU_ASSERT_EQUAL(file_write_atomic(pool_printf(&pool, "%s/f", folder), "", 0), ST_OK);
    CU_ASSERT_EQUAL(file_make_folder(pool_printf(&pool, "%s/f", folder)), ST_IO);
    CU_ASSERT_EQUAL(file_make_folder(pool_printf(&pool, "%s/f/g", folder)), ST_IO);
    CU_ASSERT_EQUAL(file_make_folder(""), ST_IO);
    pool_release(&pool);
}

/* Whether another process can take the lock. */
static bool another_gets(const char *path)
{
    int answer[2];
    char got = '?';
    CU_ASSERT_EQUAL_FATAL(pipe(answer), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int handle;
        bool held;
        enum status status = file_lock(path, &handle, &held);
        char mine = status == ST_OK ? 'y' : status == ST_IO && held ? 'n' : '?';
        _exit(write(answer[1], &mine, 1) == 1 ? 0 : 1);
    }
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    close(answer[1]);
    CU_ASSERT_EQUAL(read(answer[0], &got, 1), 1);
    close(answer[0]);
    CU_ASSERT(got == 'y' || got == 'n');
    return got == 'y';
}

static void locks_exclude(void)
{
    struct pool pool = {0};
    const char *path = pool_printf(&pool, "%s/lock", test_folder());
    int handle, other;
    bool held;
    CU_ASSERT(another_gets(path)); /* and its end frees it */
    CU_ASSERT_EQUAL(file_lock(path, &handle, &held), ST_OK);
    CU_ASSERT(!held);
    CU_ASSERT(!another_gets(path));
    file_unlock(handle);
    CU_ASSERT(another_gets(path));
    CU_ASSERT_EQUAL(file_lock(pool_printf(&pool, "%s/no/lock", path), &other, &held), ST_IO);
    CU_ASSERT(!held);
    CU_ASSERT(other < 0);
    pool_release(&pool);
}

/* ---- log ---- */

static void only_rank_0_speaks(void)
{
    struct pool pool = {0};
    const char *folder = test_folder();
    const char *path = pool_printf(&pool, "%s/log", folder);
    CU_ASSERT_EQUAL(log_open(pool_printf(&pool, "%s/no/log", folder)), ST_IO);
    CU_ASSERT_EQUAL(log_open(path), ST_OK);
    log_note("epoch %d", 1);
    log_set_rank(1);
    log_note("rank 1 is silent");
    log_error("rank 1 is silent");
    log_set_rank(0);
    CU_ASSERT_EQUAL(log_open(NULL), ST_OK);
    log_note("after the end");
    unsigned char *bytes;
    size_t size;
    CU_ASSERT_EQUAL(file_read(path, 1000, &bytes, &size), ST_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr((char *)bytes, " epoch 1\n"));
    CU_ASSERT_PTR_NULL(strstr((char *)bytes, "silent"));
    CU_ASSERT_PTR_NULL(strstr((char *)bytes, "after"));
    free(bytes);
    pool_release(&pool);
}

const struct test tests_base[] = {
    {"status_forwards", status_forwards},
    {"status_codes", status_codes},
    {"status_truncates", status_truncates},
    {"pool_serves_all_sizes", pool_serves_all_sizes},
    {"memory_is_aligned_and_zero", memory_is_aligned_and_zero},
    {"memory_refuses_too_much", memory_refuses_too_much},
    {"products_are_checked", products_are_checked},
    {"bugs_abort", bugs_abort},
    {"text_grows", text_grows},
    {"philox_known_answers", philox_known_answers},
    {"streams_differ", streams_differ},
    {"uniform_is_uniform", uniform_is_uniform},
    {"permutations_are_permutations", permutations_are_permutations},
    {"permutations_use_each_word_once", permutations_use_each_word_once},
    {"permutations_are_fair", permutations_are_fair},
    {"writes_are_atomic", writes_are_atomic},
    {"full_disk_keeps_the_old_file", full_disk_keeps_the_old_file},
    {"reads_are_limited", reads_are_limited},
    {"maps_files", maps_files},
    {"makes_folders", makes_folders},
    {"locks_exclude", locks_exclude},
    {"only_rank_0_speaks", only_rank_0_speaks},
    {0},
};
TEST_MAIN(tests_base)
