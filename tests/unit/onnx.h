/* The cases of ONNX's backend tests (Debian's libonnx-testdata): folders with a model of mostly one
 * operator, inputs and the outputs that ONNX's reference gave. Reads as much of onnx.proto as they
 * need. Every length is checked against what is there. */
#ifndef CONVOY_TEST_ONNX_H
#define CONVOY_TEST_ONNX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

enum { ONNX_MAX_RANK = 8, ONNX_MAX_TENSORS = 16, ONNX_MAX_ATTRIBUTES = 16 };

/* TensorProto.DataType */
enum onnx_type { ONNX_FLOAT = 1, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_BOOL = 9 };

struct onnx_tensor {
    const char *name;
    int type; /* 0: an optional input that is absent */
    int rank;
    int64_t dim[ONNX_MAX_RANK];
    size_t size;
    const float *v;   /* of ONNX_FLOAT */
    const int64_t *i; /* of the whole numbers above; NULL for all other types */
};

struct onnx_attribute {
    const char *name, *s;
    float f;
    int64_t i;
    size_t n; /* numbers in ints */
    int64_t ints[ONNX_MAX_RANK];
};

/* Of a model with several operators only their number is known. */
struct onnx_case {
    const char *name; /* "node/test_relu" */
    const char *op;
    int opset; /* of the operators that are not for training */
    size_t nodes, attributes, inputs, outputs;
    struct onnx_attribute attribute[ONNX_MAX_ATTRIBUTES];
    struct onnx_tensor input[ONNX_MAX_TENSORS]; /* of the operator */
    struct onnx_tensor output[ONNX_MAX_TENSORS];
};

/* Reads a case from its folder, "/.../node/test_relu". pool keeps what it points to. False, with
 * the reason in *why, where it is not of tensors alone, or larger than the limits above. */
bool onnx_read(const char *folder, struct pool *pool, struct onnx_case *c, const char **why);

/* NULL where it is not given. */
const struct onnx_attribute *onnx_find(const struct onnx_case *c, const char *name);
int64_t onnx_int(const struct onnx_case *c, const char *name, int64_t otherwise);
double onnx_float(const struct onnx_case *c, const char *name, double otherwise);
const char *onnx_word(const struct onnx_case *c, const char *name, const char *otherwise);

#endif
