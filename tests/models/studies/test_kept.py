"""Figures of finished runs are kept, and taken again by the same code and plan alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.studies import experiment, runs
from models.studies.experiment import Bench
from models.studies.kept import Kept
from models.studies.registry import STUDIES
from tests.models.studies.made_up import tiny


def test_an_interrupted_study_goes_on_run_by_run(data, tmp_path, monkeypatch):
    study, ran = tiny(STUDIES["head"]), []
    bench = Bench(data, Kept(tmp_path), tell=lambda _: None)

    def noted(kind, run, limit):
        def work(variant, plan, data, rate, seed):
            if len(ran) == limit:
                raise KeyboardInterrupt
            ran.append((variant.title, kind, rate, seed))
            return run(variant, plan, data, rate, seed)

        return work

    def performed(limit, study=study):
        with monkeypatch.context() as patched:
            patched.setattr(runs, "trial", noted("trial", runs.trial, limit))
            patched.setattr(runs, "final", noted("final", runs.final, limit))
            return experiment.perform(study, bench, seeds=2)

    with pytest.raises(KeyboardInterrupt):
        performed(limit=4)
    whole = performed(limit=None)
    assert len(ran) == len(set(ran)) > 4, "a finished run was run again"
    count = len(ran)
    assert performed(limit=None) == whole  # all of it kept
    assert len(ran) == count
    performed(None, replace(study, plan=replace(study.plan, weight_decay=0.1)))
    assert len(ran) >= 2 * count - 4, "figures of another plan were taken for this one's"


def test_figures_are_kept_for_the_code_that_made_them(data, tmp_path, monkeypatch):
    study, kept = tiny(STUDIES["depth"]), Kept(tmp_path)

    def known():
        return runs.identity(study.variants["1-blocks"], study.plan, 0.1, 1, "final")

    kept.get(known(), lambda: {"held_out_accuracy": 0.5})
    assert kept.get(known(), lambda: pytest.fail("it is there")) == {"held_out_accuracy": 0.5}
    kept.path_for(known()).write_text("{")  # damaged
    assert kept.get(known(), lambda: {"held_out_accuracy": 0.6}) == {"held_out_accuracy": 0.6}
    monkeypatch.setattr(runs, "code_digest", lambda *modules: f"other code of {len(modules)} modules")
    assert not kept.has(known())


def test_words_and_charts_may_change_and_figures_stay():
    variant = STUDIES["activation"].variants["relu"]
    reached = runs.modules_of(runs.made(variant, 0).network)
    assert "models.lenet" in reached
    assert not [module for module in reached if module.startswith("models.studies") and module not in runs.CODE]
