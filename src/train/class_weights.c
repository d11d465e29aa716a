#include "train/class_weights.h"

#include <math.h>
#include <stdlib.h>

size_t session_class(const struct session *session, size_t sample)
{
    const int32_t *labels = session->y;
    const float *values = session->y;
    size_t width = shape_size(&session->model->output);
    if (session->form == TARGET_LABEL)
        return (size_t)labels[sample];
    if (width > 1)
        return metric_argmax(width, values + sample * width);
    double value = floor((double)values[sample] + 0.5);
    return value >= 0.0 && value < (double)DATA_MAX_CLASSES ? (size_t)value : SIZE_MAX;
}

/* How many training samples each class has. */
static enum status count_classes(struct session *session, double *count)
{
    const struct selection *samples = &session->train_samples;
    for (size_t i = 0; i < samples->n; i++) {
        TRY(loader_gather(samples->dataset, NULL, session->form, samples->ids + i, 1, NULL,
                          session->y));
        size_t class = session_class(session, 0);
        if (class < session->class_weights)
            count[class] += 1.0;
    }
    return ST_OK;
}

static enum status balance(struct session *session)
{
    double *count = mem_need(session->class_weights, sizeof *count), present = 0.0;
    enum status status = count_classes(session, count);
    for (size_t c = 0; c < session->class_weights; c++)
        present += count[c] > 0.0;
    for (size_t c = 0; c < session->class_weights && status == ST_OK; c++)
        if (count[c] > 0.0)
            session->class_weight[c] =
                (float)((double)session->train_samples.n / (present * count[c]));
    free(count);
    return status;
}

static enum status take_over(struct session *session, const struct number_map *map)
{
    for (size_t i = 0; i < map->n; i++) {
        FAIL_IF(map->key[i] < 0 || (size_t)map->key[i] >= session->class_weights, ST_USAGE,
                "fit.class_weight: found class %lld, expected 0..%zu", (long long)map->key[i],
                session->class_weights - 1);
        session->class_weight[map->key[i]] = (float)map->v[i];
    }
    return ST_OK;
}

enum status class_weights_fit(struct session *session)
{
    const struct number_map *map = &session->experiment->fit.class_weight;
    const struct shape *out = &session->model->output;
    size_t width = shape_size(out);
    if (map->choice < 0 && !map->v)
        return ST_OK;
    FAIL_IF(session->train->weight.parts > 0, ST_USAGE,
            "fit.class_weight: the samples of %s have weights of their own (sample_weight); "
            "only one of the two can be given",
            session->train->source);
    FAIL_IF(out->rank != 1, ST_USAGE,
            "fit.class_weight needs one class a sample; the model's output is %s", shape_text(out));
    session->class_weights = width > 1 ? width : 2;
    session->class_weight = mem_need(session->class_weights, sizeof *session->class_weight);
    for (size_t c = 0; c < session->class_weights; c++)
        session->class_weight[c] = 1.0f;
    return map->choice == CLASS_WEIGHT_BALANCED ? balance(session) : take_over(session, map);
}
