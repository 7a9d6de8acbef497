"""What `lineup batch` does a second, beside what intake and networks can do: ``python -m bench.batch``.

First the same pictures by turns: through a bare loop of `Intake.see_all` and `Engine.predict` on as many threads, and
through all that the command does with them, from the zip file to the table. Then a bulk run of the command itself
(`bench.bulk`) on digits and clothing with broken and large pictures among them, which is killed and begun again. Every
setting is its default, whatever the shell has set. Written to RECORD, where figures of networks that were not asked for
stay; those of another number of pictures are shown and not recorded.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from app.batch import run
from app.batch.asked import Asked
from app.batch.chunks import Chunk, chunks
from app.batch.partial import Partial
from app.batch.sources import Place
from app.batch.work import Work
from app.serving import threads
from app.serving.decoders import Decoders
from app.serving.engine import Engine
from app.serving.intake import Intake
from app.serving.opening import AT_ONCE
from app.settings import Settings
from bench import machine, names, recording, servers
from bench.bulk import bulk, pack
from models import catalog, checkpoints
from models.arguments import whole
from models.checkpoints import atomic
from models.data.idx import DataError
from models.data.place import add_data_dir
from models.datasets import DATASETS
from models.intake.pipeline import Seen

RECORD = Path(__file__).with_name("batch.json")
ROUNDS = 5


@contextmanager
def bare(settings: Settings, asked: Asked) -> Iterator[Callable[[list[Chunk]], None]]:
    """The loop that cannot be quicker: pictures at hand seen AT_ONCE at a time, and nothing done with the answers."""
    engine, intake = Engine(settings.model_copy(update={"networks": asked.model})), Intake(Decoders.of(settings))
    engine.configure()
    intake.load(engine.root())
    engine.load(engine.root())

    def ask(seen: list[Seen]) -> None:
        for dataset in DATASETS:
            own = [one for one in seen if one.dataset == dataset]
            for at in range(0, len(own), size := engine.max_batch(asked.model)):
                batch = own[at : at + size]
                as_sent = np.array([not one.as_it_was for one in batch])
                engine.predict(dataset, asked.model, np.stack([one.picture for one in batch]), as_sent)

    def loop(chunk: Chunk) -> None:
        seen: list[Seen] = []
        for at in range(0, len(chunk.contents), AT_ONCE):
            files = [(one, "auto", "auto") for one in chunk.contents[at : at + AT_ONCE]]
            found = intake.see_all(files, settings.max_pixels)  # type: ignore[arg-type]
            seen += [one for one in found if isinstance(one, Seen)]
        ask(seen)

    def measured(work: list[Chunk]) -> None:
        with ThreadPoolExecutor(threads.computing(settings)) as pool:
            list(pool.map(loop, work))

    try:
        yield measured
    finally:
        intake.close()


def beside(network: str, count: int, data_dir: Path) -> dict[str, Any]:
    """Pictures a second, and CPU milliseconds of one, of the bare loop and of the command's own way, by turns."""
    settings, asked = Settings(), Asked(network, "auto")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.zip"
        pack(path, count, data_dir)
        source = Place(path, "path", settings.max_upload_bytes, Path(folder) / "listing").open()
        work, read = Work(settings, asked), list(chunks(source, 0, 1 << 30))

        def command() -> None:
            with Partial(Path(folder) / "answers.jsonl") as partial:
                partial.begin({})
                classify = run.here(work, source, threads.computing(settings), settings.max_held_bytes)
                run.keep(classify, partial, run.Progress(), lambda now: None)
                run.finish(partial, asked)

        figures: dict[str, list[tuple[float, float]]] = {"bare loop": [], "lineup batch": []}
        with closing(work), bare(settings, asked) as loop:
            for _ in range(ROUNDS):
                figures["bare loop"].append(_timed(lambda: loop(read)))
                figures["lineup batch"].append(_timed(command))
    return {
        "pictures": count,
        "rounds": ROUNDS,
        "threads": threads.computing(settings),
        **{name: _told(found, count) for name, found in figures.items()},
    }


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    start, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - spent


def _told(found: list[tuple[float, float]], count: int) -> dict[str, float]:
    took, spent = (statistics.median(column) for column in zip(*found, strict=True))
    return {"pictures_s": round(count / took, 1), "cpu_ms": round(1e3 * spent / count, 3)}


def keep(record: Path | None, part: str, network: str, told: dict[str, Any]) -> None:
    """Print what was measured of a network and put it into the record, so that what fails after it costs nothing. Only
    for who holds the lock of measurements: another's figures would be lost.
    """
    if record is not None:
        found = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {"beside": {}, "bulk": {}}
        found[part][network] = told
        atomic.write_json(record, found)
    print(network, json.dumps(told), flush=True)


def circumstances(network: str) -> dict[str, Any]:
    """When, on what and of which checkpoints figures of a network are that are measured from now on."""
    digests = Asked(network, "auto").digests(checkpoints.root())
    versions = {name: version(name) for name in ("onnxruntime", "pillow", "numpy")}
    return {**machine.now(), "versions": versions, "of": {name: digest for name, digest in digests.items() if digest}}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and record, once no other measurement runs; 2 where the datasets are not there. SystemExit where
    an option is wrong.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:  # without a bulk run the record's own stays
        record = recording.place(parser, options, RECORD, ("pictures", "bulk") if options.bulk else ("pictures",))
        if wrong := Asked(options.bulk_network, "auto").wrong():
            raise ValueError(f"--bulk-network: {wrong}")
    except ValueError as error:
        parser.error(str(error))
    try:
        with machine.alone(), servers.nothing_set():
            for network in options.networks:
                told = circumstances(network) | beside(network, options.pictures, options.data_dir)
                keep(record, "beside", network, told)
            if options.bulk:
                told = circumstances(options.bulk_network)
                told |= bulk(options.bulk_network, options.bulk, options.data_dir)
                keep(record, "bulk", options.bulk_network, told)
    except DataError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    known = names.among([*catalog.ARCHITECTURES, *catalog.EXTRAS])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--networks",
        type=lambda told: known(told) if told else [],
        default=["lenet", "resnet18"],
        help="beside the bare loop, separated by commas; empty: none (default: lenet,resnet18)",
    )
    parser.add_argument("--pictures", type=whole(1), default=1000, help="for that (default: 1000)")
    parser.add_argument(
        "--bulk", type=whole(0), default=100_000, help="pictures of the bulk run; 0: none (default: 100000)"
    )
    parser.add_argument("--bulk-network", default="lenet", help="of the bulk run; also: vote, all (default: lenet)")
    add_data_dir(parser, "../shared/data")
    parser.add_argument("--record", type=Path, help=f"file to write (default: {RECORD.name} beside this script)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
