"""Every study, tiny, from pictures to record, chart and the rows of README and docs/measured.md."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
import torch

from models.studies import connectivity, experiment, networks, record, runs
from models.studies.experiment import Bench
from models.studies.kept import Kept
from models.studies.registry import STUDIES
from tests.models.studies.made_up import tiny
from tools import studies as shown
from tools import tables


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """The records of all studies, tiny, with two seeds, by name; and where they lie."""
    folder = tmp_path_factory.mktemp("studies")
    bench = Bench(data, Kept(folder / "runs"), tell=lambda _: None)
    told = {
        name: record.write(tiny(study), experiment.perform(tiny(study), bench, seeds=2), data, folder)
        for name, study in STUDIES.items()
    }
    return told, folder


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_recorded_with_all_that_it_is_told_with(name, done):
    told = json.loads((done[1] / f"{name}.json").read_text())
    assert told == json.loads(json.dumps(done[0][name]))
    assert told["seeds"] == [1, 2]
    assert told["n"] == {"learn": 32, "held_out": 24, "test": 40}
    assert told["versions"]["torch"] == torch.__version__
    assert told["hardware"]["processor"]
    assert told["seconds"] >= 0
    assert told["variants"].keys() == STUDIES[name].variants.keys()
    for variant in told["variants"].values():
        assert variant["rate"] in [tried["rate"] for tried in variant["tried"]]
        best = max(tried["held_out_accuracy"] for tried in variant["tried"])
        taken = next(t["held_out_accuracy"] for t in variant["tried"] if t["rate"] == variant["rate"])
        assert best - experiment.TIE <= taken <= best
        for run in variant["runs"]:
            assert [point["step"] for point in run["curve"]] == [1, 2]
            assert run["gap"] == pytest.approx(run["train_accuracy"] - run["test_accuracy"])
            assert all(size >= 0 for size in run["gradients"])


@pytest.mark.parametrize("name", STUDIES)
def test_its_sentence_is_that_of_its_figures(name, done):
    told = done[0][name]
    again = STUDIES[name].conclude(told["variants"])
    assert (told["sentence"], told["outcome"]) == (again.sentence, again.outcome)


@pytest.mark.parametrize("name", STUDIES)
def test_its_chart_is_well_formed_and_the_same_again(name, done, tmp_path):
    drawn = (done[1] / f"{name}.svg").read_bytes()
    root = ElementTree.fromstring(drawn)
    texts = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {variant.title for variant in STUDIES[name].variants.values()} <= texts
    record.draw(STUDIES[name], done[0][name], tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == drawn


@pytest.mark.parametrize("name", STUDIES)
def test_networks_answer_with_ten_logits(name):
    for variant in STUDIES[name].variants.values():
        classifier = runs.made(variant, seed=1).eval()
        assert classifier(torch.zeros(2, 28, 28, dtype=torch.uint8)).shape == (2, 10)


def built(name):
    return [variant.build() for variant in STUDIES[name].variants.values()]


def test_what_is_compared_at_the_same_cost_costs_the_same():
    assert len({networks.macs(network) // 1000 for network in built("depth")}) > 1  # it is no constant
    one, other = map(networks.macs, built("paths"))
    assert one == pytest.approx(other, rel=0.02)
    one, other = map(networks.parameters, built("connectivity"))
    assert one == pytest.approx(other, rel=0.02)


def test_looking_for_the_same_cost_draws_no_numbers_of_the_run():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    width = networks.width_like(connectivity.joined, networks.parameters, connectivity.added, range(4, 97))
    assert torch.equal(torch.get_rng_state(), before)
    assert networks.parameters(connectivity.added(width)) == networks.parameters(connectivity.same_size())


def test_shortcuts_aside_plain_and_residual_networks_are_the_same():
    plain, _, residual, _ = built("shortcut")
    shortcuts = sum(each.numel() for name, each in residual.named_parameters() if ".shortcut." in name)
    assert networks.parameters(residual) - shortcuts == networks.parameters(plain)


@pytest.mark.parametrize(("number", "layers"), [(0, 18), (1, 34), (2, 18), (3, 34)])
def test_layers_are_those_that_the_names_say(number, layers):
    network = built("shortcut")[number]
    weights = [name for name, each in network.named_parameters() if each.ndim > 1 and ".shortcut." not in name]
    assert len(weights) == layers


def test_a_run_is_the_same_again(data):
    study = tiny(STUDIES["regularisation"])
    variant = study.variants["both"]  # with dropout and augmentation
    one, other = (runs.final(variant, study.plan, data, 0.03, seed=5) for _ in range(2))
    assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_variants_see_the_same_pictures_in_the_same_order(data, monkeypatch):
    seen = []

    class Seeing(runs.Classifier):
        def forward(self, pictures):
            if self.training:
                seen[-1].append(pictures.sum().item())
            return super().forward(pictures)

    monkeypatch.setattr(runs, "Classifier", Seeing)
    study = tiny(STUDIES["depth"])
    for variant in study.variants.values():
        seen.append([])
        runs.trial(variant, study.plan, data, 0.01, seed=3)
    assert len(seen[0]) == study.plan.steps
    assert all(each == seen[0] for each in seen)


def test_a_run_that_diverges_is_told_as_that(data):
    study = tiny(STUDIES["depth"])
    told = runs.final(study.variants["4-blocks"], replace(study.plan, passes=20), data, 1e12, seed=1)
    assert told["diverged_at"] > 1
    assert told["loss"] is None
    assert (
        runs.trial(study.variants["4-blocks"], replace(study.plan, passes=20), data, 1e12, 1)["held_out_accuracy"] == 0
    )
    json.dumps(told, allow_nan=False)


def test_more_pictures_than_there_are_are_refused(data):
    with pytest.raises(ValueError, match="wants 97 pictures to learn from, there are 96"):
        data.drawn(97, seed=1)


def test_best_rates_are_looked_for_beyond_the_first_three():
    assert best_of(lambda rate: 0.9 - abs(rate - 0.1)) == (0.1, 3)
    assert best_of(lambda rate: 0.2 + rate) == (2.7, 5)
    assert best_of(lambda rate: 0.9 - rate) == (0.0037, 5)
    assert best_of(lambda rate: 0.2) == (0.1, 3)  # as good everywhere: the first


def test_as_long_as_nothing_learns_rates_are_looked_for_on_both_sides():
    assert sorted(experiment.best_rate(lambda rate: 0.1, 0.1)) == [0.011, 0.033, 0.1, 0.3, 0.9]
    assert best_of(lambda rate: 0.8 if rate == 0.9 else 0.0974) == (0.9, 5)
    assert best_of(lambda rate: 0.8 if rate < 0.02 else 0.1094) == (0.011, 5)
    assert best_of(lambda rate: 0.8 + 0.1 * (rate < 0.01) if rate < 0.02 else 0.0) == (0.0037, 5)


def test_of_rates_that_are_as_good_the_lowest_is_taken():
    assert experiment.chosen({0.3: 0.1, 0.1: 0.882, 0.03: 0.88, 0.01: 0.85}) == 0.03
    assert experiment.chosen({0.3: 0.1, 0.1: 0.89, 0.03: 0.88}) == 0.1


def best_of(accuracy):
    tried = experiment.best_rate(accuracy, 0.1)
    return max(tried, key=tried.get), len(tried)


def test_no_seed_is_no_study(data, tmp_path):
    with pytest.raises(ValueError, match="one seed at least, got 0"):
        experiment.perform(STUDIES["head"], Bench(data, Kept(tmp_path)), seeds=0)


def test_readme_rows_come_from_records_and_say_where_there_are_none(done, tmp_path, monkeypatch):
    (tmp_path / "depth.json").write_text(json.dumps(done[0]["depth"]))
    monkeypatch.setattr(shown, "FOLDER", tmp_path)
    outcomes = tables.fill("<!-- table: studies -->\n<!-- end -->")
    assert outcomes.count(shown.MISSING) == len(STUDIES) - 1
    assert "[depth](weights/studies/depth.svg)" in outcomes
    text = tables.fill("<!-- table: studies_found -->\n<!-- end -->")
    assert text.count(shown.MISSING) == len(STUDIES) - 1
    assert done[0]["depth"]["sentence"] in text
    assert "2 seeds, 40 test pictures" in text


@pytest.mark.parametrize(("name", "headings"), [("studies", shown.HEADINGS), ("studies_found", shown.HEADINGS_FOUND)])
def test_every_heading_is_known_in_chinese(name, headings):
    text = tables.fill(f"<!-- table: {name} zh -->\n<!-- end -->").splitlines()[1]
    assert not [heading for heading in headings if heading in text]


@pytest.mark.parametrize("name", STUDIES)
def test_what_ships_is_what_its_figures_say(name, tmp_path):
    path = record.FOLDER / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{name} was not measured yet")
    told = json.loads(path.read_text())
    again = STUDIES[name].conclude(told["variants"])
    assert (told["sentence"], told["outcome"]) == (again.sentence, again.outcome)
    assert len(told["seeds"]) >= 3
    assert told["n"]["test"] == 10_000
    assert path.with_suffix(".svg").is_file()
