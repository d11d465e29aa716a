/* Where the pictures of a set are once they are decoded: memory that the ranks of a node share, or
 * a file that they all map and that the next run finds again. */
#ifndef CONVOY_DATA_IMAGE_CACHE_H
#define CONVOY_DATA_IMAGE_CACHE_H

#include "data/storage.h"

/* The beginning of a block, then a byte for each listed file (was it good?), then the pixels of the
 * good ones, one after the other, from image_block_pixels on. Numbers in the machine's order. */
struct image_header {
    char magic[8];
    uint64_t version;
    unsigned char key[16]; /* of what it was made from and how */
    uint64_t files, good, stride;
    unsigned char sum[16]; /* XXH3-128 of everything behind the header */
    unsigned char own[16]; /* XXH3-128 of everything in the header above */
    unsigned char zero[40];
};
struct image_block {
    struct image_header *header;
    size_t files, stride, size;
    const char *path; /* of the cache; NULL: there is none */
    bool complete;    /* it was found, or is finished */
    bool mapped;
    int fd;                /* of the cache being made, or -1 */
    const char *temporary; /* its name until it is finished; the leader's */
};

static inline unsigned char *image_block_good(const struct image_block *block)
{
    return (unsigned char *)(block->header + 1);
}
static inline size_t image_block_offset(size_t files)
{
    return sizeof(struct image_header) + mem_round(files, 64);
}
static inline unsigned char *image_block_pixels(const struct image_block *block)
{
    return (unsigned char *)block->header + image_block_offset(block->files);
}

/* Finds the block in the file `cache` (NULL: none is wanted) where that was made with the same key,
 * else gives an empty one, each rank to write its part of it. Errors: ST_DATA; a file of that name
 * that is no cache is one. Collective over the node. */
enum status image_block_open(const struct data_env *env, struct dataset *dataset, const char *what,
                             const char *cache, const unsigned char key[16], size_t files,
                             size_t stride, struct image_block *block);

/* Once every rank has written its part: moves the good pictures together and writes the cache, if
 * one is wanted. Collective. */
enum status image_block_finish(const struct data_env *env, struct dataset *dataset,
                               const unsigned char key[16], struct image_block *block);

#endif
