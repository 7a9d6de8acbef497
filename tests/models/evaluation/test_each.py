"""One network after another: what a user can bring about is told in a line, and a fault of the code is not."""

import pytest

from models.checkpoints import CheckpointError
from models.data.splits import DataError
from models.evaluation.each import each
from tests import untrained

PAIRS = [("lenet", "mnist"), ("lenet-bn", "mnist")]
MEASURED = "lenet-bn, mnist: measured lenet-bn.lineup of mnist"


@pytest.fixture
def weights(tmp_path):
    for name, _ in PAIRS:
        untrained.write(tmp_path, name)
    return tmp_path


def failing(error):
    """Work that one network cannot be asked for."""

    def work(path):
        if path.stem == "lenet":
            raise error
        return f"measured {path.name} of {path.parent.name}"

    return work


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CheckpointError("it is damaged"), "it is damaged"),
        (DataError("there are no pictures"), "there are no pictures"),
        (KeyError("such as a command has"), "'such as a command has'"),
        (OSError(28, "No space left on device", "a.json"), "a.json: No space left on device; once that is mended, "),
        (OSError(5, "Input/output error"), "Input/output error; once that is mended, "),
    ],
)
def test_what_goes_wrong_with_one_is_told_and_the_others_are_done(weights, capsys, error, told):
    assert each(PAIRS, weights, failing(error), KeyError) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"lenet, mnist: {told}")
    assert lines[1:] == [MEASURED]


def test_another_network_s_file_in_its_place_is_told(weights, capsys):
    path = untrained.write(weights, "lenet", "fashion-mnist", at=("mnist", "lenet"))
    assert each(PAIRS, weights, lambda path: f"measured {path.name} of {path.parent.name}") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"lenet, mnist: {path} holds lenet for fashion-mnist, not lenet for mnist", MEASURED]


@pytest.mark.parametrize("error", [KeyError("a fault"), OSError("such as a library raises it")])
def test_a_fault_of_the_code_is_not_told_as_the_user_s(weights, error):
    with pytest.raises(type(error), match=error.args[0]):
        each(PAIRS, weights, failing(error))
