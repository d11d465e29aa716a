/* The native backend's table, for one instruction set. */
#include "kernels/native/native.h"

#define NATIVE_TEXT_OF(isa) #isa
#define NATIVE_TEXT(isa) NATIVE_TEXT_OF(isa)
#define TABLE_NAME(isa) kernels_native_##isa
#define TABLE(isa) TABLE_NAME(isa)

const struct kernels TABLE(NATIVE_ISA) = {
    .name = "native",
    .isa = NATIVE_TEXT(NATIVE_ISA),
    .exact_across_cpus = true,
    .conv2d_algorithm = NATIVE(conv2d_algorithm),
    .conv2d_packed = NATIVE(conv2d_packed),
    .conv2d_pack = NATIVE(conv2d_pack),
    .conv2d_scratch = NATIVE(conv2d_scratch),
    .conv2d_forward = NATIVE(conv2d_forward),
    .conv2d_backward_data = NATIVE(conv2d_backward_data),
    .conv2d_backward_weights = NATIVE(conv2d_backward_weights),
    .depthwise_forward = NATIVE(depthwise_forward),
    .depthwise_backward_data = NATIVE(depthwise_backward_data),
    .depthwise_backward_weights = NATIVE(depthwise_backward_weights),
    .dense_scratch = NATIVE(dense_scratch),
    .dense_forward = NATIVE(dense_forward),
    .dense_backward_data = NATIVE(dense_backward_data),
    .dense_backward_weights = NATIVE(dense_backward_weights),
    .pool2d_forward = NATIVE(pool2d_forward),
    .pool2d_backward = NATIVE(pool2d_backward),
};
