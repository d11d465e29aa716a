/* CIFAR-10 and CIFAR-100, binary version: records of one or two label bytes (CIFAR-100: coarse,
 * then fine) and the red, green and blue plane of 32 x 32 bytes each.
 * Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009, and the
 * README of the binary version. */
#include "data/storage.h"

enum { SIDE = 32, CHANNELS = 3, PIXELS = SIDE * SIDE * CHANNELS };

struct cifar_args {
    struct data_common common;
    struct string_list files;
    int labels; /* CIFAR-100: LABELS_FINE, LABELS_COARSE */
};

enum { LABELS_FINE, LABELS_COARSE };

/* What tells the two apart. */
struct cifar_layout {
    size_t record;
    size_t label; /* where in the record it is */
    size_t classes;
    const char *const *names;
};

static const char *const names10[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

static const char *const names20[] = {
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
};

static const char *const names100[] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm",
};

static const struct cifar_layout cifar10 = {1 + PIXELS, 0, 10, names10};
static const struct cifar_layout cifar100_coarse = {2 + PIXELS, 0, 20, names20};
static const struct cifar_layout cifar100_fine = {2 + PIXELS, 1, 100, names100};

/* Adds a file to both arrays. */
static enum status add_file(const struct data_env *env, struct dataset *out, const char *name,
                            const struct cifar_layout *layout)
{
    struct file_bytes file;
    TRY(storage_file(env, out, name, NULL, &file));
    FAIL_IF(
        file.size % layout->record != 0, ST_DATA,
        "%s: its %zu bytes are not a whole number of %zu-byte records (%zu bytes are left over)",
        file.path, file.size, layout->record, file.size % layout->record);
    if (out->x.parts == 0)
        out->source = file.path;
    const unsigned char *pixels = file.base + layout->record - PIXELS;
    out->x.part[out->x.parts++] = (struct array_part){pixels, out->stored, file.path, file.storage};
    out->y.part[out->y.parts++] =
        (struct array_part){file.base + layout->label, out->stored, file.path, file.storage};
    out->stored += file.size / layout->record;
    return ST_OK;
}

static enum status open_layout(const struct cifar_args *args, const struct data_env *env,
                               const struct cifar_layout *layout, struct dataset *out)
{
    size_t n = args->files.n;
    FAIL_IF(n == 0, ST_DATA, "files: the list is empty, expected one file or more");
    out->x = (struct array){.dtype = DTYPE_U8,
                            .channels_first = true,
                            .rank = 3,
                            .shape = {SIDE, SIDE, CHANNELS},
                            .stride = layout->record,
                            .part = pool_alloc(&out->pool, n * sizeof *out->x.part)};
    out->y = (struct array){.dtype = DTYPE_U8,
                            .stride = layout->record,
                            .part = pool_alloc(&out->pool, n * sizeof *out->y.part)};
    for (size_t i = 0; i < n; i++)
        TRY(add_file(env, out, args->files.v[i], layout));
    out->classes = layout->classes;
    out->class_names = pool_alloc(&out->pool, layout->classes * sizeof *out->class_names);
    for (size_t i = 0; i < layout->classes; i++)
        out->class_names[i] = pool_strdup(&out->pool, layout->names[i]);
    return ST_OK;
}

static enum status open_cifar10(const void *args, const struct data_env *env, struct dataset *out)
{
    return open_layout(args, env, &cifar10, out);
}

static enum status open_cifar100(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct cifar_args *cifar = args;
    return open_layout(cifar, env,
                       cifar->labels == LABELS_COARSE ? &cifar100_coarse : &cifar100_fine, out);
}

static bool recognise10(const unsigned char *head, size_t head_size, size_t size)
{
    return size && size % cifar10.record == 0 && head_size > 0 && head[0] < 10;
}

static bool recognise100(const unsigned char *head, size_t head_size, size_t size)
{
    return size && size % cifar100_fine.record == 0 && head_size > 1 && head[0] < 20 &&
           head[1] < 100;
}

static const char *const label_choices[] = {
    [LABELS_FINE] = "fine", [LABELS_COARSE] = "coarse", NULL};

static const struct field file_fields[] = {
    {.key = "files",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct cifar_args, files),
     .help = "the .bin files, plain, .gz or .xz, one set in this order"},
    {0}};

static const struct field label_fields[] = {{.key = "labels",
                                             .type = FIELD_CHOICE,
                                             .offset = offsetof(struct cifar_args, labels),
                                             .fallback = "fine",
                                             .choices = label_choices,
                                             .help = "100 fine or 20 coarse classes"},
                                            {0}};

static const struct schema schema10 = {"cifar10", file_fields, &data_common_schema};
static const struct schema schema_files = {"cifar100", file_fields, &data_common_schema};
static const struct schema schema100 = {"cifar100", label_fields, &schema_files};

static const char *const file_keys[] = {"files", NULL};

const struct format format_cifar10 = {
    .kind = {"cifar10", &schema10, sizeof(struct cifar_args), &format_cifar10},
    .file_keys = file_keys,
    .file_list = true,
    .recognise = recognise10,
    .open = open_cifar10,
};

const struct format format_cifar100 = {
    .kind = {"cifar100", &schema100, sizeof(struct cifar_args), &format_cifar100},
    .file_keys = file_keys,
    .file_list = true,
    .recognise = recognise100,
    .open = open_cifar100,
};
