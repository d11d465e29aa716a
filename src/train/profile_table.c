/* A profile for people, and for programs. */
#include <math.h>
#include <stdio.h>

#include "train/profile.h"

static void phase_rows(const struct profile *profile, struct text *out)
{
    double steps = (double)profile->steps, all = profile_phase_seconds(profile, PHASES);
    text_add(out, "%-12s %10s %12s %8s\n", "phase", "seconds", "ms a step", "%");
    for (int phase = 1; phase <= PHASES; phase++) { /* "other" last */
        enum phase p = (enum phase)(phase % PHASES);
        double seconds = profile_phase_seconds(profile, p);
        if (profile->phase_ns[p] > 0)
            text_add(out, "%-12s %10.3f %12.4f %8.1f\n", phase_names[p], seconds * steps,
                     1e3 * seconds, all > 0.0 ? 100.0 * seconds / all : 0.0);
    }
    text_add(out, "%-12s %10.3f %12.4f\n", "in all", all * steps, 1e3 * all);
}

static void add_rate(double gflops, struct text *out)
{
    if (isnan(gflops))
        text_add(out, " %9s", "");
    else
        text_add(out, " %9.1f", gflops);
}

static void layer_rows(const struct profile *profile, struct text *out)
{
    text_add(out, "\n%-38s %12s %9s %12s %9s\n", "layer (type)", "forward, ms", "GFLOP/s",
             "backward, ms", "GFLOP/s");
    for (size_t i = 0; i < profile->model->nodes; i++) {
        const struct layer *layer = &profile->model->node[i].layer;
        char title[128];
        snprintf(title, sizeof title, "%s (%s)", layer->name, layer->type->kind.name);
        text_add(out, "%-38s", title);
        for (int backward = 0; backward < 2; backward++) {
            text_add(out, " %12.4f", 1e3 * profile_layer_seconds(profile, i, backward));
            add_rate(profile_layer_gflops(profile, i, backward), out);
        }
        text_add(out, "\n");
    }
}

/* "dense to conv2d (3)": the layers of a bucket, in the order of the backward pass. */
static void add_layers(const struct profile *profile, size_t b, struct text *out)
{
    const char *first = "", *last = "";
    int count = 0;
    for (size_t i = profile->model->nodes; i-- > 0;)
        if (profile_in_bucket(profile, b, i)) {
            last = profile->model->node[i].layer.name;
            first = count++ ? first : last;
        }
    text_add(out, count > 1 ? "  %s to %s (%d)" : "  %s", first, last, count);
}

static void bucket_rows(const struct profile *profile, struct text *out)
{
    text_add(out, "\n%-6s %12s %10s %12s %12s  %s\n", "bucket", "parameters", "KiB", "in all, ms",
             "exposed, ms", "layers (how many)");
    for (size_t b = 0; b < profile->buckets; b++) {
        struct bucket_cost cost = profile_bucket_cost(profile, b);
        text_add(out, "%-6zu %12zu %10.0f %12.4f %12.4f", b + 1, profile->bucket[b].floats.size,
                 cost.bytes / 1024.0, 1e3 * (cost.hidden + cost.exposed), 1e3 * cost.exposed);
        add_layers(profile, b, out);
        text_add(out, "\n");
    }
}

void profile_table(const struct profile *profile, struct text *out)
{
    text_add(out, "%lld steps on %d rank%s%s\n\n", (long long)profile->steps, profile->ranks,
             profile->ranks > 1 ? "s" : "", profile->ranks > 1 ? ", means over the ranks" : "");
    phase_rows(profile, out);
    layer_rows(profile, out);
    if (profile->ranks > 1)
        bucket_rows(profile, out);
    text_add(out, "\nexposed communication: %.1f %%\n", 100.0 * profile_exposed(profile));
}

static void add_member(const char *name, double value, struct text *out)
{
    text_add(out, ", \"%s\": ", name);
    json_number(out, value);
}

static void json_buckets(const struct profile *profile, struct text *out)
{
    text_add(out, ", \"buckets\": [");
    for (size_t b = 0; b < profile->buckets; b++) {
        struct bucket_cost cost = profile_bucket_cost(profile, b);
        text_add(out, "%s\n  {\"parameters\": %zu", b ? "," : "", profile->bucket[b].floats.size);
        add_member("bytes", cost.bytes, out);
        add_member("seconds", cost.hidden + cost.exposed, out);
        add_member("exposed_seconds", cost.exposed, out);
        text_add(out, ", \"layers\": [");
        const char *comma = "";
        for (size_t i = profile->model->nodes; i-- > 0;)
            if (profile_in_bucket(profile, b, i)) {
                text_add(out, "%s", comma);
                json_string(out, profile->model->node[i].layer.name);
                comma = ", ";
            }
        text_add(out, "]}");
    }
    text_add(out, "]");
}

void profile_json(const struct profile *profile, struct text *out)
{
    text_add(out, "\"phases\": {\"all\": ");
    json_number(out, profile_phase_seconds(profile, PHASES));
    for (int p = 0; p < PHASES; p++)
        add_member(phase_names[p], profile_phase_seconds(profile, (enum phase)p), out);
    text_add(out, "}, \"layers\": [");
    for (size_t i = 0; i < profile->model->nodes; i++) {
        const struct layer *layer = &profile->model->node[i].layer;
        text_add(out, "%s\n  {\"name\": ", i ? "," : "");
        json_string(out, layer->name);
        text_add(out, ", \"type\": \"%s\"", layer->type->kind.name);
        add_member("forward_seconds", profile_layer_seconds(profile, i, false), out);
        add_member("backward_seconds", profile_layer_seconds(profile, i, true), out);
        add_member("forward_gflops", profile_layer_gflops(profile, i, false), out);
        add_member("backward_gflops", profile_layer_gflops(profile, i, true), out);
        text_add(out, "}");
    }
    text_add(out, "]");
    json_buckets(profile, out);
}
