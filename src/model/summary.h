/* How the summary of a model says things, for those who write another one. */
#ifndef CONVOY_MODEL_SUMMARY_H
#define CONVOY_MODEL_SUMMARY_H

#include "model/model.h"

/* "1,256,080", "12.34 K"; in static rings of a few buffers. */
const char *summary_number(size_t number);
const char *summary_flops(double flops);

size_t summary_parameters(const struct layer *layer);

/* "conv2d, dense": what layer i reads; nothing where that is the layer before. */
void summary_inputs(const struct model *model, size_t i, struct text *out);

#endif
