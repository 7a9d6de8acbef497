"""The stage tables tell each network whole: what they add up to, and how blocks with branches are told."""

import pytest

from models.catalog import ARCHITECTURES, EXTRAS
from models.compiled import stages

NETWORKS = {**ARCHITECTURES, **EXTRAS}
# As the network files name them.
STAGES = {
    "lenet": "conv fc",
    "alexnet": "conv fc",
    "nin": "conv head",
    "vgg11": "conv fc",
    "googlenet": "stem conv3 conv4 conv5 head",
    "resnet18": "stem conv2 conv3 conv4 conv5 head",
    "densenet": "stem body head",
    "lenet-bn": "conv fc",
}


def kinds(network: str, prefix: str) -> dict[str, str]:
    rows = (row for stage in stages.load(network).stages for row in stage.layers)
    return {row.name: row.kind for row in rows if row.name == prefix or row.name.startswith(f"{prefix}.")}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_part_is_counted_once(name):
    table, row = stages.load(name), NETWORKS[name]
    assert (table.parameters, table.macs) == (row.parameters, row.macs), "make skeletons"
    assert " ".join(stage.name for stage in table.stages) == STAGES[name]
    layers = [layer.name for stage in table.stages for layer in stage.layers]
    assert len(layers) == len(set(layers))
    # A stage that is a single layer has the layer's name.
    assert table.names() == list(dict.fromkeys([*STAGES[name].split(), *layers]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stage_gives_what_its_last_layer_gives(name):
    table = stages.load(name)
    for stage in table.stages:
        last = stage.layers[-1].shape
        assert stage.shape in (last, last[:1] if last[1:] == (1, 1) else last)  # NiN flattens its averages
    assert table.stages[-1].shape == (10,)


def test_there_is_a_table_for_every_network_and_for_nothing_else():
    assert sorted(path.stem for path in stages.FOLDER.iterdir()) == sorted(NETWORKS)
    with pytest.raises(FileNotFoundError):
        stages.load("resnet19")


def test_layers_are_told_in_the_fields_terms():
    assert kinds("lenet", "conv.0") == {"conv.0": "conv 5x5, 6 channels"}
    assert kinds("lenet", "conv.2") == {"conv.2": "max pool 2x2/2"}
    assert kinds("alexnet", "conv.0") == {"conv.0": "conv 11x11/4, 96 channels"}
    assert kinds("lenet-bn", "fc.1") == {"fc.1": "batch norm"}
    assert kinds("lenet", "fc.0") == {"fc.0": "linear 256 to 120"}
    assert kinds("densenet", "body.1.3") == {"body.1.3": "average pool 2x2/2"}
    assert kinds("nin", "head.2") == {"head.2": "global average pool"}


def test_a_block_is_told_path_by_path_and_then_what_joins_them():
    assert kinds("googlenet", "conv3.0") == {
        "conv3.0.path1": "inception path: conv 1x1, 64 channels; ReLU",
        "conv3.0.path2": "inception path: conv 1x1, 96 channels; ReLU; conv 3x3, 128 channels; ReLU",
        "conv3.0.path3": "inception path: conv 1x1, 16 channels; ReLU; conv 5x5, 32 channels; ReLU",
        "conv3.0.path4": "inception path: max pool 3x3/1; conv 1x1, 32 channels; ReLU",
        "conv3.0": "concatenation",
    }
    assert kinds("resnet18", "conv3.0") == {
        "conv3.0.residual": "residual path: conv 3x3/2, 128 channels; batch norm; ReLU; conv 3x3, 128 channels; "
        "batch norm",
        "conv3.0.shortcut": "shortcut: conv 1x1/2, 128 channels",
        "conv3.0": "addition; ReLU",
    }
    assert "conv2.0.shortcut" not in kinds("resnet18", "conv2.0"), "an identity computes nothing"
    dense = kinds("densenet", "body.0")
    assert [*dense] == [*(f"body.0.layers.{number}" for number in range(4)), "body.0"]
    assert dense["body.0.layers.3"] == "dense block layer: batch norm; ReLU; conv 3x3, 32 channels"
