#include "onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* ---- The wire format of Protocol Buffers ---- */

/* What is left of a message. Whatever is read beyond its end is 0 and sets bad. */
struct wire {
    const unsigned char *at, *end;
    bool bad;
};

enum wire_kind { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct field {
    uint64_t number;
    int kind;
    uint64_t value;    /* of the number kinds */
    struct wire bytes; /* of WIRE_BYTES */
};

static uint64_t varint(struct wire *wire)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (wire->at == wire->end)
            break;
        unsigned char byte = *wire->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    wire->bad = true;
    return 0;
}

static uint64_t fixed(struct wire *wire, size_t bytes)
{
    uint64_t value = 0;
    if ((size_t)(wire->end - wire->at) < bytes) {
        wire->bad = true;
        wire->at = wire->end;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)*wire->at++ << (8 * i);
    return value;
}

/* The next field of a message; false at its end, or where it is bad. */
static bool next(struct wire *wire, struct field *field)
{
    if (wire->bad || wire->at == wire->end)
        return false;
    uint64_t tag = varint(wire);
    *field = (struct field){.number = tag >> 3, .kind = (int)(tag & 7)};
    switch (field->kind) {
    case WIRE_VARINT:
        field->value = varint(wire);
        break;
    case WIRE_64:
    case WIRE_32:
        field->value = fixed(wire, field->kind == WIRE_64 ? 8 : 4);
        break;
    case WIRE_BYTES: {
        uint64_t size = varint(wire);
        if (size > (uint64_t)(wire->end - wire->at))
            wire->bad = true;
        else {
            field->bytes = (struct wire){wire->at, wire->at + size, false};
            wire->at += size;
        }
        break;
    }
    default:
        wire->bad = true;
    }
    return !wire->bad;
}

static const char *text_of(const struct field *field, struct pool *pool)
{
    size_t size = (size_t)(field->bytes.end - field->bytes.at);
    char *text = pool_alloc(pool, size + 1);
    if (size)
        memcpy(text, field->bytes.at, size);
    return text;
}

/* Adds the whole numbers of a repeated field, packed or not; false where there are too many. */
static bool add_ints(const struct field *field, int64_t *ints, size_t *n, size_t most)
{
    struct wire packed = field->bytes;
    if (field->kind == WIRE_VARINT) {
        if (*n == most)
            return false;
        ints[(*n)++] = (int64_t)field->value;
    }
    while (packed.at != packed.end && !packed.bad) {
        if (*n == most)
            return false;
        ints[(*n)++] = (int64_t)varint(&packed);
    }
    return !packed.bad;
}

static float float_of(uint64_t bits)
{
    uint32_t word = (uint32_t)bits;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* ---- onnx.proto; the numbers in the cases are those of its fields ---- */

/* The elements of a tensor of a type that we know: raw, or in a repeated field of the type. */
static bool read_elements(struct onnx_tensor *tensor, struct wire data, bool raw, struct pool *pool)
{
    size_t width = tensor->type == ONNX_INT64 ? 8 : tensor->type == ONNX_BOOL ? 1 : 4;
    float *v = pool_alloc(pool, tensor->size * sizeof *v + 1);
    int64_t *ints = pool_alloc(pool, tensor->size * sizeof *ints + 1);
    for (size_t e = 0; e < tensor->size; e++) {
        bool is_fixed = raw || tensor->type == ONNX_FLOAT;
        uint64_t bits = is_fixed ? fixed(&data, width) : varint(&data);
        v[e] = float_of(bits);
        ints[e] = tensor->type == ONNX_INT32 ? (int32_t)(uint32_t)bits : (int64_t)bits;
    }
    tensor->v = tensor->type == ONNX_FLOAT ? v : NULL;
    tensor->i = tensor->type == ONNX_FLOAT ? NULL : ints;
    return !data.bad && data.at == data.end;
}

static bool read_tensor(struct wire wire, struct pool *pool, struct onnx_tensor *tensor)
{
    struct wire data = {NULL, NULL, false};
    bool raw = false;
    size_t rank = 0;
    *tensor = (struct onnx_tensor){.name = "", .size = 1};
    for (struct field f; next(&wire, &f);) {
        if (f.number == 1 && !add_ints(&f, tensor->dim, &rank, ONNX_MAX_RANK))
            return false;
        if (f.number == 2)
            tensor->type = (int)f.value;
        if (f.number == 8)
            tensor->name = text_of(&f, pool);
        if (f.number == 4 || f.number == 5 || f.number == 7 || f.number == 9) {
            data = f.bytes;
            raw = f.number == 9;
        }
    }
    tensor->rank = (int)rank;
    for (int a = 0; a < tensor->rank; a++)
        if (tensor->dim[a] < 0 || tensor->dim[a] > 1 << 24 || tensor->size > 1 << 24)
            return false;
        else
            tensor->size *= (size_t)tensor->dim[a];
    bool known = tensor->type == ONNX_FLOAT || tensor->type == ONNX_INT32 ||
                 tensor->type == ONNX_INT64 || tensor->type == ONNX_BOOL;
    return !wire.bad && tensor->size <= 1 << 24 && tensor->type != 0 &&
           (!known || read_elements(tensor, data, raw, pool));
}

static bool read_attribute(struct wire wire, struct pool *pool, struct onnx_attribute *attribute)
{
    *attribute = (struct onnx_attribute){.name = "", .s = ""};
    for (struct field f; next(&wire, &f);) {
        if (f.number == 1)
            attribute->name = text_of(&f, pool);
        if (f.number == 2)
            attribute->f = float_of(f.value);
        if (f.number == 3)
            attribute->i = (int64_t)f.value;
        if (f.number == 4)
            attribute->s = text_of(&f, pool);
        if (f.number == 8 && !add_ints(&f, attribute->ints, &attribute->n, ONNX_MAX_RANK))
            return false;
    }
    return !wire.bad;
}

static bool read_node(struct wire wire, struct pool *pool, struct onnx_case *c)
{
    for (struct field f; next(&wire, &f);) {
        if ((f.number == 1 && c->inputs == ONNX_MAX_TENSORS) ||
            (f.number == 2 && c->outputs == ONNX_MAX_TENSORS) ||
            (f.number == 5 && c->attributes == ONNX_MAX_ATTRIBUTES))
            return false;
        if (f.number == 1)
            c->input[c->inputs++].name = text_of(&f, pool);
        if (f.number == 2)
            c->output[c->outputs++].name = text_of(&f, pool);
        if (f.number == 4)
            c->op = text_of(&f, pool);
        if (f.number == 5 && !read_attribute(f.bytes, pool, &c->attribute[c->attributes++]))
            return false;
    }
    return !wire.bad;
}

/* Puts a tensor where the operator has one of its name. */
static void place(struct onnx_tensor *all, size_t n, const char *name, struct onnx_tensor tensor)
{
    tensor.name = name;
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].name, name) == 0)
            all[i] = tensor;
}

/* Gives the tensor "FOLDER/test_data_set_0/input_0.pb" to the operator. */
static bool read_data(const char *folder, const char *kind, size_t number, const char *name,
                      struct onnx_case *c, struct pool *pool)
{
    struct onnx_tensor tensor;
    unsigned char *bytes;
    size_t size;
    const char *path = pool_printf(pool, "%s/test_data_set_0/%s_%zu.pb", folder, kind, number);
    if (file_read(path, 1 << 26, &bytes, &size) != ST_OK)
        return false;
    bool fine = read_tensor((struct wire){bytes, bytes + size, false}, pool, &tensor);
    free(bytes);
    place(c->input, c->inputs, name, tensor);
    place(c->output, c->outputs, name, tensor);
    return fine;
}

/* Is it an initial value, which the graph itself has? */
static bool is_given(const struct onnx_case *c, const char *name)
{
    for (size_t i = 0; i < c->inputs; i++)
        if (strcmp(c->input[i].name, name) == 0)
            return c->input[i].type != 0;
    return false;
}

static bool read_graph(struct wire wire, const char *folder, struct pool *pool, struct onnx_case *c)
{
    struct wire again = wire;
    for (struct field f; next(&wire, &f);)
        if (f.number == 1 && (c->nodes++ == 0 && !read_node(f.bytes, pool, c)))
            return false;
    if (wire.bad || c->nodes != 1)
        return !wire.bad;
    wire = again;
    for (struct field f; next(&wire, &f);) {
        struct onnx_tensor tensor;
        if (f.number == 5) {
            if (!read_tensor(f.bytes, pool, &tensor))
                return false;
            place(c->input, c->inputs, tensor.name, tensor);
        }
    }
    size_t inputs = 0, outputs = 0;
    for (struct field f; next(&again, &f);) {
        struct field name = {0};
        if ((f.number != 11 && f.number != 12) || !next(&f.bytes, &name))
            continue;
        const char *text = text_of(&name, pool);
        if (f.number == 11 && !is_given(c, text) &&
            !read_data(folder, "input", inputs++, text, c, pool))
            return false;
        if (f.number == 12 && !read_data(folder, "output", outputs++, text, c, pool))
            return false;
    }
    return true;
}

static bool read_model(struct wire wire, const char *folder, struct pool *pool, struct onnx_case *c)
{
    bool fine = true;
    for (struct field f; fine && next(&wire, &f);) {
        if (f.number == 7)
            fine = read_graph(f.bytes, folder, pool, c);
        const char *domain = "";
        int opset = 0;
        for (struct field g; f.number == 8 && next(&f.bytes, &g);)
            if (g.number == 1)
                domain = text_of(&g, pool);
            else if (g.number == 2)
                opset = (int)g.value;
        c->opset = *domain || !opset ? c->opset : opset;
    }
    return fine && !wire.bad;
}

bool onnx_read(const char *folder, struct pool *pool, struct onnx_case *c, const char **why)
{
    unsigned char *bytes;
    size_t size;
    const char *name = strrchr(folder, '/');
    while (name > folder && name[-1] != '/')
        name--;
    *c = (struct onnx_case){.name = pool_strdup(pool, name), .op = ""};
    *why = "something else than tensors, or too large";
    if (file_read(pool_printf(pool, "%s/model.onnx", folder), 1 << 26, &bytes, &size) != ST_OK)
        return false;
    bool fine = read_model((struct wire){bytes, bytes + size, false}, folder, pool, c);
    free(bytes);
    return fine;
}

const struct onnx_attribute *onnx_find(const struct onnx_case *c, const char *name)
{
    for (size_t i = 0; i < c->attributes; i++)
        if (strcmp(c->attribute[i].name, name) == 0)
            return &c->attribute[i];
    return NULL;
}

int64_t onnx_int(const struct onnx_case *c, const char *name, int64_t otherwise)
{
    const struct onnx_attribute *attribute = onnx_find(c, name);
    return attribute ? attribute->i : otherwise;
}

double onnx_float(const struct onnx_case *c, const char *name, double otherwise)
{
    const struct onnx_attribute *attribute = onnx_find(c, name);
    return attribute ? (double)attribute->f : otherwise;
}

const char *onnx_word(const struct onnx_case *c, const char *name, const char *otherwise)
{
    const struct onnx_attribute *attribute = onnx_find(c, name);
    return attribute ? attribute->s : otherwise;
}
