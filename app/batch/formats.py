"""The table of answers as a file: lines of JSON, CSV or Parquet, by its name's ending; written as rows come."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from app.batch.rows import CLASSES, Kind, Row

SUFFIXES = (".jsonl", ".csv", ".parquet")
GROUP = 8192  # rows of a Parquet file that are compressed together, and held in memory until then


class Table(Protocol):
    """Takes rows, one after the other."""

    def write(self, row: Row) -> None:
        """Append a row; columns that it lacks are null."""
        ...


def lacks(path: Path) -> str | None:
    """The extra's package that a file of this name needs and that is not here, with how to install it."""
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return f"{path.name} needs pyarrow; install it: python -m pip install -e '.[batch]'"
    return None


@contextmanager
def table(file: IO[bytes], suffix: str, columns: Mapping[str, Kind]) -> Iterator[Table]:
    """A table with these columns, written to an open file."""
    if suffix == ".parquet":
        yield from _parquet(file, columns)
    elif suffix == ".csv":
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        yield _Csv(text, columns)
        text.detach()
    else:
        yield _Lines(file, columns)


def line(row: Row) -> bytes:
    """A row as a line of JSON."""
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


class _Lines:
    def __init__(self, file: IO[bytes], columns: Mapping[str, Kind]) -> None:
        self._file, self._empty = file, dict.fromkeys(columns)

    def write(self, row: Row) -> None:
        self._file.write(line(self._empty | row))


class _Csv:
    """A list of probabilities is a column for each: probabilities_0 to probabilities_9."""

    def __init__(self, text: IO[str], columns: Mapping[str, Kind]) -> None:
        self._columns = columns
        self._writer = csv.writer(text)
        self._writer.writerow(
            name
            for column, kind in columns.items()
            for name in ([f"{column}_{i}" for i in range(CLASSES)] if kind == "numbers" else [column])
        )

    def write(self, row: Row) -> None:
        cells: list[Any] = []
        for column, kind in self._columns.items():
            value = row.get(column)
            cells += (value or [None] * CLASSES) if kind == "numbers" else [_printable(value)]
        self._writer.writerow(cells)


class _Parquet:
    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema, self._rows = writer, schema, list[Row]()

    def write(self, row: Row) -> None:
        self._rows.append({name: _printable(value) for name, value in row.items()})
        if len(self._rows) == GROUP:
            self.flush()

    def flush(self) -> None:
        import pyarrow

        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows.clear()


def _parquet(file: IO[bytes], columns: Mapping[str, Kind]) -> Iterator[Table]:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "yes or no": pyarrow.bool_(),
        "numbers": pyarrow.list_(pyarrow.float64()),
    }
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        found = _Parquet(writer, schema)
        yield found
        found.flush()


def _printable(value: Any) -> Any:
    """A name of a file that is no Unicode as text that can be written; anything else as it is."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
