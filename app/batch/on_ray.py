"""The same over Ray Data: one task reads the source on this machine, workers anywhere in the cluster classify.

Rows come back in order and are kept here, so that the cluster needs neither the source nor the output; of a worker that
dies Ray does the chunk again elsewhere.
"""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow
import ray
from ray.data.block import BlockMetadata
from ray.data.datasource import Datasource, ReadTask
from ray.exceptions import RayError

from app.batch import formats
from app.batch.asked import Asked
from app.batch.chunks import Chunk, Content, chunks
from app.batch.run import Classify, Told
from app.batch.sources import Place
from app.batch.work import Work
from app.errors import ApiError
from app.settings import Settings
from models import checkpoints

CHUNK_BYTES = 32 << 20  # of pictures in one chunk, about; it travels through the cluster's memory
SECRET = {"api_key", "admin_key"}  # what is told to a worker others in the cluster may read
BYTES, TEXTS = pyarrow.list_(pyarrow.large_binary()), pyarrow.list_(pyarrow.string())
Row = dict[str, Any]  # of Ray Data: a chunk, or a chunk's rows


def classifier(place: Place, settings: Settings, asked: Asked, digests: Mapping[str, str | None]) -> Classify:
    """Classifying on the cluster that this process is connected to, on each of its CPUs or GPUs; RuntimeError, in one
    line, where a worker cannot begin.
    """

    def classify(start: int) -> Iterator[Told]:
        logging.getLogger("ray.data").setLevel(
            logging.ERROR
        )  # it tells its plans, and each worker that it starts again
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        context.target_max_block_size = 1  # a chunk is a block, which one worker takes, and never several of them
        here = {"ray.io/node-id": ray.get_runtime_context().get_node_id()}
        read = ray.data.read_datasource(_Chunks(place, start), num_cpus=0, label_selector=here)
        told = read.map(
            _Worker,
            fn_constructor_args=(_told(settings), asked, dict(digests)),
            **_each(settings),
        )
        try:
            for row in told.iter_rows():
                yield row["start"], list(map(json.loads, row["rows"].splitlines())), row["share"]
        except RayError as error:
            raise RuntimeError(_short(error)) from error

    return classify


def _told(settings: Settings) -> dict[str, Any]:
    """What workers are told of the settings: no secrets, and no path that each would seek in a folder of its own."""
    absolute = settings.model_copy(update={"weights": settings.weights and settings.weights.absolute()})
    return absolute.model_dump(exclude=SECRET)


def _short(error: RayError) -> str:
    """What a worker or the reading task raised, in one line: Ray tells it after all the places it came through."""
    return re.sub(r"^[\w.]+Error: ", "", (str(error).strip() or type(error).__name__).splitlines()[-1])


def _each(settings: Settings) -> dict[str, Any]:
    """How many workers there are, and what each has: a GPU where there are any and the settings allow it, or a CPU."""
    found = ray.cluster_resources()
    if gpus := int(found.get("GPU", 0)) if settings.device != "cpu" and settings.backend != "onnxruntime" else 0:
        return {"num_gpus": 1, "num_cpus": 1, "compute": ray.data.ActorPoolStrategy(min_size=1, max_size=gpus)}
    cpus = max(1, int(found.get("CPU", 1)))
    return {"num_cpus": 1, "compute": ray.data.ActorPoolStrategy(min_size=1, max_size=cpus)}


class _Chunks(Datasource):
    """The chunks of a source from a picture on, read by one task that gives them one after the other."""

    def __init__(self, place: Place, start: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._place, self._start = place, start

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(self, parallelism: int, *_: Any, **__: Any) -> list[ReadTask]:
        place, start = self._place, self._start

        def read() -> Iterator[pyarrow.Table]:
            # A folder as the driver has listed it: what has come or gone since would shift the rows of another walk.
            for chunk in chunks(place.open(walk=False), start, CHUNK_BYTES):
                yield _packed(chunk)

        return [ReadTask(read, BlockMetadata(None, None, None, None))]


class _Worker:
    """Intake and networks of one worker, for one thread; their checkpoints are those of whoever began the run."""

    def __init__(self, settings: Mapping[str, Any], asked: Asked, digests: Mapping[str, str | None]) -> None:
        chosen = Settings.model_construct(**{**settings, "threads": 1})
        found = asked.digests(checkpoints.root(chosen.weights))
        if other := [name for name, digest in digests.items() if found[name] != digest]:
            raise RuntimeError(
                f"the checkpoint of {other[0]} on {os.uname().nodename} is another than where this began"
            )
        self._work = Work(chosen, asked)
        if lost := [why for name, why in self._work.lacking.items() if digests[name] is not None]:
            self._work.close()  # else its votes would be those of fewer networks than other workers'
            raise RuntimeError(
                f"on {os.uname().nodename} {lost[0]}; every worker needs each network that has a checkpoint where this "
                "began: see to it there, or take the node out of the cluster"
            )

    def __call__(self, row: Row) -> Row:
        chunk = _unpacked(row)
        told = b"".join(map(formats.line, self._work(chunk)))
        return {"start": chunk.start, "rows": told, "share": chunk.share}


def _packed(chunk: Chunk) -> pyarrow.Table:
    """A chunk as a row: no row is ever torn apart."""
    refused = [None if isinstance(one, bytes) else one for one in chunk.contents]
    columns: dict[str, tuple[Any, pyarrow.DataType]] = {
        "start": (chunk.start, pyarrow.int64()),
        "share": (chunk.share, pyarrow.float64()),
        "names": ([name.encode("utf-8", "surrogateescape") for name in chunk.names], BYTES),
        "contents": ([one if isinstance(one, bytes) else b"" for one in chunk.contents], BYTES),
        "codes": ([error.code if error else "" for error in refused], TEXTS),
        "messages": ([error.message if error else "" for error in refused], TEXTS),
    }
    return pyarrow.table({name: pyarrow.array([value], kind) for name, (value, kind) in columns.items()})


def _unpacked(row: Row) -> Chunk:
    told = zip(row["contents"], row["codes"], row["messages"], strict=True)
    contents: list[Content] = [ApiError(code, message) if code else data for data, code, message in told]
    names = [name.decode("utf-8", "surrogateescape") for name in row["names"]]
    return Chunk(row["start"], names, contents, row["share"])
