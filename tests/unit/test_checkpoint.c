/* Checkpoints: what is written is read back; what was damaged, or is of another model, is refused.
 */
#include <dirent.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/checkpoint.h"
#include "formats/trailer.h"
#include "nets.h"
#include "test.h"

static const char small_net[] = "input: [4, 4, 2]\n"
                                "layers:\n"
                                "  - Conv2D: {filters: 3, kernel_size: 3, activation: relu}\n"
                                "  - BatchNormalization: {activation: tanh}\n"
                                "  - Flatten\n"
                                "  - Dense: {units: 5, activation: softmax, name: head}\n";

/* A model, a made-up state of training it, and where both come from. */
struct fixture {
    struct pool pool;
    struct model *model;
    struct checkpoint_training training;
    struct checkpoint checkpoint;
    const char *path;
};

/* count floats of the model's layout: different everywhere, zero in the gaps. */
static float *make_floats(struct fixture *f, size_t count, float start)
{
    float *data = pool_alloc(&f->pool, count * sizeof *data);
    for (size_t i = 0; i < model_param_count(f->model); i++) {
        const struct param *param = model_param(f->model, i, NULL);
        for (size_t j = 0; j < param->size && param->offset + param->size <= count; j++)
            data[param->offset + j] = start + (float)(param->offset + j);
    }
    return data;
}

static void setup(struct fixture *f, const char *net)
{
    *f = (struct fixture){0};
    f->model = net_build(&f->pool, net);
    f->training = net_training(&f->pool, "loss: sparse_categorical_crossentropy, optimizer: Adam, "
                                         "metrics: [accuracy]");
    f->checkpoint = (struct checkpoint){
        .experiment = "name: net # \xc3\xbc\n",
        .seed = UINT64_MAX - 1,
        .epoch = 3,
        .step = 1234567890123,
        .position = 17,
        .params = make_floats(f, f->model->total, 0.5f),
        .optimizer = "Adam",
        .slots = 2,
        .slot_name = {"momentum", "velocity"},
        .slot = {make_floats(f, f->model->trainable, -7.0f),
                 make_floats(f, f->model->trainable, 1000.0f)},
        .best = make_floats(f, f->model->total, 3.0f),
        .state = "{\"wait\": 2}",
        .history = "epoch,loss\n1,0.5\n",
    };
    f->path = pool_printf(&f->pool, "%s/x.h5", test_folder());
}

static void teardown(struct fixture *f)
{
    model_free(f->model);
    pool_release(&f->pool);
}

static void write_it(struct fixture *f)
{
    enum status status = checkpoint_write(f->path, f->model, &f->training, &f->checkpoint);
    CU_ASSERT_EQUAL(status, ST_OK);
    if (status != ST_OK)
        printf("    %s\n", status_message());
}

/* Reading must fail with ST_MODEL and a message that begins with the path and has text in it. */
static void expect_refused(const char *path, const struct model *model, const char *text)
{
    struct checkpoint read;
    enum status status = checkpoint_read(path, model, &read);
    bool told = strncmp(status_message(), path, strlen(path)) == 0 &&
                strstr(status_message(), text) != NULL;
    CU_ASSERT_EQUAL(status, ST_MODEL);
    CU_ASSERT(told);
    if (status == ST_OK)
        checkpoint_release(&read);
    else if (!told)
        printf("    \"%s\" has no \"%s\"\n", status_message(), text);
}

static void expect_same_text(const char *a, const char *b)
{
    CU_ASSERT_PTR_NOT_NULL(a);
    if (a)
        CU_ASSERT_STRING_EQUAL(a, b);
}

static void expect_same_floats(const float *a, const float *b, size_t count)
{
    CU_ASSERT_PTR_NOT_NULL(a);
    if (a)
        CU_ASSERT_EQUAL(memcmp(a, b, count * sizeof *a), 0);
}

/* ---- Round trips ---- */

static void expect_same(const struct fixture *f, const struct checkpoint *read)
{
    const struct checkpoint *wrote = &f->checkpoint;
    char digest[DIGEST_SIZE];
    CU_ASSERT_EQUAL(read->version, CHECKPOINT_VERSION);
    expect_same_text(read->experiment, wrote->experiment);
    CU_ASSERT_EQUAL(read->seed, wrote->seed);
    CU_ASSERT_EQUAL(read->epoch, wrote->epoch);
    CU_ASSERT_EQUAL(read->step, wrote->step);
    CU_ASSERT_EQUAL(read->position, wrote->position);
    model_digest(f->model, wrote->params, digest);
    expect_same_text(read->digest, digest);
    expect_same_floats(read->params, wrote->params, f->model->total);
    expect_same_text(read->optimizer, wrote->optimizer);
    CU_ASSERT_EQUAL(read->slots, wrote->slots);
    for (size_t s = 0; s < wrote->slots; s++) {
        expect_same_text(read->slot_name[s], wrote->slot_name[s]);
        expect_same_floats(read->slot[s], wrote->slot[s], f->model->trainable);
    }
    expect_same_floats(read->best, wrote->best, f->model->total);
    expect_same_text(read->state, wrote->state);
    expect_same_text(read->history, wrote->history);
}

static void test_round_trip(void)
{
    struct fixture f;
    struct checkpoint read;
    setup(&f, small_net);
    write_it(&f);
    CU_ASSERT_EQUAL(checkpoint_read(f.path, f.model, &read), ST_OK);
    expect_same(&f, &read);
    checkpoint_release(&read);
    teardown(&f);
}

static void test_head(void)
{
    struct fixture f;
    struct checkpoint read;
    setup(&f, small_net);
    write_it(&f);
    CU_ASSERT_EQUAL(checkpoint_read_head(f.path, &read), ST_OK);
    CU_ASSERT_EQUAL(read.version, CHECKPOINT_VERSION);
    expect_same_text(read.experiment, f.checkpoint.experiment);
    checkpoint_release(&read);
    teardown(&f);
}

/* What may be NULL is NULL again. */
static void test_without_optimizer(void)
{
    struct fixture f;
    struct checkpoint read;
    setup(&f, small_net);
    f.checkpoint.optimizer = NULL;
    f.checkpoint.slots = 0;
    f.checkpoint.best = NULL;
    f.checkpoint.state = f.checkpoint.history = NULL;
    write_it(&f);
    CU_ASSERT_EQUAL(checkpoint_read(f.path, f.model, &read), ST_OK);
    CU_ASSERT_PTR_NULL(read.optimizer);
    CU_ASSERT_EQUAL(read.slots, 0);
    CU_ASSERT_PTR_NULL(read.best);
    CU_ASSERT_PTR_NULL(read.state);
    CU_ASSERT_PTR_NULL(read.history);
    expect_same_floats(read.params, f.checkpoint.params, f.model->total);
    checkpoint_release(&read);
    teardown(&f);
}

/* An optimizer without slots and texts without characters are something else than none. */
static void test_empty_parts(void)
{
    struct fixture f;
    struct checkpoint read;
    setup(&f, small_net);
    f.checkpoint.optimizer = "SGD";
    f.checkpoint.slots = 0;
    f.checkpoint.state = f.checkpoint.history = "";
    write_it(&f);
    CU_ASSERT_EQUAL(checkpoint_read(f.path, f.model, &read), ST_OK);
    expect_same(&f, &read);
    checkpoint_release(&read);
    teardown(&f);
}

/* More layer names than fit into one attribute, more JSON than fits into an object's header. */
static void test_many_layers(void)
{
    enum { LAYERS = 900 };
    struct fixture f;
    struct checkpoint read;
    struct text net = {0};
    text_add(&net, "input: [1]\nlayers:\n");
    for (int i = 0; i < LAYERS; i++)
        text_add(&net, "  - Dense: {units: 1, name: %090d}\n", i);
    setup(&f, net.data);
    text_release(&net);
    write_it(&f);
    CU_ASSERT_EQUAL(checkpoint_read(f.path, f.model, &read), ST_OK);
    expect_same(&f, &read);
    checkpoint_release(&read);
    teardown(&f);
}

static unsigned char *load(const char *path, size_t *size)
{
    unsigned char *bytes = NULL;
    CU_ASSERT_EQUAL_FATAL(file_read(path, 1 << 26, &bytes, size), ST_OK);
    return bytes;
}

static void store(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* No time of day and no stray memory gets into the file. */
static void test_same_bytes(void)
{
    struct fixture f;
    size_t size[2];
    unsigned char *bytes[2];
    setup(&f, small_net);
    for (int i = 0; i < 2; i++) {
        write_it(&f);
        bytes[i] = load(f.path, &size[i]);
        if (i == 0)
            sleep(1); /* HDF5's times are in seconds */
    }
    CU_ASSERT_EQUAL(size[0], size[1]);
    CU_ASSERT(size[0] == size[1] && memcmp(bytes[0], bytes[1], size[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
    teardown(&f);
}

/* ---- Damage ---- */

static void test_flipped_bit(void)
{
    struct fixture f;
    size_t size;
    setup(&f, small_net);
    write_it(&f);
    unsigned char *bytes = load(f.path, &size);
    for (size_t at = 0; at < size; at += at + 80 < size ? 211 : 1) {
        bytes[at] ^= (unsigned char)(1u << at % 8);
        store(f.path, bytes, size);
        expect_refused(f.path, f.model, "");
        bytes[at] ^= (unsigned char)(1u << at % 8);
    }
    bytes[100] ^= 1;
    store(f.path, bytes, size);
    expect_refused(f.path, f.model, "checksum wrong: the file was changed or damaged");
    free(bytes);
    teardown(&f);
}

static void test_truncated(void)
{
    struct fixture f;
    size_t size;
    setup(&f, small_net);
    write_it(&f);
    unsigned char *bytes = load(f.path, &size);
    for (size_t length = 0; length < size; length += length + 80 < size ? 211 : 1) {
        store(f.path, bytes, length);
        expect_refused(f.path, f.model, "not a convoy checkpoint");
    }
    free(bytes);
    teardown(&f);
}

/* The trailer knows how long the rest must be. */
static void test_wrong_length(void)
{
    struct fixture f;
    size_t size;
    setup(&f, small_net);
    write_it(&f);
    unsigned char *bytes = load(f.path, &size), *copy = mem_need(size + 1, 1);
    memcpy(copy, bytes, 1000);
    memcpy(copy + 1000, bytes + 1001, size - 1001);
    store(f.path, copy, size - 1);
    expect_refused(f.path, f.model, "ends early: trailer promises");
    memcpy(copy + 1001, bytes + 1000, size - 1000);
    store(f.path, copy, size + 1);
    expect_refused(f.path, f.model, "too long: trailer promises");
    free(copy);
    free(bytes);
    teardown(&f);
}

static void test_other_version(void)
{
    struct fixture f;
    size_t size;
    setup(&f, small_net);
    write_it(&f);
    unsigned char *bytes = load(f.path, &size);
    trailer_seal(bytes, size - TRAILER_SIZE, CHECKPOINT_VERSION + 1);
    store(f.path, bytes, size);
    expect_refused(f.path, f.model, "checkpoint format 2; this one reads 1 to 1");
    free(bytes);
    teardown(&f);
}

/* A good trailer behind something that HDF5 does not know. */
static void test_not_hdf5(void)
{
    struct fixture f;
    unsigned char bytes[500 + TRAILER_SIZE] = "This is a text.";
    setup(&f, small_net);
    trailer_seal(bytes, 500, CHECKPOINT_VERSION);
    store(f.path, bytes, sizeof bytes);
    expect_refused(f.path, f.model, "HDF5 cannot read what is inside");
    trailer_seal(bytes, 0, CHECKPOINT_VERSION);
    store(f.path, bytes, TRAILER_SIZE);
    expect_refused(f.path, f.model, "HDF5 cannot read what is inside");
    teardown(&f);
}

static void test_no_checkpoint(void)
{
    struct fixture f;
    setup(&f, small_net);
    expect_refused(f.path, f.model, "No such file");
    expect_refused(test_folder(), f.model, "Is a directory");
    expect_refused("/dev/null", f.model, "");
    store(f.path, "", 0);
    expect_refused(f.path, f.model, "not a convoy checkpoint");
    store(f.path, small_net, sizeof small_net);
    expect_refused(f.path, f.model, "not a convoy checkpoint");
    struct checkpoint read;
    CU_ASSERT_EQUAL(checkpoint_read_head(f.path, &read), ST_MODEL);
    teardown(&f);
}

/* ---- A good checksum of a file that somebody made ---- */

enum oddity {
    SOFT_LINK,     /* to the same object */
    EXTERNAL_LINK, /* to the same object in another file */
    CHUNKS,
    OUTSIDE, /* the data are in another file */
    HUGE,
    WRONG_TYPE,
    MISSING,
    ODDITIES
};

static void put_odd_dataset(hid_t file, const char *name, enum oddity oddity, const char *other)
{
    hsize_t dims[4] = {3, 3, 2, 3};
    hid_t type = H5Tcopy(oddity == WRONG_TYPE ? H5T_IEEE_F64LE : H5T_IEEE_F32LE);
    hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    if (oddity == CHUNKS)
        H5Pset_chunk(layout, 4, dims);
    else if (oddity == OUTSIDE)
        H5Pset_external(layout, other, 0, 1000);
    else if (oddity == HUGE)
        dims[0] = (hsize_t)1 << 40;
    hid_t space = H5Screate_simple(4, dims, NULL);
    hid_t id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    CU_ASSERT(id >= 0);
    H5Dclose(id);
    H5Sclose(space);
    H5Pclose(layout);
    H5Tclose(type);
}

/* Replaces a dataset of the file, and writes its trailer anew. */
static void make_odd(const char *path, const char *name, enum oddity oddity, const char *other)
{
    static const char kept[] = "kept";
    size_t size;
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Lmove(file, name, file, kept, H5P_DEFAULT, H5P_DEFAULT);
    if (oddity == SOFT_LINK)
        H5Lcreate_soft("/kept", file, name, H5P_DEFAULT, H5P_DEFAULT);
    else if (oddity == EXTERNAL_LINK)
        H5Lcreate_external(other, name, file, name, H5P_DEFAULT, H5P_DEFAULT);
    else if (oddity != MISSING)
        put_odd_dataset(file, name, oddity, other);
    CU_ASSERT(H5Fclose(file) >= 0);
    unsigned char *bytes = load(path, &size), *sealed = mem_need(size + TRAILER_SIZE, 1);
    memcpy(sealed, bytes, size);
    trailer_seal(sealed, size, CHECKPOINT_VERSION);
    store(path, sealed, size + TRAILER_SIZE);
    free(sealed);
    free(bytes);
}

static void test_odd_contents(void)
{
    static const char kernel[] = "model_weights/conv2d/conv2d/kernel";
    static const char *const messages[ODDITIES] = {
        [SOFT_LINK] = "has no 'model_weights/conv2d/conv2d/kernel'",
        [EXTERNAL_LINK] = "has no 'model_weights/conv2d/conv2d/kernel'",
        [CHUNKS] = "is not a dataset as convoy writes it",
        [OUTSIDE] = "is not a dataset as convoy writes it",
        [HUGE] = "the kernel has the shape (1099511627776, 3, 2, 3) in the file, (3, 3, 2, 3)",
        [WRONG_TYPE] = "is not an array of little-endian float32",
        [MISSING] = "has no 'model_weights/conv2d/conv2d/kernel'"};
    struct fixture f;
    setup(&f, small_net);
    write_it(&f);
    const char *odd = pool_printf(&f.pool, "%s/odd.h5", test_folder());
    for (int oddity = 0; oddity < ODDITIES; oddity++) {
        CU_ASSERT_EQUAL(checkpoint_write(odd, f.model, &f.training, &f.checkpoint), ST_OK);
        make_odd(odd, kernel, (enum oddity)oddity, f.path);
        expect_refused(odd, f.model, messages[oddity]);
    }
    teardown(&f);
}

/* ---- Another model ---- */

static void test_other_model(void)
{
    static const struct {
        const char *net, *message;
    } others[] = {
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 2}}, BatchNormalization,"
         " Flatten, {Dense: {units: 5, name: head}}]",
         "layer 'conv2d': the kernel has the shape (3, 3, 2, 3) in the file, (2, 2, 2, 3) in this"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3}}, BatchNormalization,"
         " Flatten, {Dense: {units: 6, name: head}}]",
         "layer 'head': the kernel has the shape (12, 5) in the file, (12, 6) in this model"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3}},"
         " Flatten, {Dense: {units: 5, name: head}}]",
         "has the layer 'batch_normalization' (gamma (3,)), which this model has not"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3, name: c}}, Flatten]",
         "has the layer 'conv2d' (kernel (3, 3, 2, 3)) where this model has 'c' (kernel (3, 3, 2, "
         "3))"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3}}, BatchNormalization,"
         " Flatten]",
         "has the layer 'head' (kernel (12, 5)), which this model has not"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3}}, BatchNormalization,"
         " Flatten, {Dense: {units: 5, name: head}}, Dense: {units: 2}]",
         "3 of its layers have weights; this model goes on with 'dense' (kernel (5, 2))"},
        {"input: [4, 4, 2]\nlayers: [{Conv2D: {filters: 3, kernel_size: 3, use_bias: false}},"
         " BatchNormalization, Flatten, {Dense: {units: 5, name: head}}]",
         "layer 'conv2d' has 2 weights in the file, 1 in this model"},
        {"input: [4, 4, 2]\nlayers: [Flatten]", "has the layer 'conv2d' (kernel (3, 3, 2"},
    };
    struct fixture f;
    setup(&f, small_net);
    write_it(&f);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct model *other = net_build(&f.pool, others[i].net);
        expect_refused(f.path, other, others[i].message);
        model_free(other);
    }
    teardown(&f);
}

/* ---- Writing that fails ---- */

static size_t files_in(const char *path)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    size_t count = 0;
    DIR *dir = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* A limit on the size of files stands for a full disk. */
static void test_no_space(void)
{
    struct fixture f;
    struct rlimit before, limit;
    struct checkpoint read;
    setup(&f, small_net);
    write_it(&f);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 4096;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    f.checkpoint.epoch = 4;
    CU_ASSERT_EQUAL(checkpoint_write(f.path, f.model, &f.training, &f.checkpoint), ST_IO);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "File too large"));
    CU_ASSERT_EQUAL(files_in(f.path), 1);
    f.checkpoint.epoch = 3;
    CU_ASSERT_EQUAL(checkpoint_read(f.path, f.model, &read), ST_OK);
    expect_same(&f, &read);
    checkpoint_release(&read);
    teardown(&f);
}

static void test_no_folder(void)
{
    struct fixture f;
    setup(&f, small_net);
    const char *path = pool_printf(&f.pool, "%s/no/such/x.h5", test_folder());
    CU_ASSERT_EQUAL(checkpoint_write(path, f.model, &f.training, &f.checkpoint), ST_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(status_message(), "/no/such/x.h5"));
    teardown(&f);
}

const struct test tests_checkpoint[] = {{"round_trip", test_round_trip},
                                        {"head", test_head},
                                        {"without_optimizer", test_without_optimizer},
                                        {"empty_parts", test_empty_parts},
                                        {"many_layers", test_many_layers},
                                        {"same_bytes", test_same_bytes},
                                        {"flipped_bit", test_flipped_bit},
                                        {"truncated", test_truncated},
                                        {"wrong_length", test_wrong_length},
                                        {"other_version", test_other_version},
                                        {"not_hdf5", test_not_hdf5},
                                        {"no_checkpoint", test_no_checkpoint},
                                        {"odd_contents", test_odd_contents},
                                        {"other_model", test_other_model},
                                        {"no_space", test_no_space},
                                        {"no_folder", test_no_folder},
                                        {0}};
TEST_MAIN(tests_checkpoint)
