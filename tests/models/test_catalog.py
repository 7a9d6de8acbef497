"""The catalog: seven networks by name, in the order of their dates."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from models import catalog
from models.catalog import ARCHITECTURES, EXTRAS
from models.datasets import UnknownName

DATES = {
    "lenet": 1998,
    "alexnet": 2012,
    "nin": 2013,
    "vgg11": 2014,
    "googlenet": 2014,
    "resnet18": 2015,
    "densenet": 2016,
}


def test_the_networks_stand_in_the_order_of_their_dates():
    """An eighth has its place among them."""
    assert {name: ARCHITECTURES[name].year for name in DATES} == DATES
    assert [name for name in ARCHITECTURES if name in DATES] == list(DATES)
    years = [row.year for row in ARCHITECTURES.values()]
    assert years == sorted(years)
    assert list(EXTRAS) == ["lenet-bn"]


def test_networks_are_chosen_once_each_and_in_that_order():
    assert catalog.choose([]) == tuple(ARCHITECTURES)
    assert catalog.choose(["lenet-bn", "vgg11", "lenet", "vgg11"]) == ("lenet", "vgg11", "lenet-bn")
    with pytest.raises(UnknownName, match="there are: lenet, "):
        catalog.choose(["lenet", "lenet5"])


@pytest.mark.parametrize("name", [*ARCHITECTURES, *EXTRAS])
def test_every_row_is_complete_and_true(name):
    row = catalog.find(name)
    assert row.name == name
    assert len(row.paper) > 20
    assert row.idea.endswith(".")
    with torch.device("meta"):
        network = row.build()
    assert network.input_size == row.input_size
    assert network(torch.empty(2, 1, row.input_size, row.input_size, device="meta")).shape == (2, 10)


@pytest.mark.parametrize("name", [*ARCHITECTURES, *EXTRAS])
def test_what_a_network_costs_is_recorded_truly(name):
    """Counted on torch's meta device: no memory, no arithmetic."""
    row = catalog.find(name)
    with torch.device("meta"), torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network = row.build().eval()
        network(torch.empty(1, 1, row.input_size, row.input_size))
    parameters, macs = sum(p.numel() for p in network.parameters()), counter.get_total_flops() // 2
    right = f"the row of {name} in models/catalog.py should say parameters={parameters:_}, macs={macs:_}"
    assert (row.parameters, row.macs) == (parameters, macs), right


def test_rows_and_catalog_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        ARCHITECTURES["lenet"].year = 1989
    with pytest.raises(TypeError):
        ARCHITECTURES["mynet"] = ARCHITECTURES["lenet"]


@pytest.mark.parametrize("name", ["resnet19", "", "LeNet", "x" * 500])
def test_an_unknown_name_lists_the_seven(name):
    with pytest.raises(
        UnknownName, match="there are: lenet, alexnet, nin, vgg11, googlenet, resnet18, densenet"
    ) as told:
        catalog.find(name)
    assert len(str(told.value)) < 200
