/* One picture: decoded, turned upright, in the wanted colours and size.
 *
 * Everything is integer arithmetic with one rounding at the end, so that a file gives the same
 * bytes on every machine. What libraries do on the way: PNG decoding is lossless; JPEG is decoded
 * by the accurate integer transform (JDCT_ISLOW) and triangle upsampling, which libjpeg-turbo's
 * vector code computes to the bit like its C code. */
#ifndef CONVOY_DATA_IMAGE_H
#define CONVOY_DATA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A hostile file cannot make us allocate more than four bytes for so many pixels. */
enum { IMAGE_MAX_SIDE = 65500, IMAGE_MAX_PIXELS = 1 << 27 };

/* Rows from the top, pixels of 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) bytes. */
struct image {
    size_t height, width, channels;
    unsigned char *pixel; /* free() it: image_release */
    int orientation;      /* EXIF's, 1 to 8 */
};
void image_release(struct image *image);

/* Memory for height x width pixels. Errors: ST_DATA beyond the limits, or out of memory. */
enum status image_alloc(const char *path, size_t height, size_t width, size_t channels,
                        struct image *out);

/* Which of the two it is, the first bytes say, not the name. path is for messages. 16-bit samples
 * become round(v / 257), palettes and 1, 2 or 4 bits what they stand for; gamma and colour profiles
 * are not applied. Errors: ST_DATA for any other file, a damaged or incomplete one, four-colour
 * JPEG. header_only: height, width and orientation, no pixels. */
enum status image_decode(const char *path, const unsigned char *bytes, size_t size,
                         bool header_only, struct image *out);
enum status image_decode_png(const char *path, const unsigned char *bytes, size_t size,
                             bool header_only, struct image *out);
enum status image_decode_jpeg(const char *path, const unsigned char *bytes, size_t size,
                              bool header_only, struct image *out);

/* The orientation in the bytes of an EXIF block ("II*\0..." or "MM\0*..."), 1 where there is none
 * or what is there makes no sense. */
int image_exif_orientation(const unsigned char *exif, size_t size);

/* Height and width once it is upright. */
void image_upright_size(const struct image *image, size_t *height, size_t *width);

/* Writes PNG of an image of 1 or 3 channels. Errors: ST_IO. */
enum status image_write_png(const char *path, const struct image *image);

enum image_fit { FIT_STRETCH, FIT_CROP, FIT_PAD };
enum image_interpolation { INTERPOLATE_NEAREST, INTERPOLATE_BILINEAR, INTERPOLATE_AREA };

/* Turns the image upright, converts it to `channels` (1, 3 or 4) and resizes it to height x width
 * at out.
 *
 * Grey is (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601); alpha is dropped, or 255 where
 * it is wanted and there is none.
 *
 * Output pixel i of n, from m input pixels, along each axis:
 * nearest   pixel floor((i + 1/2) m / n)
 * bilinear  between the pixels around (i + 1/2) m / n - 1/2, by distance; the border is repeated
 * area      the mean over [i m / n, (i + 1) m / n), pixels weighted by how much of them lies there
 * Weights are whole numbers over 2n, or over m; the sum over both axes is rounded once, halves up.
 *
 * FIT_CROP first cuts the largest middle part of the output's aspect ratio, FIT_PAD first adds
 * zeros around (both with the divisions rounded down, as Keras does). */
enum status image_convert(const char *path, struct image *image, size_t channels,
                          enum image_interpolation interpolation, enum image_fit fit, size_t height,
                          size_t width, unsigned char *out);

/* The resizing alone, of rows that lie stride bytes apart. */
enum status image_resize(const char *path, const unsigned char *in, size_t in_height,
                         size_t in_width, size_t stride, size_t channels,
                         enum image_interpolation interpolation, size_t height, size_t width,
                         unsigned char *out);

#endif
