/* Augmentation: training samples changed at random, after scaling and before the model.
 *
 * The names and what they do are those of Keras's preprocessing layers. What is drawn is a function
 * of (seed, epoch, number in the list, sample id), so it depends neither on who draws nor on when,
 * and a run that is resumed goes on with the same pictures. All arithmetic is float32 or double in
 * a fixed order. */
#ifndef CONVOY_DATA_AUGMENT_H
#define CONVOY_DATA_AUGMENT_H

#include "base/rng.h"
#include "config/schema.h"
#include "data/loader.h"

enum { PICTURE_MAX_CHANNELS = 256, PICTURE_MAX_SIDE = 1 << 20 };

/* One sample [height, width, channels]. */
struct picture {
    size_t height, width, channels;
    bool ranged; /* is it known what numbers it may hold? not after data.standardize */
    float low, high;
    float *x;
    float *room; /* as large as x */
};

/* A sample that is mixed in, and the targets of both. */
struct mixture {
    const float *other;
    float *y;
    const float *other_y;
    size_t targets;
};

/* One file and one line in augment.def. */
struct augmentation {
    const struct kind kind; /* name, schema, argument size; impl points to this struct */
    /* Do the arguments suit such pictures? x is NULL. where: text for a message. Errors: ST_USAGE.
     * NULL: always. */
    enum status (*check)(const void *args, const char *where, const struct picture *shape);
    /* Changes x; what x points to and room may be exchanged. NULL where mix is given: */
    void (*apply)(const void *args, const struct rng_key *key, struct picture *picture);
    void (*mix)(const void *args, const struct rng_key *key, struct picture *picture,
                const struct mixture *mixture);
};
extern const struct kind *const augment_kinds[]; /* NULL-terminated */

enum { AUGMENT_MAX_MIXES = 4 };

struct augmenter {
    const struct variant_list *list;
    const struct dataset *dataset;
    const struct scaling *scaling;
    enum target_form form;
    uint64_t seed;
    struct picture shape;
    size_t elements, targets; /* numbers of a sample */
    float *room;
    float *other[AUGMENT_MAX_MIXES]; /* samples that are mixed in, with their targets behind */
};

/* Checks the list for a data set; scaling is kept and must outlive it, as must the others. Errors:
 * ST_USAGE with the position of the augmentation: samples that are no images, arguments that do not
 * suit them, MixUp and CutMix of class numbers. */
enum status augmenter_init(struct augmenter *augmenter, const struct variant_list *list,
                           const struct dataset *dataset, const struct scaling *scaling,
                           enum target_form form, uint64_t seed);
void augmenter_release(struct augmenter *augmenter);

/* The samples of a step that may be mixed with each other. */
struct augment_step {
    uint64_t epoch;
    const uint32_t *ids; /* all n */
    size_t n;
};

/* Augments samples first to first + count - 1 of a step, which x and y hold as loader_gather gave
 * them. Not collective. */
enum status augmenter_run(struct augmenter *augmenter, const struct augment_step *step,
                          size_t first, size_t count, float *x, void *y);

/* ---- For the files of augmentations ---- */

/* Word number index of the stream as a number in [low, high). */
double augment_uniform(const struct rng_key *key, uint64_t index, double low, double high);

/* Beta(alpha, alpha), from words first.. of the stream on. */
double augment_beta(const struct rng_key *key, uint64_t first, double alpha);

/* A factor is one number f for [-f, f], or two, in any order; not below bound. */
struct bounds {
    double low, high;
};
struct bounds augment_bounds(const struct float_list *factor, double bound);
enum status augment_check_factor(const struct float_list *factor, const char *where,
                                 const char *name, bool optional);

/* value_range: what is given, else what the pictures are known to hold. */
struct bounds augment_range(const struct float_list *given, const struct picture *picture);
enum status augment_check_range(const struct float_list *given, const char *where,
                                const struct picture *shape);

/* Exchanges x and room: room has what x is to be. */
void augment_swap(struct picture *picture);

/* A rectangle of a picture whose sides are sqrt-shares of its sides: rows top <= y < bottom. In
 * fractions of a pixel, as Keras has it; pixel (y, x) belongs to it if its number does. */
struct cutout {
    double left, right, top, bottom;
};
struct cutout augment_cutout(double share_across, double share_down, double u_across, double u_down,
                             const struct picture *picture);
static inline bool augment_cut(const struct cutout *cutout, size_t y, size_t x)
{
    return (double)y >= cutout->top && (double)y < cutout->bottom && (double)x >= cutout->left &&
           (double)x < cutout->right;
}
/* Copies what lies in the rectangle. */
void augment_paste(const struct cutout *cutout, const float *from, struct picture *picture);

#endif
