/* fit.class_weight: how much the samples of a class count in the training loss. */
#ifndef CONVOY_TRAIN_CLASS_WEIGHTS_H
#define CONVOY_TRAIN_CLASS_WEIGHTS_H

#include "train/session.h"

/* The class of a gathered sample, as Keras finds it: its label, the place of the largest target, or
 * a single target as the nearest whole number. */
size_t session_class(const struct session *session, size_t sample);

/* Fills in session->class_weight for the training samples. balanced: samples / (classes * samples
 * of the class), over the classes that there are. Errors: ST_USAGE for a class that the model does
 * not have, for weights where samples have weights of their own or several classes; ST_DATA. */
enum status class_weights_fit(struct session *session);

#endif
