/* Counter-based randomness: Philox 4x32-10.
 * Source: J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11, section 3.3.
 *
 * Every number that convoy draws is a pure function of (seed, what it is for, where). There is no
 * state to save and no dependence on which rank draws, or in which order. */
#ifndef CONVOY_BASE_RNG_H
#define CONVOY_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The bijection itself: ten rounds on the counter, in place. */
void rng_philox(uint32_t counter[4], const uint32_t key[2]);

/* What a draw is for; part of the counter, so that streams never meet. */
enum rng_stream {
    RNG_SHUFFLE = 1, /* a = epoch */
    RNG_SPLIT,       /* validation split */
    RNG_SUBSET,
    RNG_INIT,    /* a = parameter's name hash */
    RNG_DROPOUT, /* dropout and noise: a = step, b = layer, c = sample id */
    RNG_AUGMENT, /* a = epoch, c = sample id */
    RNG_TEST,
    RNG_SYNTHETIC /* a = 0 inputs, 1 targets */
};

struct rng_key {
    uint32_t key[2]; /* from the seed */
    uint32_t a, b;   /* the stream and its first coordinates, mixed */
    uint32_t c;      /* usually the sample id */
};

/* The generator for one purpose. The coordinates a, b are 64-bit and are mixed with the stream into
 * the key by one Philox round trip, c stays in the counter. */
struct rng_key rng_key(uint64_t seed, enum rng_stream stream, uint64_t a, uint64_t b, uint32_t c);

/* Words 4*block .. 4*block+3 of the stream. */
void rng_block(const struct rng_key *key, uint32_t block, uint32_t out[4]);

/* The first n words of the stream, many blocks at a time. */
void rng_words(const struct rng_key *key, size_t n, uint32_t *out);

/* Word number index of the stream; index below 2^34. */
uint32_t rng_word(const struct rng_key *key, uint64_t index);

/* Uniform in [0,1): the 24 high bits of a word. */
static inline float rng_uniform(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f;
}

/* A permutation of 0..n-1 (Fisher-Yates from the top; Lemire's multiply-shift, bias below 2^-32
 * per draw for n < 2^32). */
void rng_permutation(const struct rng_key *key, uint32_t *out, size_t n);

#endif
