/* PNG by libpng. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/image.h"

enum { MAX_CHUNK = 8 << 20, MAX_KEPT_CHUNKS = 64 };

struct decoder {
    png_structp png;
    png_infop info;
    const unsigned char *at, *end;
    struct image image;
    png_bytepp rows;
    char message[128];
};

static void on_error(png_structp png, png_const_charp text)
{
    struct decoder *d = png_get_error_ptr(png);
    snprintf(d->message, sizeof d->message, "%s", text);
    longjmp(png_jmpbuf(png), 1);
}

/* Remarks on chunks that do not matter for the pixels. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct decoder *d = png_get_io_ptr(png);
    if ((size_t)(d->end - d->at) < n)
        png_error(png, "it ends early");
    memcpy(out, d->at, n);
    d->at += n;
}

static int orientation_of(struct decoder *d)
{
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 size = 0;
    png_bytep exif = NULL;
    if (png_get_eXIf_1(d->png, d->info, &size, &exif))
        return image_exif_orientation(exif, size);
#endif
    return 1;
}

/* What it stores, as bytes of grey or RGB with or without alpha. */
static void ask_for_bytes(struct decoder *d)
{
    png_set_expand(d->png);
    png_set_scale_16(d->png);
    png_set_interlace_handling(d->png);
    png_read_update_info(d->png, d->info);
}

static enum status read_rows(const char *path, struct decoder *d)
{
    TRY(image_alloc(path, d->image.height, d->image.width, png_get_channels(d->png, d->info),
                    &d->image));
    size_t stride = d->image.width * d->image.channels;
    MUST(png_get_rowbytes(d->png, d->info) == stride, "%zu", stride);
    d->rows = malloc(d->image.height * sizeof *d->rows);
    FAIL_IF(!d->rows, ST_DATA, "%s: not enough memory", path);
    for (size_t y = 0; y < d->image.height; y++)
        d->rows[y] = d->image.pixel + y * stride;
    png_read_image(d->png, d->rows);
    png_read_end(d->png, d->info);
    return ST_OK;
}

static enum status decode(const char *path, bool header_only, struct decoder *d)
{
    if (setjmp(png_jmpbuf(d->png)))
        FAIL(ST_DATA, "%s: damaged PNG: %s", path, d->message);
    png_set_user_limits(d->png, IMAGE_MAX_SIDE, IMAGE_MAX_SIDE);
    png_set_chunk_malloc_max(d->png, MAX_CHUNK);
    png_set_chunk_cache_max(d->png, MAX_KEPT_CHUNKS);
    png_set_read_fn(d->png, d, on_read);
    png_read_info(d->png, d->info);
    d->image.height = png_get_image_height(d->png, d->info);
    d->image.width = png_get_image_width(d->png, d->info);
    if (!header_only) {
        ask_for_bytes(d);
        TRY(read_rows(path, d));
    }
    d->image.orientation = orientation_of(d); /* it may stand behind the pixels */
    return ST_OK;
}

enum status image_decode_png(const char *path, const unsigned char *bytes, size_t size,
                             bool header_only, struct image *out)
{
    struct decoder *d = mem_need(1, sizeof *d);
    d->at = bytes;
    d->end = bytes + size;
    d->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, on_error, on_warning);
    d->info = d->png ? png_create_info_struct(d->png) : NULL;
    enum status status = d->info ? decode(path, header_only, d)
                                 : status_fail(ST_DATA, "%s: libpng does not start", path);
    png_destroy_read_struct(&d->png, &d->info, NULL);
    if (status == ST_OK)
        *out = d->image;
    else
        image_release(&d->image);
    free(d->rows);
    free(d);
    return status;
}

enum status image_write_png(const char *path, const struct image *image)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image->width,
                     .height = (png_uint_32)image->height,
                     .format = image->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t size = 0;
    void *bytes = NULL;
    MUST(image->channels == 1 || image->channels == 3, "%zu", image->channels);
    FAIL_IF(!png_image_write_to_memory(&png, NULL, &size, 0, image->pixel, 0, NULL), ST_IO,
            "%s: cannot write PNG: %s", path, png.message);
    TRY(mem_alloc(&bytes, size, path));
    enum status status = ST_OK;
    if (!png_image_write_to_memory(&png, bytes, &size, 0, image->pixel, 0, NULL))
        status = status_fail(ST_IO, "%s: cannot write PNG: %s", path, png.message);
    if (status == ST_OK)
        status = file_write_atomic(path, bytes, size);
    free(bytes);
    return status;
}
