"""The cases of optimizers.h5: updates of whole models by every optimizer and its arguments,
constraints, and learning rates. LARS and OneCycle are not in Keras: they are written down here as
their sources have them, the paper and PyTorch's OneCycleLR (torch/optim/lr_scheduler.py)."""
import math

CASES = []  # (name, input shape, layers, loss, samples, how x is drawn, see make.py)
UPDATES = []  # (name, input shape, layers, optimizer, its arguments, more: see make.py)
SCHEDULES = []  # (name, class, arguments, steps)
PLATEAUS = []  # (name, arguments of ReduceLROnPlateau, what it watches after each epoch)


def small(a={}, b={}):
    """Two matrices and two vectors, of a block each."""
    return (6,), [("Dense", dict(a, units=5, name="a")), ("Dense", dict(b, units=3, name="b"))]


def large(a={}):
    """A matrix of three blocks of 4,096, the last one short, and a wide one."""
    return (90,), [("Dense", dict(a, units=100, name="a")), ("Dense", dict(units=3, name="b"))]


def image(a={}):
    return (4, 4, 3), [("Conv2D", dict(a, filters=4, kernel_size=3, name="a")),
                       ("Flatten", dict(name="f")), ("Dense", dict(units=2, name="b"))]


def update(name, kind, arguments, model=None, **more):
    UPDATES.append((name, *(model or small()), kind, arguments, more))


class LARS:
    """You, Gitman, Ginsburg 2017, algorithm 1, with the rate 1 where a norm is 0."""

    def __init__(self, learning_rate=0.01, momentum=0.9, trust_coefficient=0.001, epsilon=0.0,
                 weight_decay=0.0, exclude_from_layer_adaptation=()):
        self.lr, self.m, self.eta = learning_rate, momentum, trust_coefficient
        self.eps, self.beta, self.exclude = epsilon, weight_decay, exclude_from_layer_adaptation
        self.v = {}

    def step(self, path, w, g, norm):
        rate = 1.0
        if norm(w) > 0 and norm(g) > 0 and not any(word in path for word in self.exclude):
            rate = self.eta * norm(w) / (norm(g) + self.beta * norm(w) + self.eps)
        self.v[path] = self.m * self.v.get(path, 0.0) + self.lr * rate * (g + self.beta * w)
        return w - self.v[path]


class OneCycle:
    def __init__(self, max_lr, total_steps, pct_start=0.3, anneal_strategy="cos", div_factor=25.0,
                 final_div_factor=1e4):
        initial = max_lr / div_factor
        self.phases = [(pct_start * total_steps - 1, initial, max_lr),
                       (total_steps - 1, max_lr, initial / final_div_factor)]
        self.anneal = self.cos if anneal_strategy == "cos" else self.linear

    @staticmethod
    def cos(start, end, pct):
        return end + (start - end) / 2.0 * (math.cos(math.pi * pct) + 1)

    @staticmethod
    def linear(start, end, pct):
        return (end - start) * pct + start

    def __call__(self, step):
        begin = 0.0
        for i, (end, first, last) in enumerate(self.phases):
            if step <= end or i == 1:
                return self.anneal(first, last, (min(step, end) - begin) / (end - begin))
            begin = end


OWN = {"LARS": LARS, "OneCycle": OneCycle}


def optimizers():
    update("adadelta", "Adadelta", dict(learning_rate=50.0))
    update("adadelta_arguments", "Adadelta", dict(learning_rate=1.0, rho=0.8, epsilon=1e-3))
    update("adamw", "AdamW", dict(learning_rate=0.05))
    update("adamw_decay", "AdamW", dict(learning_rate=0.05, weight_decay=0.5, amsgrad=True))
    update("adamw_exclude", "AdamW", dict(learning_rate=0.05, weight_decay=0.5), exclude="bias")
    update("adam_amsgrad", "Adam", dict(learning_rate=0.05, amsgrad=True, beta_2=0.5))
    update("adamax", "Adamax", dict(learning_rate=0.05))
    update("adamax_arguments", "Adamax",
           dict(learning_rate=0.05, beta_1=0.7, beta_2=0.9, epsilon=1e-3))
    update("nadam", "Nadam", dict(learning_rate=0.05))
    update("nadam_arguments", "Nadam", dict(learning_rate=0.05, beta_1=0.8, beta_2=0.9, epsilon=1e-3))
    update("ftrl", "Ftrl", dict(learning_rate=0.2))
    update("ftrl_arguments", "Ftrl",
           dict(learning_rate=0.2, initial_accumulator_value=0.5, l1_regularization_strength=0.1,
                l2_regularization_strength=0.2, l2_shrinkage_regularization_strength=0.05, beta=0.3))
    update("ftrl_power", "Ftrl", dict(learning_rate=0.2, learning_rate_power=-0.7))
    update("lion", "Lion", dict(learning_rate=0.02))
    update("lion_arguments", "Lion", dict(learning_rate=0.02, beta_1=0.5, beta_2=0.7, weight_decay=0.1))
    update("lamb", "Lamb", dict(learning_rate=0.05))
    update("lamb_blocks", "Lamb", dict(learning_rate=0.05, weight_decay=0.1, beta_2=0.9), large())
    update("lars", "LARS", dict(learning_rate=5.0, trust_coefficient=0.02))
    update("lars_arguments", "LARS",
           dict(learning_rate=0.5, momentum=0.5, trust_coefficient=0.1, epsilon=1e-3,
                weight_decay=0.1, exclude_from_layer_adaptation=["bias"]), large())
    update("muon", "Muon", dict(learning_rate=0.1))
    update("muon_plain", "Muon",
           dict(learning_rate=0.1, nesterov=False, rms_rate=None, weight_decay=None,
                adam_weight_decay=0.1, momentum=0.5, ns_steps=3, adam_lr_ratio=0.5))
    update("muon_exclude", "Muon", dict(learning_rate=0.1, exclude_layers=["b"]), large())
    update("muon_image", "Muon", dict(learning_rate=0.1), image())


def common():
    sgd = dict(learning_rate=0.1, momentum=0.9)
    update("clipnorm", "SGD", dict(sgd, clipnorm=0.5))
    update("clipnorm_blocks", "Adam", dict(learning_rate=0.05, clipnorm=0.5), large())
    update("clipnorm_seldom", "SGD", dict(sgd, clipnorm=2.0))
    update("global_clipnorm", "SGD", dict(sgd, global_clipnorm=1.5))
    update("global_clipnorm_blocks", "Adagrad", dict(learning_rate=0.05, global_clipnorm=1.5), large())
    update("global_clipnorm_lamb", "Lamb", dict(learning_rate=0.05, global_clipnorm=1.5), large())
    update("global_clipnorm_none", "SGD", dict(sgd, global_clipnorm=1e3))
    update("clipvalue", "RMSprop", dict(learning_rate=0.05, clipvalue=0.25))
    update("weight_decay", "SGD", dict(sgd, weight_decay=0.3))
    update("weight_decay_regularizer", "SGD", dict(sgd, weight_decay=0.3, clipvalue=0.4),
           small(dict(kernel_regularizer={"L1L2": {"l1": 0.125, "l2": 0.25}})))
    update("ema", "SGD", dict(sgd, use_ema=True, ema_momentum=0.75))
    update("ema_overwrite", "Adam",
           dict(learning_rate=0.05, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=2))
    update("multiplier", "Adam", dict(learning_rate=0.05, weight_decay=0.3), multiplier=dict(a=0.25))
    update("schedule", "SGD", dict(learning_rate={"ExponentialDecay": dict(
        initial_learning_rate=0.5, decay_steps=2, decay_rate=0.5)}, momentum=0.5))


def constraints():
    sgd = dict(learning_rate=0.5)
    for name, constraint in [
        ("max_norm", "MaxNorm"), ("max_norm_value", {"MaxNorm": dict(max_value=0.75, axis=1)}),
        ("max_norm_all", {"MaxNorm": dict(max_value=1.5, axis=[0, 1])}),
        ("min_max_norm", "MinMaxNorm"),
        ("min_max_norm_rate", {"MinMaxNorm": dict(min_value=0.75, max_value=0.9, rate=0.5, axis=-1)}),
        ("unit_norm", "UnitNorm"), ("non_neg", "NonNeg"),
    ]:
        update("constraint_" + name, "SGD", sgd, small(dict(kernel_constraint=constraint)))
    update("constraint_bias", "Adam", dict(learning_rate=0.2, use_ema=True, ema_overwrite_frequency=3),
           small(b=dict(bias_constraint={"UnitNorm": dict(axis=0)}, kernel_constraint="NonNeg")))
    update("constraint_conv2d", "SGD", sgd,
           image(dict(kernel_constraint={"MaxNorm": dict(max_value=0.5, axis=[0, 1, 2])})))
    update("constraint_blocks", "Adam", dict(learning_rate=0.05, global_clipnorm=2.0),
           large(dict(kernel_constraint="UnitNorm")))


def schedules():
    def schedule(name, kind, arguments, steps):
        SCHEDULES.append((name, kind, arguments, list(steps)))
    rate = dict(initial_learning_rate=0.1)
    decay = dict(rate, decay_steps=7, decay_rate=0.6)
    schedule("exponential", "ExponentialDecay", decay, range(0, 60, 3))
    schedule("exponential_staircase", "ExponentialDecay", dict(decay, staircase=True), range(24))
    schedule("inverse_time", "InverseTimeDecay", decay, range(0, 60, 3))
    schedule("inverse_time_staircase", "InverseTimeDecay", dict(decay, staircase=True), range(24))
    schedule("piecewise", "PiecewiseConstantDecay",
             dict(boundaries=[3, 7], values=[1.0, 0.5, 0.125]), range(12))
    schedule("polynomial", "PolynomialDecay", dict(rate, decay_steps=10), range(14))
    schedule("polynomial_power", "PolynomialDecay",
             dict(rate, decay_steps=10, power=2.5, end_learning_rate=0.01), range(14))
    schedule("polynomial_cycle", "PolynomialDecay",
             dict(rate, decay_steps=10, power=0.5, cycle=True), range(35))
    schedule("cosine", "CosineDecay", dict(rate, decay_steps=20, alpha=0.1), range(24))
    schedule("cosine_warmup", "CosineDecay",
             dict(rate, decay_steps=20, warmup_target=0.4, warmup_steps=5), range(30))
    # not at restarts, where rounding decides on which side Keras is
    schedule("restarts", "CosineDecayRestarts", dict(rate, first_decay_steps=4, m_mul=0.5, alpha=0.05),
             [0, 1, 3, 5, 8, 11, 13, 20, 27, 29, 50, 61, 100])
    schedule("restarts_equal", "CosineDecayRestarts",
             dict(rate, first_decay_steps=5, t_mul=1.0, m_mul=0.9), range(24))
    cycle = dict(max_lr=0.5, total_steps=20)
    schedule("one_cycle", "OneCycle", cycle, range(20))
    schedule("one_cycle_linear", "OneCycle",
             dict(cycle, pct_start=0.45, anneal_strategy="linear", div_factor=10, final_div_factor=100),
             range(20))


def regularizers():
    for name, value in [("rows", "OrthogonalRegularizer"),
                        ("columns", {"OrthogonalRegularizer": dict(factor=0.5, mode="columns")})]:
        CASES.append(("regularizer_orthogonal_" + name, (4,),
                      [("Dense", dict(units=3, kernel_regularizer=value, name="layer"))],
                      "mean_squared_error", 3, "normal"))
    update("regularizer_orthogonal", "SGD", dict(learning_rate=0.1), large(
        dict(kernel_regularizer={"OrthogonalRegularizer": dict(factor=50.0, mode="columns")})))


def plateaus():
    watched = [3, 2, 2.5, 2.1, 1.99995, 1.5, 1.6, 1.7, 1.8, 1.4, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5]
    for name, arguments in [
        ("default", {}), ("patience", dict(patience=2)),
        ("cooldown", dict(patience=1, factor=0.5, cooldown=2)), ("none", dict(patience=0, factor=0.5)),
        ("least", dict(patience=1, factor=0.25, min_lr=0.01)),
        ("delta", dict(patience=2, factor=0.5, min_delta=0.2)),
        ("largest", dict(patience=3, factor=0.5, mode="max")),
    ]:
        PLATEAUS.append((name, arguments, watched))


for part in (regularizers, plateaus, optimizers, common, constraints, schedules):
    part()
