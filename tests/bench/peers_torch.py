"""Times PyTorch on an experiment: contiguous, channels_last, compiled (channels_last and
torch.compile), or ddp (channels_last; gloo, ranks from the environment). The optimizers are the
fused ones."""
import os

import torch
from torch import distributed, nn
from torch.nn import functional

from experiment import Experiment
from steps import measure, parse_arguments, report
from torch_model import Graph, optimizer_of


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
    graph = Graph(experiment).to(memory_format=form)
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
