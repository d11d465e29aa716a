/* VECTORIZED functions are compiled once for each instruction set worth it, and the loader picks
 * the one for this processor. For element-wise loops in float: without fused operations every
 * version gives the same bits, because additions, products, quotients and roots are rounded exactly
 * by all of them. Sums must have their order in the source. */
#ifndef CONVOY_BASE_VECTORIZED_H
#define CONVOY_BASE_VECTORIZED_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__)
#define VECTORIZED                                                                                 \
    __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), optimize("O3")))
#else
#define VECTORIZED
#endif

#endif
