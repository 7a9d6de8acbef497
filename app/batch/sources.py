"""Where pictures come from: what a source can do, and which one a path is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from app.batch.archives import Tar, Zip
from app.batch.folders import Folder
from app.batch.lists import Csv, Parquet
from app.batch.pictures import Picture, SourceError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
KINDS = f"a folder, or a file whose name ends in .zip, {', '.join(TARS)}, .csv or .parquet"


class Source(Protocol):
    """Pictures in an order that stays the same as long as `identity` does."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What tells this source, as it is now, from all others; JSON-able."""
        ...

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """The pictures from the `start`-th on. Nothing is raised for what is damaged: a broken picture stands there."""
        ...

    def share(self) -> float:
        """How much of the source has been read, 0 to 1."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a source is, and how it is to be read: which `column` of a list, at most how many bytes a picture, and
    where the listing of a folder is kept.
    """

    path: Path
    column: str
    most_bytes: int
    listing: Path

    def open(self, *, walk: bool = True) -> Source:
        """The source; without `walk` a folder as it is listed already. Raises SourceError or FileNotFoundError."""
        path, name = self.path, self.path.name.lower()
        if not path.exists():
            raise FileNotFoundError(f"there is no {path}; SOURCE is {KINDS}")
        if path.is_dir():
            return Folder(path, self.most_bytes, self.listing, walk=walk)
        if name.endswith(".zip"):
            return Zip(path, self.most_bytes)
        if name.endswith(TARS):
            return Tar(path, self.most_bytes)
        if name.endswith(".csv"):
            return Csv(path, self.column, self.most_bytes)
        if name.endswith(".parquet"):
            return Parquet(path, self.column, self.most_bytes)
        raise SourceError(f"{path} is no source of pictures; SOURCE is {KINDS}")
