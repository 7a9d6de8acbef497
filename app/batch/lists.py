"""Lists of pictures in CSV and Parquet: a column of paths, relative to the list; in Parquet also one of bytes."""

import csv
import io
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from app.batch.archives import identity_of
from app.batch.pictures import Picture, SourceError, broken, read_at_most, read_file

ROWS = 16  # of a Parquet file that are in memory at once: each may hold a picture
TEXT, BINARY = ({kind, f"large_{kind}", f"{kind}_view"} for kind in ("string", "binary"))  # Arrow's types


class Csv:
    """The paths in a column of a CSV file in UTF-8 with a head."""

    def __init__(self, path: Path, column: str, most_bytes: int) -> None:
        self._path, self._column, self._most_bytes = path, column, most_bytes
        self.identity: Mapping[str, Any] = identity_of("list", path) | {"column": column}
        self._size, self._read_so_far = path.stat().st_size, 0
        try:
            with _text(path) as text:
                _check(path, column, next(csv.reader(text), []))
        except csv.Error as error:
            raise SourceError(f"{path} cannot be read as CSV: {error}") from error

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """See Source."""
        return islice(self._pictures(), start, None)

    def share(self) -> float:
        """See Source."""
        return self._read_so_far / max(1, self._size)

    def _pictures(self) -> Iterator[Picture]:
        number = 0
        with _text(self._path) as text:
            rows = csv.DictReader(text)
            try:
                for number, row in enumerate(rows, 1):
                    self._read_so_far = text.buffer.tell()
                    yield _at(self._path, number, row.get(self._column), self._most_bytes)
            except csv.Error as error:
                told = f"the list cannot be read after {number} rows: {error}"
                yield broken(self._path.name, "undecodable", told)


def _text(path: Path) -> TextIO:
    """UTF-8, with names of files that are none as they are."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


class Parquet:
    """A column of a Parquet file: paths, bytes, or both as `datasets` of Hugging Face has them."""

    def __init__(self, path: Path, column: str, most_bytes: int) -> None:
        import pyarrow
        from pyarrow import parquet

        self._path, self._column, self._most_bytes = path, column, most_bytes
        self.identity: Mapping[str, Any] = identity_of("list", path) | {"column": column}
        self._at = 0
        try:
            self._file = parquet.ParquetFile(path)
            names = self._file.schema_arrow.names
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}") from error
        _check(path, column, names)
        kind = self._file.schema_arrow.field(column).type
        parts = _parts(kind)
        if not (_is(parts["bytes"], BINARY | {"null"}) if "bytes" in parts else _is(kind, TEXT | BINARY)):
            right = "it should hold strings (paths) or binary (the pictures themselves)"
            raise SourceError(f"the column {column!r} of {path} is of type {kind}; {right}")

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """See Source."""
        import pyarrow

        groups, before = self._from(start)
        rows = self._file.iter_batches(ROWS, row_groups=groups, columns=[self._column])
        self._at = before
        try:
            for batch in rows:
                for name, data in _rows(batch.column(0)):
                    self._at += 1
                    if self._at > start:
                        yield self._picture(self._at, name, data)
        except (pyarrow.ArrowException, OSError) as error:
            told = f"the list cannot be read after {self._at} rows: {error}"
            yield broken(self._path.name, "undecodable", told)

    def share(self) -> float:
        """See Source."""
        return float(self._at / max(1, self._file.metadata.num_rows))

    def _from(self, start: int) -> tuple[list[int], int]:
        """The row groups from that with the `start`-th row on, and how many rows are before them."""
        metadata, before, first = self._file.metadata, 0, 0
        while first < metadata.num_row_groups and before + metadata.row_group(first).num_rows <= start:
            before += metadata.row_group(first).num_rows
            first += 1
        return list(range(first, metadata.num_row_groups)), before

    def _picture(self, number: int, name: str | None, data: bytes | None) -> Picture:
        if data is None:
            return _at(self._path, number, name, self._most_bytes)
        return Picture(name or f"row {number}", partial(read_at_most, io.BytesIO(data), self._most_bytes))


def _is(kind: Any, names: set[str]) -> bool:
    """Whether a type, or that of a dictionary's values, is one of these."""
    from pyarrow import types

    return str(kind.value_type if types.is_dictionary(kind) else kind) in names


def _parts(kind: Any) -> dict[str, Any]:
    """The types of a struct's fields by their names; of any other type none."""
    from pyarrow import types

    return {field.name: field.type for field in kind} if types.is_struct(kind) else {}


def _rows(column: Any) -> Iterator[tuple[str | None, bytes | None]]:
    """Of each row of a column the path and the bytes, where it has them. Paths are as `_text` has them: that they are
    UTF-8 is what their writer says, and PyArrow itself would raise where one is not.
    """
    import pyarrow

    nothing, parts = pyarrow.nulls(len(column)), _parts(column.type)
    both = dict(zip(parts, column.flatten(), strict=True)) if parts else {"path": column, "bytes": column}
    named, held = both.get("path", nothing), both["bytes"]
    names = (named if _is(named.type, TEXT) else nothing).cast(pyarrow.large_binary()).to_pylist()
    pictures = (held if _is(held.type, BINARY) else nothing).to_pylist()
    for name, data in zip(names, pictures, strict=True):
        yield None if name is None else name.decode("utf-8", "surrogateescape"), data


def _at(path: Path, number: int, named: str | None, most_bytes: int) -> Picture:
    """The picture that a row of a list names."""
    if not named:
        return broken(f"row {number}", "not_found", f"row {number} of the list names no picture")
    return Picture(named, lambda: read_file(path.parent / named, most_bytes))


def _check(path: Path, column: str, names: list[str]) -> None:
    if column not in names:
        raise SourceError(
            f"no column {column!r} in {path}; there are: {', '.join(names) or 'none'}; name one: --column"
        )
