/* Models and optimizers from their text, for tests. */
#ifndef CONVOY_TESTS_NETS_H
#define CONVOY_TESTS_NETS_H

#include "formats/checkpoint.h"

/* A model named "net" with the reference kernels and microbatches of 2, initialised; text is what
 * stands below `model:` in an experiment. model_free it before the pool. */
struct model *net_build(struct pool *pool, const char *text);

/* "loss: mse, optimizer: Adam, metrics: [accuracy]" */
struct checkpoint_training net_training(struct pool *pool, const char *text);

#endif
