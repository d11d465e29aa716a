/* Which samples a purpose uses: all of a set, or the two sides of a split. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/loader.h"

enum status selection_all(const struct dataset *dataset, struct selection *out)
{
    void *ids;
    *out = (struct selection){0};
    TRY(mem_alloc(&ids, dataset->n * sizeof *out->ids, "sample numbers"));
    *out = (struct selection){dataset, ids, dataset->n};
    for (size_t i = 0; i < out->n; i++)
        out->ids[i] = (uint32_t)i;
    return ST_OK;
}

void selection_release(struct selection *selection)
{
    free(selection->ids);
    *selection = (struct selection){0};
}

/* What a class gives to the held-out samples. */
struct quota {
    size_t class_number, members, take;
    uint64_t remainder; /* of members * wanted / n, before rounding down */
};

static int by_remainder(const void *a, const void *b)
{
    const struct quota *x = a, *y = b;
    if (x->remainder != y->remainder)
        return x->remainder < y->remainder ? 1 : -1;
    return (x->class_number > y->class_number) - (x->class_number < y->class_number);
}

static int by_class(const void *a, const void *b)
{
    const struct quota *x = a, *y = b;
    return (x->class_number > y->class_number) - (x->class_number < y->class_number);
}

/* Quotas by largest remainder, in order of class; they add up to wanted. free() the result. */
static struct quota *make_quotas(const struct dataset *dataset, const int32_t *label, size_t wanted)
{
    struct quota *quota = mem_need(dataset->classes, sizeof *quota);
    size_t given = 0;
    for (size_t i = 0; i < dataset->n; i++)
        quota[label[i]].members++;
    for (size_t c = 0; c < dataset->classes; c++) {
        uint64_t share = (uint64_t)quota[c].members * wanted; /* both are below 2^32 */
        quota[c].class_number = c;
        quota[c].take = (size_t)(share / dataset->n);
        quota[c].remainder = share % dataset->n;
        given += quota[c].take;
    }
    qsort(quota, dataset->classes, sizeof *quota, by_remainder);
    for (size_t i = 0; given < wanted; i++, given++)
        quota[i].take++;
    qsort(quota, dataset->classes, sizeof *quota, by_class);
    return quota;
}

/* Marks the held-out samples: the first in the drawn order, of each class where labels are given.
 */
static void mark_held_out(const struct dataset *dataset, const uint32_t *order,
                          const int32_t *label, size_t wanted, bool *held)
{
    struct quota *quota = label ? make_quotas(dataset, label, wanted) : NULL;
    size_t left = wanted;
    for (size_t i = 0; i < dataset->n && left > 0; i++) {
        size_t *room = quota ? &quota[label[order[i]]].take : &left;
        if (*room == 0)
            continue;
        held[order[i]] = true;
        (*room)--;
    }
    free(quota);
}

/* All labels of the set, each in its range. free() them. */
static enum status read_labels(const struct dataset *dataset, int32_t **label)
{
    FAIL_IF(dataset->classes == 0, ST_DATA, "%s: split: it has no class labels to stratify by",
            dataset->source);
    void *room;
    TRY(mem_alloc(&room, dataset->n * sizeof **label, "labels"));
    *label = room;
    enum status status = ST_OK;
    for (uint32_t i = 0; i < dataset->n && status == ST_OK; i++)
        status = loader_gather(dataset, NULL, TARGET_LABEL, &i, 1, NULL, *label + i);
    return status;
}

static enum status pick(const struct dataset *dataset, const bool *held, bool value, size_t n,
                        struct selection *out)
{
    void *ids;
    TRY(mem_alloc(&ids, n * sizeof *out->ids, "sample numbers"));
    *out = (struct selection){dataset, ids, 0};
    for (size_t i = 0; i < dataset->n; i++)
        if (held[i] == value)
            out->ids[out->n++] = (uint32_t)i;
    return ST_OK;
}

enum status selection_split(const struct dataset *dataset, double fraction, size_t count,
                            bool stratified, uint64_t seed, struct selection *kept,
                            struct selection *held_out)
{
    *kept = *held_out = (struct selection){0};
    size_t n = dataset->n;
    size_t wanted = fraction > 0 ? (size_t)floor(fraction * (double)n + 0.5) : count;
    FAIL_IF(wanted == 0 || wanted >= n, ST_DATA,
            "%s: split: %zu of %zu samples held out; both sides need one at least", dataset->source,
            wanted, n);
    int32_t *label = NULL;
    enum status status = stratified ? read_labels(dataset, &label) : ST_OK;
    uint32_t *order = mem_need(n, sizeof *order);
    bool *held = mem_need(n, sizeof *held);
    if (status == ST_OK) {
        struct rng_key key = rng_key(seed, RNG_SPLIT, 0, 0, 0);
        rng_permutation(&key, order, n);
        mark_held_out(dataset, order, label, wanted, held);
        status = pick(dataset, held, true, wanted, held_out);
    }
    if (status == ST_OK)
        status = pick(dataset, held, false, n - wanted, kept);
    if (status != ST_OK)
        selection_release(held_out);
    free(label);
    free(order);
    free(held);
    return status;
}
