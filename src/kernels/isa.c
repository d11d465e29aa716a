#include "kernels/isa.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *const isa_names[ISA_COUNT] = {
#define ISA(name) #name,
    ISA_LIST(ISA)
#undef ISA
};

bool isa_available(enum isa isa)
{
#if defined(__x86_64__)
    if (isa == ISA_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == ISA_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
    if (isa == ISA_neon)
        return true; /* with fused multiply-adds, on every one */
#endif
    return isa == ISA_generic;
}

enum status isa_choose(enum isa *isa)
{
    const char *wanted = getenv("CONVOY_ISA");
    *isa = ISA_COUNT - 1;
    if (!wanted || !*wanted) {
        while (!isa_available(*isa))
            --*isa;
        return ST_OK;
    }
    struct text known = {0};
    for (enum isa i = 0; i < ISA_COUNT; i++) {
        *isa = strcmp(wanted, isa_names[i]) == 0 ? i : *isa;
        text_add(&known, "%s%s", i ? ", " : "", isa_names[i]);
    }
    bool found = strcmp(wanted, isa_names[*isa]) == 0;
    enum status status = ST_OK;
    if (!found)
        status = status_fail(ST_USAGE, "CONVOY_ISA: found \"%s\", expected one of: %s", wanted,
                             known.data);
    text_release(&known);
    FAIL_IF(found && !isa_available(*isa), ST_USAGE, "CONVOY_ISA: this processor cannot run \"%s\"",
            wanted);
    return status;
}
