/* Plots: everything lies inside the picture and is a number, whatever is plotted; ticks are those
 * that one would choose. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot.h"
#include "test.h"

enum { WIDTH = 420, HEIGHT = 260 }; /* of the viewBox */

static const double epochs[] = {1.0, 2.0, 3.0, 4.0, 5.0};

static struct text draw(struct plot_axis y, const double *values, size_t n)
{
    struct plot plot = {.title = "a <title>",
                        .x = {.label = "epoch", .whole = true},
                        .y = y,
                        .legend = true,
                        .count = 1,
                        .series = {{"series & co", n, epochs, values, 0, false}}};
    struct text out = {0};
    plot_svg(&plot, false, &out);
    return out;
}

/* Every place in paths, circles and texts. */
static void check_inside(const char *svg)
{
    CU_ASSERT_PTR_NULL(strstr(svg, "nan"));
    CU_ASSERT_PTR_NULL(strstr(svg, "inf"));
    for (const char *at = svg; (at = strpbrk(at, "ML")) != NULL; at++) {
        double x, y;
        if (sscanf(at + 1, "%lf %lf", &x, &y) == 2)
            CU_ASSERT(x >= 0.0 && x <= WIDTH && y >= 0.0 && y <= HEIGHT);
    }
    for (const char *at = svg; (at = strstr(at, "cx=")) != NULL; at++) {
        double x = 0.0, y = 0.0;
        CU_ASSERT_EQUAL(sscanf(at, "cx=\"%lf\" cy=\"%lf\"", &x, &y), 2);
        CU_ASSERT(x >= 0.0 && x <= WIDTH && y >= 0.0 && y <= HEIGHT);
    }
}

static void test_inside(void)
{
    const double nan = (double)NAN, inf = (double)INFINITY;
    const double sets[][5] = {{1, 2, 3, 4, 5},
                              {0, 0, 0, 0, 0},
                              {nan, nan, nan, nan, nan},
                              {1, nan, inf, -inf, 2},
                              {DBL_MAX, -DBL_MAX, 1e299, -1e299, 0},
                              {DBL_MIN, 5e-324, 1e-310, 1e-300, 1e-299},
                              {-3, -2, -1e-9, -1e9, -5},
                              {1e9, 1e9 + 1e-6, 1e9, 1e9, 1e9},
                              {1, 1 + 1e-15, 1, 1, 1}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (int log = 0; log < 2; log++)
            for (size_t n = 0; n <= 5; n += n ? 4 : 1) {
                struct text out = draw((struct plot_axis){.label = "y", .log = log}, sets[s], n);
                check_inside(out.data);
                text_release(&out);
            }
}

static bool has_tick(const struct text *svg, const char *label)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\">%s</text>", label);
    return strstr(svg->data, wanted) != NULL;
}

static void check_ticks(struct plot_axis axis, const double *values, size_t n,
                        const char *const *labels)
{
    struct text out = draw(axis, values, n);
    for (; *labels; labels++)
        if (!has_tick(&out, *labels)) {
            printf("%s: no tick %s\n", axis.label, *labels);
            CU_FAIL("a tick is missing");
        }

    text_release(&out);
}

static void test_ticks(void)
{
    static const double accuracy[] = {0.52, 0.71, 0.86, 0.93, 0.98};
    static const double speed[] = {12000, 11000, 25000, 31000, 30000};
    static const double loss[] = {2.3, 0.5, 0.04, 0.003, 0.0002},
                        narrow[] = {3.1, 3.6, 4, 4.2, 4.4};
    check_ticks((struct plot_axis){.label = "accuracy"}, accuracy, 5,
                (const char *const[]){"0.5", "0.6", "0.7", "0.8", "0.9", "1", "2", "5", NULL});
    check_ticks((struct plot_axis){.label = "speed"}, speed, 5,
                (const char *const[]){"10k", "15k", "20k", "25k", "30k", NULL});
    check_ticks((struct plot_axis){.label = "loss", .log = true}, loss, 5,
                (const char *const[]){"1", "0.1", "0.01", "0.001", NULL});
    check_ticks((struct plot_axis){.label = "loss", .log = true}, narrow, 5,
                (const char *const[]){"3.2", "3.6", "4.0", NULL});
    check_ticks((struct plot_axis){.label = "one epoch"}, accuracy, 1,
                (const char *const[]){"1", "0", "1.0", NULL});
}

static void test_text(void)
{
    struct text out = draw((struct plot_axis){.label = "y"}, epochs, 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "a &#60;title&#62;"));
    CU_ASSERT_PTR_NOT_NULL(strstr(out.data, "series &#38; co 3 at 3"));
    CU_ASSERT_PTR_NULL(strstr(out.data, "& "));
    text_release(&out);
}

const struct test tests_plot[] = {
    {"inside", test_inside}, {"ticks", test_ticks}, {"text", test_text}, {0}};
TEST_MAIN(tests_plot)
