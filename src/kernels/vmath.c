#include "kernels/vmath.h"

#include <math.h>
#include <stdbool.h>

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t to_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

double dm_exp(double x)
{
    if (x != x)
        return x;
    if (x > 709.78)
        return (double)INFINITY;
    if (x < -708.39)
        return 0.0;
    double shifted = x * 1.4426950408889634 + 6755399441055744.0; /* 1.5 * 2^52 */
    double k = shifted - 6755399441055744.0;
    double r = (x - k * 0x1.62e42fefa3800p-1) - k * 0x1.ef35793c76730p-45;
    double sum = 1.0, term = 1.0; /* Taylor, |r| <= 0.347: r^14/14! is below 1e-17 */
    double terms[15];
    for (int i = 1; i <= 14; i++) {
        term = term * r / (double)i;
        terms[i] = term;
    }
    double tail = 0.0;
    for (int i = 14; i >= 1; i--)
        tail += terms[i];
    sum += tail;
    int64_t whole = (int64_t)k, half = whole / 2;
    return sum * from_bits((uint64_t)(half + 1023) << 52) *
           from_bits((uint64_t)(whole - half + 1023) << 52);
}

double dm_log(double x)
{
    if (x != x || x < 0.0)
        return (double)NAN;
    if (x == 0.0)
        return -(double)INFINITY;
    if (x > 0x1.fffffffffffffp+1023)
        return x;
    int64_t exponent = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        exponent = -54;
    }
    exponent += (int64_t)(to_bits(x) >> 52) - 1023;
    double m = from_bits((to_bits(x) & 0x000fffffffffffffu) | 0x3ff0000000000000u);
    if (m > 1.4142135623730951) {
        m *= 0.5;
        exponent++;
    }
    /* log m = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.1716: s^2k/(2k+1) is below 1e-17 at k = 10 */
    double s = (m - 1.0) / (m + 1.0), z = s * s, p = 0.0;
    for (int k = 11; k >= 1; k--)
        p = (p + 1.0 / (double)(2 * k + 1)) * z;
    double k = (double)exponent;
    return k * 0x1.62e42fefa3800p-1 + (2.0 * s + (2.0 * s * p + k * 0x1.ef35793c76730p-45));
}

double dm_power(double b, int64_t n)
{
    double result = 1.0;
    for (; n > 0; n >>= 1) {
        if (n & 1)
            result *= b;
        b *= b;
    }
    return result;
}

double dm_pow(double x, double y)
{
    if (y == 0.0)
        return 1.0;
    return y == 1.0 ? x : dm_exp(y * dm_log(x));
}

double dm_cos_pi(double x)
{
    double a = fabs(x), sign = 1.0, sum = 0.0;
    a -= 2.0 * floor(a / 2.0); /* exact, as are the next two */
    a = a > 1.0 ? 2.0 - a : a;
    if (a > 0.5) {
        a = 1.0 - a;
        sign = -1.0;
    }
    /* Taylor: cos up to a quarter, else sin of what is missing to a half; z^11/22! is below 1e-23
     */
    bool near = a <= 0.25;
    double angle = 3.141592653589793 * (near ? a : 0.5 - a), z = angle * angle;
    for (int k = 20 + !near; k >= 2; k -= 2)
        sum = -z / (double)(k * (k - 1)) * (1.0 + sum);
    return sign * (near ? 1.0 : angle) * (1.0 + sum);
}

static double horner(const double *coefficient, double x)
{
    double sum = coefficient[7];
    for (int i = 6; i >= 0; i--)
        sum = sum * x + coefficient[i];
    return sum;
}

double dm_normal_quantile(double p)
{
    /* The three pairs of polynomials of AS 241. */
    static const double near[2][8] = {
        {3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
         1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
         3.3430575583588128105e+4, 2.5090809287301226727e+3},
        {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
         2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
         5.2264952788528545610e+3}};
    static const double middle[2][8] = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
         3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
         2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
         1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
         1.05075007164441684324e-9}};
    static const double far[2][8] = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
         2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
         2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
         7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
         2.04426310338993978564e-15}};
    double q = p - 0.5;
    if (q <= 0.425 && q >= -0.425) {
        double r = 0.180625 - q * q;
        return q * horner(near[0], r) / horner(near[1], r);
    }
    double tail = q < 0.0 ? p : 1.0 - p;
    double r = sqrt(-dm_log(tail)), value;
    if (r <= 5.0)
        value = horner(middle[0], r - 1.6) / horner(middle[1], r - 1.6);
    else
        value = horner(far[0], r - 5.0) / horner(far[1], r - 5.0);
    return q < 0.0 ? -value : value;
}

/* sin r or cos r for |r| <= pi/4 by Taylor: r^19/19! is below 1e-19. first: 1 for sine, 0 for
 * cosine. */
static double taylor(double r, int first)
{
    double z = r * r, term = first ? r : 1.0, terms[9], sum = 0.0;
    for (int i = 0; i < 9; i++) {
        terms[i] = term;
        term = -term * z / (double)((2 * i + 1 + first) * (2 * i + 2 + first));
    }
    for (int i = 8; i >= 0; i--)
        sum += terms[i];
    return sum;
}

/* The sine of x + turn pi/2: x = k pi/2 + r, with pi/2 in three parts of 33 bits, so that k times
 * the first two is exact (the parts are those of Sun's fdlibm). */
static double sine(double x, int64_t turn)
{
    double k = floor(x * 0.6366197723675814 + 0.5);
    double r = ((x - k * 0x1.921fb544p+0) - k * 0x1.0b4611a6p-34) - k * 0x1.3198a2e037073p-69;
    int64_t quarter = ((int64_t)k + turn) & 3;
    double value = taylor(r, quarter % 2 == 0);
    return quarter < 2 ? value : -value;
}

double dm_sin(double x)
{
    return sine(x, 0);
}

double dm_cos(double x)
{
    return sine(x, 1);
}
