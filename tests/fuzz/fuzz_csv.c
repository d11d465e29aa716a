/* Any bytes as comma-separated text: without a label, with the last column as the label, with a
 * named one and the classes given. */
#include "fuzz_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_set("{format: csv, file: %s}", data, size);
    fuzz_set("{format: csv, file: %s, label: -1}", data, size);
    fuzz_set("{format: csv, file: %s, label: y, header: true, class_names: [a, b]}", data, size);
    return 0;
}
