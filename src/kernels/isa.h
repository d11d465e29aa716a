/* The instruction sets that the native kernels are compiled for. */
#ifndef CONVOY_KERNELS_ISA_H
#define CONVOY_KERNELS_ISA_H

#include <stdbool.h>

#include "base/status.h"

/* From the slowest to the fastest; the names are those of CONVOY_ISA. */
#if defined(__x86_64__)
#define ISA_LIST(X) X(generic) X(avx2) X(avx512)
#elif defined(__aarch64__)
#define ISA_LIST(X) X(generic) X(neon)
#else
#define ISA_LIST(X) X(generic)
#endif

enum isa {
#define ISA(name) ISA_##name,
    ISA_LIST(ISA)
#undef ISA
        ISA_COUNT
};
extern const char *const isa_names[ISA_COUNT];

/* Can this processor, under this system, run it? By feature bits, not by model. */
bool isa_available(enum isa isa);

/* The best that is available, or the one that the environment's CONVOY_ISA names. Errors: ST_USAGE
 * where it names none, or one that this processor lacks. */
enum status isa_choose(enum isa *isa);

#endif
