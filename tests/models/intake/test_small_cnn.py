"""The small networks' stages, and that they answer the same when made fast."""

import copy

import pytest
import torch
from torch import nn

from models.intake import small_cnn


def inputs(count):
    generator = torch.Generator().manual_seed(count)
    return [torch.rand(count, 1, side, side, generator=generator) for side in (64, 28)]


def trained(build):
    """A network with batch norms that have seen something."""
    torch.manual_seed(0)
    network = build()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


@pytest.mark.parametrize(("build", "count"), [(small_cnn.AutoNetwork, 1), (lambda: small_cnn.GateNetwork(4), 2)])
def test_made_fast_a_network_answers_as_before(build, count):
    network = trained(build)
    fast = copy.deepcopy(network)
    small_cnn.for_inference(fast)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    with torch.no_grad():
        torch.testing.assert_close(fast(*inputs(5)[:count]), network(*inputs(5)[:count]), rtol=1e-4, atol=1e-4)


def test_stages_halve_the_sides():
    assert small_cnn.stages(1, 8, 16)(torch.zeros(2, 1, 28, 28)).shape == (2, 16, 7, 7)
