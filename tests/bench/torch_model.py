"""An experiment's model and optimizer in PyTorch."""
import torch
from torch import nn
from torch.nn import functional


ACTIVATIONS = {  # the last softmax is part of the loss
    "linear": lambda y: y,
    "softmax": lambda y: y,
    "relu": lambda y: functional.relu(y, inplace=True),
    "tanh": torch.tanh,
}


def module_of(layer):
    """The PyTorch module of a layer with weights or a state; None: a function does it."""
    args = layer.args
    if layer.kind == "Conv2D":
        # "same" with strides pads one side more in Keras; here both alike, at the same cost
        padding = (args["kernel_size"] - 1) // 2 if args["padding"] == "same" else 0
        return nn.LazyConv2d(
            args["filters"], args["kernel_size"], args["strides"], padding, bias=args["use_bias"]
        )
    if layer.kind == "Dense":
        return nn.LazyLinear(args["units"], bias=args["use_bias"])
    if layer.kind == "BatchNormalization":
        return nn.LazyBatchNorm2d(eps=args["epsilon"], momentum=1 - args["momentum"])
    if layer.kind == "MaxPooling2D":
        return nn.MaxPool2d(args["pool_size"], args["strides"])
    if layer.kind == "AveragePooling2D":
        return nn.AvgPool2d(args["pool_size"], args["strides"])
    if layer.kind == "Dropout":
        return nn.Dropout(args["rate"])
    if layer.kind == "Flatten":
        return nn.Flatten()
    if layer.kind not in ("Add", "GlobalAveragePooling2D"):
        raise SystemExit(f"no PyTorch module for the layer {layer.kind}")
    return None


class Graph(nn.Module):
    """The model up to the logits, on images (samples, channels, height, width)."""

    def __init__(self, experiment):
        super().__init__()
        self.layers = experiment.layers
        self.module = nn.ModuleDict(
            {layer.name: module_of(layer) for layer in self.layers if module_of(layer)}
        )
        height, width, channels = experiment.input
        with torch.no_grad():  # gives the lazy modules their shapes; as it is now: no statistics
            self.eval()(torch.zeros(1, channels, height, width))
        self.train()

    def output(self, layer, inputs):
        if layer.kind == "Add":
            return sum(inputs[1:], inputs[0])
        if layer.kind == "GlobalAveragePooling2D":
            return inputs[0].mean((2, 3))
        return self.module[layer.name](inputs[0])

    def forward(self, x):
        values = {"input": x}
        for layer in self.layers:
            y = self.output(layer, [values[name] for name in layer.inputs])
            values[layer.name] = y = ACTIVATIONS[layer.activation](y)
        return y

    def penalties(self):
        """Pairs of a weight and the factor of its square in the loss."""
        for layer in self.layers:
            penalty = layer.args.get("kernel_regularizer")
            if penalty:
                yield self.module[layer.name].weight, penalty["L2"]["l2"]

    def keras_parameters(self):
        """Of each parameter: Keras's path, itself, and the order of its axes in Keras."""
        axes = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
        for layer in self.layers:
            module = self.module[layer.name] if layer.name in self.module else None
            normalizes = layer.kind == "BatchNormalization"
            names = ("gamma", "beta") if normalizes else ("kernel", "bias")
            for name, own in zip(names, ("weight", "bias")):
                parameter = getattr(module, own, None)
                if parameter is not None:
                    yield f"{layer.name}/{name}", parameter, axes[parameter.dim()]


class KerasGraph(Graph):
    """Computes what Keras does where Graph takes what is natural to PyTorch: strided convolutions
    are padded behind, Flatten takes rows, columns, channels."""

    def output(self, layer, inputs):
        if layer.kind == "Flatten":
            return inputs[0].permute(0, 2, 3, 1).flatten(1)
        if layer.kind == "Conv2D" and layer.args["strides"] > 1 and layer.args["padding"] == "same":
            # where the stride divides the image's side
            total = max(layer.args["kernel_size"] - layer.args["strides"], 0)
            pads = (total // 2, total - total // 2) * 2
            self.module[layer.name].padding = (0, 0)
            inputs = [functional.pad(inputs[0], pads)]
        return super().output(layer, inputs)


def initialize(experiment, graph):
    """Draws the initial weights as the experiment says; PyTorch's own ones are others."""
    for layer in experiment.layers:
        if layer.kind not in ("Conv2D", "Dense"):
            continue
        kernel = layer.args["kernel_initializer"]
        if kernel != "glorot_uniform" or layer.args["bias_initializer"] != "zeros":
            raise SystemExit(f"no PyTorch initializer for {kernel}")
        nn.init.xavier_uniform_(graph.module[layer.name].weight)
        nn.init.zeros_(graph.module[layer.name].bias)


def optimizer_of(experiment, graph):
    decayed, plain = {}, list(graph.parameters())
    for weight, factor in graph.penalties():  # l2 w^2 has the gradient 2 l2 w
        decayed.setdefault(2 * factor, []).append(weight)
        plain = [p for p in plain if p is not weight]
    groups = [{"params": plain}]
    groups += [{"params": p, "weight_decay": decay} for decay, p in decayed.items()]
    args = experiment.optimizer_args
    if experiment.optimizer == "SGD":
        return torch.optim.SGD(
            groups, args["learning_rate"], args["momentum"], nesterov=args["nesterov"], fused=True
        )
    if experiment.optimizer == "Adam":
        betas = (args["beta_1"], args["beta_2"])
        return torch.optim.Adam(groups, args["learning_rate"], betas, args["epsilon"], fused=True)
    raise SystemExit(f"no PyTorch optimizer for {experiment.optimizer}")


def train_epoch(model, optimizer, images, labels, batches):
    """A step for each of the batches, which are indices of samples."""
    model.train()
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()


def evaluate(model, images, labels, batch=1000):
    """The sum of losses and the number of right answers."""
    model.eval()
    loss, right = 0.0, 0
    with torch.no_grad():
        for x, y in zip(images.split(batch), labels.split(batch)):
            out = model(x)
            loss += functional.cross_entropy(out, y, reduction="sum").item()
            right += (out.argmax(1) == y).sum().item()
    return loss, right
