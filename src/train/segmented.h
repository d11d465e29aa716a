/* The pass of a step's microbatches through a model with synchronized layers, which need totals
 * over the whole batch before they can go on.
 *
 * Those layers cut the model into segments. All microbatches of a rank go through a segment, then
 * the totals are summed over the tree and known to all ranks, then all go through the next one; and
 * likewise back. So each microbatch keeps its activations, samples and gradient until the end. The
 * gradients are added up only then, and nothing is reduced during the backward pass. */
#ifndef CONVOY_TRAIN_SEGMENTED_H
#define CONVOY_TRAIN_SEGMENTED_H

#include "train/trainer.h"

struct segmented;

/* Plans and allocates for the trainer's model; NULL where no layer is synchronized. The trainer's
 * session, sums and reducer must be there. Errors: ST_USAGE with the bytes, where the memory of a
 * machine is too small for its ranks. Collective. */
enum status segmented_open(struct trainer *trainer, struct segmented **out);
void segmented_close(struct segmented *segmented); /* collective; NULL is allowed */

/* This rank's microbatches of a pass that begins, all of them pushed: gradients and sums, or where
 * the pass has no vector the sums alone. pass->microbatch is not called. A rank that fails takes
 * part in the totals that the others wait for; all then leave, the others with ST_OK, and the
 * trainer's sums tell them. Collective. Errors: ST_DATA. */
enum status segmented_run(struct segmented *segmented, const struct trainer_pass *pass);

/* Spent in the sums so far. */
double segmented_seconds(const struct segmented *segmented);

#endif
