"""Means of weights, against the recursion by hand."""

import torch
from torch import nn

from otgan.gan.average import Averages


def test_means_are_the_recursion_for_weights_and_running_statistics():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    weight = network[0].weight
    nn.init.zeros_(weight)
    averages, expected = Averages({"generator": network}, 0.9), torch.zeros(2, 3)
    for k in range(1, 200):
        with torch.no_grad():
            weight.copy_(torch.full((2, 3), float(k)))
            network[1].running_mean.fill_(k)
            network[1].num_batches_tracked.fill_(k)
        averages.update(k)
        decay = min(0.9, (1 + k) / (10 + k))
        expected = decay * expected + (1 - decay) * k
    mean = averages.networks["generator"]
    torch.testing.assert_close(mean[0].weight, expected)
    torch.testing.assert_close(mean[1].running_mean, expected[:, 0])
    assert mean[1].num_batches_tracked == 199
    assert not mean.training
    assert not any(parameter.requires_grad for parameter in mean.parameters())


def test_no_decay_keeps_the_weights_themselves():
    network = nn.Linear(2, 2)
    averages = Averages({"generator": network}, 0.0)
    with torch.no_grad():
        network.weight.fill_(7.0)
    averages.update(1)
    assert torch.equal(averages.networks["generator"].weight, network.weight)
