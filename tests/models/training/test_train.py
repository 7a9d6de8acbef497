"""Training for real, on small data: it learns, can be interrupted and resumed, and leaves a checkpoint that is
measured as saved.
"""

import json
import signal
from pathlib import Path

import pytest
import torch

from models import checkpoints
from models.catalog import ARCHITECTURES, EXTRAS
from models.checkpoints import file_format
from models.classifier import Classifier
from models.training import features, learning, recipes, train
from models.training.pool import pool
from models.training.recipes import Phase, Recipe
from models.training.scenes import sent
from models.training.trainer import Interrupted, Trainer
from tests.idx import write_dataset

pytest.importorskip("torchvision", reason="belongs to the extra `train`")


@pytest.fixture(autouse=True)
def signals():
    """``main`` takes SIGINT and SIGTERM over; give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def data_dir(tmp_path):
    for name in ("mnist", "fashion-mnist"):
        write_dataset(tmp_path / "data", name, train=600, test=100)
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path, data_dir):
    """``training.train`` with its folders below tmp_path."""

    def run(*arguments: str) -> int:
        places = [
            "--data-dir",
            data_dir,
            "--weights",
            tmp_path / "weights",
            "--runs",
            tmp_path / "runs",
            "--sent",
            tmp_path / "sent",
            "--device",
            "cpu",
        ]
        return train.main([*arguments, *map(str, places)])

    return run


def history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_run_learns_and_ships_a_measured_checkpoint(run, tmp_path):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "12") == 0
    path = tmp_path / "weights/mnist/lenet-bn.lineup"
    header = checkpoints.load(path).metadata
    report = json.loads(path.with_suffix(".json").read_text())
    assert header["metrics"]["accuracy"] == report["accuracy"] > 0.9
    assert header["metrics"]["n"] == 100
    assert header["temperature"] == report["temperature"]
    assert report["digest"] == header["digest"]
    assert header["recipe"]["optimizer"] == "adamw"
    assert header["training"]["pictures"] >= 12 * 480
    lines = history(tmp_path / "runs/mnist/lenet-bn")
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert len(lines) == 12
    assert not list((tmp_path / "runs").rglob("state.safetensors"))


def test_a_worse_checkpoint_does_not_replace_a_better_one(run, tmp_path, capsys):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "12") == 0
    shipped = (tmp_path / "weights/mnist/lenet-bn.lineup").read_bytes()
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "0.2", "--seed", "1") == 0
    assert "stays" in capsys.readouterr().out
    assert (tmp_path / "weights/mnist/lenet-bn.lineup").read_bytes() == shipped
    assert len(list((tmp_path / "runs/mnist").glob("lenet-bn.until-*"))) == 1, "the earlier run is kept"


def test_refining_starts_from_the_checkpoint_and_tells_so(run, tmp_path):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "4") == 0
    before = checkpoints.read_header(tmp_path / "weights/mnist/lenet-bn.lineup")
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "6", "--refine") == 0
    first = history(tmp_path / "runs/mnist/lenet-bn")[0]
    earlier = next((tmp_path / "runs/mnist").glob("lenet-bn.until-*"))
    assert first["loss"] < 0.75 * history(earlier)[0]["loss"]
    after = checkpoints.read_header(tmp_path / "runs/mnist/lenet-bn/lenet-bn.lineup")
    assert after["training"]["refined_from"]["digest"] == before["digest"]


def test_resume_keeps_what_is_finished(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1", "--resume") == 0
    assert "finished before" in capsys.readouterr().out


def make_trainer(folder, *, recipe, should_stop=lambda: False, name="lenet", network=None):
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (320, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(320) % 10
    classifier = Classifier(network or ARCHITECTURES[name].build(), architecture=name, dataset="fashion-mnist")
    sets = (pictures[:300], labels[:300]), (pictures[300:], labels[300:])
    return Trainer(classifier, recipe, *sets, device=torch.device("cpu"), folder=folder, should_stop=should_stop)


SHORT = Recipe((Phase(0.5, lr=1e-3), Phase(0.5, lr=1e-4)), "adamw", epochs=4, batch_size=32, autocast=False)


@pytest.mark.parametrize("stop_at", [1, 9, 10, 21, 35])
@pytest.mark.parametrize(("optimizer", "ema"), [("adamw", None), ("sgd", None), ("sgd", 0.9)])
def test_an_interrupted_run_ends_as_it_would_have(tmp_path, stop_at, optimizer, ema):
    recipe = recipes.replace(SHORT, optimizer=optimizer, ema=ema)
    whole = make_trainer(tmp_path / "whole", recipe=recipe).run()
    countdown = iter(range(stop_at))
    with pytest.raises(Interrupted, match=f"stopped at step {stop_at}"):
        make_trainer(tmp_path / "cut", recipe=recipe, should_stop=lambda: next(countdown) == stop_at - 1).run()
    resumed = make_trainer(tmp_path / "cut", recipe=recipe)
    resumed.resume()
    state = resumed.run().network.state_dict()
    assert resumed.at.step == 40
    for name, wanted in whole.network.state_dict().items():
        assert torch.equal(state[name], wanted), name


def test_a_phase_ends_with_the_average_of_its_weights(tmp_path):
    one_phase = recipes.replace(SHORT, phases=(Phase(1, lr=1e-3),), ema=0.9)
    trainer = make_trainer(tmp_path / "averaged", recipe=one_phase)
    last = make_trainer(tmp_path / "last", recipe=recipes.replace(one_phase, ema=None)).run().network.state_dict()
    average = trainer.run().network.state_dict()
    assert trainer.stage.average is not None
    for name, wanted in trainer.stage.average.module.network.state_dict().items():
        assert torch.equal(average[name], wanted), name
        assert not torch.equal(average[name], last[name]), name
        assert torch.allclose(average[name], last[name], atol=0.05), name


def test_a_loss_that_is_no_number_ends_the_run_with_its_step_and_rate(tmp_path):
    trainer = make_trainer(tmp_path, recipe=recipes.replace(SHORT, phases=(Phase(1, lr=1e30),), optimizer="sgd"))
    with pytest.raises(FloatingPointError, match=r"lenet, fashion-mnist: the loss is (nan|inf) at step \d+, rate \d"):
        trainer.run()


def test_a_run_with_other_options_is_not_resumed(tmp_path):
    first = make_trainer(tmp_path, recipe=SHORT)
    first.save()
    with pytest.raises(
        ValueError, match=r"cannot resume .*it was begun as .*'epochs': 4.*now it would be .*'epochs': 5"
    ):
        make_trainer(tmp_path, recipe=recipes.replace(SHORT, epochs=5)).resume()


def test_the_state_holds_no_pickle(tmp_path):
    trainer = make_trainer(tmp_path, recipe=SHORT)
    trainer.save()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["state.safetensors"]
    assert b"cpickle" not in files[0].read_bytes().lower()
    assert files[0].read_bytes()[8:9] == b"{", "safetensors: a length and JSON"


class SmallVGG(torch.nn.Module):
    """The stages of VGG-11 at 28 pixels with a masked layer: all three kinds of head in a second."""

    def __init__(self):
        super().__init__()
        self.input_size = 28
        self.conv = torch.nn.Sequential(torch.nn.Conv2d(1, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2))
        self.fc = torch.nn.Sequential(torch.nn.Linear(64 * 14 * 14, 400), torch.nn.ReLU(), torch.nn.Linear(400, 10))

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def test_pooled_head_then_features_computed_once(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 64)
    phases = (Phase(0.5, lr=1e-3, size=14, head="pooled"), Phase(0.5, lr=1e-3, head="features"))
    recipe = Recipe(phases, "adamw", epochs=6, batch_size=32, density=0.05, autocast=False)
    torch.manual_seed(0)
    stops = iter([False] * 45 + [True])
    first = make_trainer(tmp_path, recipe=recipe, network=SmallVGG(), should_stop=lambda: next(stops, False))
    with pytest.raises(Interrupted):
        first.run()
    assert first.at.phase == 1
    assert len(list((tmp_path / "features").iterdir())) == 6  # 20 held out, 300 to learn from in chunks of 64
    again = make_trainer(tmp_path, recipe=recipe, network=SmallVGG())
    again.resume()
    assert torch.equal(again._material().inputs, first._material().inputs)
    conv = again.classifier.network.conv[0].weight.clone()
    classifier = again.run()
    assert torch.equal(classifier.network.conv[0].weight, conv), "features are computed once: conv must not move"
    assert classifier.input_size == 28
    assert (classifier.network.fc[0].weight != 0).double().mean().item() == pytest.approx(0.05, rel=0.1)


@pytest.mark.parametrize("kind", [*recipes.KINDS])
@pytest.mark.parametrize("name", [*ARCHITECTURES, *EXTRAS])
def test_every_network_has_a_recipe_that_is_sound(name, kind):
    recipe = recipes.choose(name, kind)
    assert sum(phase.share for phase in recipe.phases) == pytest.approx(1)
    assert (recipe.epochs is None) != (recipe.minutes is None)
    assert recipe.phases[-1].size is None, "the last phase is at the network's own size"
    assert recipe.phases[-1].head != "pooled"


def test_pictures_as_people_send_them_are_learned_from_and_measured(run, tmp_path, data_dir, capsys):
    options = ["--data-dir", str(data_dir), "--out", str(tmp_path / "sent"), "--fonts", str(tmp_path)]
    assert sent.main([*options, "--scenes", "500", "--dataset", "mnist"]) == 0
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    header = checkpoints.read_header(tmp_path / "weights" / "mnist" / "lenet.lineup")
    assert header["recipe"]["sent"] > 0
    assert header["training"]["pictures"] > 500, "500 of the dataset are learned from"
    assert header["metrics"]["sent_n"] > 300
    assert 0 <= header["metrics"]["sent_accuracy"] <= 1
    assert 0.05 < header["temperature_sent"] < 20.1
    assert "of sent ones" in capsys.readouterr().out


def test_without_such_pictures_the_run_says_so(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    assert "python -m models.training.scenes.sent makes it" in capsys.readouterr().out
    header = checkpoints.read_header(tmp_path / "weights" / "mnist" / "lenet.lineup")
    assert header["recipe"]["sent"] == 0
    assert "sent_accuracy" not in header["metrics"]


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        ({"held_out_accuracy": 0.91}, {"held_out_accuracy": 0.90}, True),
        ({"held_out_accuracy": 0.90}, {"held_out_accuracy": 0.90}, False),
        ({"held_out_accuracy": 0.90, "sent_accuracy": 0.6}, {"held_out_accuracy": 0.9005}, True),
        ({"held_out_accuracy": 0.90, "sent_accuracy": 0.9}, {"held_out_accuracy": 0.9015}, False),
        ({"held_out_accuracy": 0.91, "sent_accuracy": 0.6}, {"held_out_accuracy": 0.90, "sent_accuracy": 0.62}, False),
    ],
)
def test_what_ships_is_better_in_all_and_never_at_the_cost_of_the_dataset(new, old, better):
    assert train._better(new, old) is better


def measured(folder: Path, accuracy: float) -> Path:
    """A checkpoint, as far as shipping looks at it, with its report."""
    path = folder / "lenet.lineup"
    about = {"dataset": "mnist", "architecture": "lenet"}
    digest = file_format.write(path, {**about, "metrics": {"accuracy": accuracy, "held_out_accuracy": accuracy}}, {})
    path.with_suffix(".json").write_text(json.dumps({"digest": digest}))
    return path


def test_what_reads_a_checkpoint_while_a_better_one_ships_reads_the_old_one_whole(tmp_path):
    train._ship(measured(tmp_path / "a", 0.8), tmp_path)
    place = tmp_path / "mnist/lenet.lineup"
    before = place.read_bytes()
    with place.open("rb") as reader:
        train._ship(measured(tmp_path / "b", 0.9), tmp_path)
        assert reader.read() == before
    assert file_format.read_header(place)["digest"] == json.loads(place.with_suffix(".json").read_text())["digest"]


def test_shipping_that_stops_between_the_two_files_leaves_no_report_of_another_and_can_be_done_again(tmp_path):
    train._ship(measured(tmp_path / "a", 0.8), tmp_path)
    better, place = measured(tmp_path / "b", 0.9), tmp_path / "mnist/lenet.lineup"
    report = better.with_suffix(".json").rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        train._ship(better, tmp_path)
    assert file_format.read_header(place)["metrics"]["accuracy"] == 0.9
    assert not place.with_suffix(".json").exists()
    report.rename(better.with_suffix(".json"))
    assert "stays" not in train._ship(better, tmp_path)
    assert place.with_suffix(".json").read_text() == better.with_suffix(".json").read_text()
    assert "stays" in train._ship(better, tmp_path)


def test_an_epoch_has_all_of_the_dataset_and_its_share_of_the_rest():
    pictures, labels = torch.zeros(100, 28, 28, dtype=torch.uint8), torch.arange(100) % 10
    others = sent.SentSet(pictures[:30], torch.eye(10).bool()[labels[:30]])
    made = pool((pictures, labels), others)
    order = made.order(5, 0.2)
    assert len(order) == made.epoch_size(0.2) == 125
    assert sorted(order[order < 100].tolist()) == list(range(100))
    assert order.max() < 130
    assert torch.equal(order, made.order(5, 0.2))
    assert not torch.equal(order, made.order(6, 0.2))
    assert pool((pictures, labels)).epoch_size(0.2) == 100


def test_the_loss_takes_any_of_the_allowed_classes():
    logits = torch.randn(6, 10)
    labels = torch.arange(6)
    one = torch.eye(10).bool()[labels]
    for smoothing in (0.0, 0.1):
        expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert torch.allclose(learning.any_of(logits, one, smoothing), expected, atol=1e-6)
    two = one.clone()
    two[:, 9] = True
    p = logits.softmax(1)
    assert torch.allclose(learning.any_of(logits, two), -(p[labels, labels] + p[labels, 9]).log().mean(), atol=1e-6)


def test_the_learning_rate_warms_up_and_anneals_to_zero():
    rates = [learning.cycle(step / 100, 0.1) for step in range(101)]
    assert max(rates) == rates[10] == 1
    assert rates[0] < 0.05
    assert rates[100] == pytest.approx(0)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_dry_run_keeps_nothing(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dry-run") == 0
    assert capsys.readouterr().out.count("ms a picture") == 2
    assert not (tmp_path / "weights").exists()
    assert not list((tmp_path / "runs").rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "lenet5"), "invalid choice: 'lenet5'"),
        (("--all", "--minutes", "0"), "--minutes is 0.0; wanted a number above 0"),
        (("--all", "--minutes", "1", "--epochs", "2"), "not allowed with"),
        ((), "one of the arguments --model --all is required"),
    ],
)
def test_wrong_arguments_are_named(run, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_missing_data_is_told_and_is_an_error(tmp_path, capsys, monkeypatch):
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    places = ["--data-dir", str(tmp_path / "none"), "--weights", str(tmp_path / "w"), "--runs", str(tmp_path / "r")]
    assert train.main(["--model", "lenet", *places]) == 1
    assert "--data-dir" in capsys.readouterr().out
