"""The table as a file of each kind: the same rows, nulls where there is nothing."""

import csv
import json

import pytest
from pyarrow import parquet

from app.batch import formats
from app.batch.asked import Asked
from app.batch.rows import columns

COLUMNS = columns(Asked("vote", "auto"))
CHANCES = [0.91] + [0.01] * 9
ROWS = [
    {"picture": "汉字,\n\udcff.png", "dataset": "mnist", "in_distribution": True, "label": "0", "index": 0,
     "confidence": 0.91, "probabilities": CHANCES, "votes": 6, "of": 7},
    {"picture": "b.png", "error_code": "undecodable", "error_message": 'it is "damaged"'},
]  # fmt: skip
SHOWN = "汉字,\n\\udcff.png"


def written(path, rows=ROWS):
    with path.open("wb") as file, formats.table(file, path.suffix, COLUMNS) as table:
        for row in rows:
            table.write(row)
    return path


def test_lines_of_json_have_every_column(tmp_path):
    lines = written(tmp_path / "x.jsonl").read_text().splitlines()
    assert [list(json.loads(line)) for line in lines] == [list(COLUMNS)] * 2
    assert [{name: value for name, value in json.loads(line).items() if value is not None} for line in lines] == ROWS


def test_csv_has_a_column_for_each_probability(tmp_path):
    with written(tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        head, first, second = csv.reader(file)
    assert len(head) == len(COLUMNS) + 9
    found = dict(zip(head, first, strict=True))
    assert found["picture"] == SHOWN
    assert [float(found[f"probabilities_{n}"]) for n in range(10)] == CHANCES
    assert (found["votes"], found["error_code"], found["in_distribution"]) == ("6", "", "True")
    assert dict(zip(head, second, strict=True))["error_message"] == 'it is "damaged"'


@pytest.mark.parametrize("group", [1, 8192])
def test_parquet_has_types_and_lists(tmp_path, monkeypatch, group):
    monkeypatch.setattr(formats, "GROUP", group)
    table = parquet.read_table(written(tmp_path / "x.parquet"))
    assert table.column_names == list(COLUMNS)
    first, second = table.to_pylist()
    assert first == dict.fromkeys(COLUMNS) | ROWS[0] | {"picture": SHOWN}
    assert second == dict.fromkeys(COLUMNS) | ROWS[1]
    assert str(table.schema.field("index").type) == "int64"


@pytest.mark.parametrize("suffix", formats.SUFFIXES)
def test_a_table_without_rows_has_its_columns(tmp_path, suffix):
    path = written(tmp_path / f"x{suffix}", [])
    if suffix == ".parquet":
        assert parquet.read_table(path).column_names == list(COLUMNS)
    else:
        assert path.read_text().startswith("picture,dataset" if suffix == ".csv" else "")
