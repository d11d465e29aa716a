/* Any bytes as a picture: its header, then its pixels, converted and resized. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(enum status status)
{
    if (status != ST_OK)
        MUST(!strchr(status_message(), '\n'), "a message of two lines: %s", status_message());
}

static void convert(const uint8_t *data, size_t size)
{
    static unsigned char out[24 * 20 * 4];
    struct image image = {0};
    uint8_t choice = size > 20 ? data[size - 1] : 0;
    static const size_t channels[] = {1, 3, 4};
    enum status status = image_decode("fuzz", data, size, false, &image);
    if (status == ST_OK)
        status = image_convert("fuzz", &image, channels[choice % 3],
                               (enum image_interpolation)(choice / 3 % 3),
                               (enum image_fit)(choice / 9 % 3), 24, 20, out);
    check(status);
    image_release(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image = {0};
    size_t height = 0, width = 0;
    enum status status = image_decode("fuzz", data, size, true, &image);
    check(status);
    if (status == ST_OK)
        image_upright_size(&image, &height, &width);
    if (status != ST_OK || height * width < (1 << 22)) /* larger ones only take time */
        convert(data, size);
    return 0;
}
