#include "optimizers/optimizer.h"

#define OPTIMIZER(symbol) extern const struct optimizer_type symbol;
#include "optimizers/optimizers.def"
#undef OPTIMIZER

const struct kind *const optimizer_kinds[] = {
#define OPTIMIZER(symbol) &symbol.kind,
#include "optimizers/optimizers.def"
#undef OPTIMIZER
    NULL};
