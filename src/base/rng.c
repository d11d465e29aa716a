#include "base/rng.h"

#include "base/vectorized.h"

#include <string.h>

void rng_philox(uint32_t counter[4], const uint32_t key[2])
{
    uint32_t key0 = key[0], key1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * counter[0];
        uint64_t p1 = (uint64_t)0xCD9E8D57u * counter[2];
        uint32_t next0 = (uint32_t)(p1 >> 32) ^ counter[1] ^ key0;
        uint32_t next2 = (uint32_t)(p0 >> 32) ^ counter[3] ^ key1;
        counter[0] = next0;
        counter[1] = (uint32_t)p1;
        counter[2] = next2;
        counter[3] = (uint32_t)p0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

struct rng_key rng_key(uint64_t seed, enum rng_stream stream, uint64_t a, uint64_t b, uint32_t c)
{
    uint32_t mixed[4] = {(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b,
                         (uint32_t)(b >> 32) ^ (uint32_t)stream << 24};
    rng_philox(mixed, (uint32_t[]){(uint32_t)seed, (uint32_t)(seed >> 32)});
    return (struct rng_key){.key = {mixed[0], mixed[1]}, .a = mixed[2], .b = mixed[3], .c = c};
}

void rng_block(const struct rng_key *key, uint32_t block, uint32_t out[4])
{
    out[0] = block;
    out[1] = key->c;
    out[2] = key->a;
    out[3] = key->b;
    rng_philox(out, key->key);
}

enum { ABREAST = 64 };

/* Blocks first to first + ABREAST - 1 of the stream: rng_philox, all of them in step. */
static inline __attribute__((always_inline)) void blocks_abreast(const struct rng_key *key,
                                                                 uint32_t first, uint32_t *out)
{
    uint32_t c0[ABREAST], c1[ABREAST], c2[ABREAST], c3[ABREAST]; /* each loop is for vectors */
    uint32_t key0 = key->key[0], key1 = key->key[1];
    for (uint32_t i = 0; i < ABREAST; i++) {
        c0[i] = first + i;
        c1[i] = key->c;
        c2[i] = key->a;
        c3[i] = key->b;
    }
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9u, key1 += 0xBB67AE85u)
        for (int i = 0; i < ABREAST; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ key0;
            c1[i] = (uint32_t)p1;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ key1;
            c3[i] = (uint32_t)p0;
        }
    for (int i = 0; i < ABREAST; i++) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

VECTORIZED void rng_words(const struct rng_key *key, size_t n, uint32_t *out)
{
    size_t i = 0;
    for (; i + 4 * ABREAST <= n; i += 4 * ABREAST)
        blocks_abreast(key, (uint32_t)(i / 4), out + i);
    if (i < n) {
        uint32_t rest[4 * ABREAST];
        blocks_abreast(key, (uint32_t)(i / 4), rest);
        memcpy(out + i, rest, (n - i) * sizeof *out);
    }
}

uint32_t rng_word(const struct rng_key *key, uint64_t index)
{
    uint32_t out[4];
    rng_block(key, (uint32_t)(index / 4), out);
    return out[index % 4];
}

void rng_permutation(const struct rng_key *key, uint32_t *out, size_t n)
{
    uint32_t words[4] = {0};
    for (size_t i = 0; i < n; i++)
        out[i] = (uint32_t)i;
    for (size_t i = n; i > 1; i--) {
        size_t draw = n - i;
        if (draw % 4 == 0)
            rng_block(key, (uint32_t)(draw / 4), words);
        size_t j = (size_t)((uint64_t)words[draw % 4] * i >> 32);
        uint32_t kept = out[i - 1];
        out[i - 1] = out[j];
        out[j] = kept;
    }
}
