/* For the files that make layers of ONNX's operators. */
#ifndef CONVOY_TEST_ONNX_PARTS_H
#define CONVOY_TEST_ONNX_PARTS_H

#include "onnx_layers.h"

/* Returns why a case cannot be run. */
#define NOT_IF(condition, why)                                                                     \
    do {                                                                                           \
        if (condition)                                                                             \
            return why;                                                                            \
    } while (0)

#define NOT_FLOAT "other types than float32"

/* Writes the layers of an operator: the text between "layers: [{" and "}]", with the parameters.
 * layer: what the table has beside the operator. Returns NULL, or why convoy cannot do it. */
typedef const char *make_layers(const struct onnx_case *c, struct onnx_model *m, const char *layer);

make_layers onnx_pooling, onnx_global_pooling, onnx_reduce, onnx_convolution, onnx_transposed,
    onnx_pad, onnx_resize;

/* A parameter, where the tensor is there. */
void onnx_add_param(struct onnx_model *m, const char *name, const struct onnx_tensor *tensor);

/* "[3, 4]" */
const char *onnx_list(struct onnx_model *m, const int64_t *numbers, size_t n);

#endif
