"""Feature maps: what a part of a network makes of a picture, on a thread of their own beside the networks' queues.

They come from a second graph of the network, in float32 on the CPU whatever answers: made and loaded when it is asked
for, and let go when others are asked for more lately. Networks that answer have none of this in their way but the core
that it takes.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable

from app.errors import ApiError
from app.serving import assemble, mosaic
from app.serving.answering import as_answers
from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.insides import Insides
from app.serving.mosaic import Normalise
from app.serving.networks import Networks
from app.serving.pool import Pool
from app.serving.shown import Shown, in_short
from models import checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import features
from models.compiled.features import FeatureMaps
from models.compiled.stages import Table
from models.intake.pipeline import Seen

log = logging.getLogger(__name__)

Opened = Callable[[Engine, str, str, str, Table], FeatureMaps]  # dataset, network, the digest of what answers
KEPT = 4  # graphs in memory: a few MB for LeNet and DenseNet, 25 to 45 for most, 90 for VGG-11


class Features(Insides):
    """Shows what is inside the networks; made and used within one event loop. `opened` gives a network's graph."""

    def __init__(self, networks: Networks, opened: Opened | None = None) -> None:
        super().__init__()
        self._networks = networks
        self._opened = opened or open_graph
        self._pool = Pool(1, 1, "features")
        self._graphs = Graphs(self._opened)

    def __len__(self) -> int:
        """How many pictures wait or are at work."""
        return len(self._pool)

    async def show(self, model: str, stage: str, seen: Seen, scale: int, normalise: Normalise, clock: Clock) -> Shown:
        """What a part of a network makes of a picture. Raises ApiError."""
        if problem := self._networks.problem(seen.dataset, model):
            raise problem.again()
        graphs, engine, table = self._graphs, self._networks.engine, self.table(model)
        asked = time.perf_counter()

        def work() -> Shown:
            begun = time.perf_counter()
            digest, maps = graphs.get(engine, seen.dataset, model, table)
            loaded = time.perf_counter()
            values = maps.of(seen.picture[None], stage)[0]
            ran = time.perf_counter()
            planes, chosen = values.reshape(mosaic.maps_of(values.shape)), mosaic.ranges(values.shape, normalise)
            png = assemble.png(mosaic.mosaic(mosaic.grey(planes, chosen), scale), 1)
            told = values.shape, in_short(planes), png, chosen, digest
            return Shown(*told, begun - asked, loaded - begun, ran - loaded, time.perf_counter() - ran)

        with as_answers(f"feature maps of {model}", clock):
            return await self._pool.run(work, clock.deadline, clock.party, _Nothing())

    def forget(self) -> None:
        """Let go of all graphs: other checkpoints answer now. What is at work goes on with its own."""
        self._graphs = Graphs(self._opened)

    async def close(self) -> None:
        """Let what is at work end, refuse what waits, and stop the thread."""
        await self._pool.close()


class Graphs:
    """The graphs that were asked for last, by dataset and network; used on one thread alone."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._kept: OrderedDict[tuple[str, str], FeatureMaps] = OrderedDict()

    def get(self, engine: Engine, dataset: str, model: str, table: Table) -> tuple[str, FeatureMaps]:
        """The digest of the checkpoint that answers, and its graph: loaded or made where it is not there. Raises
        ApiError where that cannot be.
        """
        digest, key = engine.digest(dataset, model), (dataset, model)
        if key not in self._kept:
            while len(self._kept) >= KEPT:  # before the next one takes its memory
                self._kept.popitem(last=False)
            self._kept[key] = self._opened(engine, dataset, model, digest, table)
        self._kept.move_to_end(key)
        return digest, self._kept[key]


def open_graph(engine: Engine, dataset: str, model: str, digest: str, table: Table) -> FeatureMaps:
    """Of the cache; else made of the checkpoint's file, which has to be the one that answers."""
    if found := features.find(dataset, model, digest, table):
        return found
    try:
        content = file_format.open_file(checkpoints.path_for(dataset, model, engine.root()))
        if content.header["digest"] == digest:
            return features.make(described(content), table)
        reason = "its file has been exchanged since it was loaded; load all checkpoints anew"
    except (OSError, checkpoints.CheckpointError) as error:
        log.error("no feature maps of %s for %s: %s", model, dataset, error)
        reason = "its file cannot be read any more, or not compiled; the service's log says more"
    raise ApiError("model_unavailable", f"there are no feature maps of {model} for {dataset}: {reason}")


class _Nothing:
    """What is held while a picture of 28x28 is at work: nothing that counts."""

    def hold(self) -> None:
        pass

    def release(self) -> None:
        pass
