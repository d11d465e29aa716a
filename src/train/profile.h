/* Where the time of training goes: by phase, by layer and by bucket of the gradient, and the single
 * events of a few steps for a trace viewer.
 *
 * At every moment one phase is under way; profile_phase ends it and begins the next, so that the
 * phases of a rank add up to its time. Layers are timed inside the phases forward and backward,
 * through model->watch. */
#ifndef CONVOY_TRAIN_PROFILE_H
#define CONVOY_TRAIN_PROFILE_H

#include "comm/reduce.h"
#include "model/model.h"

enum phase {
    PHASE_OTHER,     /* the loop, signals, what no other phase has */
    PHASE_DATA,      /* gathering and scaling of samples */
    PHASE_AUGMENT,   /* augmentation of samples */
    PHASE_FORWARD,   /* the model */
    PHASE_LOSS,      /* loss, metrics, and the loss's gradient */
    PHASE_BACKWARD,  /* the model */
    PHASE_ADDITION,  /* of microbatches, and of what other ranks have, during the backward pass */
    PHASE_AGREEMENT, /* errors, signals, loss: here ranks wait for the slowest */
    PHASE_REDUCTION, /* of gradients, as far as nothing else goes on meanwhile */
    PHASE_UPDATE,    /* the optimizer, penalties, moving statistics */
    PHASE_EXCHANGE,  /* of the new parameters */
    PHASE_VALIDATION,
    PHASE_FILES, /* checkpoints, models, history */
    PHASES
};
extern const char *const phase_names[]; /* PHASES of them */

/* Of one layer; [0] is forward, [1] backward. */
struct layer_time {
    int64_t ns[2], samples[2];
};

/* Of one bucket: which part of the gradient it is, and what it has cost since the last reset. */
struct bucket_time {
    struct slice floats;
    struct bucket_cost cost, before; /* before: what it had cost until then */
};

/* A step, a phase or a pass of a layer, as a viewer shows it. */
enum event_kind { EVENT_STEP, EVENT_PHASE, EVENT_FORWARD, EVENT_BACKWARD };
struct event {
    int64_t begin, end; /* ns since the profile began */
    int32_t kind;
    int32_t index; /* of the step, phase or layer */
};

struct profile {
    struct model_watch watch;
    struct model *model;
    int64_t phase_ns[PHASES];
    struct layer_time *layer;      /* of every node of the model */
    const struct reducer *reducer; /* which counts what buckets cost */
    size_t buckets;
    struct bucket_time *bucket; /* cost is there after profile_sum */
    int64_t steps;              /* since the last profile_reset */
    int ranks;                  /* whose times are in the sums: 1 until profile_sum */
    /* what is under way */
    enum phase phase;
    int64_t zero, phase_begin, step_begin;
    /* the trace */
    bool recording;
    size_t events, capacity;
    struct event *event;
};

/* Begins, in PHASE_OTHER, and watches the model and, until profile_sum, the reducer of its
 * gradients. trace: events of the first steps after warm-up are kept, a bounded number; the moment
 * 0 is then the same on all ranks, and the call collective. */
void profile_init(struct profile *profile, struct model *model, const struct reducer *reducer,
                  bool trace);
void profile_release(struct profile *profile);

/* Forgets all times so far. */
void profile_reset(struct profile *profile);

/* What the trainer says while it works; NULL: nobody wants to know. */
void profile_begin_step(struct profile *profile);
void profile_phase(struct profile *profile, enum phase phase);
void profile_end_step(struct profile *profile);

/* Ends: from here on the times are those of all ranks added up. Collective. */
void profile_sum(struct profile *profile);

/* Seconds of a phase (PHASES: of all) per step, the mean over the ranks; likewise of a layer. */
double profile_phase_seconds(const struct profile *profile, enum phase phase);
double profile_layer_seconds(const struct profile *profile, size_t i, bool backward);

/* Multiply-adds times 2 per second and rank in a layer, times 1e-9; NAN where the layer does no
 * matrix products or has not run. The backward pass counts twice, or once where nobody needs the
 * gradient of the layer's input. */
double profile_layer_gflops(const struct profile *profile, size_t i, bool backward);

/* (T_step - T_compute) / T_compute: T_step is what steps take, T_compute the same without
 * agreement, reduction and exchange. */
double profile_exposed(const struct profile *profile);

/* Of a bucket, a step and rank: seconds and bytes. */
struct bucket_cost profile_bucket_cost(const struct profile *profile, size_t b);
/* Does layer i have its gradient in bucket b? */
bool profile_in_bucket(const struct profile *profile, size_t b, size_t i);

/* Phases, layers and, where there are several ranks, buckets as a table; and as members of a JSON
 * object, "phases", "layers" and "buckets", in seconds a step, without braces around. */
void profile_table(const struct profile *profile, struct text *out);
void profile_json(const struct profile *profile, struct text *out);

/* Writes the events of all ranks as Chrome's trace events, which Perfetto shows too. Rank 0 writes.
 * Collective. Errors: ST_IO. */
enum status profile_write_trace(const struct profile *profile, const struct world *world,
                                const char *path);

#endif
