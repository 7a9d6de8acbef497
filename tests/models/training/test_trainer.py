"""The training loop for real, on small data: it can be interrupted and resumed, phase by phase."""

import pytest
import torch

from models import catalog
from models.catalog import ARCHITECTURES
from models.classifier import Classifier
from models.data.scene_sets import SceneSet
from models.training import features, recipes, run_log, run_state, sparse, trainer
from models.training.material import Material
from models.training.optimisation import DivergedError
from models.training.pool import pool
from models.training.recipes import Phase, Recipe
from models.training.run_state import ResumeError
from models.training.stopping import Interrupted
from models.training.trainer import Trainer

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")


def make_trainer(folder, *, recipe, should_stop=lambda: False, name="lenet", network=None, metadata=None):
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (320, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(320) % 10
    network = network or ARCHITECTURES[name].build()
    classifier = Classifier(network, architecture=name, dataset="fashion-mnist", metadata=metadata)
    sets = (pictures[:300], labels[:300]), (pictures[300:], labels[300:])
    return Trainer(classifier, recipe, *sets, device=torch.device("cpu"), folder=folder, should_stop=should_stop)


OWN = torch.arange(4 * 784).remainder(256).to(torch.uint8).view(4, 28, 28), torch.arange(4)
EPOCHS = [(0, 1), (0, 2), (1, 1), (1, 2)]  # of SHORT
SHORT = Recipe((Phase(0.5, lr=1e-3), Phase(0.5, lr=1e-4)), "adamw", epochs=4, batch_size=32, autocast=False)


@pytest.mark.parametrize("stop_at", [1, 9, 10, 21, 35, 40])
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
    assert [(line["phase"], line["epoch"]) for line in run_log.lines(tmp_path / "cut")] == EPOCHS
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


def test_a_refinement_ends_between_where_it_began_and_where_it_would_have(tmp_path):
    def ended(mixed, metadata):
        torch.manual_seed(5)
        network, recipe = catalog.find("lenet-bn").build(), recipes.replace(ONE_EPOCH, mixed=mixed)
        began = {name: value.clone() for name, value in network.state_dict().items()}
        made = make_trainer(tmp_path / str(mixed), recipe=recipe, network=network, metadata=metadata)
        return began, made.run().network.state_dict()

    (began, end), (_, mixed) = ended(None, {"digest": "x"}), ended(0.75, {"digest": "x"})
    for name, value in mixed.items():
        wanted = 0.75 * end[name] + 0.25 * began[name] if value.is_floating_point() else end[name]
        assert torch.allclose(value, wanted, atol=1e-6), name
    assert not torch.equal(mixed["conv.0.weight"], end["conv.0.weight"])
    _, from_nothing = ended(0.5, None)
    torch.testing.assert_close(from_nothing, ended(None, None)[1])


def test_a_loss_that_is_no_number_ends_the_run_with_its_step_and_rate(tmp_path):
    trainer = make_trainer(tmp_path, recipe=recipes.replace(SHORT, phases=(Phase(1, lr=1e30),), optimizer="sgd"))
    with pytest.raises(DivergedError, match=r"lenet, fashion-mnist: the loss is (nan|inf) at step \d+, rate \d"):
        trainer.run()


class Spoiled(torch.nn.Module):
    """LeNet whose loss is a number at every step, and whose gradients are none at step ``at``."""

    def __init__(self, at):
        super().__init__()
        self.net, self.input_size, self.left = ARCHITECTURES["lenet"].build(), 28, at

    def forward(self, x):
        logits = self.net(x)
        if self.training:
            self.left -= 1
            if self.left == -1:
                logits.register_hook(lambda gradient: gradient * float("nan"))
        return logits


ONE_EPOCH = recipes.replace(SHORT, phases=(Phase(1, lr=1e-3),), epochs=1)  # ten steps


@pytest.mark.parametrize("ema", [None, 0.9])
@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize(
    ("at", "told"),
    [(3, r"the loss is nan at step 4, rate \d"), (9, r"the held-out accuracy is nan at step 10, rate \d")],
)
def test_gradients_that_are_no_numbers_end_it_even_in_the_last_step(tmp_path, at, told, ema, clip):
    recipe = recipes.replace(ONE_EPOCH, ema=ema, clip=clip)
    with pytest.raises(DivergedError, match=f"lenet, fashion-mnist: {told}"):
        make_trainer(tmp_path, recipe=recipe, network=Spoiled(at)).run()


def test_so_does_a_last_step_after_which_a_run_was_killed(tmp_path, monkeypatch):
    def killed(*what):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "SAVE_EVERY", -1)
    with monkeypatch.context() as patch:
        patch.setattr(Material, "watched_accuracy", killed)
        with pytest.raises(KeyboardInterrupt):
            make_trainer(tmp_path, recipe=ONE_EPOCH, network=Spoiled(9)).run()
    again = make_trainer(tmp_path, recipe=ONE_EPOCH, network=Spoiled(99))
    again.resume()
    with pytest.raises(DivergedError, match=r"lenet, fashion-mnist has weights in \S+ that are no numbers at step 10"):
        again.run()


def test_a_run_with_other_options_is_not_resumed(tmp_path):
    first = make_trainer(tmp_path, recipe=SHORT)
    first.save()
    told = r"cannot resume .*: it was begun with recipe's epochs 4, now it would be 5; begin anew, without --resume$"
    with pytest.raises(ResumeError, match=told):
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


class AnySize(torch.nn.Module):
    """A network for pictures of any size; tells the sides of those that it got."""

    def __init__(self):
        super().__init__()
        self.input_size = 28
        self.conv = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU())
        self.fc = torch.nn.Linear(8, 10)
        self.seen = []
        self.conv.register_forward_pre_hook(lambda _, inputs: self.seen.append(inputs[0].shape[-1]))

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


@pytest.mark.parametrize("head", ["own", "pooled"])
def test_a_phase_learns_and_is_watched_at_its_own_size(tmp_path, head):
    phases = (Phase(0.5, lr=1e-3, size=14, head=head), Phase(0.5, lr=1e-3))
    recipe = Recipe(phases, "adamw", epochs=2, batch_size=32, autocast=False)
    made = make_trainer(tmp_path, recipe=recipe, network=AnySize())
    assert made.run().input_size == 28
    seen = made.classifier.network.seen
    assert seen == [14] * (len(seen) // 2) + [28] * (len(seen) // 2)


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


def test_a_run_that_ended_while_it_was_measured_goes_on_from_its_last_step(tmp_path):
    phases = (Phase(0.5, lr=1e-3, size=14, head="pooled"), Phase(0.5, lr=1e-3, head="features"))
    recipe = Recipe(phases, "adamw", epochs=2, batch_size=32, density=0.05, autocast=False, ema=0.9)
    first = make_trainer(tmp_path, recipe=recipe, network=SmallVGG())
    wanted = first.run().network.state_dict()
    again = make_trainer(tmp_path, recipe=recipe, network=SmallVGG())
    again.resume()
    found = again.run().network.state_dict()
    assert again.at.step == first.at.step
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_a_refinement_gives_a_sparse_layer_back_as_many_weights_as_its_file_lost(tmp_path):
    """With the seed of the run that chose them, as every shipped file has it."""
    recipe = recipes.replace(SHORT, density=0.05)
    network = make_trainer(tmp_path, recipe=recipe, network=SmallVGG()).classifier.network
    wanted = len(network.fc[0].places)
    sparse.unmask(network)
    with torch.no_grad():
        network.fc[0].weight[:, ::5] = 0
    refined = make_trainer(tmp_path, recipe=recipe, network=network, metadata={"digest": "x"}).classifier.network
    assert len(refined.fc[0].places) == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize("budget", [{"epochs": 4, "minutes": None}, {"epochs": None, "minutes": 0.05}])
def test_the_rate_rises_once_features_are_there_and_falls_until_the_end(tmp_path, budget):
    recipe = Recipe((Phase(1, lr=1e-3, head="features"),), "adamw", batch_size=32, autocast=False, **budget)
    told = []
    made = make_trainer(
        tmp_path, recipe=recipe, network=SmallVGG(), should_stop=lambda: bool(told.append(made.stage.rate))
    )
    made.run()
    rates = told[-made.at.step :]  # without those while features were computed
    assert rates[0] < 0.5e-3
    assert max(rates) > 0.8e-3
    assert sum(rate > 0.3e-3 for rate in rates) > len(rates) / 3


def test_a_run_from_another_checkpoint_is_another_run():
    def begun(seed, **about):
        torch.manual_seed(seed)
        network = ARCHITECTURES["lenet"].build()
        classifier = Classifier(network, architecture="lenet", dataset="mnist", metadata={"digest": "x", **about})
        return run_state.identity(classifier, SHORT, pool(OWN), (), 0)

    assert begun(0) == begun(0, metrics="evaluated anew")
    assert begun(0) != begun(1)
    assert run_state.draws(begun(0)) != run_state.draws(begun(1)), "a refinement repeats no other's order"


def test_so_is_a_run_with_other_scenes():
    classifier = Classifier(ARCHITECTURES["lenet"].build(), architecture="lenet", dataset="mnist")

    def begun(scenes):
        return run_state.identity(classifier, SHORT, pool(OWN, scenes), (), 0)

    pictures, allowed = OWN[0], torch.ones(4, 10, dtype=torch.bool)
    told = [begun(None), begun(SceneSet(pictures, allowed)), begun(SceneSet(255 - pictures, allowed))]
    told.append(begun(SceneSet(pictures, ~allowed)))
    assert len({str(one) for one in told}) == 4
    assert begun(SceneSet(pictures.clone(), allowed)) == told[1]
    assert {run_state.draws(one) for one in told} == {0}, "one from nothing draws by its seed alone"


def test_a_run_goes_on_in_the_precision_that_it_began_in(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "faster_in_bfloat16", lambda device: True)
    recipe = recipes.replace(SHORT, autocast=True)
    make_trainer(tmp_path, recipe=recipe).save()
    monkeypatch.setattr(trainer, "faster_in_bfloat16", lambda device: False)
    again = make_trainer(tmp_path, recipe=recipe)
    assert not again.at.bfloat16
    again.resume()
    assert again.at.bfloat16


@pytest.mark.parametrize("damage", [lambda data: data[:500], lambda data: b"", lambda data: b"garbage" * 9])
def test_a_damaged_state_is_told_with_what_to_do(tmp_path, damage):
    make_trainer(tmp_path, recipe=SHORT).save()
    state = tmp_path / "state.safetensors"
    state.write_bytes(damage(state.read_bytes()))
    with pytest.raises(ResumeError, match=r"state\.safetensors is damaged .*begin anew, without --resume"):
        make_trainer(tmp_path, recipe=SHORT).resume()


class Stopped(trainer.Stopwatch):
    """Of a process that was stopped for an hour at each step."""

    def __init__(self):
        super().__init__(wall=iter(range(0, 10**6, 3600)).__next__, processor=iter(range(10**6)).__next__)


def test_time_in_which_the_process_was_stopped_is_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "Stopwatch", Stopped)
    made = make_trainer(tmp_path, recipe=SHORT)
    made.run()
    assert made.at.total_seconds == made.at.step == 40
    assert made.at.total_seen == 4 * 300
