/* JPEG by libjpeg-turbo (or any libjpeg). */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/mem.h"
#include "data/image.h"

/* Progressive files may have scans without end, each of which costs a pass over the picture. */
enum { MAX_SCANS = 200 };

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
    struct image image;
};

static struct decoder *decoder_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

static void on_error(j_common_ptr jpeg)
{
    struct decoder *d = decoder_of(jpeg);
    jpeg->err->format_message(jpeg, d->message);
    longjmp(d->failed, 1);
}

/* What libjpeg only warns of (data that ends early, bad codes) would leave grey or wrong pixels. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0)
        on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    struct decoder *d = decoder_of(jpeg);
    if (d->jpeg.input_scan_number > MAX_SCANS) {
        snprintf(d->message, sizeof d->message, "has more than %d scans", MAX_SCANS);
        longjmp(d->failed, 1);
    }
}

static int orientation_of(const struct jpeg_decompress_struct *jpeg)
{
    static const char name[6] = "Exif\0";
    for (jpeg_saved_marker_ptr m = jpeg->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length > sizeof name &&
            memcmp(m->data, name, sizeof name) == 0)
            return image_exif_orientation(m->data + sizeof name, m->data_length - sizeof name);
    return 1;
}

static enum status read_rows(const char *path, struct decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->do_block_smoothing = FALSE;
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    TRY(image_alloc(path, d->image.height, d->image.width, jpeg->num_components == 1 ? 1 : 3,
                    &d->image));
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = d->image.pixel + jpeg->output_scanline * d->image.width * d->image.channels;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return ST_OK;
}

static enum status decode(const char *path, const unsigned char *bytes, size_t size,
                          bool header_only, struct decoder *d)
{
    if (setjmp(d->failed))
        FAIL(ST_DATA, "%s: damaged JPEG: %s", path, d->message);
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.client_data = d;
    d->jpeg.progress = &d->progress;
    jpeg_mem_src(&d->jpeg, bytes, size);
    jpeg_save_markers(&d->jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(&d->jpeg, TRUE);
    d->image = (struct image){.height = d->jpeg.image_height,
                              .width = d->jpeg.image_width,
                              .orientation = orientation_of(&d->jpeg)};
    if (header_only)
        return ST_OK;
    FAIL_IF(d->jpeg.num_components != 1 && d->jpeg.num_components != 3, ST_DATA,
            "%s: a JPEG of %d colour components, expected 1 (grey) or 3; convert it to RGB", path,
            d->jpeg.num_components);
    return read_rows(path, d);
}

enum status image_decode_jpeg(const char *path, const unsigned char *bytes, size_t size,
                              bool header_only, struct image *out)
{
    struct decoder *d = mem_need(1, sizeof *d); /* not in registers that longjmp forgets */
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->jpeg.client_data = d;
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    d->progress.progress_monitor = on_progress;
    enum status status = decode(path, bytes, size, header_only, d);
    jpeg_destroy_decompress(&d->jpeg);
    if (status == ST_OK)
        *out = d->image;
    else
        image_release(&d->image);
    free(d);
    return status;
}
