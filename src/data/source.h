/* Data sets named on the command line: as flow YAML, or by their files alone. */
#ifndef CONVOY_DATA_SOURCE_H
#define CONVOY_DATA_SOURCE_H

#include "data/dataset.h"

/* Reads {format: idx, images: a.gz, labels: b.gz}. pool owns the result. Errors: ST_USAGE. */
enum status source_parse(const char *text, struct pool *pool, struct variant *out);

/* Makes such a text from file names (n > 0), the format told by the first file's first bytes
 * (unpacked). Errors: ST_DATA when no format fits, ST_USAGE for more files than the format has. */
enum status source_guess(char *const *files, size_t n, const struct data_env *env,
                         struct pool *pool, const char **text);

/* Either, from n words of a command line: one that starts with '{', else file names. */
enum status source_resolve(char *const *words, size_t n, const struct data_env *env,
                           struct pool *pool, struct variant *out);

#endif
