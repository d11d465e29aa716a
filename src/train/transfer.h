/* Starting from another model's weights (model.weights). */
#ifndef CONVOY_TRAIN_TRANSFER_H
#define CONVOY_TRAIN_TRANSFER_H

#include "train/session.h"

/* Takes over the weights that the experiment names, where it names any. Parameters have been drawn
 * before. report gets lines for the log on rank 0: what was taken, what not and why. Collective.
 * Errors: ST_MODEL for the file; ST_USAGE for a pattern that matches no layer, and for a layer that
 * does not match where the experiment does not say skip. */
enum status transfer_weights(struct session *session, struct text *report);

#endif
