#include "golden.h"

#include <glob.h>
#include <hdf5.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

void test_fail(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

/* ---- The file ---- */

static struct pool pool;
static struct golden golden;

static void release(void)
{
    pool_release(&pool);
}

/* Reads a one-dimensional dataset; the number of its elements goes to *n. */
static void *read_dataset(hid_t file, const char *name, hid_t type, size_t item, size_t *n)
{
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    hssize_t points = H5Sget_simple_extent_npoints(space);
    MUST(points > 0, "golden: dataset '%s' is not there", name);
    *n = (size_t)points;
    void *data = pool_alloc(&pool, *n * item + 1);
    MUST(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, "golden: '%s'", name);
    H5Sclose(space);
    H5Dclose(set);
    return data;
}

/* "NAME DIM DIM ...": the next numbers. Returns where the numbers after them begin. */
static const float *read_array(char *line, struct golden_array *array, const float *numbers)
{
    char *rest = NULL;
    *array = (struct golden_array){.name = strtok_r(line, " ", &rest), .v = numbers};
    for (char *dim; (dim = strtok_r(NULL, " ", &rest)) && array->shape.rank < SHAPE_MAX_RANK;)
        array->shape.dim[array->shape.rank++] = atol(dim);
    array->size = shape_size(&array->shape);
    return numbers + array->size;
}

static const float *read_line(char *line, struct golden_case *c, const float *numbers)
{
    char *value = strchr(line, ' ');
    MUST(value, "golden: contents has the line \"%s\"", line);
    *value++ = '\0';
    if (strcmp(line, "array") == 0)
        return read_array(value, &c->array[c->arrays++], numbers);
    if (strcmp(line, "samples") == 0)
        c->samples = atoi(value);
    else if (strcmp(line, "model") == 0)
        c->model = value;
    else if (strcmp(line, "loss") == 0)
        c->loss = value;
    else if (strcmp(line, "optimizer") == 0)
        c->optimizer = value;
    else if (strcmp(line, "metric") == 0)
        c->metric = value;
    else if (strcmp(line, "schedule") == 0)
        c->schedule = value;
    else if (strcmp(line, "callback") == 0)
        c->callback = value;
    else if (strcmp(line, "exclude") == 0)
        c->exclude = value;
    else
        MUST(false, "golden: contents has the key \"%s\"", line);
    return numbers;
}

static size_t count_lines(const char *text, const char *start)
{
    size_t count = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        count += strncmp(line, start, strlen(start)) == 0;
    }
    return count;
}

/* Adds the cases of a file to golden. */
static void read_cases(char *contents, const float *numbers, size_t count)
{
    const float *at = numbers;
    struct golden_array *arrays =
        pool_alloc(&pool, count_lines(contents, "array ") * sizeof *arrays);
    size_t more = count_lines(contents, "case ");
    struct golden_case *all = pool_alloc(&pool, (golden.cases + more) * sizeof *all), *c = NULL;
    if (golden.cases)
        memcpy(all, golden.at, golden.cases * sizeof *all);
    golden.at = all;
    char *rest = NULL;
    for (char *line = strtok_r(contents, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "case ", 5) == 0) {
            arrays += c ? c->arrays : 0;
            c = &all[golden.cases++];
            *c = (struct golden_case){.name = line + 5, .array = arrays};
        } else {
            MUST(c, "golden: \"%s\" before the first case", line);
            at = read_line(line, c, at);
        }
    }
    MUST(at == numbers + count, "golden: contents names %td numbers of %zu", at - numbers, count);
}

static void read_file(const char *path)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    MUST(file >= 0, "%s cannot be read; tests/golden/make.py makes it", path);
    size_t letters, count;
    char *contents = read_dataset(file, "contents", H5T_NATIVE_CHAR, 1, &letters);
    const float *numbers = read_dataset(file, "numbers", H5T_NATIVE_FLOAT, sizeof *numbers, &count);
    H5Fclose(file);
    read_cases(contents, numbers, count);
}

const struct golden *golden_load(void)
{
    if (golden.cases)
        return &golden;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    glob_t files;
    if (glob(test_source("tests/golden/*.h5"), 0, NULL, &files) != 0)
        test_skip("tests/golden has no .h5 files; tests/golden/make.py makes them");
    atexit(release);
    for (size_t i = 0; i < files.gl_pathc; i++)
        read_file(files.gl_pathv[i]);
    globfree(&files);
    return &golden;
}

const struct golden_array *golden_find(const struct golden_case *c, const char *name)
{
    for (size_t i = 0; i < c->arrays; i++)
        if (strcmp(c->array[i].name, name) == 0)
            return &c->array[i];
    return NULL;
}

const struct golden_array *golden_need(const struct golden_case *c, const char *name)
{
    const struct golden_array *array = golden_find(c, name);
    if (!array)
        test_fail("golden: %s has no array '%s'", c->name, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(array);
    return array;
}

/* ---- Models and losses ---- */

enum conv_method golden_conv = CONV_DIRECT;

double golden_slack(void)
{
    return golden_conv == CONV_DIRECT ? 1.0 : 3.0;
}

void each_backend(void (*run)(const struct kernels *kernels, void *data), void *data)
{
    for (size_t k = 0; kernels_all()[k]; k++)
        run(kernels_all()[k], data);
    golden_conv = CONV_WINOGRAD;
    for (size_t k = 0; kernels_all()[k]; k++)
        if (kernels_all()[k]->isa)
            run(kernels_all()[k], data);
    golden_conv = CONV_DIRECT;
}

struct model *build_model(const char *yaml, const struct kernels *kernels, int microbatch,
                          const struct loss_type *loss, struct pool *owner)
{
    struct model_spec spec = {0};
    struct model *model = NULL;
    enum status status = schema_read_text(yaml, &model_schema, &spec, owner);
    if (status == ST_OK)
        status = model_build(&spec,
                             &(struct model_options){.name = "test",
                                                     .kernels = kernels,
                                                     .conv = golden_conv,
                                                     .microbatch = microbatch,
                                                     .seed = 1},
                             &model);
    if (status != ST_OK)
        test_fail("%s: %s", yaml, status_message());
    CU_ASSERT_EQUAL_FATAL(status, ST_OK);
    model->output_is_logits =
        loss && loss->logits != ACT_LINEAR && loss->logits == model_output_activation(model);
    return model;
}

/* field is that of the variant, without a name. */
static struct variant read_variant(struct field field, const char *yaml, struct pool *owner)
{
    struct variant variant = {.kind = NULL};
    field.key = "it";
    field.type = FIELD_VARIANT;
    const struct field fields[] = {field, {0}};
    const struct schema schema = {"compile", fields, NULL};
    char *text = pool_printf(owner, "{it: %s}", yaml);
    enum status status = schema_read_text(text, &schema, &variant, owner);
    if (status != ST_OK)
        test_fail("%s: %s", text, status_message());
    CU_ASSERT_EQUAL_FATAL(status, ST_OK);
    return variant;
}

struct variant read_loss(const char *yaml, struct pool *owner)
{
    return read_variant((struct field){.kinds = loss_kinds, .aliases = loss_aliases}, yaml, owner);
}

struct variant read_optimizer(const char *yaml, struct pool *owner)
{
    return read_variant((struct field){.kinds = optimizer_kinds}, yaml, owner);
}

struct variant read_metric(const char *yaml, struct pool *owner)
{
    return read_variant((struct field){.kinds = metric_kinds, .aliases = metric_aliases}, yaml,
                        owner);
}

struct loss_input loss_input_of(bool as_labels, int n, const struct shape *output_shape,
                                const float *output, const float *y_true, int32_t *labels)
{
    size_t width = shape_size(output_shape);
    size_t classes = (size_t)output_shape->dim[output_shape->rank - 1];
    for (size_t i = 0; as_labels && i < (size_t)n * (width / classes); i++)
        labels[i] = (int32_t)y_true[i];
    return (struct loss_input){.n = n,
                               .width = width,
                               .classes = classes,
                               .output = output,
                               .labels = as_labels ? labels : NULL,
                               .values = as_labels ? NULL : y_true};
}

double loss_of(const struct variant *loss, const struct model *model, int n, const float *output,
               const float *y_true, float *dy)
{
    enum { LABELS = 64 };
    const struct loss_type *type = loss->kind->impl;
    int32_t labels[LABELS];
    CU_ASSERT_FATAL(!type->needs_labels || n <= LABELS);
    struct loss_input input =
        loss_input_of(type->needs_labels, n, &model->output, output, y_true, labels);
    input.logits = model->output_is_logits;
    return loss_sum(type, loss->args, &input, dy);
}

double expect_near(const char *what, const float *got, const float *want, size_t n,
                   double tolerance, double floor_)
{
    double scale = floor_, worst = 0.0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)want[i]));
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - (double)want[i]) / scale;
        if (isnan(got[i]) != isnan(want[i]) || (isinf(got[i]) && got[i] != want[i]))
            error = (double)INFINITY;
        else if (isnan(got[i]) || got[i] == want[i])
            error = 0.0;
        if (error > worst) {
            worst = error;
            at = i;
        }
    }
    if (worst > tolerance)
        test_fail("%s: element %zu of %zu is %.9g, expected %.9g; error %.2g of the largest, "
                  "allowed %.2g",
                  what, at, n, (double)got[at], (double)want[at], worst, tolerance);
    return worst;
}

/* ---- The generator ---- */

void expect_parameters(const struct golden_case *c, const char *prefix, const struct model *model,
                       const float *values, double tolerance)
{
    enum { ELEMENTS = 64 };
    for (size_t p = 0; p < model_param_count(model); p++) {
        const struct param *param = model_param(model, p, NULL);
        const float *v = values + param->offset;
        char name[96], what[160];
        float found[ELEMENTS], norm;
        double squares = 0.0;
        for (size_t i = 0; i < ELEMENTS; i++)
            found[i] = v[i * param->size / ELEMENTS];
        for (size_t i = 0; i < param->size; i++)
            squares += (double)v[i] * (double)v[i];
        norm = (float)sqrt(squares);
        snprintf(name, sizeof name, "%s/%s", prefix, param->path);
        snprintf(what, sizeof what, "%s: %s", c->name, name);
        const struct golden_array *want = golden_find(c, name);
        if (!want || want->size <= ELEMENTS) {
            test_fail("%s is not there", what);
            continue;
        }
        expect_near(what, found, want->v, ELEMENTS, tolerance, 0.1);
        expect_near(what, &norm, want->v + ELEMENTS, 1, tolerance, 0.1);
    }
}

uint32_t generator_seed(const char *text)
{
    uint32_t value = 2166136261u;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 16777619u;
    return value;
}

uint32_t generator_word(uint32_t seed, uint32_t i)
{
    uint32_t h = i * 0x9E3779B9u + seed;
    h ^= h >> 16;
    h *= 0x85EBCA6Bu;
    h ^= h >> 13;
    h *= 0xC2B2AE35u;
    return h ^ (h >> 16);
}

float generator_number(uint32_t seed, uint32_t i)
{
    return (float)((int32_t)(generator_word(seed, i) >> 8) - (1 << 23)) * 0x1p-23f;
}

void generator_parameter(const struct param *param, float *w)
{
    uint32_t seed = generator_seed(param->path);
    size_t inputs = param->size / (size_t)param->shape.dim[param->shape.rank - 1];
    float scale = 0.125f, shift = 0.0f;
    if (strcmp(param->name, "kernel") == 0)
        scale = sqrtf(6.0f / (float)inputs);
    else if (strcmp(param->name, "gamma") == 0)
        scale = 0.25f, shift = 1.0f;
    else if (strncmp(param->name, "moving", 6) == 0)
        scale = 0.0f, shift = strcmp(param->name, "moving_variance") == 0 ? 1.0f : 0.0f;
    for (size_t i = 0; i < param->size; i++)
        w[i] = shift + generator_number(seed, (uint32_t)i) * scale;
}

void generator_batch(int step, int n, size_t sample_size, int classes, float *x, int32_t *labels)
{
    size_t count = (size_t)n * sample_size, first = (size_t)step * count;
    uint32_t seed = generator_seed("x"), label_seed = generator_seed("labels");
    for (size_t i = 0; i < count; i++)
        x[i] = generator_number(seed, (uint32_t)(first + i));
    for (int i = 0; i < n; i++)
        labels[i] =
            (int32_t)(generator_word(label_seed, (uint32_t)(step * n + i)) % (uint32_t)classes);
}
