/* convoy data preview: training samples as the model sees them, as a picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "data/guard.h"
#include "data/image.h"

/* Rows of samples, columns of epochs behind the sample itself; pictures are enlarged to about SIDE
 * pixels, with GAP pixels between. */
enum { ROWS = 8, EPOCHS = 7, SIDE = 64, GAP = 2, MAX_SIDE = 512 };

struct preview {
    struct session session;
    size_t height, width, channels, zoom; /* of a sample */
    float low, high;                      /* what is black, what is white */
    struct image image;
};

/* The channel that is shown as red, green or blue. */
static size_t channel_of(const struct preview *p, size_t c)
{
    return p->channels >= 3 ? c : 0;
}

/* Undoes standardization, which would turn colours grey. */
static float plain(const struct scaling *scaling, size_t element, float x)
{
    if (scaling->n == 0)
        return x;
    size_t i = element % scaling->n;
    return x * scaling->deviation[i] + scaling->mean[i];
}

/* What the numbers of the samples lie between. */
static void find_range(struct preview *p, const float *x, size_t n)
{
    const struct scaling *scaling = &p->session.scaling;
    size_t elements = p->height * p->width * p->channels;
    p->low = INFINITY;
    p->high = -INFINITY;
    for (size_t i = 0; i < n * elements; i++) {
        float value = plain(scaling, i % elements, x[i]);
        p->low = value < p->low ? value : p->low;
        p->high = value > p->high ? value : p->high;
    }
}

static unsigned char shade(const struct preview *p, float value)
{
    float share = p->high > p->low ? (value - p->low) / (p->high - p->low) : 0.0f;
    if (!(share > 0.0f))
        return 0;
    return share < 1.0f ? (unsigned char)(share * 255.0f + 0.5f) : 255;
}

static void draw(struct preview *p, size_t row, size_t column, const float *x)
{
    size_t across = p->width * p->zoom, down = p->height * p->zoom;
    for (size_t y = 0; y < down; y++)
        for (size_t i = 0; i < across; i++) {
            size_t from = (y / p->zoom * p->width + i / p->zoom) * p->channels;
            unsigned char *out =
                p->image.pixel +
                ((row * (down + GAP) + y) * p->image.width + column * (across + GAP) + i) * 3;
            for (size_t c = 0; c < 3; c++) {
                size_t element = from + channel_of(p, c);
                out[c] = shade(p, plain(&p->session.scaling, element, x[element]));
            }
        }
}

/* A step of the first samples, and the same step in the first epochs. */
static enum status draw_all(struct preview *p, size_t rows, float *x, void *y)
{
    struct session *s = &p->session;
    const uint32_t *ids = s->train_samples.ids;
    size_t elements = p->height * p->width * p->channels;
    for (size_t epoch = 0; epoch <= EPOCHS; epoch++) {
        struct augment_step step = {epoch - 1, ids, rows};
        TRY(loader_gather(s->train, &s->scaling, s->form, ids, rows, x, y));
        if (epoch == 0)
            find_range(p, x, rows);
        else
            TRY(augmenter_run(&s->augmenter, &step, 0, rows, x, y));
        for (size_t row = 0; row < rows; row++)
            draw(p, row, epoch, x + row * elements);
    }
    return ST_OK;
}

static enum status draw_preview(struct preview *p, const char *path)
{
    const struct array *x = &p->session.train->x;
    size_t rows = p->session.train_samples.n < ROWS ? p->session.train_samples.n : (size_t)ROWS;
    FAIL_IF(x->rank != 3 || x->shape[0] > MAX_SIDE || x->shape[1] > MAX_SIDE, ST_USAGE,
            "preview: the samples of %s are %s, expected images of at most %dx%d",
            p->session.train->source, array_shape_text(x), MAX_SIDE, MAX_SIDE);
    p->height = x->shape[0];
    p->width = x->shape[1];
    p->channels = x->shape[2];
    p->zoom = p->height < SIDE ? SIDE / p->height : 1;
    size_t down = p->height * p->zoom + GAP, across = p->width * p->zoom + GAP;
    TRY(image_alloc(path, rows * down - GAP, (1 + EPOCHS) * across - GAP, 3, &p->image));
    memset(p->image.pixel, 255, p->image.height * p->image.width * 3);
    size_t targets = shape_size(&p->session.model->output);
    float *room = mem_need(rows * (array_elements(x) + targets + 1), sizeof *room);
    enum status status = draw_all(p, rows, room, room + rows * array_elements(x));
    free(room);
    return status == ST_OK ? image_write_png(path, &p->image) : status;
}

static enum status preview(struct world *world, const char *experiment, const char *path)
{
    struct experiment *e = NULL;
    struct preview p = {0};
    TRY(world_agree(world, experiment_load(experiment, NULL, 0, &e)));
    data_guard_maps();
    enum status status = session_open(&p.session, e, world);
    if (status == ST_OK)
        status = world_agree(world, world->rank == 0 ? draw_preview(&p, path) : ST_OK);
    image_release(&p.image);
    session_close(&p.session);
    experiment_free(e);
    return status;
}

int cmd_data_preview(const char *experiment, const char *path)
{
    struct world world = {0};
    enum status status = world_init(&world);
    if (status == ST_OK)
        status = preview(&world, experiment, path);
    return cmd_end(status, &world);
}
