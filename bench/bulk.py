"""A bulk run of `lineup batch` that is killed by SIGKILL and begun again, and the pictures that it gets. Every row that
comes out is looked at.
"""

from __future__ import annotations

import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.batch.asked import Asked
from app.batch.chunks import Chunk
from app.batch.work import Work
from app.settings import Settings
from bench import machine
from bench.intake import drawing
from models.data import idx
from models.datasets import DATASETS

BROKEN_EACH, LARGE_EACH = 500, 1000  # one in so many
COMMAND = [sys.executable, "-c", "from app.cli import main; raise SystemExit(main())", "batch"]


def pack(path: Path, count: int, data_dir: Path) -> None:
    """A zip file of `count` pictures: three digits to two pieces of clothing as PNG, broken and large ones too.
    DataError where the datasets are not in `data_dir`.
    """
    sets = [_without_end(name, data_dir) for name in ("mnist", "fashion-mnist")]
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


def _without_end(dataset: str, data_dir: Path) -> Iterator[Any]:
    """Its training pictures, and again from the first one after the last."""
    try:
        return cycle(idx.read_split(DATASETS[dataset], "train", data_dir)[0])
    except FileNotFoundError as error:
        told = f"{error}; --data-dir names the folder that has {DATASETS[dataset].folder}/raw"
        raise idx.DataError(told) from error


def _png(picture: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


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
    try:
        while process.poll() is None and kept < pictures:
            time.sleep(0.2)
            peak = max(peak, machine.peak_mb(process.pid))
            kept = sum(int(part.stem.split("-")[1]) for part in out.with_name(f"{out.name}.partial").glob("*-*.jsonl"))
    finally:  # whatever ends this, the command does not go on by itself
        process.kill()
        process.wait()
    assert process.returncode in (-signal.SIGKILL, 0, 1), process.returncode  # 1: there are broken pictures
    return kept, peak, process.returncode == -signal.SIGKILL


def _checked(rows: Iterator[dict[str, Any]], source: Path, network: str) -> dict[str, Any]:
    """Nothing is lost, doubled or out of order, and an uninterrupted way gives a sample of them the same labels and
    errors, one by one; by how much its probabilities differ is told. AssertionError where it is otherwise.
    """
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
    same = {"pictures": len(sample), "probabilities_differ": differ, "most": round(most, 5)}
    return {"rows": len(told), "errors": errors, "sample": same}
