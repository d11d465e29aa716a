#include "model/gradients.h"

/* The consumer of node i, other than node of, whose backward pass comes first; -1: there is none.
 */
static int other_consumer(const struct model *model, int i, int of)
{
    for (int j = (int)model->nodes - 1; j > i; j--)
        for (size_t k = 0; j != of && k < model->node[j].layer.inputs; k++)
            if (model->node[j].from[k] == i)
                return j;
    return -1;
}

static int times_read(const struct node *by, int i)
{
    int times = 0;
    for (size_t k = 0; k < by->layer.inputs; k++)
        times += by->from[k] == i;
    return times;
}

/* The node in whose backward pass the gradient of node i, once node j has passed it on, is first
 * changed: another consumer adds to it, or its own activation works in place. -1: never. */
static int changed_by(const struct model *model, int i, int j)
{
    int other = other_consumer(model, i, j);
    return other >= 0 ? other : model->node[i].layer.activation == ACT_LINEAR ? -1 : i;
}

/* Backward passes run from the last node to the first. So input i of node j may use its buffer if
 * nothing is there yet when j runs, and if every other input that uses it has been through before i
 * changes it, and the other way round. */
static bool may_share(const struct model *model, int i, int j, const int *place)
{
    const struct node *by = &model->node[j];
    int changed = changed_by(model, i, j);
    if (times_read(by, i) > 1 || changed > j)
        return false;
    for (size_t k = 0; k < by->layer.inputs; k++) {
        int with = by->from[k];
        if (with < 0 || with == i || place[with] != place[j])
            continue;
        if (changed >= with || changed_by(model, with, j) >= i)
            return false;
    }
    return true;
}

void gradients_share(const struct model *model, int *place)
{
    for (int i = 0; i < (int)model->nodes; i++)
        place[i] = i;
    for (int j = (int)model->nodes - 1; j >= 0; j--) {
        const struct node *by = &model->node[j];
        for (size_t k = 0; by->layer.type->copies_gradient && k < by->layer.inputs; k++)
            if (by->from[k] >= 0 && may_share(model, by->from[k], j, place))
                place[by->from[k]] = place[j];
    }
}
