"""Rules of the vote against each other: on answers whose best rule is known, and the command on small checkpoints."""

import json
import shutil
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from models import catalog, checkpoints, vote
from models.classifier import Classifier
from models.data import scene_sets
from models.data.code_digest import code_digest
from models.datasets import DATASETS
from models.evaluation import vote_rules
from models.evaluation.vote_rules import BASE, OURS, RULES, Answered
from tests.idx import write_dataset


def answers(rights, count=400, seed=0, sure=0.7):
    """What networks say that are right each with the chance in ``rights``, independently, all as sure."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    said = np.where(random.random((len(rights), count)) < np.array(rights)[:, None], labels, (labels + 1) % 10)
    probabilities = np.full((len(rights), count, 10), (1 - sure) / 9, np.float32)
    np.put_along_axis(probabilities, said[:, :, None], np.float32(sure), axis=2)
    return Answered(probabilities, labels, 1 - np.array(rights))


def test_one_that_knows_among_six_that_do_not_is_heard_by_weight():
    rules = vote_rules.judge({"one": answers([0.98, *[0.5] * 6]), "other": answers([0.98, *[0.5] * 6], seed=1)})
    assert rules[OURS]["beats"]
    assert rules[OURS]["accuracy"]["one"] > rules[BASE]["accuracy"]["one"] + 0.1
    assert " by " in vote_rules.best(rules)


def test_among_equals_no_rule_beats_one_voice_each():
    rules = vote_rules.judge({"equals": answers([0.9] * 7, 2000)})
    assert not any(told["beats"] for told in rules.values())
    assert vote_rules.best(rules) == BASE
    assert rules[BASE] == {
        "accuracy": rules[BASE]["accuracy"],
        "right": 0,
        "wrong": 0,
        "p_held_out": 1.0,
        "beats": False,
    }


def test_a_rule_that_is_worse_on_one_set_does_not_beat_it():
    good, bad = answers([0.98, *[0.5] * 6], 2000), answers([0.5, *[0.9] * 6])
    misled = Answered(bad.probabilities, bad.labels, good.errors)
    rules = vote_rules.judge({"good": good, "misled": misled})
    assert rules[OURS]["right"] > rules[OURS]["wrong"]
    assert not rules[OURS]["beats"]


def test_views_of_the_same_things_are_no_more_pictures_to_judge_luck_by():
    given = answers([0.98, *[0.5] * 6], 40)
    views = replace(answers([0.98, *[0.5] * 6], 2000, seed=1), independent=False)
    alone, both = (vote_rules.judge(sets)[OURS] for sets in ({"one": given}, {"one": given, "views": views}))
    assert both["right"] > alone["right"], "they are counted"
    assert both["p_held_out"] == alone["p_held_out"] > 1e-6
    assert vote_rules.judge({"views": views})[OURS]["p_held_out"] == 1.0
    assert vote_rules.judge({"one": replace(views, independent=True)})[OURS]["p_held_out"] < 1e-6
    few = {"one": answers([0.98, *[0.5] * 6], 8, seed=3), "views": views}
    assert vote_rules.judge(few)[OURS]["right"] > vote_rules.judge(few)[OURS]["wrong"]
    assert not vote_rules.judge(few)[OURS]["beats"], "eight pictures prove nothing, and two thousand views no more"
    assert not vote_rules.challenge(few, BASE)["beats"]


def test_the_best_gains_most_of_those_that_lose_on_no_set():
    told = {
        BASE: {"accuracy": {"one": 0.8, "other": 0.9}, "right": 0, "wrong": 0},
        "more": {"accuracy": {"one": 0.82, "other": 0.9}, "right": 9, "wrong": 5},
        "most": {"accuracy": {"one": 0.9, "other": 0.89}, "right": 19, "wrong": 5},
    }
    assert vote_rules.best(told) == "more"
    told["more"] |= {"right": 5, "wrong": 9}
    assert vote_rules.best(told) == BASE


def test_gains_and_losses_are_counted_against_one_voice_each_with_the_chance_of_so_many():
    given = answers([0.98, *[0.5] * 6])
    told = vote_rules.judge({"one": given})[OURS]
    base, ours = (RULES[name](given) == given.labels for name in (BASE, OURS))
    assert (told["right"], told["wrong"]) == (int((ours & ~base).sum()), int((~ours & base).sum()))
    assert told["p_held_out"] == pytest.approx(2 * sum(_tail(told["right"], told["wrong"])), rel=0.01)


def test_the_best_is_compared_with_the_rule_of_the_vote_too():
    given = answers([0.98, *[0.5] * 6])
    sets = {"one": given, "other": answers([0.98, *[0.5] * 6], seed=1)}
    told = vote_rules.challenge(sets, BASE)
    base, ours = (np.concatenate([RULES[name](one) == one.labels for one in sets.values()]) for name in (BASE, OURS))
    assert (told["right"], told["wrong"]) == (int((base & ~ours).sum()), int((~base & ours).sum()))
    assert told["right"] < told["wrong"]
    assert not told["beats"]
    of_itself = vote_rules.challenge(sets, OURS)
    assert (of_itself["rule"], of_itself["right"], of_itself["wrong"], of_itself["beats"]) == (OURS, 0, 0, False)


def test_the_summary_tells_what_the_best_gains_over_the_rule_of_the_vote():
    rules = vote_rules.judge({"one": answers([0.98, *[0.5] * 6])})
    other = {"rule": "voices by 1/error", "right": 9, "wrong": 4, "beats": False}
    assert "+9 -4, and does not beat it, so it stays" in vote_rules.summary(rules, other)
    assert "+9 -1, and beats it" in vote_rules.summary(rules, other | {"wrong": 1, "beats": True})
    assert "against it" not in vote_rules.summary(rules, other | {"rule": OURS})


def _tail(gained, lost):
    from math import comb

    return [comb(gained + lost, k) / 2 ** (gained + lost) for k in range(lost + 1)]


def test_the_rule_called_ours_is_the_vote_itself():
    chances = np.random.default_rng(0).dirichlet(np.ones(10) / 3, (7, 500)).astype(np.float32)
    given = Answered(chances, np.zeros(500, np.int64), np.linspace(0.01, 0.5, 7))
    plain = np.einsum("m,mnk->nk", 1 / given.errors, np.log(chances.clip(vote.TINY))).argmax(1)
    said = (chances.argmax(2) == plain).any(0)
    assert 0 < (~said).sum() < 50, "by the sum alone now and then what nobody says"
    found = RULES[OURS](given)
    assert np.array_equal(found, vote.vote(chances, 1 / given.errors)[0])
    assert np.array_equal(found[said], plain[said])
    assert list(RULES).index(OURS) == 10, "in its place among the others"


@pytest.fixture
def place(tmp_path):
    """Untrained checkpoints of two networks that tell held-out figures, and small datasets."""
    torch.manual_seed(0)
    for dataset, name in product(DATASETS, ("lenet", "densenet")):
        classifier = Classifier(catalog.find(name).build(), architecture=name, dataset=dataset)
        told = {"metrics": {"held_out_accuracy": 0.8 if name == "lenet" else 0.9, "held_out_n": 998}}
        checkpoints.save(checkpoints.path_for(dataset, name, tmp_path), classifier, told)
    for dataset in DATASETS:
        write_dataset(tmp_path / "data", dataset, train=100, test=10)
    return tmp_path


@pytest.fixture
def run(place, monkeypatch):
    monkeypatch.setattr(vote_rules, "ARCHITECTURES", ("lenet", "densenet"))
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(place / "cache"))
    where = ("--weights", str(place), "--data-dir", str(place / "data"), "--scenes", str(place / "scenes"))
    return lambda *options: vote_rules.main([*where, *options])


def test_the_command_records_each_rule_and_what_it_was_measured_of(place, run, capsys):
    allowed = torch.eye(10, dtype=torch.bool).repeat(3, 1)
    allowed[:11, 5] = True  # of ten of the first eleven two classes are right: these do not count
    held = scene_sets.SceneSet(torch.randint(0, 256, (30, 28, 28), dtype=torch.uint8), allowed)
    scene_sets.save(place / "scenes", "fashion-mnist", {"held": held}, {})
    assert run("--count", "20") == 0
    found = json.loads((place / "vote.json").read_text())
    assert found["n"] == {"mnist held out": 20, "fashion-mnist held out": 20, "fashion-mnist scenes": 20}
    assert [*found["rules"]] == [*RULES]
    pairs = product(DATASETS, ("lenet", "densenet"))
    digests = {f"{d}/{n}": checkpoints.read_header(checkpoints.path_for(d, n, place))["digest"] for d, n in pairs}
    assert found["of"] == digests | {"models.evaluation.vote_rules": code_digest("models.evaluation.vote_rules")}
    assert found["scenes"] == {"fashion-mnist": scene_sets.made_by()}
    assert found["challenge"]["rule"] == found["best"]
    assert f"models.vote has {OURS}" in capsys.readouterr().out


def test_the_sets_and_the_errors_are_those_of_held_out_pictures(place, run):
    sets, _ = vote_rules.ask_all(place, place / "data", place / "scenes", 7)
    assert [*sets] == ["mnist held out", "fashion-mnist held out"]
    assert all(given.independent for given in sets.values())
    given = sets["mnist held out"]
    assert given.probabilities.shape == (2, 7, 10)
    assert given.errors.tolist() == pytest.approx([(0.2 * 998 + 1) / 1000, (0.1 * 998 + 1) / 1000])


@pytest.mark.parametrize("count", ["0", "-1"])
def test_no_pictures_at_all_are_refused(place, run, capsys, count):
    with pytest.raises(SystemExit) as stopped:
        run("--count", count)
    assert stopped.value.code == 2
    assert f"--count: it is '{count}'; wanted a whole number from 1 up" in capsys.readouterr().err
    assert not (place / "vote.json").exists()


def test_a_checkpoint_without_held_out_figures_is_told(place, run, capsys):
    path = checkpoints.path_for("mnist", "lenet", place)
    checkpoints.file_format.amend(path, {"metrics": {}})
    assert run() == 1
    assert f"{path} tells no held_out_accuracy" in capsys.readouterr().out
    assert not (place / "vote.json").exists()


def test_another_network_s_checkpoint_is_told(place, run, capsys):
    paths = [checkpoints.path_for(dataset, "lenet", place) for dataset in ("fashion-mnist", "mnist")]
    shutil.copy(*paths)
    assert run() == 1
    assert f"{paths[1]} holds lenet for fashion-mnist, not lenet for mnist" in capsys.readouterr().out
    assert not (place / "vote.json").exists()


def test_the_rule_of_the_vote_gains_on_one_voice_each_as_recorded():
    measured = json.loads((checkpoints.root() / "vote.json").read_text())
    ours = measured["rules"][OURS]
    assert ours["right"] >= ours["wrong"], "of other checkpoints it loses: models.vote wants another rule"
    assert measured["best"] == vote_rules.best(measured["rules"])
    challenger = measured["challenge"]
    assert not challenger["beats"], f"{challenger['rule']} beats the vote's rule: models.vote wants it"
