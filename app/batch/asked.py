"""What a run asks of its pictures: which networks, told how, for which dataset."""

from dataclasses import dataclass
from pathlib import Path

from app.errors import one_of
from models import catalog, checkpoints
from models.datasets import DATASETS

TOGETHER = ("vote", "all")


@dataclass(frozen=True)
class Asked:
    """`model`: a network's name; "vote", what the seven say together; or "all", that and each of the seven."""

    model: str
    dataset: str

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that answer."""
        return tuple(catalog.ARCHITECTURES) if self.model in TOGETHER else (self.model,)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets that a picture may be found to be of."""
        return tuple(DATASETS) if self.dataset == "auto" else (self.dataset,)

    def wrong(self) -> str | None:
        """What is wrong with these names, if something is."""
        known = [*catalog.ARCHITECTURES, *catalog.EXTRAS, *TOGETHER]
        if self.model not in known:
            return one_of("network", self.model, known)
        if self.dataset not in ("auto", *DATASETS):
            return one_of("dataset", self.dataset, ["auto", *DATASETS])
        return None

    def digests(self, root: Path) -> dict[str, str | None]:
        """The SHA-256 of each checkpoint in `root` that answers depend on, in hex; None where there is none to use."""
        paths = {name: root / f"{name}{checkpoints.SUFFIX}" for name in ("auto", "gate")}
        for dataset in self.datasets:
            paths |= {f"{dataset}/{name}": checkpoints.path_for(dataset, name, root) for name in self.networks}
        return {name: _digest(path) for name, path in paths.items()}


def _digest(path: Path) -> str | None:
    try:
        return str(checkpoints.read_header(path)["digest"])
    except checkpoints.CheckpointError:
        return None
