/* Any bytes as an HDF5 file: our checks of what the library says of it. */
#include "fuzz_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_set("{format: hdf5, file: %s}", data, size);
    return 0;
}
