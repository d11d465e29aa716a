/* Our elementary functions against the C library's in double precision, over dense sweeps; what
 * they do with NaN and infinity; and their exact bits, which must be the same with every compiler
 * and CPU. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "golden.h"
#include "kernels/activation.h"
#include "kernels/vmath.h"
#include "test.h"

static double exact_exp(double x)
{
    return exp(x);
}

static double exact_sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double exact_tanh(double x)
{
    return tanh(x);
}

static double exact_softplus(double x)
{
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

static double exact_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2.0));
}

static float cdf(float x)
{
    return vm_normal_cdf(x, vm_exp(-0.5f * x * x));
}

/* Every 499th float32 between low and high, of both signs. */
enum { STRIDE = 499 };

static void sweep(const char *name, float (*ours)(float), double (*exact)(double), float low,
                  float high, double allowed)
{
    double worst = 0.0;
    float where = 0.0f;
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += STRIDE)
        for (uint32_t sign = 0; sign < 2; sign++) {
            float x = vm_from_bits(bits | sign << 31);
            if (x < low || x > high)
                continue;
            double want = exact((double)x);
            double error = fabs(((double)ours(x) - want) / want);
            if (error > worst) {
                worst = error;
                where = x;
            }
        }
    if (!(worst <= allowed))
        test_fail("%s(%.9g) has the relative error %.3g, allowed %.3g", name, (double)where, worst,
                  allowed);
}

static void single_precision(void)
{
    sweep("exp", vm_exp, exact_exp, -87.29f, 88.72f, 2e-7);
    sweep("sigmoid", vm_sigmoid, exact_sigmoid, -87.29f, 1e30f, 3e-7);
    sweep("tanh", vm_tanh, exact_tanh, -1e30f, -1e-37f, 2e-7);
    sweep("tanh", vm_tanh, exact_tanh, 1e-37f, 1e30f, 2e-7);
    sweep("expm1", vm_expm1, expm1, -1e30f, -1e-37f, 3e-7);
    sweep("expm1", vm_expm1, expm1, 1e-37f, 88.7f, 3e-7);
    sweep("log", vm_log, log, 1e-37f, 0.999f, 2e-7);
    sweep("log", vm_log, log, 1.001f, 1e38f, 2e-7);
    sweep("softplus", vm_softplus, exact_softplus, -87.29f, 1e30f, 4e-7);
    sweep("normal_cdf", cdf, exact_cdf, -1.0f, 1e15f, 5e-7);
    sweep("normal_cdf", cdf, exact_cdf, -13.0f, -1.0f, 6e-6); /* x^2/2 is rounded */
}

static void single_precision_limits(void)
{
    const float inf = INFINITY, nan = NAN;
    CU_ASSERT_EQUAL(vm_exp(0.0f), 1.0f);
    CU_ASSERT_EQUAL(vm_exp(inf), inf);
    CU_ASSERT_EQUAL(vm_exp(88.73f), inf);
    CU_ASSERT_EQUAL(vm_exp(1e38f), inf);
    CU_ASSERT_EQUAL(vm_exp(-87.31f), 0.0f);
    CU_ASSERT_EQUAL(vm_exp(-inf), 0.0f);
    CU_ASSERT(isnan(vm_exp(nan)));
    CU_ASSERT_EQUAL(vm_sigmoid(inf), 1.0f);
    CU_ASSERT_EQUAL(vm_sigmoid(-inf), 0.0f);
    CU_ASSERT_EQUAL(vm_sigmoid(0.0f), 0.5f);
    CU_ASSERT(isnan(vm_sigmoid(nan)));
    CU_ASSERT_EQUAL(vm_tanh(inf), 1.0f);
    CU_ASSERT_EQUAL(vm_tanh(-inf), -1.0f);
    CU_ASSERT_EQUAL(vm_tanh(-100.0f), -1.0f);
    CU_ASSERT(vm_tanh(0.0f) == 0.0f && signbit(vm_tanh(-0.0f)));
    CU_ASSERT(isnan(vm_tanh(nan)) && isnan(vm_tanh(-nan)));
    CU_ASSERT_EQUAL(vm_expm1(-inf), -1.0f);
    CU_ASSERT_EQUAL(vm_expm1(inf), inf);
    CU_ASSERT(vm_expm1(0.0f) == 0.0f && isnan(vm_expm1(nan)));
    CU_ASSERT_EQUAL(vm_softplus(-inf), 0.0f);
    CU_ASSERT_EQUAL(vm_softplus(inf), inf);
    CU_ASSERT(isnan(vm_softplus(nan)));
    CU_ASSERT_EQUAL(vm_log(1.0f), 0.0f);
    CU_ASSERT_EQUAL(cdf(0.0f), 0.5f);
    CU_ASSERT_EQUAL(cdf(inf), 1.0f);
    CU_ASSERT_EQUAL(cdf(-inf), 0.0f);
    CU_ASSERT(isnan(cdf(nan)));
}

/* Random bits as a double; never NaN or infinite. */
static double random_double(uint32_t i)
{
    struct rng_key key = rng_key(11, RNG_TEST, 1, 0, 0);
    uint32_t words[4];
    rng_block(&key, i, words);
    uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    double value;
    memcpy(&value, &bits, sizeof value);
    return isfinite(value) ? value : 1.0;
}

/* Uniform in (0, 1), on a grid of 2^-52. */
static double random_unit(uint32_t i)
{
    struct rng_key key = rng_key(11, RNG_TEST, 2, 0, 0);
    uint32_t words[4];
    rng_block(&key, i, words);
    return ((double)(((uint64_t)words[0] << 32 | words[1]) >> 13) + 0.5) * 0x1p-51;
}

static void expect_close(const char *name, double x, double got, double want, double allowed)
{
    if (!(fabs(got - want) <= allowed * fabs(want)))
        test_fail("%s(%.17g) is %.17g, expected %.17g", name, x, got, want);
}

static void double_precision(void)
{
    for (uint32_t i = 0; i < 300000; i++) {
        double x = fabs(random_double(i)), u = random_unit(i);
        expect_close("log", x, dm_log(x), log(x), 1e-14);
        double near = 1.0 + (u - 0.5) * pow(0.5, (double)(i % 45));
        expect_close("log", near, dm_log(near), log(near), 1e-14);
        double e = (u - 0.5) * 1416.0;
        expect_close("exp", e, dm_exp(e), exp(e), 1e-14);
        double small = (u - 0.5) * pow(0.5, (double)(i % 60));
        expect_close("exp", small, dm_exp(small), exp(small), 1e-14);
    }
}

static void double_precision_limits(void)
{
    const double inf = (double)INFINITY, nan = (double)NAN;
    CU_ASSERT_EQUAL(dm_exp(0.0), 1.0);
    CU_ASSERT_EQUAL(dm_exp(inf), inf);
    CU_ASSERT_EQUAL(dm_exp(-inf), 0.0);
    CU_ASSERT(isnan(dm_exp(nan)));
    CU_ASSERT_EQUAL(dm_log(1.0), 0.0);
    CU_ASSERT_EQUAL(dm_log(0.0), -inf);
    CU_ASSERT_EQUAL(dm_log(-0.0), -inf);
    CU_ASSERT_EQUAL(dm_log(inf), inf);
    CU_ASSERT(isnan(dm_log(nan)));
    CU_ASSERT(isnan(dm_log(-1.0)));
    CU_ASSERT(isnan(dm_log(-inf)));
    CU_ASSERT_DOUBLE_EQUAL(dm_log(0x1p-1074), log(0x1p-1074), 1e-11);
}

static void sines(void)
{
    CU_ASSERT(dm_sin(0.0) == 0.0 && dm_cos(0.0) == 1.0);
    for (uint32_t i = 0; i < 300000; i++) {
        double x = (random_unit(i) - 0.5) * 2e5 * pow(0.5, (double)(i % 40));
        if (!(fabs(dm_sin(x) - sin(x)) <= 1e-15 && fabs(dm_cos(x) - cos(x)) <= 1e-15))
            test_fail("sin(%.17g) is %.17g, cos %.17g", x, dm_sin(x), dm_cos(x));
    }
    for (int k = -1000; k <= 1000; k++) { /* where one of them is nearly 0, or they change signs */
        double x = k * 0.78539816339744831;
        CU_ASSERT_DOUBLE_EQUAL(dm_sin(x), sin(x), 1e-15);
        CU_ASSERT_DOUBLE_EQUAL(dm_cos(x), cos(x), 1e-15);
    }
}

static void powers(void)
{
    CU_ASSERT_EQUAL(dm_power(0.9, 0), 1.0);
    CU_ASSERT_EQUAL(dm_power(0.0, 0), 1.0);
    CU_ASSERT_EQUAL(dm_power(0.0, 5), 0.0);
    CU_ASSERT_EQUAL(dm_power(-2.0, 3), -8.0);
    CU_ASSERT_EQUAL(dm_power(0.999, INT64_MAX), 0.0);
    for (int64_t n = 1; n < 1000000; n = n * 3 / 2 + 1) {
        /* each of the 2 log2 n products may add half a unit, and squaring doubles what is there */
        double allowed = 2.0 * (double)n * 0x1p-53;
        if (n < 6000) /* above, 0.9^n is 0 */
            expect_close("power 0.9", (double)n, dm_power(0.9, n),
                         (double)powl((long double)0.9, (long double)n), allowed);
        expect_close("power 0.999", (double)n, dm_power(0.999, n),
                     (double)powl((long double)0.999, (long double)n), allowed);
    }
}

static void real_powers(void)
{
    CU_ASSERT_EQUAL(dm_pow(0.0, 0.0), 1.0);
    CU_ASSERT_EQUAL(dm_pow(0.0, 2.5), 0.0);
    CU_ASSERT_EQUAL(dm_pow(0.3, 1.0), 0.3);
    CU_ASSERT_EQUAL(dm_pow(1.0, 123.0), 1.0);
    for (uint32_t i = 0; i < 100000; i++) {
        double x = random_unit(i) * 10.0, y = (random_unit(i + 100000) - 0.5) * 40.0;
        expect_close("pow", x, dm_pow(x, y), pow(x, y), 2e-15 * (1.0 + fabs(y * log(x))));
    }
}

static void cosines(void)
{
    const double points[][2] = {{0.0, 1.0},  {0.5, 0.0}, {1.0, -1.0},
                                {-1.5, 0.0}, {2.0, 1.0}, {1e15 + 1.0, -1.0}};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        CU_ASSERT_EQUAL(dm_cos_pi(points[i][0]), points[i][1]);
    for (uint32_t i = 0; i < 100000; i++) {
        double x = (random_unit(i) - 0.5) * 6.0;
        double want = (double)cosl(3.14159265358979323846264338327950288L * (long double)x);
        CU_ASSERT(fabs(dm_cos_pi(x) - want) <= 1e-15);
    }
}

/* z is right if the distribution function of z is p: an error dp is dp / density(z) in z. */
static void check_quantile(double p)
{
    double z = dm_normal_quantile(p);
    long double tail = p < 0.5 ? (long double)p : 1.0L - (long double)p;
    long double found = 0.5L * erfcl(fabsl((long double)z) / sqrtl(2.0L));
    long double density = expl(-0.5L * z * z) / sqrtl(2.0L * acosl(-1.0L));
    double error = (double)fabsl((found - tail) / density);
    if (!(error <= 5e-15 * fmax(fabs(z), 0.02)) || (p < 0.5) != (z < 0.0))
        test_fail("normal_quantile(%.17g) is %.17g, off by %.2g", p, z, error);
}

static void quantiles(void)
{
    CU_ASSERT_EQUAL(dm_normal_quantile(0.5), 0.0);
    CU_ASSERT_DOUBLE_EQUAL(dm_normal_quantile(0.975), 1.959963984540054, 1e-14);
    for (uint32_t i = 0; i < 200000; i++)
        check_quantile(random_unit(i));
    for (double p = 0.4; p > 1e-300; p *= 0.7) {
        check_quantile(p);
        if (p > 1e-10)
            check_quantile(1.0 - p);
    }
}

/* Against the version in double precision, over the range of a draw of 24 bits. */
static void single_precision_quantiles(void)
{
    for (uint32_t k = 0; k < 1u << 23; k = k < 5000 || k > 8380000 ? k + 1 : k + 97) {
        float p = ((float)k + 0.5f) * 0x1p-23f, z = vm_normal_quantile(p);
        double want = dm_normal_quantile((double)p);
        if (!(fabs((double)z - want) <= 1e-6 * fmax(fabs(want), 0.1)))
            test_fail("normal_quantile(%.9g) is %.9g, expected %.9g", (double)p, (double)z, want);
    }
}

/* ---- Activations ---- */

static void softmax_rows(void)
{
    float y[4] = {1e4f, -1e4f, 9999.0f, -INFINITY};
    activation_forward(ACT_SOFTMAX, 1, 4, y, y);
    CU_ASSERT_DOUBLE_EQUAL((double)y[0], 1.0 / (1.0 + exp(-1.0)), 1e-7);
    CU_ASSERT_EQUAL(y[1], 0.0f);
    CU_ASSERT_DOUBLE_EQUAL((double)y[2], 1.0 / (1.0 + exp(1.0)), 1e-7);
    CU_ASSERT_EQUAL(y[3], 0.0f);
    float one[1] = {-3.0f};
    activation_forward(ACT_SOFTMAX, 1, 1, one, one);
    CU_ASSERT_EQUAL(one[0], 1.0f);
    float bad[2][3] = {{0.0f, NAN, 1.0f}, {0.0f, 1.0f, 2.0f}};
    activation_forward(ACT_SOFTMAX, 2, 3, bad[0], bad[0]);
    CU_ASSERT(isnan(bad[0][0]) && isnan(bad[0][1]) && isnan(bad[0][2]));
    CU_ASSERT_DOUBLE_EQUAL((double)bad[1][0] + (double)bad[1][1] + (double)bad[1][2], 1.0, 1e-6);
}

/* NaN must come through every activation, so that a run that diverged is seen. */
static void activations_keep_nan(void)
{
    for (int act = 0; act < ACT_COUNT; act++) {
        float y[2] = {NAN, 1.0f}, out[2] = {0.5f, 0.5f}, dy[2] = {NAN, 1.0f};
        activation_forward((enum activation)act, 1, 2, y, y);
        CU_ASSERT(isnan(y[0]));
        activation_backward((enum activation)act, 1, 2, out, dy);
        CU_ASSERT(isnan(dy[0]));
    }
    float y[3] = {-INFINITY, -0.0f, INFINITY};
    activation_forward(ACT_RELU, 1, 3, y, y);
    CU_ASSERT(y[0] == 0.0f && y[1] == 0.0f && isinf(y[2]));
}

/* ---- Bits ---- */

/* Hashes (FNV-1a) of many results. They were taken from gcc 12 on x86-64; a change of the functions
 * changes them, and with them every model ever trained. */
#define SINGLE_BITS 0x4f076f62b8899801u
#define DOUBLE_BITS 0xc49a05c2d1a53dd8u
#define SCHEDULE_BITS 0xe87fa4fa0d52679bu
#define ACTIVATION_BITS 0x9d7e74f12f6b7626u

static uint64_t add_bits(uint64_t hash, const void *value, size_t size)
{
    const unsigned char *bytes = value;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

static void same_bits_of_schedules(void)
{
    uint64_t hash = 14695981039346656037u;
    for (uint32_t i = 0; i < 100000; i++) {
        double u = random_unit(i), z[2] = {dm_pow(u, 30.0 * (u - 0.5)), dm_cos_pi(4.0 * u)};
        hash = add_bits(hash, z, sizeof z);
    }
    if (hash != SCHEDULE_BITS)
        test_fail("the hash is %#llx, expected %#llx", (unsigned long long)hash,
                  (unsigned long long)SCHEDULE_BITS);
}

static void same_bits_everywhere(void)
{
    uint64_t single = 14695981039346656037u, twice = single;
    for (uint32_t i = 0; i < 200000; i++) {
        float x = 100.0f * generator_number(1, i);
        float y[3] = {vm_exp(x), vm_sigmoid(x), vm_tanh(0.1f * x)};
        single = add_bits(single, y, sizeof y);
        double u = random_unit(i);
        double z[4] = {dm_exp((u - 0.5) * 100.0), dm_log(u), dm_normal_quantile(u),
                       dm_power(u, i % 50)};
        twice = add_bits(twice, z, sizeof z);
    }
    if (single != SINGLE_BITS || twice != DOUBLE_BITS)
        test_fail("the hashes are %#llx and %#llx, expected %#llx and %#llx",
                  (unsigned long long)single, (unsigned long long)twice,
                  (unsigned long long)SINGLE_BITS, (unsigned long long)DOUBLE_BITS);
}

#define SINE_BITS 0x60bf9428b42ebdaau

static void same_sines_everywhere(void)
{
    uint64_t hash = 14695981039346656037u;
    for (uint32_t i = 0; i < 100000; i++) {
        double x = (random_unit(i) - 0.5) * 100.0, z[2] = {dm_sin(x), dm_cos(x)};
        hash = add_bits(hash, z, sizeof z);
    }
    if (hash != SINE_BITS)
        test_fail("the hash is %#llx, expected %#llx", (unsigned long long)hash,
                  (unsigned long long)SINE_BITS);
}

/* Forward and backward of every activation, also in place, and of normal numbers. */
static void same_activations_everywhere(void)
{
    enum { ROWS = 37, WIDTH = 29, SIZE = ROWS * WIDTH };
    static float x[SIZE], y[SIZE], dy[SIZE], z[SIZE];
    uint64_t hash = 14695981039346656037u;
    for (int act = 0; act < ACT_COUNT; act++) {
        for (uint32_t i = 0; i < SIZE; i++) {
            y[i] = x[i] = 8.0f * generator_number(2, i);
            dy[i] = generator_number(3, i);
            z[i] = vm_normal_quantile(((float)(generator_word(4, i) >> 9) + 0.5f) * 0x1p-23f);
        }
        activation_forward((enum activation)act, ROWS, WIDTH, y, y);
        activation_backward((enum activation)act, ROWS, WIDTH,
                            activation_needs_input((enum activation)act) ? x : y, dy);
        hash = add_bits(add_bits(add_bits(hash, y, sizeof y), dy, sizeof dy), z, sizeof z);
        activation_forward((enum activation)act, ROWS, WIDTH, x, dy);
        CU_ASSERT(memcmp(y, dy, sizeof y) == 0);
    }
    if (hash != ACTIVATION_BITS)
        test_fail("the hash is %#llx, expected %#llx", (unsigned long long)hash,
                  (unsigned long long)ACTIVATION_BITS);
}

const struct test tests_vmath[] = {{"single_precision", single_precision},
                                   {"single_precision_limits", single_precision_limits},
                                   {"double_precision", double_precision},
                                   {"double_precision_limits", double_precision_limits},
                                   {"sines", sines},
                                   {"powers", powers},
                                   {"real_powers", real_powers},
                                   {"cosines", cosines},
                                   {"quantiles", quantiles},
                                   {"single_precision_quantiles", single_precision_quantiles},
                                   {"softmax_rows", softmax_rows},
                                   {"activations_keep_nan", activations_keep_nan},
                                   {"same_bits_of_schedules", same_bits_of_schedules},
                                   {"same_bits_everywhere", same_bits_everywhere},
                                   {"same_sines_everywhere", same_sines_everywhere},
                                   {"same_activations_everywhere", same_activations_everywhere},
                                   {0}};

TEST_MAIN(tests_vmath)
