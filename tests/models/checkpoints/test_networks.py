"""Tensors of a network go to a file and come back into one that was built without memory."""

import numpy as np
import pytest
import torch
from torch import nn

from models.checkpoints import CheckpointError, file_format
from models.checkpoints.networks import load_into, tensors_of


def build() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    file_format.write(tmp_path / "x.lineup", {"kind": "small"}, tensors_of(build()))
    return tmp_path / "x.lineup"


def test_a_network_comes_back_into_one_without_memory(path):
    torch.manual_seed(0)
    before = build().state_dict()
    with torch.device("meta"):
        network = build()
    header = load_into(path, network)
    assert (header["kind"], header["digest"]) == ("small", file_format.read_header(path)["digest"])
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) and after[name].dtype == before[name].dtype for name in before)


def test_tensors_are_float32_or_int64_whatever_they_were():
    arrays = tensors_of(build().half().to(memory_format=torch.channels_last))
    assert {name: array.dtype for name, array in arrays.items() if array.dtype != np.float32} == {
        "1.num_batches_tracked": np.int64
    }


def test_a_whole_number_where_the_network_has_weights_is_refused(path):
    arrays = tensors_of(build())
    file_format.write(path, {}, {**arrays, "0.bias": np.arange(4)})
    with torch.device("meta"):
        network = build()
    with pytest.raises(CheckpointError, match=r"holds \(4,\) int64 for 0\.bias; the network has \(4,\) float32"):
        load_into(path, network)
    assert all(tensor.is_meta for tensor in network.state_dict().values())
