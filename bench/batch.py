"""What `lineup batch` does a second, beside what intake and networks can do: ``python -m bench.batch``.

First the same pictures by turns: through a bare loop of `Intake.see_all` and `Engine.predict` on as many threads, and
through all that the command does with them, from the zip file to the table. Then a bulk run of the command itself on
digits and clothing with broken and large pictures among them, killed by SIGKILL and begun again; every row of what
comes out is looked at. Written to RECORD, where figures of networks that were not asked for stay; those of another
number of pictures are shown and not recorded.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

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
from bench import machine, recording
from bench.intake import drawing
from models.checkpoints import atomic
from models.data import idx
from models.data.place import add_data_dir
from models.datasets import DATASETS
from models.intake.pipeline import Seen

RECORD = Path(__file__).with_name("batch.json")
ROUNDS = 5
BROKEN_EACH, LARGE_EACH = 500, 1000  # one in so many
COMMAND = [sys.executable, "-c", "from app.cli import main; raise SystemExit(main())", "batch"]


def pack(path: Path, count: int, data_dir: Path) -> None:
    """A zip file of `count` pictures: three digits to two pieces of clothing as PNG, broken and large ones too."""
    sets = [iter(idx.read_split(DATASETS[name], "train", data_dir)[0]) for name in ("mnist", "fashion-mnist")]
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    odd = _png(noise)[:400], b"", b"no picture", b"\xff\xd8\xff damaged"
    large = io.BytesIO()
    drawing((3000, 2000), 90).save(large, "JPEG", quality=90)
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(count):
            if number % BROKEN_EACH == BROKEN_EACH // 2:
                data = odd[number // BROKEN_EACH % len(odd)]
            elif number % LARGE_EACH == LARGE_EACH // 3:
                data = large.getvalue()
            else:
                data = _png(next(sets[number % 5 > 2]))
            packed.writestr(f"{number // 1000:03}/{number:07}.png", data)


def _png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


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


def bulk(network: str, count: int, data_dir: Path, kills: tuple[float, ...] = (0.4,)) -> dict[str, Any]:
    """A run of the command on `count` pictures, killed each time that it has done such a share of them."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "pictures.zip", Path(folder) / "answers.jsonl"
        pack(source, count, data_dir)
        command = [*COMMAND, str(source), "--out", str(out), "--model", network]
        start, killed, peak = time.monotonic(), [], 0
        for share in (*kills, 2.0):
            kept, held, was_killed = _until(command, out, share * count)
            peak = max(peak, held)
            if not was_killed:  # it was done before it had to be killed
                break
            killed.append(kept)
        took = time.monotonic() - start
        with out.open("rb") as lines:
            found = _checked(map(json.loads, lines), source, network)
    return {"pictures": count, "killed_after": killed, "seconds": round(took), "peak_mb": peak, **found}


def _until(command: list[str], out: Path, pictures: float) -> tuple[int, int, bool]:
    """Run the command until it has kept so many rows, and kill it, or to its end: rows kept, its peak of memory in MB,
    and whether it was killed.
    """
    process, peak, kept = subprocess.Popen(command, stdout=subprocess.DEVNULL), 0, 0
    while process.poll() is None:
        peak = max(peak, machine.peak_mb(process.pid))
        kept = sum(int(part.stem.split("-")[1]) for part in out.with_name(f"{out.name}.partial").glob("*-*.jsonl"))
        if kept >= pictures:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.2)
    assert process.returncode in (-signal.SIGKILL, 1), process.returncode  # 1: there are broken pictures
    return kept, peak, process.returncode == -signal.SIGKILL


def _checked(rows: Iterator[dict[str, Any]], source: Path, network: str) -> dict[str, Any]:
    """Nothing is lost, doubled or out of order, and a sample is what an uninterrupted way says of it, one by one."""
    told = list(rows)
    errors = dict(Counter(row["error_code"] for row in told if row["error_code"]))
    with zipfile.ZipFile(source) as packed:
        assert [row["picture"] for row in told] == packed.namelist(), "rows are lost, doubled or out of order"
        sample = random.Random(0).sample(range(len(told)), min(500, len(told)))
        differ, most = 0, 0.0
        with closing(Work(Settings(), Asked(network, "auto"))) as work:
            for at in sample:
                row = work(Chunk(at, [told[at]["picture"]], [packed.read(told[at]["picture"])], 1.0))[0]
                assert row.get("label") == told[at]["label"], (row, told[at])
                assert row.get("error_code") == told[at]["error_code"], (row, told[at])
                chances = zip(row.get("probabilities") or [], told[at]["probabilities"] or [], strict=True)
                apart = max((abs(a - b) for a, b in chances), default=0.0)
                differ, most = differ + (apart > 0), max(most, apart)
    same = {"pictures": len(sample), "labels_differ": 0, "probabilities_differ": differ, "most": round(most, 5)}
    return {"rows": len(told), "errors": errors, "sample": same}


def keep(record: Path | None, part: str, network: str, told: dict[str, Any]) -> None:
    """Print what was measured of a network and put it into the record, so that what fails after it costs nothing. Only
    for who holds the lock of measurements: another's figures would be lost.
    """
    if record is not None:
        found = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {"beside": {}, "bulk": {}}
        found[part][network] = told
        atomic.write_json(record, found)
    print(network, json.dumps(told), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and record, once no other measurement runs. SystemExit where an option is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="lenet,resnet18", help="beside the bare loop (default: lenet,resnet18)")
    parser.add_argument("--pictures", type=int, default=1000, help="for that (default: 1000)")
    parser.add_argument("--bulk", type=int, default=100_000, help="pictures of the bulk run; 0: none (default: 100000)")
    parser.add_argument("--bulk-network", default="lenet")
    add_data_dir(parser, "../shared/data")
    parser.add_argument("--record", type=Path, help=f"file to write (default: {RECORD.name} beside this script)")
    options = parser.parse_args(argv)
    try:  # without a bulk run the record's own stays
        record = recording.place(parser, options, RECORD, ("pictures", "bulk") if options.bulk else ("pictures",))
    except ValueError as error:
        parser.error(str(error))
    with machine.alone():
        now = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "hardware": machine.hardware()}
        now |= {"versions": {name: version(name) for name in ("onnxruntime", "pillow", "numpy")}}
        for network in filter(None, options.networks.split(",")):
            told = {**beside(network, options.pictures, options.data_dir), "others_busy_cores": machine.busy_cores()}
            keep(record, "beside", network, told | now)
        if options.bulk:
            keep(record, "bulk", network := options.bulk_network, bulk(network, options.bulk, options.data_dir) | now)


if __name__ == "__main__":
    main()
