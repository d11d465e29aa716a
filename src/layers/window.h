/* Shape arithmetic of sliding windows, shared by convolution and pooling. */
#ifndef CONVOY_LAYERS_WINDOW_H
#define CONVOY_LAYERS_WINDOW_H

#include "layers/layer.h"

/* Causal: only of sequences; all zeros in front, so that no output sees what comes later. */
enum padding { PADDING_VALID, PADDING_SAME, PADDING_CAUSAL };
extern const char *const padding_names[];        /* valid, same */
extern const char *const causal_padding_names[]; /* valid, same, causal */

/* One axis: input size, window (kernel with its dilation applied), stride; out and the zeros put in
 * front and behind. Keras: valid out = floor((in - window)/stride) + 1; same out = ceil(in/stride),
 * the odd zero behind; causal out = ceil(in/stride). */
struct window_axis {
    int64_t in, window, stride;
    int64_t out, before, after;
};

/* Fails, naming the layer, where the window is larger than its input. axis: "height", "width". */
enum status window_infer(const struct layer *layer, const char *axis, enum padding padding,
                         struct window_axis *a);

/* Fails unless the layer's first input is an image (H, W, C), or a sequence (steps, C). */
enum status window_need_image(const struct layer *layer);
enum status window_need_sequence(const struct layer *layer);

/* A sequence as an image of one row, an image as it is. */
struct image {
    int64_t h, w, c;
};
struct image image_of(const struct shape *shape);

/* "height (28 + 2+2 - 5)/1 + 1 = 28" */
void window_explain(const char *axis, const struct window_axis *a, struct text *out);

#endif
