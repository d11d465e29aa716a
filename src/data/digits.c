/* The embedded set: 1,797 handwritten digits of 8 x 8 pixels 0..16 (UCI, CC BY 4.0), so that
 * something can be trained without any file. See datasets/digits. */
#include "data/idx.h"

/* The two IDX files become part of the program as they are; the path is relative to the folder that
 * the compiler is run in, the project's root. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".pushsection .rodata\n"                                                               \
            ".balign 64\n"                                                                         \
            ".globl " #symbol "\n"                                                                 \
            ".hidden " #symbol "\n" #symbol ":\n"                                                  \
            ".incbin \"datasets/digits/" file "\"\n"                                               \
            ".globl " #symbol "_end\n"                                                             \
            ".hidden " #symbol "_end\n" #symbol "_end:\n"                                          \
            ".byte 0\n"                                                                            \
            ".popsection\n");                                                                      \
    extern const unsigned char symbol[], symbol##_end[]

EMBED(convoy_digits_images, "images-idx3-ubyte");
EMBED(convoy_digits_labels, "labels-idx1-ubyte");

enum { TRAIN_SAMPLES = 1500 };

enum { PART_ALL, PART_TRAIN, PART_TEST };

struct digits_args {
    struct data_common common;
    int part;
};

static enum status embedded_array(const unsigned char *base, const unsigned char *end,
                                  struct dataset *out, struct array *array, int part)
{
    struct file_bytes file = {base, (size_t)(end - base), "digits", STORED_EMBEDDED};
    size_t n;
    TRY(idx_array(&file, &out->pool, array, &n));
    out->stored = n;
    if (part == PART_TRAIN)
        out->stored = TRAIN_SAMPLES;
    if (part == PART_TEST) {
        out->stored = n - TRAIN_SAMPLES;
        array->part[0].base += TRAIN_SAMPLES * array->stride;
    }
    return ST_OK;
}

static enum status open_digits(const void *args, const struct data_env *env, struct dataset *out)
{
    const struct digits_args *digits = args;
    (void)env;
    TRY(embedded_array(convoy_digits_images, convoy_digits_images_end, out, &out->x, digits->part));
    TRY(embedded_array(convoy_digits_labels, convoy_digits_labels_end, out, &out->y, digits->part));
    out->y.rank = 0;
    out->classes = 10;
    return ST_OK;
}

static const char *const parts[] = {
    [PART_ALL] = "all", [PART_TRAIN] = "train", [PART_TEST] = "test", NULL};

static const struct field fields[] = {{.key = "part",
                                       .type = FIELD_CHOICE,
                                       .offset = offsetof(struct digits_args, part),
                                       .fallback = "all",
                                       .choices = parts,
                                       .help = "train: the first 1,500; test: the other 297"},
                                      {0}};

static const struct schema schema = {"digits", fields, &data_common_schema};

const struct format format_digits = {
    .kind = {"digits", &schema, sizeof(struct digits_args), &format_digits},
    .open = open_digits,
};
