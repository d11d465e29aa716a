/* The area under the ROC or the precision-recall curve, as Keras has it: outputs are counted in
 * buckets between fixed thresholds, so that counts of parts of the set add up to those of the
 * whole. The interpolation of the PR curve is that of J. Davis and M. Goadrich (The relationship
 * between precision-recall and ROC curves, ICML 2006). */
#include <math.h>

#include "kernels/vmath.h"
#include "train/metrics.h"

enum curve { CURVE_ROC, CURVE_PR };
enum summation { SUM_INTERPOLATION, SUM_MINORING, SUM_MAJORING };
static const char *const curve_names[] = {"ROC", "PR", NULL};
static const char *const summation_names[] = {"interpolation", "minoring", "majoring", NULL};

struct auc_args {
    struct metric_common common;
    int64_t num_thresholds;
    int curve, summation_method;
    bool from_logits;
};

/* Samples of class 1 by bucket, then those of class 0. */
static size_t auc_sums(const struct metric *metric)
{
    return 2 * (size_t)((const struct auc_args *)metric->given->args)->num_thresholds;
}

static void add_auc(const struct metric *metric, const struct loss_input *in, double *sums)
{
    const struct auc_args *args = metric->given->args;
    size_t buckets = (size_t)args->num_thresholds;
    for (size_t i = 0; i < (size_t)in->n * in->width; i++) {
        float p = args->from_logits ? vm_sigmoid(in->output[i]) : in->output[i];
        double place = ceil((double)p * (double)(buckets - 1)) - 1.0;
        size_t bucket = place > 0.0 ? (size_t)place : 0; /* NaN goes to the first */
        bucket = place > (double)(buckets - 2) ? buckets - 2 : bucket;
        sums[bucket + (metric_target(in, i) != 0.0 ? 0 : buckets)] += 1.0;
    }
}

static double ratio(double a, double b)
{
    return b == 0.0 ? 0.0 : a / b;
}

/* What is above a threshold: true and false positives; and all there is of either class. */
struct point {
    double tp, fp, positives, negatives;
};

/* The place of a point on the curve. */
static void place(const struct auc_args *args, struct point p, double *x, double *y)
{
    double recall = ratio(p.tp, p.positives);
    bool roc = args->curve == CURVE_ROC;
    *x = roc ? ratio(p.fp, p.negatives) : recall;
    *y = roc ? recall : ratio(p.tp, p.tp + p.fp);
}

/* Between two points of the PR curve the counts are interpolated, not the precision. */
static double pr_part(struct point low, struct point high)
{
    double more = low.tp - high.tp, all_low = low.tp + low.fp, all_high = high.tp + high.fp;
    double slope = ratio(more, all_low - all_high);
    double intercept = high.tp - slope * all_high;
    double log_ratio = all_low > 0.0 && all_high > 0.0 ? dm_log(all_low / all_high) : 0.0;
    return ratio(slope * (more + intercept * log_ratio), high.positives);
}

static double part(const struct auc_args *args, struct point low, struct point high)
{
    double x0, y0, x1, y1;
    if (args->curve == CURVE_PR && args->summation_method == SUM_INTERPOLATION)
        return pr_part(low, high);
    place(args, low, &x0, &y0);
    place(args, high, &x1, &y1);
    double least = y0 < y1 ? y0 : y1, most = y0 < y1 ? y1 : y0;
    double height = args->summation_method == SUM_MINORING   ? least
                    : args->summation_method == SUM_MAJORING ? most
                                                             : (y0 + y1) / 2.0;
    return (x0 - x1) * height;
}

static double auc_result(const struct metric *metric, const double *sums, double samples)
{
    const struct auc_args *args = metric->given->args;
    size_t buckets = (size_t)args->num_thresholds;
    struct point high = {0};
    double area = 0.0;
    (void)samples;
    for (size_t b = 0; b < buckets; b++) {
        high.positives += sums[b];
        high.negatives += sums[buckets + b];
    }
    high.tp = sums[buckets - 1];
    high.fp = sums[2 * buckets - 1];
    for (size_t b = buckets - 1; b-- > 0;) {
        struct point low = high;
        low.tp += sums[b];
        low.fp += sums[buckets + b];
        area += part(args, low, high);
        high = low;
    }
    return area;
}

static const struct field auc_fields[] = {
    {.key = "num_thresholds",
     .type = FIELD_INT,
     .offset = offsetof(struct auc_args, num_thresholds),
     .fallback = "200",
     .min = 2,
     .max = 10000,
     .help = "between 0 and 1, both included"},
    {.key = "curve",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct auc_args, curve),
     .fallback = "ROC",
     .choices = curve_names,
     .bare = true,
     .help = "ROC, or PR: precision over recall"},
    {.key = "summation_method",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct auc_args, summation_method),
     .fallback = "interpolation",
     .choices = summation_names,
     .help = "how the area between thresholds is taken"},
    {.key = "from_logits",
     .type = FIELD_BOOL,
     .offset = offsetof(struct auc_args, from_logits),
     .fallback = "false",
     .help = "outputs are logits: the sigmoid is taken first"},
    {0}};
static const struct schema auc_schema = {"AUC", auc_fields, &metric_common_schema};

const struct metric_type metric_auc = {
    .kind = {"AUC", &auc_schema, sizeof(struct auc_args), &metric_auc},
    .column = "auc",
    .larger_is_better = true,
    .sums = auc_sums,
    .add = add_auc,
    .result = auc_result};
