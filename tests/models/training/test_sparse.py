"""Training under a sparse mask: only what is kept is learned, and the result is an ordinary network."""

import pytest
import torch
from torch import nn

from models.training import sparse


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3000, 2000), nn.ReLU(), nn.Linear(2000, 10))


def test_only_large_layers_are_masked_and_at_the_density_asked(network):
    sparse.mask(network, 0.02, seed=1)
    share = (network[0].weight() != 0).double().mean().item()
    assert share == pytest.approx(0.02, rel=0.05)
    assert type(network[2]) is nn.Linear
    assert sum(p.numel() for p in network.parameters()) < 0.03 * 3000 * 2000


def test_masked_layers_start_with_the_scale_of_their_inputs_kept(network):
    sparse.mask(network, 0.02, seed=1)
    x = torch.randn(64, 3000)
    assert network[0](x).square().mean().item() == pytest.approx(2.0, rel=0.2)  # He: halved by the ReLU that follows


def test_a_step_moves_kept_weights_and_no_other(network):
    sparse.mask(network, 0.02, seed=1)
    before = network[0].weight().detach().clone()
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    network(torch.randn(8, 3000)).square().sum().backward()
    optimizer.step()
    after = network[0].weight()
    assert (after[before == 0] == 0).all()
    assert (after[before != 0] != before[before != 0]).double().mean() > 0.3


@pytest.mark.parametrize("bfloat16", [False, True])
def test_answers_and_gradients_are_those_of_the_dense_layer_at_the_places_kept(network, bfloat16):
    sparse.mask(network, 0.02, seed=1)
    layer = network[0]
    dense = layer.weight().detach().clone().requires_grad_()
    x, y = (torch.randn(8, 3000).requires_grad_() for _ in "xy")
    y.data = x.data
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        got = layer(x)
    wanted = nn.functional.linear(y, dense, layer.bias.detach())
    for answer in (got, wanted):
        answer.square().sum().backward()
    near = {"rtol": 1e-4, "atol": 1e-4}
    assert torch.allclose(got, wanted, **near)
    assert torch.allclose(x.grad, y.grad, **near)
    assert torch.allclose(layer.values.grad, dense.grad.flatten()[layer.places], **near)


def test_unmasking_leaves_an_ordinary_network_that_computes_the_same(network):
    names = list(network.state_dict())
    sparse.mask(network, 0.02, seed=1)
    x, layer = torch.randn(4, 3000), network[0]
    wanted = network(x)
    dense = network[2](network[1](nn.functional.linear(x, layer.weight(), layer.bias)))
    sparse.unmask(network)
    assert sorted(network.state_dict()) == sorted(names)
    assert torch.equal(network(x), dense)
    assert torch.allclose(dense, wanted, rtol=1e-5, atol=1e-5), "sums of the same products, in another order"
    assert (network[0].weight == 0).double().mean() > 0.97


def test_the_same_seed_keeps_the_same_places(network):
    kept = [sparse.random_places(torch.Size((300, 400)), 0.1, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(kept[0], kept[1])
    assert not torch.equal(kept[0], kept[2])
    assert (kept[0].diff() > 0).all()


def test_a_layer_that_is_sparse_already_keeps_its_places_and_weights(network):
    sparse.mask(network, 0.02, seed=1)
    sparse.unmask(network)
    before = network[0].weight.detach().clone()
    sparse.mask(network, 0.02, seed=2)
    assert torch.equal(network[0].weight(), before)


def test_places_that_a_file_lost_are_given_back_with_weights_of_nothing(network):
    sparse.mask(network, 0.02, seed=1)
    sparse.unmask(network)
    whole = network[0].weight.detach().clone()
    with torch.no_grad():
        network[0].weight[:, ::2] = 0  # as rounding to int8 does to the smallest
    left = network[0].weight.detach().clone()
    sparse.mask(network, 0.02, seed=2)
    layer = network[0]
    assert torch.equal(layer.weight(), left)
    assert len(layer.places) == pytest.approx((whole != 0).sum().item(), rel=0.05)
    assert (layer.places.diff() > 0).all()


def test_the_dense_state_is_that_of_the_network_unmasked_and_leaves_it_masked(network):
    sparse.mask(network, 0.02, seed=1)
    told = sparse.dense_state(network)
    assert isinstance(network[0], sparse.SparseLinear)
    sparse.unmask(network)
    wanted = network.state_dict()
    assert told.keys() == wanted.keys()
    assert all(torch.equal(told[name], value) for name, value in wanted.items())
