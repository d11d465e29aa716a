/* Second-order methods in double precision: Rosenbrock's function, SciPy's iterates and optimum
 * (tests/golden/solvers.txt), and NIST's certified values
 * (https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "golden.h"
#include "optimizers/cholesky.h"
#include "optimizers/solver.h"
#include "optimizers/vectors.h"
#include "test.h"

enum { MOST = 64 };

/* ---- Rosenbrock: sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2, the minimum at 1, 1, ... ---- */

static enum status rosenbrock(struct problem *problem, double *x, double *f, double *g)
{
    *f = 0.0;
    for (size_t i = 0; g && i < problem->n; i++)
        g[i] = 0.0;
    for (size_t i = 0; i + 1 < problem->n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1.0 - x[i];
        *f += 100.0 * a * a + b * b;
        if (!g)
            continue;
        g[i] += -400.0 * a * x[i] - 2.0 * b;
        g[i + 1] += 200.0 * a;
    }
    return ST_OK;
}

static enum status rosenbrock_hessian(struct problem *problem, const double *x, const double *v,
                                      double *hv)
{
    memset(hv, 0, problem->n * sizeof *hv);
    for (size_t i = 0; i + 1 < problem->n; i++) {
        hv[i] += (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * v[i] - 400.0 * x[i] * v[i + 1];
        hv[i + 1] += -400.0 * x[i] * v[i] + 200.0 * v[i + 1];
    }
    return ST_OK;
}

/* Has the optimizer go from start to end; each iterate goes to path (may be NULL). Returns how many
 * iterations it took. */
static int run(const char *optimizer, struct problem *problem, const double *start, double *end,
               int most, double *path)
{
    struct pool pool = {0};
    struct variant variant = read_optimizer(optimizer, &pool);
    struct solver solver;
    struct iteration it = {0};
    int done = 0;
    CU_ASSERT_FATAL(solver_init(&solver, &variant, problem->n, start) == ST_OK);
    while (done < most && !it.converged) {
        if (solver_iterate(&solver, problem, &it) != ST_OK) {
            test_fail("%s: %s", optimizer, status_message());
            break;
        }
        done += !it.converged;
        if (path)
            memcpy(path + (size_t)(done - 1) * problem->n, solver.x, problem->n * sizeof *path);
    }
    memcpy(end, solver.x, problem->n * sizeof *end);
    solver_release(&solver);
    pool_release(&pool);
    return done;
}

static void rosenbrock_start(size_t n, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = i % 2 ? 1.0 : -1.2;
}

static void check_rosenbrock(const char *optimizer, size_t n, int most)
{
    struct problem problem = {.n = n, .evaluate = rosenbrock, .hessian = rosenbrock_hessian};
    double start[MOST], end[MOST], worst = 0.0;
    rosenbrock_start(n, start);
    int iterations = run(optimizer, &problem, start, end, most, NULL);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(end[i] - 1.0));
    if (!(worst < 1e-7) || iterations >= most)
        test_fail("%s: %d iterations in %zu dimensions, and still %.2e away", optimizer, iterations,
                  n, worst);
}

static void test_rosenbrock(void)
{
    check_rosenbrock("{LBFGS: {tolerance: 1e-9}}", 2, 60);
    check_rosenbrock("{LBFGS: {tolerance: 1e-9, history: 3}}", 10, 200);
    check_rosenbrock("{BFGS: {tolerance: 1e-9}}", 2, 60);
    check_rosenbrock("{BFGS: {tolerance: 1e-9}}", 10, 120);
    check_rosenbrock("{ConjugateGradient: {tolerance: 1e-9}}", 2, 100);
    check_rosenbrock("{ConjugateGradient: {tolerance: 1e-9}}", 10, 400);
    check_rosenbrock("{ConjugateGradient: {beta: fletcher_reeves, tolerance: 1e-9}}", 2, 400);
    check_rosenbrock("{ConjugateGradient: {beta: hestenes_stiefel, tolerance: 1e-9}}", 2, 100);
    check_rosenbrock("{Newton: {method: exact, tolerance: 1e-9}}", 2, 30);
    check_rosenbrock("{Newton: {method: exact, tolerance: 1e-9}}", 3, 40);
    check_rosenbrock("{Newton: {method: cg, tolerance: 1e-9}}", 2, 40);
    check_rosenbrock("{Newton: {method: cg, tolerance: 1e-9}}", 10, 80);
    check_rosenbrock("{Newton: {method: exact, damping: 0.1, tolerance: 1e-9}}", 2, 80);
}

/* ---- SciPy ---- */

/* A line of solvers.txt; returns how many numbers it has. */
static size_t read_golden(const char *name, double *values, size_t most)
{
    FILE *file = fopen(test_source("tests/golden/solvers.txt"), "r");
    static char line[16384];
    size_t n = 0;
    CU_ASSERT_FATAL(file != NULL);
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) != 0 || line[length] != ' ')
            continue;
        char *at = line + length;
        size_t count = strtoul(at, &at, 10);
        for (; n < count && n < most; n++)
            values[n] = strtod(at, &at);
    }
    fclose(file);
    CU_ASSERT_FATAL(n > 0);
    return n;
}

static void check_lbfgs(const char *name, size_t n)
{
    double want[40 * 10], got[40 * 10] = {0}, start[MOST], end[MOST], worst = 0.0;
    size_t count = read_golden(name, want, 400);
    struct problem problem = {.n = n, .evaluate = rosenbrock};
    rosenbrock_start(n, start);
    run("{LBFGS: {history: 5, c1: 1e-3, c2: 0.9, tolerance: 1e-9}}", &problem, start, end,
        (int)(count / n), got);
    for (size_t i = 0; i < count; i++)
        worst = fmax(worst, fabs(got[i] - want[i]));
    if (!(worst < 1e-6))
        test_fail("%s: %zu iterates differ from SciPy's by up to %.2e", name, count / n, worst);
}

static void test_lbfgs_iterates(void)
{
    check_lbfgs("lbfgs2", 2);
    check_lbfgs("lbfgs10", 10);
}

/* ---- Nonlinear least squares ---- */

/* y of x with parameters b, and its derivatives by b. */
typedef double (*curve_function)(const double *b, double x, double *j);

struct fit {
    struct problem problem;
    const double (*data)[2]; /* y, x */
    size_t rows;
    curve_function curve;
};

static enum status fit_evaluate(struct problem *problem, double *b, double *f, double *g)
{
    const struct fit *fit = (const struct fit *)(const void *)problem;
    double j[MOST];
    *f = 0.0;
    CU_ASSERT(g == NULL);
    for (size_t i = 0; i < fit->rows; i++) {
        double r = fit->curve(b, fit->data[i][1], j) - fit->data[i][0];
        *f += r * r;
    }
    return ST_OK;
}

static enum status fit_normal(struct problem *problem, const double *b, double *a, double *jr)
{
    const struct fit *fit = (const struct fit *)(const void *)problem;
    size_t n = problem->n;
    double j[MOST];
    memset(a, 0, n * n * sizeof *a);
    memset(jr, 0, n * sizeof *jr);
    for (size_t i = 0; i < fit->rows; i++) {
        double r = fit->curve(b, fit->data[i][1], j) - fit->data[i][0];
        for (size_t k = 0; k < n; k++) {
            jr[k] += r * j[k];
            for (size_t l = k; l < n; l++)
                a[k * n + l] += j[k] * j[l];
        }
    }
    return ST_OK;
}

static void check_fit(const char *name, curve_function curve, const double (*data)[2], size_t rows,
                      size_t n, const double *start, const double *certified, double squares,
                      double precision)
{
    struct fit fit = {{.n = n, .evaluate = fit_evaluate, .normal = fit_normal}, data, rows, curve};
    double end[MOST], f, worst = 0.0;
    int iterations = run("{LevenbergMarquardt: {tolerance: 0, max_evaluations: 50}}", &fit.problem,
                         start, end, 2000, NULL);
    fit_evaluate(&fit.problem, end, &f, NULL);
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(end[i] / certified[i] - 1.0));
    if (!(worst < precision) || !(fabs(f / squares - 1.0) < 1e-10))
        test_fail("%s from %g, ...: %d iterations, wrong by %.2e, squares by %.2e", name, start[0],
                  iterations, worst, f / squares - 1.0);
}

static double misra1a(const double *b, double x, double *j)
{
    double e = exp(-b[1] * x);
    j[0] = 1.0 - e;
    j[1] = b[0] * x * e;
    return b[0] * j[0];
}

static double mgh09(const double *b, double x, double *j)
{
    double above = x * x + x * b[1], below = x * x + x * b[2] + b[3];
    j[0] = above / below;
    j[1] = b[0] * x / below;
    j[2] = -b[0] * above * x / (below * below);
    j[3] = -b[0] * above / (below * below);
    return b[0] * j[0];
}

static double thurber(const double *b, double x, double *j)
{
    double above = b[0] + x * (b[1] + x * (b[2] + x * b[3]));
    double below = 1.0 + x * (b[4] + x * (b[5] + x * b[6]));
    double power = 1.0;
    for (int i = 0; i < 4; i++, power *= x)
        j[i] = power / below;
    power = x;
    for (int i = 4; i < 7; i++, power *= x)
        j[i] = -above * power / (below * below);
    return above / below;
}

static double decay(const double *b, double x, double *j)
{
    j[0] = exp(-b[1] * x);
    j[1] = -b[0] * x * j[0];
    j[2] = 1.0;
    return b[0] * j[0] + b[2];
}

static const double misra1a_data[][2] = {
    {10.07, 77.6},  {14.73, 114.9}, {17.94, 141.1}, {23.93, 190.8}, {29.61, 239.9},
    {35.18, 289.0}, {40.02, 332.8}, {44.82, 378.4}, {50.76, 434.8}, {55.05, 477.3},
    {61.01, 536.8}, {66.40, 593.1}, {75.47, 689.1}, {81.78, 760.0}};

static const double mgh09_data[][2] = {{0.1957, 4.0},    {0.1947, 2.0},   {0.1735, 1.0},
                                       {0.1600, 0.5},    {0.0844, 0.25},  {0.0627, 0.167},
                                       {0.0456, 0.125},  {0.0342, 0.1},   {0.0323, 0.0833},
                                       {0.0235, 0.0714}, {0.0246, 0.0625}};

static const double thurber_data[][2] = {
    {80.574, -3.067},   {84.248, -2.981},   {87.264, -2.921},   {87.195, -2.912},
    {89.076, -2.840},   {89.608, -2.797},   {89.868, -2.702},   {90.101, -2.699},
    {92.405, -2.633},   {95.854, -2.481},   {100.696, -2.363},  {101.060, -2.322},
    {401.672, -1.501},  {390.724, -1.460},  {567.534, -1.274},  {635.316, -1.212},
    {733.054, -1.100},  {759.087, -1.046},  {894.206, -0.915},  {990.785, -0.714},
    {1090.109, -0.566}, {1080.914, -0.545}, {1122.643, -0.400}, {1178.351, -0.309},
    {1260.531, -0.109}, {1273.514, -0.103}, {1288.339, 0.010},  {1327.543, 0.119},
    {1353.863, 0.377},  {1414.509, 0.790},  {1425.208, 0.963},  {1421.384, 1.006},
    {1442.962, 1.115},  {1464.350, 1.572},  {1468.705, 1.841},  {1447.894, 2.047},
    {1457.628, 2.200}};

/* Certified are 11 digits; parameters follow from the squares by the root of their precision where
 * the curve is ill-conditioned. */
static void test_nist(void)
{
    static const double misra[] = {2.3894212918E+02, 5.5015643181E-04},
                        mgh[] = {1.9280693458E-01, 1.9128232873E-01, 1.2305650693E-01,
                                 1.3606233068E-01},
                        thurb[] = {1.2881396800E+03, 1.4910792535E+03, 5.8323836877E+02,
                                   7.5416644291E+01, 9.6629502864E-01, 3.9797285797E-01,
                                   4.9727297349E-02};
    check_fit("Misra1a", misra1a, misra1a_data, 14, 2, (double[]){500, 0.0001}, misra,
              1.2455138894E-01, 1e-9);
    check_fit("Misra1a", misra1a, misra1a_data, 14, 2, (double[]){250, 0.0005}, misra,
              1.2455138894E-01, 1e-9);
    check_fit("MGH09", mgh09, mgh09_data, 11, 4, (double[]){25, 39, 41.5, 39}, mgh,
              3.0750560385E-04, 1e-7);
    check_fit("MGH09", mgh09, mgh09_data, 11, 4, (double[]){0.25, 0.39, 0.415, 0.39}, mgh,
              3.0750560385E-04, 1e-7);
    check_fit("Thurber", thurber, thurber_data, 37, 7,
              (double[]){1000, 1000, 400, 40, 0.7, 0.3, 0.03}, thurb, 5.6427082397E+03, 1e-7);
    check_fit("Thurber", thurber, thurber_data, 37, 7,
              (double[]){1300, 1500, 500, 75, 1, 0.4, 0.05}, thurb, 5.6427082397E+03, 1e-7);
}

static void test_levenberg_marquardt_scipy(void)
{
    double want[4], data[30][2];
    read_golden("lm", want, 4);
    for (int i = 0; i < 30; i++) {
        double x = i / 10.0;
        data[i][0] = 2.5 * exp(-1.3 * x) + 0.5 + 0.01 * ((i * 7) % 11 - 5);
        data[i][1] = x;
    }
    check_fit("SciPy", decay, (const double(*)[2])data, 30, 3, (double[]){1, 1, 1}, want, want[3],
              1e-7);
}

/* ---- Linear algebra ---- */

static double number(const struct rng_key *key, size_t i)
{
    uint32_t words[4];
    struct rng_key own = *key;
    rng_words(&own, 4, words);
    return (double)generator_number(words[0], (uint32_t)i);
}

/* A = B B^T + n I, of a size that is no multiple of a panel. */
static void test_cholesky(void)
{
    enum { N = 101 };
    static double b[N * N], a[N * N], u[N * N], x[N], want[N];
    struct rng_key key = rng_key(7, 1, 2, 3, 4);
    for (size_t i = 0; i < N * N; i++)
        b[i] = number(&key, i);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++)
            a[i * N + j] = vector_dot(N, b + i * N, b + j * N) + (i == j ? N : 0);
    for (size_t i = 0; i < N; i++)
        want[i] = number(&key, N * N + i);
    for (size_t i = 0; i < N; i++)
        x[i] = vector_dot(N, a + i * N, want);
    memcpy(u, a, sizeof u);
    CU_ASSERT_FATAL(cholesky_factor(N, u));
    cholesky_solve(N, u, x);
    double worst = 0.0;
    for (size_t i = 0; i < N; i++)
        worst = fmax(worst, fabs(x[i] - want[i]));
    CU_ASSERT(worst < 1e-13);
    bool same = true;
    for (size_t i = 0; i < N; i++) /* the plain algorithm, to the last bit */
        for (size_t j = i; j < N; j++) {
            double sum = a[i * N + j];
            for (size_t k = 0; k < i; k++)
                sum -= u[k * N + i] * u[k * N + j];
            sum = i == j ? sqrt(sum) : sum / u[i * N + i];
            same = same && u[i * N + j] == sum;
        }
    CU_ASSERT(same);
    a[50 * N + 50] = -1.0;
    CU_ASSERT(!cholesky_factor(N, a));
}

static void test_dot(void)
{
    enum { N = 3 * 4096 + 77 };
    static double a[N];
    for (size_t i = 0; i < N; i++)
        a[i] = (double)(i % 13);
    double sum = 0.0, left = vector_dot(8192, a, a);
    for (size_t i = 0; i < N; i++)
        sum += a[i] * a[i];
    CU_ASSERT(vector_dot(N, a, a) == sum);
    for (size_t i = 0; i < N; i++)
        a[i] = 1.0 / (1.0 + (double)i);
    left = vector_dot(8192, a, a);
    CU_ASSERT(vector_dot(N, a, a) ==
              left + (vector_dot(4096, a + 8192, a + 8192) + vector_dot(77, a + 12288, a + 12288)));
}

const struct test tests_solvers[] = {{"Rosenbrock's function", test_rosenbrock},
                                     {"L-BFGS: SciPy's iterates", test_lbfgs_iterates},
                                     {"Levenberg-Marquardt: NIST's certified values", test_nist},
                                     {"Levenberg-Marquardt: SciPy", test_levenberg_marquardt_scipy},
                                     {"Cholesky's factor", test_cholesky},
                                     {"dot products", test_dot},
                                     {0}};
TEST_MAIN(tests_solvers)
