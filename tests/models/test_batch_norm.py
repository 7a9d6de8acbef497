"""Batch normalisation written out is PyTorch's: output, gradients and running statistics, in both modes."""

import pytest
import torch
from torch import nn

from models.batch_norm import BatchNorm, LeNetBatchNorm

CASES = [
    ((16, 5), nn.BatchNorm1d),
    ((2, 5), nn.BatchNorm1d),
    ((8, 5, 7, 6), nn.BatchNorm2d),
    ((1, 5, 3, 3), nn.BatchNorm2d),
]


def pair(reference):
    """Ours and PyTorch's with the same random scale and shift."""
    ours, theirs = BatchNorm(5), reference(5)
    with torch.no_grad():
        for mine, other in ((ours.scale, theirs.weight), (ours.shift, theirs.bias)):
            mine.copy_(torch.randn(5))
            other.copy_(mine)
    return ours, theirs


@pytest.mark.parametrize(("shape", "reference"), CASES)
@pytest.mark.parametrize("training", [True, False])
def test_equal_to_pytorchs_in_output_gradients_and_statistics(shape, reference, training):
    torch.manual_seed(0)
    ours, theirs = pair(reference)
    for _ in range(3):  # so that the moving statistics have moved
        batch = torch.randn(shape) * 3 + 2
        ours.train()(batch)
        theirs.train()(batch)
    ours.train(training)
    theirs.train(training)
    x = torch.randn(shape) * 2 - 1
    mine, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    weight = torch.randn(shape)
    out, wanted = ours(mine), theirs(other)
    (out * weight).sum().backward()
    (wanted * weight).sum().backward()
    pairs = [
        (out, wanted),
        (mine.grad, other.grad),
        (ours.scale.grad, theirs.weight.grad),
        (ours.shift.grad, theirs.bias.grad),
        (ours.moving_mean, theirs.running_mean),
        (ours.moving_var, theirs.running_var),
    ]
    for got, expected in pairs:
        assert torch.allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.1, 0.5, 1.0])
def test_momentum_is_the_weight_of_the_newest_batch(momentum):
    layer = BatchNorm(2, momentum=momentum)
    layer(torch.tensor([[1.0, 10.0], [3.0, 30.0]]))
    assert torch.allclose(layer.moving_mean, momentum * torch.tensor([2.0, 20.0]))


def test_predicting_leaves_the_statistics_alone():
    layer = BatchNorm(5).eval()
    before = layer.moving_mean.clone(), layer.moving_var.clone()
    layer(torch.randn(4, 5))
    assert torch.equal(before[0], layer.moving_mean)
    assert torch.equal(before[1], layer.moving_var)


@pytest.mark.parametrize("shape", [(4, 6), (4, 5, 3), (5,), (4, 6, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"wants \[N, 5\] or \[N, 5, H, W\], got \["):
        BatchNorm(5)(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 5), (1, 5, 1, 1)])
def test_training_on_a_single_value_is_refused_and_predicting_is_not(shape):
    with pytest.raises(ValueError, match="more than one value a feature"):
        BatchNorm(5)(torch.zeros(shape))
    assert BatchNorm(5).eval()(torch.zeros(shape)).shape == shape


def test_it_shows_its_parameters():
    assert str(BatchNorm(5)) == "BatchNorm(5, eps=1e-05, momentum=0.1)"


def test_lenet_has_it_after_every_convolution_and_hidden_layer():
    kinds = [type(module).__name__ for module in LeNetBatchNorm().modules()]
    after = [kinds[i + 1] for i, kind in enumerate(kinds[:-1]) if kind in ("Conv2d", "Linear")]
    assert after == ["BatchNorm"] * 4
    assert kinds[-1] == "Linear"
