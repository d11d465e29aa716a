/* What the layers share that merge inputs of equal shapes, element by element. */
#ifndef CONVOY_LAYERS_MERGE_H
#define CONVOY_LAYERS_MERGE_H

#include "layers/layer.h"

/* None. */
extern const struct field merge_fields[];

/* The output has the shape of the inputs. Fails, naming the layer, where they differ. */
enum status merge_infer(struct layer *layer, struct pool *pool);

#endif
