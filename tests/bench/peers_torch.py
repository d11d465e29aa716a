"""Times PyTorch on an experiment: contiguous, channels_last, compiled (channels_last and
torch.compile), or ddp (channels_last; gloo, ranks from the environment). The optimizers are the
fused ones."""
import os

import torch
from torch import distributed, nn
from torch.nn import functional

from steps import Experiment, measure, parse_arguments, report


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
    if layer.kind == "Dropout":
        return nn.Dropout(args["rate"])
    if layer.kind == "Flatten":
        return nn.Flatten()
    if layer.kind not in ("Add", "GlobalAveragePooling2D"):
        raise SystemExit(f"no PyTorch module for the layer {layer.kind}")
    return None


class Graph(nn.Module):
    def __init__(self, experiment):
        super().__init__()
        self.layers = experiment.layers
        self.module = nn.ModuleDict(
            {layer.name: module_of(layer) for layer in self.layers if module_of(layer)}
        )

    def forward(self, x):
        values = {"input": x}
        for layer in self.layers:
            inputs = [values[name] for name in layer.inputs]
            if layer.kind == "Add":
                y = sum(inputs[1:], inputs[0])
            elif layer.kind == "GlobalAveragePooling2D":
                y = inputs[0].mean((2, 3))
            else:
                y = self.module[layer.name](inputs[0])
            if layer.activation == "relu":
                y = functional.relu(y, inplace=True)
            values[layer.name] = y  # the last softmax is part of the loss
        return y


def optimizer_of(experiment, graph):
    decayed, plain = {}, list(graph.parameters())
    for layer in experiment.layers:
        penalty = layer.args.get("kernel_regularizer")
        if penalty:  # l2 w^2 has the gradient 2 l2 w
            weight = graph.module[layer.name].weight
            decayed.setdefault(2 * penalty["L2"]["l2"], []).append(weight)
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


def agree(count):
    number = torch.tensor([count])
    distributed.broadcast(number, 0)
    return int(number)


def main():
    options = parse_arguments(["contiguous", "channels_last", "compiled", "ddp"])
    experiment = Experiment(options.experiment)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    form = torch.contiguous_format if options.mode == "contiguous" else torch.channels_last
    height, width, channels = experiment.input
    x = torch.rand(options.batch, channels, height, width).contiguous(memory_format=form)
    y = torch.randint(experiment.classes, (options.batch,))
    graph = Graph(experiment)
    graph(x)  # gives the lazy modules their shapes
    graph = graph.to(memory_format=form).train()
    optimizer, model, ranks = optimizer_of(experiment, graph), graph, 1
    if options.mode == "compiled":
        model = torch.compile(graph)
    if options.mode == "ddp":
        rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
        distributed.init_process_group("gloo")
        model = nn.parallel.DistributedDataParallel(graph, gradient_as_bucket_view=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    result = measure(
        step, options.batch, options.seconds, torch.__version__, ranks,
        agree if ranks > 1 else lambda count: count,
    )
    if ranks == 1 or rank == 0:
        report(result)
    if ranks > 1:
        distributed.destroy_process_group()


main()
