/* Sets to files, in the numbers' own type. Samples in use only; images as (H,W,C). The files appear
 * when they are complete. */
#ifndef CONVOY_DATA_WRITE_H
#define CONVOY_DATA_WRITE_H

#include "data/dataset.h"

/* An HDF5 file with the contiguous datasets /x and, where there are targets or weights, /y and
 * /sample_weight. Errors: ST_IO. */
enum status dataset_write_hdf5(const struct dataset *dataset, const char *path);

/* PREFIX-images-idxN-TYPE and PREFIX-labels-idxN-TYPE, as MNIST names them. uint16 becomes int32;
 * int64 does where all values fit. Errors: ST_IO; ST_DATA for values that do not fit; ST_USAGE
 * for a set with weights. */
enum status dataset_write_idx(const struct dataset *dataset, const char *prefix);

#endif
