/* How a format gets at bytes: maps of plain files, packed files unpacked once a node, memory that
 * all ranks of a node see. All of it hangs on a dataset and goes with it. */
#ifndef CONVOY_DATA_STORAGE_H
#define CONVOY_DATA_STORAGE_H

#include "data/dataset.h"

struct file_bytes {
    const unsigned char *base;
    size_t size;
    const char *path; /* where it was found */
    enum storage storage;
};

enum { STORAGE_HEAD = 64 };

/* Tells from the first bytes of a file (STORAGE_HEAD of them, fewer where it is shorter) how many
 * bytes the whole has to have. Errors: ST_DATA. */
typedef enum status storage_measure(const char *path, const unsigned char *head, size_t size,
                                    size_t *total);

/* Finds a file (data_find) and gives its bytes, unpacked where they are packed. With measure no
 * more is unpacked than it says: size is then what the file holds, and where that is more than was
 * measured, only the measured bytes are there. Errors: ST_DATA. Collective over the node; fails on
 * every rank when it fails on one. */
enum status storage_file(const struct data_env *env, struct dataset *dataset, const char *name,
                         storage_measure *measure, struct file_bytes *out);

/* Memory that the leader writes before the next storage_agree, or every rank a part of it.
 * Errors: ST_DATA when the machine has less; what names it. Collective. */
enum status storage_get(const struct data_env *env, struct dataset *dataset, size_t size,
                        const char *what, void **memory);

/* Copies bytes of the leader to the others. Collective. */
enum status storage_tell(const struct data_env *env, void *bytes, size_t size);

/* Returns the first failure of any rank on all. Collective. A format calls it where ranks may fail
 * each on its own, before anything else that is collective. */
enum status storage_agree(const struct data_env *env, struct dataset *dataset, enum status mine);

bool storage_is_leader(const struct data_env *env);

/* Which of the node's processes this is, and how many there are. */
struct storage_place {
    size_t rank, ranks;
};
struct storage_place storage_place(const struct data_env *env);

/* Can a file hold size bytes that will be in memory? Errors: ST_DATA when it is more than the
 * machine has in all, which only a damaged or hostile file asks for. */
enum status storage_check_size(const char *what, size_t size);

#endif
