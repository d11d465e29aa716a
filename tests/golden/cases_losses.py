"""The cases of losses.h5: every loss, as a loss and as a metric, and every metric."""

LOSSES = []   # (name, loss, arguments, shape of y_pred, y_true, y_pred, with weights): see scores.py
METRICS = []  # (name, metric, arguments, shape of y_pred, y_true, y_pred)


def loss(name, kind, args, shape, true, pred, weighted=False):
    LOSSES.append((name, kind, args, shape, true, pred, weighted))


def metric(name, kind, args, shape, true, pred):
    METRICS.append((name, kind, args, shape, true, pred))


V, IMAGE, ROWS = (6, 4), (3, 2, 3, 4), (3, 6, 4)  # the last for metrics
SPARSE, CLASSES = "sparse_categorical_crossentropy", "categorical_crossentropy"
BINARY = "binary_crossentropy"
LOGITS, SMOOTH = dict(from_logits=True), dict(label_smoothing=0.1)


def crossentropies():
    for name, kind, true, pred in [("sparse", SPARSE, "labels", "softmax"),
                                   ("categorical", CLASSES, "one hot", "softmax"),
                                   ("binary", BINARY, "binary", "sigmoid")]:
        loss(name, kind, {}, V, true, pred)
        loss(name + "_logits", kind, LOGITS, V, true, "normal")
        loss(name + "_weighted", kind, LOGITS, V, true, "normal", True)
        loss(name + "_image", kind, {}, IMAGE, true, pred, True)
        loss(name + "_image_logits", kind, LOGITS, IMAGE, true, "normal", True)
        loss(name + "_edges", kind, {}, (12, 4), true, "edges")
        metric(name, kind, {}, V, true, pred)
        metric(name + "_logits", kind, LOGITS, ROWS, true, "normal")
    loss("sparse_not_normalized", SPARSE, {}, V, "labels", "sigmoid")
    loss("categorical_not_normalized", CLASSES, {}, V, "soft", "sigmoid")
    for name, kind, true, pred in [("categorical", CLASSES, "soft", "softmax"),
                                   ("binary", BINARY, "soft", "sigmoid")]:
        focal = kind.replace("crossentropy", "focal_crossentropy")
        loss(name + "_smooth", kind, SMOOTH, V, true, pred)
        loss(name + "_smooth_logits", kind, SMOOTH | LOGITS, V, true, "normal", True)
        loss(name + "_focal", focal, {}, V, true, pred)
        loss(name + "_focal_hard", focal, {}, V, "binary", pred, True)
        loss(name + "_focal_logits", focal, LOGITS, IMAGE, true, "normal")
        loss(name + "_focal_arguments", focal, dict(alpha=0.5, gamma=3.5) | SMOOTH, V, true, pred)
        loss(name + "_focal_gamma_1", focal, dict(gamma=1.0), V, true, pred)
        loss(name + "_focal_gamma_0", focal, dict(gamma=0.0), V, true, pred)
        metric(name + "_focal", focal, {}, V, true, pred)
    loss("binary_focal_balanced", BINARY.replace("cross", "focal_cross"),
         dict(apply_class_balancing=True, alpha=0.75), V, "soft", "sigmoid")


def others():
    for kind, args, true, pred in [
        ("mean_squared_error", {}, "normal", "normal"),
        ("mean_absolute_error", {}, "normal", "normal"),
        ("mean_absolute_percentage_error", {}, "normal", "normal"),
        ("mean_squared_logarithmic_error", {}, "normal", "normal"),
        ("huber", {}, "normal", "normal"),
        ("huber", dict(delta=0.25), "normal", "normal"),
        ("log_cosh", {}, "normal", "normal"),
        ("poisson", {}, "positive", "positive"),
        ("hinge", {}, "signs", "normal"),
        ("hinge", {}, "binary", "normal"),
        ("squared_hinge", {}, "signs", "normal"),
        ("squared_hinge", {}, "binary", "normal"),
        ("kl_divergence", {}, "soft", "softmax"),
        ("kl_divergence", {}, "one hot", "sigmoid"),
        ("categorical_hinge", {}, "one hot", "normal"),
        ("cosine_similarity", {}, "normal", "normal"),
        ("perceptron", {}, "one hot", "normal"),
    ]:
        name = f"{kind}_{true.replace(' ', '_')}" + ("_arguments" if args else "")
        loss(name, kind, args, V, true, pred)
        loss(name + "_image", kind, args, IMAGE, true, pred, True)
        if kind not in ("perceptron", "cosine_similarity"):
            metric(name, kind, args, V, true, pred)
    loss("perceptron_one", "perceptron", {}, (7, 1), "signs", "normal", True)
    loss("perceptron_zeros", "perceptron", {}, (7, 1), "binary", "normal")
    loss("logarithmic_positive", "mean_squared_logarithmic_error", {}, V, "positive", "positive")


def accuracies():
    many = (9, 7)
    for name, shape, true, pred in [("sparse", many, "labels", "softmax"),
                                    ("sparse_image", ROWS, "labels", "softmax"),
                                    ("categorical", many, "one hot", "softmax"),
                                    ("binary", (9, 1), "binary", "sigmoid"),
                                    ("several", many, "binary", "sigmoid")]:
        metric("accuracy_" + name, "accuracy", {}, shape, true, pred)
    metric("binary_accuracy", "BinaryAccuracy", {}, many, "binary", "sigmoid")
    metric("binary_accuracy_threshold", "BinaryAccuracy", dict(threshold=0.25), many, "binary", "sigmoid")
    metric("categorical_accuracy", "CategoricalAccuracy", {}, many, "one hot", "softmax")
    metric("categorical_accuracy_image", "CategoricalAccuracy", {}, ROWS, "one hot", "softmax")
    metric("sparse_categorical_accuracy", "SparseCategoricalAccuracy", {}, many, "labels", "softmax")
    for prefix, true in [("", "one hot"), ("Sparse", "labels")]:
        kind = prefix + "TopKCategoricalAccuracy"
        metric(prefix + "top_k", kind, {}, many, true, "softmax")
        metric(prefix + "top_3", kind, dict(k=3), many, true, "softmax")
        metric(prefix + "top_2_image", kind, dict(k=2), ROWS, true, "softmax")


def counts():
    many = (9, 5)
    for kind in ("Precision", "Recall"):
        metric(kind, kind, {}, many, "binary", "sigmoid")
        metric(kind + "_one", kind, {}, (9, 1), "binary", "sigmoid")
        metric(kind + "_threshold", kind, dict(thresholds=0.75), many, "one hot", "softmax")
        metric(kind + "_class", kind, dict(class_id=2), many, "one hot", "sigmoid")
        metric(kind + "_none", kind, dict(thresholds=1.0), many, "one hot", "softmax")
    for average in ("macro", "micro", "weighted"):
        metric("f1_" + average, "F1Score", dict(average=average), many, "one hot", "softmax")
        metric("f1_threshold_" + average, "F1Score", dict(average=average, threshold=0.5), many,
               "binary", "sigmoid")
        metric("fbeta_" + average, "FBetaScore", dict(average=average, beta=2.0), many, "one hot", "softmax")
    for curve in ("ROC", "PR"):
        metric("auc_" + curve, "AUC", dict(curve=curve), (20, 1), "binary", "sigmoid")
        metric(f"auc_{curve}_several", "AUC", dict(curve=curve), many, "one hot", "softmax")
        metric(f"auc_{curve}_few", "AUC", dict(curve=curve, num_thresholds=7), many, "binary", "sigmoid")
        metric(f"auc_{curve}_edges", "AUC", dict(curve=curve), many, "binary", "edges")
        metric(f"auc_{curve}_logits", "AUC", dict(curve=curve, from_logits=True), many, "binary", "normal")
        for method in ("minoring", "majoring"):
            metric(f"auc_{curve}_{method}", "AUC", dict(curve=curve, summation_method=method), many,
                   "binary", "sigmoid")


def regression():
    for name, shape in [("one", (8, 1)), ("several", (8, 3))]:
        metric("rmse_" + name, "RootMeanSquaredError", {}, shape, "normal", "normal")
        metric("r2_" + name, "R2Score", {}, shape, "normal", "normal")
    metric("rmse_image", "RootMeanSquaredError", {}, ROWS, "normal", "normal")
    metric("r2_weighted", "R2Score", dict(class_aggregation="variance_weighted_average"), (8, 3), "normal",
           "normal")
    metric("r2_adjusted", "R2Score", dict(num_regressors=4), (8, 3), "normal", "normal")
    metric("cosine_similarity", "CosineSimilarity", {}, (8, 3), "normal", "normal")
    metric("cosine_similarity_image", "CosineSimilarity", {}, ROWS, "normal", "normal")


for part in (crossentropies, others, accuracies, counts, regression):
    part()
