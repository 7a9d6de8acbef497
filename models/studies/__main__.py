"""``python -m models.studies [NAME ...] --data-dir ../shared/data``: run the studies, all where none is named, and
write ``weights/studies/NAME.json`` and ``.svg``. What each will cost is told first; with ``--dry-run`` that is all.

Every finished run is kept under ``runs/studies/``, and an interrupted command goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from models.arguments import whole
from models.data.idx import DataError
from models.data.place import add_data_dir
from models.datasets import UnknownName
from models.studies import experiment, record, registry
from models.studies.experiment import Bench
from models.studies.kept import Kept
from models.studies.runs import Data
from models.studies.study import Study

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    asked = _asked(arguments)
    torch.set_num_threads(asked.threads)
    try:
        studies = registry.choose(asked.names)
        if asked.from_records:
            for study in studies:
                print(f"{study.name}: {record.renew(study, asked.records)['sentence']}")
            return 0
        bench = None if asked.dry_run else Bench(Data.load(asked.data_dir), Kept(asked.runs))
        tell_cost(studies, asked.seeds)
        if bench:
            perform(studies, bench, asked.seeds, asked.records)
    except (UnknownName, DataError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on after the last finished run", file=sys.stderr)
        return 130
    return 0


def tell_cost(studies: Sequence[Study], seeds: int) -> None:
    """Print what each study costs on this machine, about, and all together."""
    total = 0.0
    for study in studies:
        seconds = experiment.cost(study, seeds)
        total += seconds
        print(f"{study.name}: about {seconds / 60:.1f} minutes of a core", flush=True)
    print(f"all: about {total / 60:.0f} minutes, less what is kept", flush=True)


def perform(studies: Sequence[Study], bench: Bench, seeds: int, folder: Path) -> None:
    """Run studies one after the other, and record each as it ends."""
    for study in studies:
        start = time.monotonic()
        told = record.write(study, experiment.perform(study, bench, seeds), bench.data, folder)
        print(f"{study.name}, {(time.monotonic() - start) / 60:.1f} minutes: {told['sentence']}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.studies", description="What each idea was worth.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(registry.STUDIES)}; default all")
    add_data_dir(parser)
    parser.add_argument("--seeds", type=whole(1), default=experiment.SEEDS, help="runs of each variant (default 3)")
    parser.add_argument("--threads", type=whole(1), default=1, help="of PyTorch (default 1: the networks are small)")
    parser.add_argument("--dry-run", action="store_true", help="tell what it will cost, and no more")
    parser.add_argument("--from-records", action="store_true", help="sentences and charts anew from recorded figures")
    parser.add_argument("--records", type=Path, default=record.FOLDER, help="where the records go")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "studies", help="where finished runs are kept")
    return parser


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for. The committed records stay as good as they are: fewer seeds are recorded elsewhere."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    runs = not (asked.dry_run or asked.from_records)
    if runs and asked.seeds < experiment.SEEDS and asked.records.resolve() == record.FOLDER.resolve():
        right = f"wanted {experiment.SEEDS} or more, or --records with another folder"
        parser.error(f"--seeds is {asked.seeds}, and {record.FOLDER} would be overwritten; {right}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
