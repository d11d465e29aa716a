/* Checkpoints that somebody has changed. The first byte says how:
 *
 *   even  the other bytes are changes to a good file (where, by how much) near its end or anywhere,
 *         without a new checksum: it must be refused unless nothing was changed;
 *   odd   they are changes to what is inside, made by HDF5 itself: objects and attributes removed,
 *         or replaced by others of other types, sizes, layouts and kinds of link. The checksum is
 *         made anew, so that our reader gets to see them.
 *
 * What HDF5 does with bytes that are no HDF5 file is not looked for here. */
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/checkpoint.h"
#include "formats/trailer.h"
#include "optimizers/optimizer.h"
#include "train/losses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char net[] = "input: [4, 4, 1]\n"
                          "layers: [{Conv2D: {filters: 2, kernel_size: 3}}, BatchNormalization,"
                          " Flatten, {Dense: {units: 3, name: head}}]";
static struct pool pool;
static struct model *model;
static unsigned char *good; /* a file */
static size_t good_size;
static int file; /* in memory; the files to be read go there */
static char path[32];

/* The changes still to be made. */
struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take(struct input *input, unsigned below)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++ % below;
}

static void store(const void *bytes, size_t size)
{
    MUST(ftruncate(file, 0) == 0 && pwrite(file, bytes, size, 0) == (ssize_t)size, "%zu bytes",
         size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static struct variant optimizer, loss;
    static const struct variant_list metrics;
    struct model_spec spec = {0};
    optimizer.kind = optimizer_kinds[0];
    optimizer.args = pool_alloc(&pool, optimizer.kind->size);
    const struct model_options options = {
        .name = "net", .kernels = &kernels_reference, .microbatch = 1, .seed = 1};
    MUST(schema_read_text(net, &model_schema, &spec, &pool) == ST_OK &&
             model_build(&spec, &options, &model) == ST_OK,
         "%s", status_message());
    loss.kind = loss_kinds[0];
    loss.args = pool_alloc(&pool, loss.kind->size);
    const struct checkpoint_training training = {&loss, &optimizer, &metrics};
    const struct checkpoint checkpoint = {.experiment = "name: net\n",
                                          .params = model->params,
                                          .optimizer = "SGD",
                                          .slots = 1,
                                          .slot_name = {"momentum"},
                                          .slot = {model->params},
                                          .best = model->params,
                                          .state = "{}",
                                          .history = "epoch\n"};
    char folder[] = "/tmp/convoy-fuzz-XXXXXX", name[64];
    MUST(mkdtemp(folder), "%s", folder);
    snprintf(name, sizeof name, "%s/x.h5", folder);
    MUST(checkpoint_write(name, model, &training, &checkpoint) == ST_OK &&
             file_read(name, 1 << 20, &good, &good_size) == ST_OK,
         "%s", status_message());
    unlink(name);
    rmdir(folder);
    file = memfd_create("checkpoint", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return 0;
}

/* ---- Changes to the bytes ---- */

static bool change_bytes(struct input *input)
{
    unsigned char *bytes = mem_need(good_size, 1);
    size_t size = good_size;
    memcpy(bytes, good, size);
    while (input->size > 1) {
        unsigned where = take(input, 256);
        size_t at = where < 2 * TRAILER_SIZE ? good_size - 1 - where % TRAILER_SIZE
                                             : (size_t)where * 7919 % good_size;
        if (where == 255)
            size -= size > 100 ? take(input, 100) : 0;
        else
            bytes[at] ^= (unsigned char)take(input, 256);
    }
    bool changed = size != good_size || memcmp(bytes, good, size) != 0;
    store(bytes, size);
    free(bytes);
    return changed;
}

/* ---- Changes to what is inside ---- */

static const char *const objects[] = {"model_weights",
                                      "model_weights/conv2d",
                                      "model_weights/conv2d/conv2d",
                                      "model_weights/conv2d/conv2d/kernel",
                                      "model_weights/batch_normalization",
                                      "model_weights/head/head/bias",
                                      "model_weights/flatten",
                                      "convoy",
                                      "convoy/experiment",
                                      "convoy/digest",
                                      "convoy/optimizer",
                                      "convoy/slots",
                                      "convoy/slots/momentum",
                                      "convoy/slots/momentum/head/kernel",
                                      "convoy/best",
                                      "convoy/best/head",
                                      "convoy/best/conv2d/bias",
                                      "convoy/state",
                                      "convoy/history"};
static const char *const attributes[] = {
    "layer_names", "layer_names0", "layer_names1", "weight_names", "weight_names0",
    "slot_names",  "seed",         "epoch",        "step",         "position"};
enum {
    OBJECTS = sizeof objects / sizeof *objects,
    ATTRIBUTES = sizeof attributes / sizeof *attributes
};

static hid_t some_string(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    return type;
}

static hid_t some_type(struct input *input)
{
    static const size_t sizes[] = {1, 2, 7, 17, 33, 1000, 60000, 1 << 20, (size_t)1 << 31};
    hid_t inner, type;
    switch (take(input, 10)) {
    case 0:
        return H5Tcopy(H5T_IEEE_F64LE);
    case 1:
        return H5Tcopy(H5T_STD_I64LE);
    case 2:
        return H5Tcopy(H5T_STD_U64LE);
    case 3:
        return some_string(H5T_VARIABLE);
    case 4:
        return some_string(sizes[take(input, sizeof sizes / sizeof *sizes)]);
    case 5:
        return H5Tcreate(H5T_OPAQUE, 1 + take(input, 100));
    case 6:
        type = H5Tcreate(H5T_COMPOUND, 8);
        H5Tinsert(type, "a", 0, H5T_IEEE_F32LE);
        return type;
    case 7:
        return H5Tarray_create2(H5T_IEEE_F32LE, 1, (hsize_t[]){1 + take(input, 9)});
    case 8:
        inner = some_string(3);
        type = H5Tvlen_create(inner);
        H5Tclose(inner);
        return type;
    default:
        return H5Tcopy(H5T_IEEE_F32LE);
    }
}

static hid_t some_space(struct input *input)
{
    static const hsize_t sizes[] = {0, 1, 2, 3, 9, 100, 70000, 1ull << 33, 1ull << 62};
    hsize_t dims[6];
    unsigned rank = take(input, 8);
    if (rank >= 6)
        return H5Screate(rank == 6 ? H5S_NULL : H5S_SCALAR);
    for (unsigned i = 0; i < rank; i++)
        dims[i] = sizes[take(input, sizeof sizes / sizeof *sizes)];
    return H5Screate_simple((int)rank, dims, NULL);
}

static hid_t some_layout(struct input *input, hid_t space)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t ones[6] = {1, 1, 1, 1, 1, 1};
    switch (take(input, 6)) {
    case 0:
        H5Pset_layout(creation, H5D_COMPACT);
        break;
    case 1:
        H5Pset_chunk(creation, H5Sget_simple_extent_ndims(space), ones);
        H5Pset_deflate(creation, 1);
        break;
    case 2:
        H5Pset_external(creation, "/etc/passwd", 0, 1000);
        break;
    case 3:
        H5Pset_virtual(creation, space, "/etc/passwd", "x", space);
        break;
    default: /* one block */
        break;
    }
    return creation;
}

static void replace_dataset(hid_t image, const char *object, struct input *input)
{
    hid_t type = some_type(input), space = some_space(input), layout = some_layout(input, space);
    H5Ldelete(image, object, H5P_DEFAULT);
    H5Dclose(H5Dcreate2(image, object, type, space, H5P_DEFAULT, layout, H5P_DEFAULT));
    H5Pclose(layout);
    H5Sclose(space);
    H5Tclose(type);
}

/* The size of such an attribute; more than HDF5 can store counts as the largest size there is. */
static size_t attribute_size(hid_t type, hid_t space)
{
    hssize_t count = H5Sget_simple_extent_npoints(space);
    size_t bytes;
    return __builtin_mul_overflow(H5Tget_size(type), count > 0 ? count : 0, &bytes) ? SIZE_MAX
                                                                                    : bytes;
}

static void replace_attribute(hid_t image, const char *object, const char *name,
                              struct input *input)
{
    hid_t type = some_type(input), space = some_space(input);
    size_t bytes = attribute_size(type, space);
    H5Adelete_by_name(image, object, name, H5P_DEFAULT);
    if (bytes < 1 << 20) {
        hid_t id = H5Acreate_by_name(image, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT,
                                     H5P_DEFAULT);
        char *content = mem_need(bytes, 1);
        if (id >= 0 && !H5Tis_variable_str(type) && H5Tget_class(type) != H5T_VLEN) {
            memset(content, (int)take(input, 256), bytes);
            H5Awrite(id, type, content);
        }
        free(content);
        H5Aclose(id);
    }
    H5Sclose(space);
    H5Tclose(type);
}

static void change_once(hid_t image, struct input *input)
{
    const char *object = objects[take(input, OBJECTS)];
    const char *other = objects[take(input, OBJECTS)];
    const char *name = attributes[take(input, ATTRIBUTES)];
    unsigned what = take(input, 8);
    if (what == 0) {
        replace_dataset(image, object, input);
        return;
    }
    if (what <= 2) {
        replace_attribute(image, object, name, input);
        return;
    }
    if (what == 3) {
        H5Adelete_by_name(image, object, name, H5P_DEFAULT);
        return;
    }
    H5Ldelete(image, object, H5P_DEFAULT);
    if (what == 4)
        H5Gclose(H5Gcreate2(image, object, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    else if (what == 5)
        H5Lcreate_soft(other, image, object, H5P_DEFAULT, H5P_DEFAULT);
    else if (what == 6)
        H5Lcreate_external("/etc/passwd", other, image, object, H5P_DEFAULT, H5P_DEFAULT);
    else
        H5Lcreate_hard(image, other, image, object, H5P_DEFAULT, H5P_DEFAULT);
}

static void change_inside(struct input *input)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 16, false);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    if (take(input, 2))
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    H5Pset_file_image(access, good, good_size - TRAILER_SIZE);
    hid_t image = H5Fopen("/dev/null/fuzz", H5F_ACC_RDWR, access);
    H5Pclose(access);
    MUST(image >= 0, "%s", "HDF5 cannot open a good image");
    while (input->size > 0)
        change_once(image, input);
    H5Fflush(image, H5F_SCOPE_GLOBAL);
    ssize_t size = H5Fget_file_image(image, NULL, 0);
    if (size > 0 && size < 1 << 26) {
        unsigned char *bytes = mem_need((size_t)size + TRAILER_SIZE, 1);
        H5Fget_file_image(image, bytes, (size_t)size);
        trailer_seal(bytes, (size_t)size, CHECKPOINT_VERSION);
        store(bytes, (size_t)size + TRAILER_SIZE);
        free(bytes);
    } else {
        store("", 0);
    }
    H5Fclose(image);
}

/* ---- Reading ---- */

static volatile size_t seen; /* so that nothing of the looking is optimised away */

static void look_at_text(const char *text)
{
    seen += text ? strlen(text) : 0;
}

static void look_at_floats(const float *floats, size_t count)
{
    for (size_t i = 0; floats && i < count; i++)
        seen += floats[i] > 0.0f;
}

static void look_at(const struct checkpoint *read)
{
    look_at_text(read->experiment);
    look_at_text(read->digest);
    look_at_text(read->optimizer);
    look_at_text(read->state);
    look_at_text(read->history);
    look_at_floats(read->params, model->total);
    look_at_floats(read->best, model->total);
    for (size_t s = 0; s < read->slots; s++) {
        look_at_text(read->slot_name[s]);
        look_at_floats(read->slot[s], model->trainable);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct checkpoint read;
    bool by_hdf5 = take(&input, 2) == 1, changed = true;
    if (by_hdf5)
        change_inside(&input);
    else
        changed = change_bytes(&input);
    enum status status = checkpoint_read(path, model, &read);
    MUST(status == ST_MODEL || (status == ST_OK && (by_hdf5 || !changed)), "%d: %s", (int)status,
         status_message());
    if (status == ST_OK)
        look_at(&read);
    else
        MUST(strstr(status_message(), path) == status_message(), "%s", status_message());
    if (status == ST_OK)
        checkpoint_release(&read);
    return 0;
}
