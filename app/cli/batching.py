"""`lineup batch`: many pictures in one run, from a folder, an archive or a list to a table."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.cli.output import complain, printable
from app.cli.usage import WrongUsage, settings_of

if TYPE_CHECKING:
    from app.batch.asked import Asked
    from app.batch.partial import Partial
    from app.batch.run import Classify, Outcome
    from app.batch.sources import Place, Source
    from app.settings import Settings

TOLD = """
SOURCE is a folder (with all in it), a .zip or .tar (.tar.gz, .tar.bz2, .tar.xz), or a list in .csv or .parquet with a
column of paths, relative to the list (of bytes, too, in Parquet). --out ends in .parquet, .csv or .jsonl.

One row a picture, in the source's order: picture, dataset, dataset_confidence, in_distribution, in_distribution_score,
reason, label, index, confidence, probabilities (a list; in CSV probabilities_0 to _9), error_code, error_message; with
--model vote also votes and of, and probabilities are those of all together; with --model all also NETWORK_label,
_index, _confidence and _probabilities of each. What cannot be read is a row with an error, and the exit code then 1,
as it is where a network's answer is missing from a vote (of is lower there).

A run that was ended, however that was, goes on where it was when the same command is given again: until the output is
there its rows are in FILE.partial.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.epilog, parser.formatter_class = TOLD, argparse.RawDescriptionHelpFormatter
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder, zip, tar, CSV or Parquet")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="answers.parquet, .csv or .jsonl")
    parser.add_argument(
        "--model", default="resnet18", help="a network (default: resnet18), vote, or all: each and vote"
    )
    parser.add_argument("--dataset", default="auto", help="auto (default), mnist or fashion-mnist")
    parser.add_argument("--column", default="path", help="of a list: where paths or bytes are (default: path)")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:1 (default: LINEUP_DEVICE, else auto)")
    parser.add_argument("--ray", metavar="ADDRESS", help="on a Ray cluster: host:port, auto, or local: one of its own")
    parser.add_argument("--force", action="store_true", help="write FILE anew where it is there")
    parser.add_argument("--fresh", action="store_true", help="throw away what an ended run has left")


def run(options: argparse.Namespace) -> int:
    """Classify all pictures; 1 where one has no answer, or the run failed. Raises WrongUsage."""
    from app.batch import partial
    from app.batch.asked import Asked
    from app.batch.pictures import SourceError

    asked = Asked(options.model, options.dataset)
    if wrong := asked.wrong():
        raise WrongUsage(wrong)
    settings = settings_of(device=options.device)
    try:
        return _run(options, settings, asked)
    except (partial.PartialError, SourceError, RuntimeError, FileNotFoundError) as error:
        complain(str(error))
    except OSError as error:  # no room on the disk, say
        kept = f"; {_goes_on(options.out)}" if partial.is_begun(options.out) else ""
        complain(f"{error.filename or options.out}: {error.strerror}{kept}")
    return 1


def _run(options: argparse.Namespace, settings: "Settings", asked: "Asked") -> int:
    from app.batch import formats
    from app.batch.partial import Partial
    from app.batch.run import Outcome, finish
    from app.batch.sources import Place
    from app.cluster import ray_version

    out = options.out
    if options.ray:
        ray_version.check()
    if missing := formats.lacks(out) or formats.lacks(options.source):
        raise RuntimeError(missing)
    _check_out(out, force=True)
    with Partial(out, fresh=options.fresh) as partial:
        left = partial.finished()
        # What it may have left is not in the way of the same command, which is known once the source is open.
        _check_out(out, force=options.force or left is not None)
        # On a cluster others open it, in folders of their own.
        listing = partial.listing.absolute()
        place = Place(options.source.absolute(), options.column, settings.max_upload_bytes, listing)
        source = place.open()
        question = _question(settings, asked, source)
        if left is not None and left.asked == question:
            print(printable(f"{out} was whole already"))
            return _summary(out, Outcome(**left.told))
        _check_out(out, force=options.force)
        _classify(options, settings, asked, place, source, question, partial)
        return _summary(out, finish(partial, asked))


def _check_out(out: Path, *, force: bool) -> None:
    from app.batch.run import out_problem

    if (wrong := out_problem(out, force=force)) is not None:
        raise WrongUsage(wrong)


def _question(settings: "Settings", asked: "Asked", source: "Source") -> dict[str, Any]:
    """All that rows depend on; JSON-able."""
    from models import checkpoints

    return {
        "source": source.identity,
        "model": asked.model,
        "dataset": asked.dataset,
        "checkpoints": asked.digests(checkpoints.root(settings.weights)),
        "limits": {"max_pixels": settings.max_pixels, "max_upload_bytes": settings.max_upload_bytes},
    }


def _classify(
    options: argparse.Namespace,
    settings: "Settings",
    asked: "Asked",
    place: "Place",
    source: "Source",
    question: dict[str, Any],
    partial: "Partial",
) -> None:
    """All that is not in `partial` yet."""
    from app.batch.run import Progress, keep
    from app.cli.batch_progress import shown

    if before := partial.begin(question):
        print(f"{before:,} pictures are there already; going on from there")
    digests = question["checkpoints"]
    try:
        with _classifier(options, settings, asked, place, source, digests) as classify, shown() as tell:
            keep(classify, partial, Progress(before, before), tell)
    except KeyboardInterrupt:
        print("\n" + printable(f"stopped; {_goes_on(partial.out)}"), file=sys.stderr)
        raise


@contextlib.contextmanager
def _classifier(
    options: argparse.Namespace,
    settings: "Settings",
    asked: "Asked",
    place: "Place",
    source: "Source",
    digests: dict[str, Any],
) -> "Iterator[Classify]":
    """What classifies, on threads here or on a cluster, and is closed afterwards."""
    from app.batch import run, work
    from app.serving import threads

    if options.ray:
        from app.batch import cluster, on_ray

        for name in (name for name, digest in digests.items() if digest is None):
            complain(f"there is no checkpoint of {name} that could be used")
        with cluster.connected(options.ray):
            yield on_ray.classifier(place, settings, asked, digests)
        return
    with contextlib.closing(work.Work(settings, asked)) as here:
        for sentence in here.lacking.values():
            complain(sentence)
        yield run.here(here, source, threads.computing(settings), settings.max_held_bytes)


def _summary(out: Path, found: "Outcome") -> int:
    failed = sum(found.failed.values())
    if not found.answered + failed:
        complain(f"there was no picture; {out} has no rows")
        return 1
    told = f"{out}: {found.answered:,} pictures answered"
    if failed:
        told += f"; {failed:,} not: " + ", ".join(f"{code} {count:,}" for code, count in sorted(found.failed.items()))
    if found.dropped:
        told += f"; {found.dropped:,} answers of single networks are missing from the votes (of is lower there)"
    print(printable(told))
    return int(failed + found.dropped > 0)


def _goes_on(out: Path) -> str:
    return f"what is done is in {out}.partial, and the same command goes on from there"
