/* Any bytes as NumPy's files: an archive with and without targets, and a single array. */
#include "fuzz_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_set("{format: npz, file: %s, y: null}", data, size);
    fuzz_set("{format: npz, file: %s}", data, size);
    fuzz_set("{format: npy, x: %s}", data, size);
    return 0;
}
