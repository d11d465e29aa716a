/* Pictures: a folder of JPEG and PNG files, a subfolder a class, or a CSV file that names them and
 * their targets. The arguments are those of Keras's image_dataset_from_directory.
 *
 * The node's leader lists the files; all ranks of the node decode their share of them into one
 * block of bytes (N, H, W, C) that all see. Sample numbers are those of the list without the files
 * that were skipped, so they do not depend on who decoded what. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/log.h"
#include "config/tree.h"
#include "data/guard.h"
#include "data/image.h"
#include "data/image_cache.h"
#include "data/image_list.h"

enum { ON_ERROR_FAIL, ON_ERROR_SKIP };
enum { COLOR_RGB, COLOR_GRAYSCALE, COLOR_RGBA };
enum { SHOWN_SKIPPED = 10 };

struct images_args {
    struct data_common common;
    char *folder;
    char *labels;
    bool header;
    struct string_list class_names;
    int64_t image_size[2];
    int color_mode, interpolation;
    bool crop, pad;
    int on_error;
    char *cache;
};

/* What the leader tells the others; then the shared memory of the list has the targets, the names
 * of the files and those of the classes. */
struct plan {
    size_t n, targets, classes, names_size, class_names_size;
    bool labels;
    size_t height, width;
    unsigned char key[16]; /* of the cache */
};

struct opening {
    const struct images_args *args;
    const struct data_env *env;
    struct dataset *out;
    const char *folder;
    size_t channels;
    struct image_list list; /* the leader's */
    struct plan plan;
    unsigned char *y;
    char *name, *class_name;
    struct image_block *block;
};

static const char *path_of(const struct opening *o, const char *name, struct text *path)
{
    path->length = 0;
    text_add(path, "%s%s%s", *name == '/' ? "" : o->folder, *name == '/' ? "" : "/", name);
    return path->data;
}

/* ---- The leader's part: what there is ---- */

static enum status read_list(struct opening *o, const struct file_bytes *csv)
{
    const struct images_args *args = o->args;
    if (csv) {
        struct csv_text text = {csv->path, csv->base, csv->size, ','};
        TRY(image_list_csv(&text, args->header, &args->class_names, &o->list));
    } else {
        TRY(image_list_folder(o->folder, args->labels != NULL, &args->class_names, &o->list));
    }
    FAIL_IF(o->list.n == 0, ST_DATA, "%s: has no pictures (.jpg, .jpeg, .png)", o->folder);
    if (o->list.others)
        log_warn("%s: %zu files are not called .jpg, .jpeg or .png and are left out, the first: %s",
                 o->folder, o->list.others, text_shown(o->list.first_other));
    return ST_OK;
}

/* Decodes a file, or its header. */
static enum status read_picture(const char *path, bool header_only, struct image *out)
{
    struct file_map map = {0};
    TRY(guard_map(path, &map));
    enum status status = image_decode(path, map.base, map.size, header_only, out);
    guard_unmap(&map);
    return status;
}

/* The size of the first picture that can be read, where none is configured. */
static enum status find_size(struct opening *o, struct text *path)
{
    struct plan *plan = &o->plan;
    plan->height = (size_t)o->args->image_size[0];
    plan->width = (size_t)o->args->image_size[1];
    if (o->args->image_size[0] != FIELD_NONE)
        return ST_OK;
    const char *name = o->list.names.data;
    enum status status = ST_DATA;
    for (size_t i = 0; i < o->list.n && status != ST_OK; i++, name += strlen(name) + 1) {
        struct image image = {0};
        status = read_picture(path_of(o, name, path), true, &image);
        if (status == ST_OK)
            image_upright_size(&image, &plan->height, &plan->width);
        else if (o->args->on_error == ON_ERROR_FAIL)
            break;
    }
    return status;
}

/* All that the pixels depend on: names, sizes and times of the files, and how they are read. */
static enum status make_key(struct opening *o, struct text *path)
{
    const struct images_args *args = o->args;
    struct text all = {0};
    const char *name = o->list.names.data;
    text_add(&all, "%zu %zu %d %d %d %d %d %s\n", o->plan.height, o->plan.width, args->color_mode,
             args->interpolation, args->crop, args->pad, args->on_error, o->folder);
    for (size_t i = 0; i < o->list.n; i++, name += strlen(name) + 1) {
        struct stat about = {0};
        if (stat(path_of(o, name, path), &about) != 0)
            about = (struct stat){0}; /* decoding it will say what is wrong */
        text_add(&all, "%s %lld %lld.%09ld\n", name, (long long)about.st_size,
                 (long long)about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(all.data, all.length));
    memcpy(o->plan.key, canonical.digest, sizeof o->plan.key);
    text_release(&all);
    return ST_OK;
}

static enum status survey(struct opening *o, const struct file_bytes *csv)
{
    struct text path = {0};
    struct plan *plan = &o->plan;
    enum status status = read_list(o, csv);
    if (status == ST_OK)
        status = find_size(o, &path);
    if (status == ST_OK && o->args->cache)
        status = make_key(o, &path);
    text_release(&path);
    plan->n = o->list.n;
    plan->targets = o->list.targets;
    plan->classes = o->list.classes;
    plan->labels = o->list.labels;
    plan->names_size = o->list.names.length;
    plan->class_names_size = o->list.class_names.length;
    return status;
}

/* The list, for all ranks of the node. Collective. */
static enum status share_list(struct opening *o)
{
    void *memory;
    const struct plan *plan = &o->plan;
    TRY(storage_tell(o->env, &o->plan, sizeof o->plan));
    size_t y_size = 4 * plan->n * plan->targets;
    TRY(storage_get(o->env, o->out, y_size + plan->names_size + plan->class_names_size, o->folder,
                    &memory));
    o->y = memory;
    o->name = (char *)memory + y_size;
    o->class_name = o->name + plan->names_size;
    if (storage_is_leader(o->env)) {
        if (y_size)
            memcpy(o->y, o->list.y.data, y_size);
        memcpy(o->name, o->list.names.data, plan->names_size);
        if (plan->class_names_size)
            memcpy(o->class_name, o->list.class_names.data, plan->class_names_size);
    }
    return storage_agree(o->env, o->out, ST_OK);
}

/* ---- Decoding ---- */

static enum status decode_one(const struct opening *o, const char *path, unsigned char *out)
{
    const struct images_args *args = o->args;
    const struct plan *plan = &o->plan;
    struct image image = {0};
    size_t height, width;
    TRY(read_picture(path, false, &image));
    image_upright_size(&image, &height, &width);
    enum status status = ST_OK;
    if (args->image_size[0] == FIELD_NONE && (height != plan->height || width != plan->width))
        status = status_fail(ST_DATA,
                             "%s: is %zu x %zu, the first picture is %zu x %zu; give 'image_size: "
                             "[height, width]' to bring them to one size",
                             path, height, width, plan->height, plan->width);
    enum image_fit fit = args->crop ? FIT_CROP : args->pad ? FIT_PAD : FIT_STRETCH;
    if (status == ST_OK)
        status =
            image_convert(path, &image, o->channels, (enum image_interpolation)args->interpolation,
                          fit, plan->height, plan->width, out);
    image_release(&image);
    return status;
}

/* This rank's share: every ranks-th file. */
static enum status decode_share(const struct opening *o)
{
    struct storage_place place = storage_place(o->env);
    struct text path = {0};
    enum status status = ST_OK;
    const char *name = o->name;
    unsigned char *good = image_block_good(o->block), *pixels = image_block_pixels(o->block);
    for (size_t i = 0; i < o->plan.n && status == ST_OK; i++, name += strlen(name) + 1) {
        if (i % place.ranks != place.rank)
            continue;
        status = decode_one(o, path_of(o, name, &path), pixels + i * o->block->stride);
        good[i] = status == ST_OK;
        if (status == ST_DATA && o->args->on_error == ON_ERROR_SKIP)
            status = ST_OK;
    }
    text_release(&path);
    return status;
}

/* The leader says which files were skipped, and why: it tries the first of them again. */
static void report_skipped(const struct opening *o, size_t skipped, unsigned char *scrap)
{
    const unsigned char *good = image_block_good(o->block);
    const char *name = o->name;
    struct text path = {0};
    size_t shown = 0;
    for (size_t i = 0; i < o->plan.n && shown < SHOWN_SKIPPED; i++, name += strlen(name) + 1)
        if (!good[i] && decode_one(o, path_of(o, name, &path), scrap) != ST_OK) {
            log_warn("skipped: %s", status_message());
            shown++;
        }
    log_warn("%s: %zu of %zu files are skipped%s", o->folder, skipped, o->plan.n,
             shown < skipped ? "; those above are the first" : "");
    text_release(&path);
}

/* The targets of the good files, one after the other; says how many there are. The leader's. */
static enum status settle_list(struct opening *o)
{
    size_t width = 4 * o->plan.targets, kept = 0;
    const unsigned char *good = image_block_good(o->block);
    for (size_t i = 0; i < o->plan.n; i++) {
        if (!good[i])
            continue;
        memmove(o->y + kept * width, o->y + i * width, width);
        kept++;
    }
    if (kept == o->plan.n)
        return ST_OK;
    void *scrap;
    TRY(mem_alloc(&scrap, o->block->stride, "a picture"));
    report_skipped(o, o->plan.n - kept, scrap);
    free(scrap);
    FAIL_IF(kept == 0, ST_DATA, "%s: none of its %zu files can be read", o->folder, o->plan.n);
    o->plan.n = kept;
    return ST_OK;
}

/* ---- The set ---- */

static void attach(const struct opening *o)
{
    struct dataset *out = o->out;
    const struct plan *plan = &o->plan;
    bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    out->stored = plan->n;
    out->x = (struct array){.dtype = DTYPE_U8,
                            .rank = 3,
                            .shape = {plan->height, plan->width, o->channels},
                            .stride = o->block->stride,
                            .parts = 1,
                            .part = pool_alloc(&out->pool, sizeof *out->x.part)};
    *out->x.part = (struct array_part){image_block_pixels(o->block), 0, o->folder,
                                       o->block->mapped ? STORED_MAPPED : STORED_UNPACKED};
    if (plan->targets == 0)
        return;
    out->y = (struct array){.dtype = plan->labels ? DTYPE_I32 : DTYPE_F32,
                            .big_endian = big_endian,
                            .rank = plan->targets == 1 ? 0 : 1,
                            .shape = {plan->targets},
                            .stride = 4 * plan->targets,
                            .parts = 1,
                            .part = pool_alloc(&out->pool, sizeof *out->y.part)};
    *out->y.part = (struct array_part){o->y, 0, o->folder, STORED_UNPACKED};
    char *name = o->class_name;
    out->classes = plan->classes;
    if (plan->classes)
        out->class_names = pool_alloc(&out->pool, plan->classes * sizeof *out->class_names);
    for (size_t i = 0; i < plan->classes; i++, name += strlen(name) + 1)
        out->class_names[i] = name;
}

static enum status check_args(const struct images_args *args)
{
    FAIL_IF(args->crop && args->pad, ST_USAGE,
            "images: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other");
    FAIL_IF(args->class_names.n && !args->labels, ST_USAGE,
            "images: class_names are given, but with 'labels: null' there are no classes");
    return ST_OK;
}

/* A cache lies beside the experiment unless it is named from the root. */
static const char *cache_path(const struct opening *o)
{
    const char *cache = o->args->cache, *beside = o->env->experiment_folder;
    if (!cache || *cache == '/' || !beside)
        return cache;
    return pool_printf(&o->out->pool, "%s/%s", beside, cache);
}

static enum status find_folder(struct opening *o)
{
    struct stat about;
    TRY(check_args(o->args));
    TRY(data_find(o->args->folder, o->env, &o->out->pool, &o->folder));
    o->out->source = o->folder;
    FAIL_IF(stat(o->folder, &about) != 0 || !S_ISDIR(about.st_mode), ST_DATA, "%s: is not a folder",
            o->folder);
    return ST_OK;
}

static enum status open_with(struct opening *o)
{
    const struct images_args *args = o->args;
    struct file_bytes csv;
    bool leader = storage_is_leader(o->env);
    bool table = args->labels && strcmp(args->labels, "inferred") != 0;
    TRY(storage_agree(o->env, o->out, find_folder(o)));
    if (table)
        TRY(storage_file(o->env, o->out, args->labels, NULL, &csv));
    TRY(storage_agree(o->env, o->out, leader ? survey(o, table ? &csv : NULL) : ST_OK));
    TRY(share_list(o));
    o->block = pool_alloc(&o->out->pool, sizeof *o->block);
    TRY(image_block_open(o->env, o->out, o->folder, cache_path(o), o->plan.key, o->plan.n,
                         o->plan.height * o->plan.width * o->channels, o->block));
    if (!o->block->complete)
        TRY(storage_agree(o->env, o->out, decode_share(o)));
    TRY(image_block_finish(o->env, o->out, o->plan.key, o->block));
    TRY(storage_agree(o->env, o->out, leader ? settle_list(o) : ST_OK));
    TRY(storage_tell(o->env, &o->plan.n, sizeof o->plan.n));
    attach(o);
    return ST_OK;
}

static enum status open_images(const void *args, const struct data_env *env, struct dataset *out)
{
    static const size_t channels[] = {[COLOR_RGB] = 3, [COLOR_GRAYSCALE] = 1, [COLOR_RGBA] = 4};
    struct opening opening = {.args = args, .env = env, .out = out};
    opening.channels = channels[opening.args->color_mode];
    enum status status = open_with(&opening);
    image_list_release(&opening.list);
    return status;
}

static const char *const color_modes[] = {
    [COLOR_RGB] = "rgb", [COLOR_GRAYSCALE] = "grayscale", [COLOR_RGBA] = "rgba", NULL};
static const char *const interpolations[] = {[INTERPOLATE_NEAREST] = "nearest",
                                             [INTERPOLATE_BILINEAR] = "bilinear",
                                             [INTERPOLATE_AREA] = "area",
                                             NULL};
static const char *const error_choices[] = {
    [ON_ERROR_FAIL] = "fail", [ON_ERROR_SKIP] = "skip", NULL};

static const struct field fields[] = {
    {.key = "folder",
     .type = FIELD_STRING,
     .offset = offsetof(struct images_args, folder),
     .help = "the folder of JPEG and PNG files"},
    {.key = "labels",
     .type = FIELD_STRING,
     .offset = offsetof(struct images_args, labels),
     .fallback = "inferred",
     .nullable = true,
     .help = "inferred: each subfolder is a class; or a CSV file of file and class, or numbers"},
    {.key = "header",
     .type = FIELD_BOOL,
     .offset = offsetof(struct images_args, header),
     .fallback = "true",
     .help = "the first line of the CSV file is a header"},
    {.key = "class_names",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct images_args, class_names),
     .fallback = "[]",
     .help = "the classes in their order; []: all that occur, sorted"},
    {.key = "image_size",
     .type = FIELD_PAIR,
     .offset = offsetof(struct images_args, image_size),
     .fallback = "null",
     .min = 1,
     .max = 16384,
     .nullable = true,
     .help = "[height, width] to resize to; null: all have the same size"},
    {.key = "color_mode",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct images_args, color_mode),
     .fallback = "rgb",
     .choices = color_modes,
     .help = "rgb, grayscale or rgba"},
    {.key = "interpolation",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct images_args, interpolation),
     .fallback = "bilinear",
     .choices = interpolations,
     .help = "nearest, bilinear, or area: the mean, better where pictures become much smaller"},
    {.key = "crop_to_aspect_ratio",
     .type = FIELD_BOOL,
     .offset = offsetof(struct images_args, crop),
     .fallback = "false",
     .help = "cut the middle part of the wanted shape out before resizing"},
    {.key = "pad_to_aspect_ratio",
     .type = FIELD_BOOL,
     .offset = offsetof(struct images_args, pad),
     .fallback = "false",
     .help = "add black borders to the wanted shape before resizing"},
    {.key = "on_error",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct images_args, on_error),
     .fallback = "fail",
     .choices = error_choices,
     .help = "what to do with files that cannot be read: fail, or skip and count them"},
    {.key = "cache",
     .type = FIELD_STRING,
     .offset = offsetof(struct images_args, cache),
     .fallback = "null",
     .nullable = true,
     .help = "a file that keeps the decoded pictures for the next run"},
    {0}};

static const struct schema schema = {"images", fields, &data_common_schema};

const struct format format_images = {
    .kind = {"images", &schema, sizeof(struct images_args), &format_images},
    .file_keys = (const char *const[]){"folder", "labels", NULL},
    .folder = true,
    .open = open_images,
};
