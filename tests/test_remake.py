"""What is made anew after checkpoints change: which steps, in which order, and what happens when one fails."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools import remake
from tools.step import Step


@dataclass
class Bench:
    """Steps whose record says of what it is: each is up to date when that is what its source says now."""

    folder: Path
    ran: list[str] = field(default_factory=list)
    failing: dict[str, int] = field(default_factory=dict)
    idle: set[str] = field(default_factory=set)  # run, and record nothing

    def step(self, name, after=(), **more):
        record = self.folder / f"{name}.json"
        source = self.folder / f"{after[0]}.json" if after else self.folder / "checkpoint"
        (self.folder / "checkpoint").touch()

        def stale():
            if not record.is_file():
                return f"there is no {record.name}"
            return None if record.read_text() == source.read_text() else f"{record.name} is of another"

        return Step(name, ("-m", name), (record,), stale, tuple(after), **more)

    def run(self, command):
        name = command[1]
        self.ran.append(name)
        if not (status := self.failing.get(name, 0)) and name not in self.idle:
            source = {"forms": "evaluation.json", "tables": "forms.json"}.get(name, "checkpoint")
            (self.folder / f"{name}.json").write_text((self.folder / source).read_text())
        return status


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture
def three(bench):
    return [bench.step("evaluation"), bench.step("forms", ("evaluation",)), bench.step("tables", ("forms",))]


def make(bench, known, **more):
    return remake.make(remake.plan(known, **more), bench.run, bench.folder / "minutes.json", **more)


def test_a_new_checkpoint_makes_stale_what_is_of_it_and_all_that_needs_that(bench, three):
    assert make(bench, three) is None
    assert remake.plan(three) == []
    (bench.folder / "checkpoint").write_text("another")
    due = remake.plan(three)
    assert [(one.step.name, one.why) for one in due] == [
        ("evaluation", "evaluation.json is of another"),
        ("forms", "after evaluation"),
        ("tables", "after forms"),
    ]
    bench.ran.clear()
    assert make(bench, three) is None
    assert bench.ran == ["evaluation", "forms", "tables"]
    assert {path.read_text() for path in bench.folder.glob("[eft]*.json")} == {"another"}


def test_what_fails_stops_it_by_name_and_command_and_the_next_run_goes_on_from_there(bench, three):
    bench.failing["forms"] = 3
    assert make(bench, three) == "forms failed with status 3: python -m forms"
    assert bench.ran == ["evaluation", "forms"]
    bench.failing.clear()
    bench.ran.clear()
    (bench.folder / "forms.json").unlink(missing_ok=True)
    assert make(bench, three) is None
    assert bench.ran == ["forms", "tables"], "evaluation is up to date"


def test_a_step_planned_because_of_another_is_left_out_where_nothing_changed_for_it(bench, three):
    assert make(bench, three) is None
    (bench.folder / "checkpoint").write_text("another")
    due = remake.plan(three)
    (bench.folder / "forms.json").write_text("another")
    bench.ran.clear()
    assert remake.make(due, bench.run, bench.folder / "minutes.json") is None
    assert bench.ran == ["evaluation", "tables"]


@pytest.mark.parametrize(("there", "told"), [(False, "left no "), (True, "is stale still: ")])
def test_a_step_that_says_it_ran_and_recorded_nothing_has_failed(bench, three, there, told):
    if there:
        (bench.folder / "evaluation.json").write_text("of long ago")
    bench.idle.add("evaluation")
    assert f"evaluation ran and {told}" in make(bench, three)
    assert bench.ran == ["evaluation"]


def test_what_cannot_be_made_here_is_left_and_nothing_waits_for_it(bench):
    known = [bench.step("evaluation", left=lambda: "no VNNI here"), bench.step("forms", ("evaluation",))]
    (bench.folder / "evaluation.json").write_text("of long ago")
    (bench.folder / "forms.json").write_text("of long ago")
    due = remake.plan(known)
    assert [one.step.name for one in due] == ["evaluation"]
    assert "left: no VNNI here" in remake.told(due, known, {})
    assert make(bench, known) is None
    assert bench.ran == []


def test_everything_is_made_anew_where_asked_but_not_what_only_repairs(bench, three):
    known = [*three, bench.step("mistakes", repairs=True)]
    assert make(bench, known) is None
    bench.ran.clear()
    assert make(bench, known, everything=True) is None
    assert bench.ran == ["evaluation", "forms", "tables"]


def test_the_plan_tells_reasons_and_the_minutes_of_the_last_time(bench, three):
    due = remake.plan(three)
    assert remake.told(due, three, {"evaluation": 2.4, "forms": 0.7}).splitlines() == [
        "0 of 3 steps are up to date",
        "  evaluation: there is no evaluation.json (2.4 min)",
        "  forms: there is no forms.json (0.7 min)",
        "  tables: there is no tables.json",
        "3 to make: 3 minutes, and 1 that never ran here",
    ]
    assert make(bench, three) is None
    assert json.loads((bench.folder / "minutes.json").read_text()).keys() == {"evaluation", "forms", "tables"}
    assert remake.told(remake.plan(three), three, {}) == "3 of 3 steps are up to date"


@pytest.fixture
def command(bench, three, monkeypatch, tmp_path):
    """The command, with those three steps."""
    monkeypatch.setattr(remake, "steps", lambda place: three)
    return lambda *options, run=bench.run: remake.main([*options], run, tmp_path / "minutes.json")


@pytest.mark.parametrize("option", ["--plan", "--dry-run"])
def test_a_plan_makes_nothing(command, bench, capsys, option):
    assert command(option) == 0
    assert bench.ran == []
    assert "evaluation: there is no evaluation.json" in capsys.readouterr().out


def test_only_steps_of_a_name_are_made(command, bench, capsys):
    assert command("--only", "eval") == 0
    assert bench.ran == ["evaluation"]
    assert command("--only", "robust") == 2
    assert "begins with robust; there are: evaluation, forms, tables" in capsys.readouterr().out


def test_a_failure_and_an_interruption_are_told_by_the_exit_status(command, bench, capsys):
    def interrupted(command):
        raise KeyboardInterrupt

    bench.failing["evaluation"] = 1
    assert command() == 1
    assert "evaluation failed with status 1: python -m evaluation" in capsys.readouterr().out
    assert command(run=interrupted) == 130
    assert "interrupted" in capsys.readouterr().out


def test_tables_and_commands_are_of_the_checkpoints_that_are_named(command, monkeypatch, tmp_path):
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "others"))  # so that it is put back
    assert command("--plan", "--weights", str(tmp_path)) == 0
    assert remake.checkpoints.root() == tmp_path


def test_a_checkpoint_that_is_not_there_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path))
    assert remake.main(["--plan", "--weights", str(tmp_path)]) == 1
    assert f"cannot read {tmp_path}/mnist/lenet.lineup" in capsys.readouterr().out


def test_a_command_runs_in_this_python():
    assert remake.in_python(["-c", "import models.vote"]) == 0
    assert remake.in_python(["-c", "raise SystemExit(7)"]) == 7
