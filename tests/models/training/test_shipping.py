"""What ships is better than what was in its place, by figures of the same pictures."""

import json
from pathlib import Path

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.training import shipping
from tests import untrained

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        ({"held_out_accuracy": 0.91}, {"held_out_accuracy": 0.90}, True),
        ({"held_out_accuracy": 0.90}, {"held_out_accuracy": 0.90}, False),
        ({"held_out_accuracy": 0.90, "sent_accuracy": 0.6}, {"held_out_accuracy": 0.9005}, True),
        ({"held_out_accuracy": 0.90, "sent_accuracy": 0.9}, {"held_out_accuracy": 0.9015}, False),
        ({"held_out_accuracy": 0.91, "sent_accuracy": 0.6}, {"held_out_accuracy": 0.90, "sent_accuracy": 0.62}, False),
        ({"held_out_accuracy": 0.92}, {"held_out_accuracy": 0.90, "sent_accuracy": 0.6}, False),
    ],
)
def test_what_ships_is_better_in_all_and_never_at_the_cost_of_the_dataset(new, old, better):
    assert shipping.better(new, old) is better


def measured(folder: Path, accuracy: float, **more) -> Path:
    """A checkpoint with such figures, and its report."""
    path = folder / "lenet.lineup"
    figures = {"accuracy": accuracy, "held_out_accuracy": accuracy, **more}
    digest = checkpoints.save(path, untrained.classifier("lenet"), {"metrics": figures})
    path.with_suffix(".json").write_text(json.dumps({"digest": digest}))
    return path


def never(rival: Path) -> dict[str, float]:
    raise AssertionError(f"{rival} was measured anew, though its figures are of the same pictures")


@pytest.mark.parametrize(
    ("now", "ships"),
    [({"sent_accuracy": 0.69, "sent_n": 40}, True), ({"sent_accuracy": 0.73, "sent_n": 40}, False)],
)
def test_a_rival_with_figures_of_other_scenes_is_measured_on_the_same(tmp_path, now, ships):
    shipping.ship(measured(tmp_path / "a", 0.90, held_out_n=100, sent_accuracy=0.72, sent_n=41), tmp_path, never)
    new = measured(tmp_path / "b", 0.91, held_out_n=100, sent_accuracy=0.70, sent_n=40)
    rivals = []
    told = shipping.ship(new, tmp_path, lambda rival: rivals.append(rival) or now)
    assert rivals == [tmp_path / "mnist/lenet.lineup"]
    assert ("stays" not in told) is ships


@pytest.mark.parametrize("of", [{"sent_of": "0123456789abcdef"}, {}], ids=["other scenes", "which, it does not tell"])
def test_a_rival_with_figures_of_as_many_other_scenes_is_measured_on_the_same_too(tmp_path, of):
    sent = {"held_out_n": 100, "sent_n": 40, "sent_accuracy": 0.7}
    shipping.ship(measured(tmp_path / "a", 0.90, **sent, **of), tmp_path, never)
    new = measured(tmp_path / "b", 0.90, **sent | {"sent_of": "fedcba9876543210", "sent_accuracy": 0.69})
    now = {"sent_accuracy": 0.6, "sent_n": 40, "sent_of": "fedcba9876543210"}
    rivals = []
    assert "stays" not in shipping.ship(new, tmp_path, lambda rival: rivals.append(rival) or now)
    assert rivals == [tmp_path / "mnist/lenet.lineup"]
    assert "stays" in shipping.ship(new, tmp_path, never), "of the same scenes now"


NONE = [None, 3, "many", [0.99], *({"held_out_accuracy": none} for none in (None, "0.99", True, float("nan"), 2.0))]


@pytest.mark.parametrize("metrics", [*NONE, {"held_out_accuracy": 0.99, "sent_accuracy": float("nan")}], ids=str)
def test_a_rival_whose_figures_are_none_is_replaced_as_a_damaged_one_is(tmp_path, metrics):
    shipping.ship(measured(tmp_path / "a", 0.99), tmp_path, never)
    place, new = tmp_path / "mnist/lenet.lineup", measured(tmp_path / "b", 0.90)
    file_format.amend(place, {"metrics": metrics})
    assert "stays" not in shipping.ship(new, tmp_path, never)
    assert place.read_bytes() == new.read_bytes()


def test_a_rival_that_the_service_would_refuse_is_replaced(tmp_path):
    shipping.ship(measured(tmp_path / "a", 0.99), tmp_path, never)
    file_format.amend(tmp_path / "mnist/lenet.lineup", {"classes": ["cat", "dog"]})
    assert "stays" not in shipping.ship(measured(tmp_path / "b", 0.90), tmp_path, never)


def test_a_rival_that_was_measured_on_fewer_pictures_is_measured_on_as_many(run, tmp_path, capsys):
    lenet = ("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "1")
    assert run(*lenet, "--held-out-images", "40") == 0
    place = tmp_path / "weights/mnist/lenet-bn.lineup"
    shipped = checkpoints.read_header(place)["metrics"]
    assert run(*lenet) == 0  # the same run, so the same network
    assert f"{place} stays: " in (told := capsys.readouterr().out)
    new = checkpoints.read_header(tmp_path / "runs/mnist/lenet-bn/lenet-bn.lineup")["metrics"]
    assert shipped["held_out_n"] != new["held_out_n"]
    assert shipped["held_out_accuracy"] != new["held_out_accuracy"]
    assert told.count(f"{new['held_out_accuracy']:.2%} of the held-out pictures") == 2


def test_what_reads_a_checkpoint_while_a_better_one_ships_reads_the_old_one_whole(tmp_path):
    shipping.ship(measured(tmp_path / "a", 0.8), tmp_path, never)
    place = tmp_path / "mnist/lenet.lineup"
    before = place.read_bytes()
    with place.open("rb") as reader:
        shipping.ship(measured(tmp_path / "b", 0.9), tmp_path, never)
        assert reader.read() == before
    assert file_format.read_header(place)["digest"] == json.loads(place.with_suffix(".json").read_text())["digest"]


def test_shipping_that_stops_between_the_two_files_leaves_no_report_of_another_and_can_be_done_again(tmp_path):
    shipping.ship(measured(tmp_path / "a", 0.8), tmp_path, never)
    better, place = measured(tmp_path / "b", 0.9), tmp_path / "mnist/lenet.lineup"
    report = better.with_suffix(".json").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        shipping.ship(better, tmp_path, never)
    assert file_format.read_header(place)["metrics"]["accuracy"] == 0.9
    assert not place.with_suffix(".json").exists()
    report.rename(better.with_suffix(".json"))
    assert "stays" not in shipping.ship(better, tmp_path, never)
    assert place.with_suffix(".json").read_text() == better.with_suffix(".json").read_text()
    assert "stays" in shipping.ship(better, tmp_path, never)
