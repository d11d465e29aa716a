/* ONNX's operators as convoy's layers. ONNX has the channels behind the samples, convoy at the end;
 * ONNX's operators treat the axis of the samples like any other, where convoy's layers do not. */
#ifndef CONVOY_TEST_ONNX_LAYERS_H
#define CONVOY_TEST_ONNX_LAYERS_H

#include "onnx.h"

enum { ONNX_MAX_PARAMS = 4 };

struct onnx_param {
    const char *name;
    size_t size;
    const float *v;
};

/* A model that does what a case's operator does. */
struct onnx_model {
    struct text layers;             /* of YAML */
    size_t inputs;                  /* so many of the operator's first inputs are the model's */
    const struct onnx_tensor *data; /* they */
    bool whole;                     /* the tensors are one sample: no axis is that of the samples */
    bool channels_last;             /* the second axis of input and output is the last in convoy */
    bool training;
    size_t params;
    struct onnx_param param[ONNX_MAX_PARAMS];
    /* Parameters that training moves, each the case's next output after the first. */
    const char *moved[2];
    struct pool *pool;
};

/* Is there a layer for the operator at all? */
bool onnx_has_layer(const char *op);
/* The operators for which there is one; NULL from some number on. */
const char *onnx_layer_op(size_t number);

/* Makes the model of a case of such an operator; pool keeps what it points to. Returns NULL, or why
 * convoy has no such thing. */
const char *onnx_make_model(const struct onnx_case *c, struct pool *pool, struct onnx_model *model);

/* from [n, rows, columns] to [n, columns, rows] */
void onnx_swap(size_t n, size_t rows, size_t columns, const float *from, float *to);

#endif
