/* Being asked to stop: USR1, INT and TERM set a flag that the training loop reads between steps. A
 * second INT ends the process at once, as without us. */
#ifndef CONVOY_BASE_SIGNALS_H
#define CONVOY_BASE_SIGNALS_H

#include <stdbool.h>

void signals_watch(void);
bool signals_stop_wanted(void);

#endif
