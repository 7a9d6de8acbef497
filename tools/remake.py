"""Make every recorded figure and table anew that is not of the checkpoints as they are now, each after those that it
needs: `python -m tools.remake`, or `make figures`.

First it tells its plan: which steps (`tools.steps`) are stale and why, and how many minutes each took when it last ran
here. Then it runs them one after the other. What fails stops it, by name and command. It can be stopped at any time and
run again: what is up to date is not made again.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from models import checkpoints
from models.checkpoints import atomic
from models.data import scene_sets
from models.data.place import add_data_dir
from tools.step import Place, Step, read
from tools.steps import missing_studies, steps

MINUTES = Path("runs/figures.json")  # what each step took here
Run = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Due:
    """A step to be made, and why; ``left``: why it cannot be made here, if it cannot."""

    step: Step
    why: str
    left: str | None = None


def plan(known: Sequence[Step], *, everything: bool = False) -> list[Due]:
    """The steps that are stale, in order: by their own record, or because one before them, which they need, is made
    anew. CheckpointError for a checkpoint that cannot be read.
    """
    due: dict[str, Due] = {}
    for step in known:
        before = [name for name in step.after if name in due and not due[name].left]
        why = step.stale() or (f"after {before[0]}" if before else None)
        if why or (everything and not step.repairs):
            due[step.name] = Due(step, why or "everything is asked for", step.left())
    return [*due.values()]


def told(due: Sequence[Due], known: Sequence[Step], took: Mapping[str, float]) -> str:
    """The plan for the terminal."""
    todo = [one for one in due if not one.left]
    lines = [f"{len(known) - len(due)} of {len(known)} steps are up to date"]
    lines += [f"  {one.step.name}: {one.why}{_minutes(took.get(one.step.name))}" for one in todo]
    lines += [f"  {one.step.name}: {one.why}; left: {one.left}" for one in due if one.left]
    timed = [took[one.step.name] for one in todo if one.step.name in took]
    if todo:
        unknown = f", and {len(todo) - len(timed)} that never ran here" if len(timed) < len(todo) else ""
        lines.append(f"{len(todo)} to make: {sum(timed):.0f} minutes{unknown}")
    return "\n".join(lines)


def _minutes(value: float | None) -> str:
    return "" if value is None else f" ({value:.1f} min)"


def make(due: Sequence[Due], run: Run, minutes: Path, *, everything: bool = False) -> str | None:
    """Run the steps of a plan that are stale when their turn comes; returns which failed and how, None if none did.

    What a step before it changed may have been all that was stale, or nothing that it reads. ``run`` gives the exit
    status of a command; ``minutes``: where to record what each step took.
    """
    for one in due:
        step = one.step
        if one.left or not (everything or step.stale()):
            continue
        print(f"{step.name}: {shown(step)}", flush=True)
        start = time.monotonic()
        if status := run(step.command):
            return f"{step.name} failed with status {status}: {shown(step)}"
        step.then()
        if wrong := _unrecorded(step):
            return f"{step.name} ran and {wrong}: {shown(step)}"
        atomic.write_json(minutes, {**(read(minutes) or {}), step.name: round((time.monotonic() - start) / 60, 2)})
    return None


def _unrecorded(step: Step) -> str | None:
    """What is wrong with the records of a step that has run, if anything is."""
    if missing := [str(path) for path in step.records if not path.is_file()]:
        return f"left no {missing[0]}"
    why = step.stale()
    return f"is stale still: {why}" if why else None


def shown(step: Step) -> str:
    """A step's command as one types it."""
    return shlex.join(["python", *step.command])


def in_python(command: Sequence[str]) -> int:
    """Run a module of the project in this Python, in the project's folder; its exit status."""
    return subprocess.run([sys.executable, *command], check=False).returncode


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.remake", description=__doc__)
    parser.add_argument("--plan", "--dry-run", action="store_true", help="tell the plan, make nothing")
    parser.add_argument("--all", action="store_true", help="make everything anew, what is up to date too")
    parser.add_argument("--only", action="append", metavar="STEP", help="only steps whose name begins so; repeatable")
    add_data_dir(parser, "../shared/data")
    parser.add_argument("--weights", type=Path, help="folder of checkpoints (default: LINEUP_WEIGHTS, else weights/)")
    parser.add_argument("--scenes", type=Path, default=scene_sets.FOLDER, help="sets of scenes such as people send")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, run: Run = in_python, minutes: Path = MINUTES) -> int:
    """Tell the plan and follow it; 1 if a step failed, 2 if none is named so, 130 if it was interrupted."""
    options = _parse(argv)
    if options.weights:  # tables are of what that names, too, and so is what the commands are not told
        os.environ["LINEUP_WEIGHTS"] = str(options.weights)
    try:
        place = Place(options.data_dir, checkpoints.root(), options.scenes)
        known = steps(place)
        if options.only and not (known := [s for s in known if s.name.startswith(tuple(options.only))]):
            names = dict.fromkeys(step.name.split(" ")[0] for step in steps(place))
            print(f"no step's name begins with {', '.join(options.only)}; there are: {', '.join(names)}")
            return 2
        due = plan(known, everything=options.all)
        print(told(due, known, read(minutes) or {}), *filter(None, [missing_studies(place)]), sep="\n", flush=True)
        failed = None if options.plan else make(due, run, minutes, everything=options.all)
    except (checkpoints.CheckpointError, FileNotFoundError) as error:
        failed = str(error)
    except KeyboardInterrupt:
        print("interrupted; what was finished is up to date, and is not made again without --all")
        return 130
    if failed:
        print(failed)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
