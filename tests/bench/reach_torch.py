"""Trains an experiment in PyTorch until its StopAt is reached: in one process with as many threads
as ranks are given, or on ranks over gloo (ddp; from the environment), on each one thread. All
samples are in memory, as floats; the optimizer is a fused one."""
import os
import sys

import torch
from torch import distributed, nn

from experiment import Experiment, read_idx
from steps import report
from torch_model import Graph, evaluate, initialize, optimizer_of, train_epoch


def load(experiment, source):
    scale = experiment.text["data"]["rescale"]
    images = torch.from_numpy(read_idx(source["images"])).unsqueeze(1).float().mul_(scale)
    return images, torch.from_numpy(read_idx(source["labels"]).astype("int64"))


def main():
    experiment = Experiment(sys.argv[1])
    data, fit = experiment.text["data"], experiment.text["fit"]
    wanted = fit["callbacks"][0]["StopAt"]["value"]
    rank, ranks = 0, 1
    torch.manual_seed(experiment.text["seed"])
    graph = Graph(experiment)
    initialize(experiment, graph)
    graph = model = graph.to(memory_format=torch.channels_last)
    if sys.argv[2] == "ddp":
        rank, ranks = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[rank % len(cores)]})
        distributed.init_process_group("gloo")
        model = nn.parallel.DistributedDataParallel(graph, gradient_as_bucket_view=True)
    torch.set_num_threads(1 if ranks > 1 else int(sys.argv[3]))
    images, labels = load(experiment, data["train"])
    test, test_labels = (part.chunk(ranks)[rank] for part in load(experiment, data["validation"]))
    optimizer = optimizer_of(experiment, graph)
    accuracy, epoch = 0.0, 0
    while accuracy < wanted and epoch < fit["epochs"]:
        batches = torch.randperm(len(images)).split(fit["batch_size"])  # the same on all ranks
        shares = (batch.chunk(ranks)[rank] for batch in batches)
        train_epoch(model, optimizer, images, labels, shares)
        right = torch.tensor([evaluate(graph, test, test_labels)[1], len(test)])
        if ranks > 1:
            distributed.all_reduce(right)
        accuracy = right[0].item() / right[1].item()
        epoch += 1
    if rank == 0:
        report({"epochs": epoch, "val_accuracy": accuracy, "version": torch.__version__})
    if ranks > 1:
        distributed.destroy_process_group()


main()
