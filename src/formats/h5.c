/* The image: made and opened by HDF5's core driver, which keeps a file in memory. */
#include "formats/h5.h"

#include <stdlib.h>
#include <string.h>

/* HDF5 looks whether there is such a file before it begins one in memory; there can be none. */
static const char nowhere[] = "/dev/null/convoy";

static void be_quiet(struct h5 *h5)
{
    H5Eget_auto2(H5E_DEFAULT, &h5->printer, &h5->printer_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* The core driver without a file on disk; closing the file closes whatever is open in it. */
static hid_t core_driver(size_t increment)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0)
        return access;
    if (H5Pset_fapl_core(access, increment, false) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0) {
        H5Pclose(access);
        return H5I_INVALID_HID;
    }
    return access;
}

enum status h5_begin(struct h5 *h5, const char *path, size_t expected)
{
    *h5 = (struct h5){.path = path, .file = H5I_INVALID_HID};
    be_quiet(h5);
    h5->links = H5Pcreate(H5P_LINK_CREATE);
    h5->datasets = H5Pcreate(H5P_DATASET_CREATE);
    /* memory grows by this step; headers and names should not need a second one */
    hid_t access = core_driver(mem_round(expected + expected / 64 + 1, 1 << 20));
    bool good = access >= 0 && H5Pset_create_intermediate_group(h5->links, 1) >= 0 &&
                H5Pset_char_encoding(h5->links, H5T_CSET_UTF8) >= 0 &&
                H5Pset_obj_track_times(h5->datasets, false) >= 0;
    if (good)
        h5->file = H5Fcreate(nowhere, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    H5Pclose(access);
    FAIL_IF(h5->file < 0, ST_IO, "%s: cannot write: HDF5 cannot begin a file in memory", path);
    return ST_OK;
}

enum status h5_image(struct h5 *h5, size_t extra, unsigned char **bytes, size_t *size)
{
    *bytes = NULL;
    bool good = H5Fflush(h5->file, H5F_SCOPE_GLOBAL) >= 0;
    ssize_t length = good ? H5Fget_file_image(h5->file, NULL, 0) : -1;
    FAIL_IF(length <= 0, ST_IO, "%s: cannot write: HDF5 cannot finish the file", h5->path);
    void *memory;
    TRY(mem_alloc(&memory, (size_t)length + extra, h5->path));
    if (H5Fget_file_image(h5->file, memory, (size_t)length) != length) {
        free(memory);
        FAIL(ST_IO, "%s: cannot write: HDF5 cannot give the file of %zd bytes", h5->path, length);
    }
    *bytes = memory;
    *size = (size_t)length;
    return ST_OK;
}

/* ---- Reading in place: HDF5 would copy the image twice if it were not told how to "allocate" and
 * "copy" it ---- */

static void *lend(size_t size, H5FD_file_image_op_t why, void *image)
{
    (void)size;
    (void)why;
    return image;
}

static void *copy_nothing(void *to, const void *from, size_t size, H5FD_file_image_op_t why,
                          void *image)
{
    (void)from;
    (void)size;
    (void)why;
    (void)image;
    return to;
}

static void *never_grow(void *old, size_t size, H5FD_file_image_op_t why, void *image)
{
    (void)old;
    (void)size;
    (void)why;
    (void)image;
    return NULL;
}

static herr_t free_nothing(void *memory, H5FD_file_image_op_t why, void *image)
{
    (void)memory;
    (void)why;
    (void)image;
    return 0;
}

static void *same_image(void *image)
{
    return image;
}

static herr_t keep_image(void *image)
{
    (void)image;
    return 0;
}

enum status h5_open(struct h5 *h5, const char *path, unsigned char *image, size_t size)
{
    *h5 = (struct h5){.path = path, .size = size, .file = H5I_INVALID_HID};
    H5FD_file_image_callbacks_t in_place = {lend,       copy_nothing, never_grow, free_nothing,
                                            same_image, keep_image,   image};
    be_quiet(h5);
    h5->links = h5->datasets = H5I_INVALID_HID;
    hid_t access = core_driver(1 << 20);
    if (access >= 0 && H5Pset_file_image_callbacks(access, &in_place) >= 0 &&
        H5Pset_file_image(access, image, size) >= 0)
        h5->file = H5Fopen(nowhere, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    FAIL_IF(h5->file < 0, ST_MODEL, "%s: HDF5 cannot read what is inside", path);
    return ST_OK;
}

void h5_close(struct h5 *h5)
{
    if (h5->file >= 0)
        H5Fclose(h5->file);
    if (h5->links >= 0)
        H5Pclose(h5->links);
    if (h5->datasets >= 0)
        H5Pclose(h5->datasets);
    pool_release(&h5->scratch);
    H5Eset_auto2(H5E_DEFAULT, h5->printer, h5->printer_data);
}
