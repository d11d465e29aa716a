/* src/data: gathering, scaling, splits, and opening by several processes of a node. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/loader.h"
#include "data/source.h"
#include "data/storage.h"
#include "sets.h"
#include "test.h"

/* ---- Sets in memory ---- */

static struct dataset *memory_set(enum dtype dtype, bool planar, size_t n, size_t h, size_t w,
                                  size_t c, const void *bytes)
{
    struct dataset *set = mem_need(1, sizeof *set);
    set->n = set->stored = n;
    set->source = "memory";
    set->x = (struct array){.dtype = dtype,
                            .big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
                            .channels_first = planar,
                            .rank = 3,
                            .shape = {h, w, c},
                            .stride = h * w * c * dtype_size(dtype),
                            .parts = 1,
                            .part = pool_alloc(&set->pool, sizeof(struct array_part))};
    set->x.part[0] = (struct array_part){bytes, 0, "memory", STORED_EMBEDDED};
    return set;
}

static unsigned char *some_bytes(size_t n)
{
    unsigned char *bytes = mem_need(n, 1);
    uint32_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
    return bytes;
}

/* The documented formula, each operation rounded. */
static float scaled(float x, const struct scaling *s, size_t element)
{
    volatile float v = x * (float)s->rescale;
    v = v + (float)s->offset;
    if (s->n == 0)
        return v;
    volatile float inverse = 1.0f / s->deviation[element % s->n];
    v = v - s->mean[element % s->n];
    return v * inverse;
}

static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Gathers every sample and compares each number with the formula. */
static void check_gather(const struct dataset *set, const struct scaling *s, const float *plain)
{
    size_t elements = array_elements(&set->x);
    float *x = mem_need(set->n * elements, sizeof *x);
    uint32_t *ids = mem_need(set->n, sizeof *ids);
    for (size_t i = 0; i < set->n; i++)
        ids[i] = (uint32_t)(set->n - 1 - i);
    CU_ASSERT_EQUAL(loader_gather(set, s, TARGET_VALUE, ids, set->n, x, NULL), ST_OK);
    size_t wrong = 0;
    for (size_t i = 0; i < set->n; i++)
        for (size_t e = 0; e < elements; e++)
            wrong += !same_bits(x[i * elements + e], scaled(plain[ids[i] * elements + e], s, e));
    CU_ASSERT_EQUAL(wrong, 0);
    free(x);
    free(ids);
}

/* The same samples as bytes, planar bytes (c = 3) and floats, under all kinds of scaling. */
static void check_shape(size_t n, size_t h, size_t w, size_t c)
{
    size_t pixels = h * w, elements = pixels * c;
    unsigned char *bytes = some_bytes(n * elements), *planes = mem_need(n * elements, 1);
    float *plain = mem_need(n * elements, sizeof *plain);
    float *mean = mem_need(elements, sizeof *mean), *deviation = mem_need(elements, sizeof *mean);
    for (size_t i = 0; i < n * elements; i++) {
        size_t sample = i / elements, e = i % elements;
        plain[i] = bytes[i];
        planes[sample * elements + e % c * pixels + e / c] = bytes[i];
    }
    for (size_t e = 0; e < elements; e++) {
        mean[e] = 0.1f + (float)e / 77;
        deviation[e] = 0.3f + (float)(e % 13) / 7;
    }
    const struct scaling cases[] = {{1, 0, 0, NULL, NULL},
                                    {1.0 / 255, -0.5, 0, NULL, NULL},
                                    {1.0 / 255, 0, c, mean, deviation},
                                    {1.0 / 127.5, -1, elements, mean, deviation}};
    struct dataset *sets[] = {memory_set(DTYPE_U8, false, n, h, w, c, bytes),
                              memory_set(DTYPE_F32, false, n, h, w, c, plain),
                              c == 3 ? memory_set(DTYPE_U8, true, n, h, w, c, planes) : NULL};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; sets[k] && i < 4; i++)
            check_gather(sets[k], &cases[i], plain);
        dataset_free(sets[k]);
    }
    free(bytes);
    free(planes);
    free(plain);
    free(mean);
    free(deviation);
}

static void gather_follows_the_formula(void)
{
    check_shape(3, 28, 28, 1);
    check_shape(2, 32, 32, 3);
    check_shape(5, 7, 5, 3);
    check_shape(2, 3, 3, 5);
    check_shape(2, 2, 3, 17);
    check_shape(2, 2, 2, 193);
    check_shape(4, 1, 1, 1);
}

static void targets_have_three_forms(void)
{
    struct dataset *set = set_open("{format: digits}");
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    const uint32_t ids[] = {3, 0, 1796};
    int32_t label[3];
    float hot[30], value[3];
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, ids, 3, NULL, label), ST_OK);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_ONE_HOT, ids, 3, NULL, hot), ST_OK);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, ids, 3, NULL, value), ST_OK);
    CU_ASSERT(label[0] == 3 && label[1] == 0 && label[2] == 8);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(value[i], (float)label[i]);
        for (int c = 0; c < 10; c++)
            CU_ASSERT_EQUAL(hot[10 * i + c], c == label[i] ? 1 : 0);
    }
    set->classes = 8;
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, ids, 3, NULL, label), ST_DATA);
    CU_ASSERT_STRING_EQUAL(status_message(), "digits: sample 1796 has label 8, expected 0..7");
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_ONE_HOT, ids, 3, NULL, hot), ST_DATA);
    dataset_free(set);
    unsigned char bytes[4] = {0};
    set = memory_set(DTYPE_U8, false, 1, 2, 2, 1, bytes);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_VALUE, ids + 1, 1, NULL, value), ST_DATA);
    CU_ASSERT_EQUAL(loader_gather(set, NULL, TARGET_LABEL, ids + 1, 1, NULL, label), ST_DATA);
    dataset_free(set);
}

/* ---- Scaling ---- */

static void statistics_are_right(void)
{
    enum { N = 50, H = 4, W = 5, C = 3, ELEMENTS = H * W * C };
    unsigned char *bytes = some_bytes(N * ELEMENTS);
    for (size_t i = 0; i < N; i++)
        bytes[i * ELEMENTS + 7] = 9; /* a constant element */
    struct dataset *set = memory_set(DTYPE_U8, false, N, H, W, C, bytes);
    struct selection all;
    CU_ASSERT_EQUAL_FATAL(selection_all(set, &all), ST_OK);
    all.n = N - 1; /* statistics are over the selection */
    for (int per_feature = 0; per_feature < 2; per_feature++) {
        struct scaling s;
        CU_ASSERT_EQUAL_FATAL(scaling_fit(&all, 0.5, 1, true, per_feature, &s), ST_OK);
        CU_ASSERT_EQUAL(s.n, per_feature ? ELEMENTS : C);
        for (size_t j = 0; j < s.n; j++) {
            double sum = 0, square = 0, count = 0;
            for (size_t i = 0; i < (N - 1) * ELEMENTS; i++)
                if (i % s.n == j) {
                    double v = bytes[i] * 0.5 + 1;
                    sum += v, square += v * v, count++;
                }
            double mean = sum / count, deviation = sqrt(square / count - mean * mean);
            CU_ASSERT_DOUBLE_EQUAL(s.mean[j], mean, 1e-5);
            CU_ASSERT_DOUBLE_EQUAL(s.deviation[j], per_feature && j == 7 ? 1 : deviation, 1e-5);
        }
        scaling_release(&s);
    }
    selection_release(&all);
    dataset_free(set);
    free(bytes);
}

static void infinite_inputs_are_named(void)
{
    float values[] = {1, 2, 3, NAN, 5, 6};
    struct dataset *set = memory_set(DTYPE_F32, false, 3, 1, 2, 1, values);
    struct selection all;
    struct scaling s;
    CU_ASSERT_EQUAL_FATAL(selection_all(set, &all), ST_OK);
    CU_ASSERT_EQUAL(scaling_fit(&all, 1, 0, true, false, &s), ST_DATA);
    CU_ASSERT_STRING_EQUAL(status_message(), "memory: sample 1, element 1 is nan");
    CU_ASSERT_EQUAL(scaling_fit(&all, 1, 0, false, false, &s), ST_OK);
    CU_ASSERT_EQUAL(s.n, 0);
    selection_release(&all);
    dataset_free(set);
}

/* ---- Splits ---- */

static void check_split(const struct dataset *set, const struct selection *kept,
                        const struct selection *held, size_t wanted)
{
    bool *seen = mem_need(set->n, sizeof *seen);
    CU_ASSERT_EQUAL(held->n, wanted);
    CU_ASSERT_EQUAL(kept->n, set->n - wanted);
    const struct selection *both[] = {kept, held};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < both[k]->n; i++) {
            CU_ASSERT(i == 0 || both[k]->ids[i] > both[k]->ids[i - 1]);
            CU_ASSERT(!seen[both[k]->ids[i]]);
            seen[both[k]->ids[i]] = true;
        }
    free(seen);
}

static void splits_are_disjoint_and_repeatable(void)
{
    struct dataset *set = set_open("{format: digits, subset: 1000}");
    struct selection kept, held, kept2, held2;
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL(selection_split(set, 0.1, 0, false, 7, &kept, &held), ST_OK);
    check_split(set, &kept, &held, 100);
    CU_ASSERT_EQUAL(selection_split(set, 0, 100, false, 7, &kept2, &held2), ST_OK);
    CU_ASSERT(memcmp(held.ids, held2.ids, 100 * sizeof *held.ids) == 0);
    selection_release(&kept2);
    selection_release(&held2);
    CU_ASSERT_EQUAL(selection_split(set, 0.1, 0, false, 8, &kept2, &held2), ST_OK);
    CU_ASSERT(memcmp(held.ids, held2.ids, 100 * sizeof *held.ids) != 0);
    selection_release(&kept2);
    selection_release(&held2);
    selection_release(&kept);
    selection_release(&held);
    CU_ASSERT_EQUAL(selection_split(set, 0, 1000, false, 7, &kept, &held), ST_DATA);
    CU_ASSERT_EQUAL(selection_split(set, 0.0001, 0, false, 7, &kept, &held), ST_DATA);
    CU_ASSERT_EQUAL(selection_split(set, 1, 0, false, 7, &kept, &held), ST_DATA);
    CU_ASSERT_EQUAL(selection_split(set, 0, 0, false, 7, &kept, &held), ST_DATA);
    dataset_free(set);
}

static void stratified_splits_keep_shares(void)
{
    struct dataset *set = set_open("{format: digits}");
    struct selection kept, held;
    size_t all[10] = {0}, out[10] = {0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CU_ASSERT_EQUAL_FATAL(selection_split(set, 0, 333, true, 7, &kept, &held), ST_OK);
    check_split(set, &kept, &held, 333);
    for (uint32_t i = 0; i < set->n; i++) {
        int32_t label = 0;
        loader_gather(set, NULL, TARGET_LABEL, &i, 1, NULL, &label);
        all[label]++;
    }
    for (size_t i = 0; i < held.n; i++) {
        int32_t label = 0;
        loader_gather(set, NULL, TARGET_LABEL, &held.ids[i], 1, NULL, &label);
        out[label]++;
    }
    for (int c = 0; c < 10; c++) {
        double exact = (double)all[c] * 333 / 1797;
        CU_ASSERT(fabs((double)out[c] - exact) < 1);
    }
    selection_release(&kept);
    selection_release(&held);
    dataset_free(set);
    float values[4] = {0};
    set = memory_set(DTYPE_F32, false, 4, 1, 1, 1, values);
    CU_ASSERT_EQUAL(selection_split(set, 0.5, 0, true, 7, &kept, &held), ST_DATA);
    dataset_free(set);
}

/* ---- Two processes that open a set together ---- */

enum { ARENA = 1 << 20 };

/* Before fork: what both see. */
struct pair {
    pthread_barrier_t barrier;
    enum status said[2];
    size_t used;
    int drops;
    unsigned char told[256];
    _Alignas(64) unsigned char arena[ARENA];
};

struct member {
    struct pair *pair;
    int rank;
};

static enum status pair_tell(struct share *share, void *bytes, size_t size)
{
    struct pair *pair = ((struct member *)share->context)->pair;
    MUST(size <= sizeof pair->told, "%zu", size);
    if (share->leader)
        memcpy(pair->told, bytes, size);
    pthread_barrier_wait(&pair->barrier);
    memcpy(bytes, pair->told, size);
    pthread_barrier_wait(&pair->barrier);
    return ST_OK;
}

static enum status pair_get(struct share *share, size_t size, void **memory)
{
    struct pair *pair = ((struct member *)share->context)->pair;
    *memory = pair->arena + pair->used;
    pthread_barrier_wait(&pair->barrier);
    if (share->leader)
        pair->used += mem_round(size, 64);
    MUST(pair->used <= ARENA, "%zu", pair->used);
    pthread_barrier_wait(&pair->barrier);
    return ST_OK;
}

static void pair_drop(struct share *share, void *memory)
{
    struct pair *pair = ((struct member *)share->context)->pair;
    if (share->leader && memory)
        pair->drops++;
}

static enum status pair_agree(struct share *share, enum status mine)
{
    struct member *member = share->context;
    member->pair->said[member->rank] = mine;
    pthread_barrier_wait(&member->pair->barrier);
    enum status *said = member->pair->said, common = said[0] ? said[0] : said[1];
    pthread_barrier_wait(&member->pair->barrier);
    return common;
}

/* Opens the set, and returns a sum over its samples, or minus the status. */
static long open_in_pair(struct pair *pair, int rank, const char *yaml)
{
    struct member member = {pair, rank};
    struct share share = {rank == 0, pair_tell, pair_get, pair_drop, pair_agree, &member, rank, 2};
    struct data_env env = {.share = &share};
    struct pool pool = {0};
    struct variant source;
    struct dataset *set = NULL;
    enum status status = source_parse(yaml, &pool, &source);
    status = status ? status : dataset_open(&source, 1, &env, &set);
    pool_release(&pool);
    if (status != ST_OK)
        return -(long)status;
    double sum = 0;
    for (uint32_t i = 0; i < set->n; i++) {
        float x[64], y = 0;
        loader_gather(set, NULL, TARGET_VALUE, &i, 1, x, &y);
        for (size_t e = 0; e < array_elements(&set->x); e++)
            sum += (double)x[e] * (double)(i + e + 1);
        sum += (double)y;
    }
    sum += set->class_names ? (double)set->class_names[0][0] : 0;
    dataset_free(set);
    return (long)sum;
}

/* Both processes must come to the result; folder_1 is the second one's data folder. */
static void check_pair(const char *folder_1, const char *yaml, long expected, int drops)
{
    struct pair *pair =
        mmap(NULL, sizeof *pair, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&pair->barrier, &shared, 2);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        setenv("CONVOY_DATA_DIR", folder_1, 1);
        _exit(open_in_pair(pair, 1, yaml) == expected ? 0 : 1);
    }
    setenv("CONVOY_DATA_DIR", set_folder(), 1);
    alarm(20);
    CU_ASSERT_EQUAL(open_in_pair(pair, 0, yaml), expected);
    alarm(0);
    unsetenv("CONVOY_DATA_DIR");
    int code = -1;
    waitpid(child, &code, 0);
    CU_ASSERT(WIFEXITED(code) && WEXITSTATUS(code) == 0);
    CU_ASSERT_EQUAL(pair->drops, drops);
    munmap(pair, sizeof *pair);
}

static void ranks_open_together(void)
{
    static const unsigned char idx[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
    static const unsigned char bad[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3};
    const char *good = set_folder();
    const char *images = "{format: idx, images: i%s, labels: j}";
    char yaml[100];
    set_file("i", idx, sizeof idx);
    set_gzip("i.gz", idx, sizeof idx);
    set_gzip("bad.gz", bad, sizeof bad);
    set_file("j", "\0\0\10\1\0\0\0\2\1\2", 10);
    set_text("t.csv", "1,a\n2,b\n3,c\n");
    set_text("u.csv", "1,a\n2,b\nx,c\n");
    long sum = 1 * 1 + 2 * 2 + 3 * 2 + 4 * 3 + 1 + 2;
    snprintf(yaml, sizeof yaml, images, "");
    check_pair(good, yaml, sum, 0);
    check_pair("/nowhere", yaml, -ST_DATA, 0); /* only the second one fails */
    snprintf(yaml, sizeof yaml, images, ".gz");
    check_pair(good, yaml, sum, 1);
    check_pair("/nowhere", yaml, -ST_DATA, 0);
    check_pair(good, "{format: idx, images: bad.gz}", -ST_DATA, 1);
    check_pair(good, "{format: idx, images: i.gz, labels: t.csv}", -ST_DATA, 1);
    check_pair(good, "{format: csv, file: t.csv, label: 1}", 1 + 2 * 2 + 3 * 3 + 0 + 1 + 2 + 'a',
               1);
    check_pair(good, "{format: csv, file: u.csv, label: 1}", -ST_DATA, 1);
    check_pair(good, "{format: csv, file: t.csv, label: 9}", -ST_DATA, 0);
    check_pair(good, "{format: idx, images: i.gz, subset: 3}", -ST_DATA, 1);
    check_pair(good, "{format: digits, subset: 5000}", -ST_DATA, 0);
    check_pair(good, "{format: hdf5, file: i}", -ST_DATA, 0);
    check_pair("/nowhere", "{format: hdf5, file: i}", -ST_DATA, 0);
}

const struct test tests_loader[] = {
    {"gather_follows_the_formula", gather_follows_the_formula},
    {"targets_have_three_forms", targets_have_three_forms},
    {"statistics_are_right", statistics_are_right},
    {"infinite_inputs_are_named", infinite_inputs_are_named},
    {"splits_are_disjoint_and_repeatable", splits_are_disjoint_and_repeatable},
    {"stratified_splits_keep_shares", stratified_splits_keep_shares},
    {"ranks_open_together", ranks_open_together},
    {0}};
TEST_MAIN(tests_loader)
