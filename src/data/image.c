#include "data/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void image_release(struct image *image)
{
    free(image->pixel);
    *image = (struct image){0};
}

enum status image_alloc(const char *path, size_t height, size_t width, size_t channels,
                        struct image *out)
{
    FAIL_IF(height == 0 || width == 0 || height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE ||
                height * width > IMAGE_MAX_PIXELS,
            ST_DATA, "%s: has %zu x %zu pixels, at most %d in all and %d a side are read", path,
            height, width, IMAGE_MAX_PIXELS, IMAGE_MAX_SIDE);
    out->pixel = malloc(height * width * channels);
    FAIL_IF(!out->pixel, ST_DATA, "%s: not enough memory for %zu x %zu pixels", path, height,
            width);
    out->height = height;
    out->width = width;
    out->channels = channels;
    return ST_OK;
}

enum status image_decode(const char *path, const unsigned char *bytes, size_t size,
                         bool header_only, struct image *out)
{
    *out = (struct image){0};
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return image_decode_png(path, bytes, size, header_only, out);
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return image_decode_jpeg(path, bytes, size, header_only, out);
    FAIL(ST_DATA, "%s: neither a JPEG nor a PNG file", path);
}

/* ---- Orientation ---- */

static size_t exif_number(const unsigned char *p, int bytes, bool big)
{
    size_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (size_t)p[i] << 8 * (big ? bytes - 1 - i : i);
    return value;
}

int image_exif_orientation(const unsigned char *exif, size_t size)
{
    enum { TAG = 0x0112, SHORT = 3, ENTRY = 12 };
    if (size < 8 || (memcmp(exif, "II*\0", 4) != 0 && memcmp(exif, "MM\0*", 4) != 0))
        return 1;
    bool big = exif[0] == 'M';
    size_t at = exif_number(exif + 4, 4, big);
    if (at > size - 2)
        return 1;
    size_t entries = exif_number(exif + at, 2, big);
    for (at += 2; entries > 0 && at + ENTRY <= size; entries--, at += ENTRY) {
        if (exif_number(exif + at, 2, big) != TAG || exif_number(exif + at + 2, 2, big) != SHORT)
            continue;
        size_t value = exif_number(exif + at + 8, 2, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

void image_upright_size(const struct image *image, size_t *height, size_t *width)
{
    bool turned = image->orientation >= 5;
    *height = turned ? image->width : image->height;
    *width = turned ? image->height : image->width;
}

/* Orientations 5 to 8 swap the axes; then, what is to be mirrored, from EXIF 2.32, 4.6.4. */
static enum status turn_upright(const char *path, struct image *image)
{
    int o = image->orientation;
    if (o <= 1)
        return ST_OK;
    bool from_right = o == 2 || o == 3 || o == 7 || o == 8;
    bool from_bottom = o == 3 || o == 4 || o == 6 || o == 7;
    struct image turned = {.orientation = 1};
    size_t height, width, channels = image->channels;
    image_upright_size(image, &height, &width);
    TRY(image_alloc(path, height, width, channels, &turned));
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            size_t row = o >= 5 ? x : y, column = o >= 5 ? y : x;
            row = from_bottom ? image->height - 1 - row : row;
            column = from_right ? image->width - 1 - column : column;
            memcpy(turned.pixel + (y * width + x) * channels,
                   image->pixel + (row * image->width + column) * channels, channels);
        }
    image_release(image);
    *image = turned;
    return ST_OK;
}

/* ---- Colour ---- */

/* red, green, blue, alpha */
static void read_pixel(const unsigned char *in, size_t channels, unsigned char out[4])
{
    for (size_t c = 0; c < 3; c++)
        out[c] = in[channels >= 3 ? c : 0];
    out[3] = channels % 2 == 0 ? in[channels - 1] : 255;
}

static unsigned char grey(const unsigned char rgb[4])
{
    return (unsigned char)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

static enum status change_channels(const char *path, struct image *image, size_t channels)
{
    struct image fresh = {.orientation = image->orientation};
    if (channels == image->channels)
        return ST_OK;
    TRY(image_alloc(path, image->height, image->width, channels, &fresh));
    for (size_t i = 0; i < image->height * image->width; i++) {
        unsigned char pixel[4];
        read_pixel(image->pixel + i * image->channels, image->channels, pixel);
        if (channels == 1)
            fresh.pixel[i] = image->channels >= 3 ? grey(pixel) : pixel[0];
        else
            memcpy(fresh.pixel + i * channels, pixel, channels);
    }
    image_release(image);
    *image = fresh;
    return ST_OK;
}

/* ---- Fitting ---- */

/* width * height_wanted / width_wanted, rounded down. */
static size_t in_ratio(size_t side, size_t wanted, size_t other_wanted)
{
    return (size_t)((uint64_t)side * wanted / other_wanted);
}

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

static enum status pad(const char *path, struct image *image, size_t height, size_t width)
{
    struct image padded = {.orientation = 1};
    size_t channels = image->channels;
    TRY(image_alloc(path, height, width, channels, &padded));
    memset(padded.pixel, 0, height * width * channels);
    size_t top = (height - image->height) / 2, left = (width - image->width) / 2;
    for (size_t y = 0; y < image->height; y++)
        memcpy(padded.pixel + ((top + y) * width + left) * channels,
               image->pixel + y * image->width * channels, image->width * channels);
    image_release(image);
    *image = padded;
    return ST_OK;
}

enum status image_convert(const char *path, struct image *image, size_t channels,
                          enum image_interpolation interpolation, enum image_fit fit, size_t height,
                          size_t width, unsigned char *out)
{
    TRY(turn_upright(path, image));
    TRY(change_channels(path, image, channels));
    size_t h = image->height, w = image->width;
    size_t ratio_h = in_ratio(w, height, width), ratio_w = in_ratio(h, width, height);
    const unsigned char *first = image->pixel;
    if (fit == FIT_CROP) {
        h = clamp(ratio_h, 1, image->height);
        w = clamp(ratio_w, 1, image->width);
        first += ((image->height - h) / 2 * image->width + (image->width - w) / 2) * channels;
    } else if (fit == FIT_PAD) {
        h = ratio_h > h ? ratio_h : h;
        w = ratio_w > w ? ratio_w : w;
        TRY(pad(path, image, h, w));
        first = image->pixel;
    }
    return image_resize(path, first, h, w, image->width * channels, channels, interpolation, height,
                        width, out);
}
