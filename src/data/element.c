#include "data/element.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool is_integer;
} dtypes[] = {
    [DTYPE_U8] = {"uint8", 1, true},     [DTYPE_I8] = {"int8", 1, true},
    [DTYPE_I16] = {"int16", 2, true},    [DTYPE_U16] = {"uint16", 2, true},
    [DTYPE_I32] = {"int32", 4, true},    [DTYPE_I64] = {"int64", 8, true},
    [DTYPE_F32] = {"float32", 4, false}, [DTYPE_F64] = {"float64", 8, false},
};

size_t dtype_size(enum dtype dtype)
{
    return dtypes[dtype].size;
}

const char *dtype_name(enum dtype dtype)
{
    return dtypes[dtype].name;
}

bool dtype_is_integer(enum dtype dtype)
{
    return dtypes[dtype].is_integer;
}

static bool must_swap(bool big_endian)
{
    return big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static uint16_t load16(const unsigned char *in, bool swap)
{
    uint16_t raw;
    memcpy(&raw, in, sizeof raw);
    return swap ? __builtin_bswap16(raw) : raw;
}

static uint32_t load32(const unsigned char *in, bool swap)
{
    uint32_t raw;
    memcpy(&raw, in, sizeof raw);
    return swap ? __builtin_bswap32(raw) : raw;
}

static uint64_t load64(const unsigned char *in, bool swap)
{
    uint64_t raw;
    memcpy(&raw, in, sizeof raw);
    return swap ? __builtin_bswap64(raw) : raw;
}

static float float_of(uint32_t raw)
{
    float value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

static double double_of(uint64_t raw)
{
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

void element_floats(enum dtype dtype, bool big_endian, const unsigned char *in, size_t n,
                    float *out)
{
    bool swap = must_swap(big_endian);
#define EACH(expression)                                                                           \
    for (size_t i = 0; i < n; i++)                                                                 \
        out[i] = (float)(expression);                                                              \
    break
    switch (dtype) {
    case DTYPE_U8:
        EACH(in[i]);
    case DTYPE_I8:
        EACH((int8_t)in[i]);
    case DTYPE_U16:
        EACH(load16(in + 2 * i, swap));
    case DTYPE_I16:
        EACH((int16_t)load16(in + 2 * i, swap));
    case DTYPE_I32:
        EACH((int32_t)load32(in + 4 * i, swap));
    case DTYPE_I64:
        EACH((int64_t)load64(in + 8 * i, swap));
    case DTYPE_F32:
        EACH(float_of(load32(in + 4 * i, swap)));
    case DTYPE_F64:
        EACH(double_of(load64(in + 8 * i, swap)));
    }
#undef EACH
}

int64_t element_integer(enum dtype dtype, bool big_endian, const unsigned char *in)
{
    bool swap = must_swap(big_endian);
    switch (dtype) {
    case DTYPE_U8:
        return in[0];
    case DTYPE_I8:
        return (int8_t)in[0];
    case DTYPE_U16:
        return load16(in, swap);
    case DTYPE_I16:
        return (int16_t)load16(in, swap);
    case DTYPE_I32:
        return (int32_t)load32(in, swap);
    default:
        return (int64_t)load64(in, swap);
    }
}
