/* Any bytes as an IDX file, plain, gzip or xz: as inputs, then as labels of their own. */
#include "fuzz_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_set("{format: idx, images: %s}", data, size);
    fuzz_set("{format: idx, images: %1$s, labels: %1$s}", data, size);
    return 0;
}
