"""Lists in CSV and Parquet: paths beside the list, pictures inside it, and rows that name nothing."""

import io
import os

import pyarrow
import pytest
from pyarrow import parquet

from app.batch import lists
from app.batch.lists import Csv, Parquet
from app.batch.pictures import SourceError
from tests.sources import told

MOST = 1000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("a.png", "b"):
        (tmp_path / "pictures" / name).write_bytes(name.encode())
    return tmp_path


def listed(folder, text):
    path = folder / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def packed(folder, values, column="path", **options):
    path = folder / "list.parquet"
    parquet.write_table(pyarrow.table({"n": list(range(len(values))), column: values}), path, **options)
    return path


def wanted(folder):
    return [
        ("pictures/a.png", b"a.png"),
        (str(folder / "pictures" / "b"), b"b"),
        ("pictures/a.png", b"a.png"),
        ("gone.png", "not_found"),
        ("row 5", "not_found"),
        ("pictures", "not_found"),
    ]


@pytest.mark.parametrize("start", [0, 1, 5])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_paths_are_relative_to_the_list_and_every_row_is_one(folder, kind, start):
    paths = ["pictures/a.png", str(folder / "pictures" / "b"), "pictures/a.png", "gone.png", None, "pictures"]
    if kind == "csv":
        rows = "".join(f"{n},{path or ''}\r\n" for n, path in enumerate(paths))
        source = Csv(listed(folder, "\ufeffn,path\r\n" + rows), "path", MOST)
    else:
        source = Parquet(packed(folder, paths, row_group_size=2), "path", MOST)
    assert told(source, start) == wanted(folder)[start:]
    assert source.share() == 1


@pytest.mark.parametrize("path", ["/dev/zero", "nul\0.png", "x" * 5000])
def test_paths_to_no_picture_are_errors_of_their_own(folder, path):
    assert told(Parquet(packed(folder, [path]), "path", MOST)) == [(path, "not_found")]


def test_another_column_can_be_named_and_a_wrong_one_is_told(folder):
    path = listed(folder, 'file,label\n"pictures/a.png",7\n')
    assert told(Csv(path, "file", MOST)) == [("pictures/a.png", b"a.png")]
    with pytest.raises(SourceError, match=r"no column 'path' in .*there are: file, label; name one: --column"):
        Csv(path, "path", MOST)
    with pytest.raises(SourceError, match="there are: n, path"):
        Parquet(packed(folder, ["a"]), "image", MOST)
    with pytest.raises(SourceError, match="there are: none"):
        Csv(listed(folder, ""), "path", MOST)


def test_names_of_files_need_not_be_unicode(folder):
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"1")
    assert told(Csv(listed(folder, b"path\n\xff.png\n"), "path", MOST)) == [(os.fsdecode(b"\xff.png"), b"1")]


TEXT = pyarrow.array([b"\xff.png", None, "\xe9.png".encode()]).view(pyarrow.string())  # as its writer says
NO_BYTES = pyarrow.nulls(3, pyarrow.binary())
COLUMNS = {
    **{str(kind): TEXT.cast(kind) for kind in (pyarrow.string(), pyarrow.large_string(), pyarrow.string_view())},
    "dictionary": TEXT.dictionary_encode(),
    "struct": pyarrow.StructArray.from_arrays([NO_BYTES, TEXT], ["bytes", "path"]),
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_names_in_parquet_need_not_be_unicode(folder, column):
    for name in (b"\xff.png", "\xe9.png".encode()):
        (folder / os.fsdecode(name)).write_bytes(name)
    first, last = (os.fsdecode(b"\xff.png"), b"\xff.png"), ("\xe9.png", "\xe9.png".encode())
    assert told(Parquet(packed(folder, column), "path", MOST)) == [first, ("row 2", "not_found"), last]


def test_a_column_whose_name_is_no_unicode_is_told(folder):
    path = packed(folder, ["a.png"], "image", store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"image", b"im\xffge"))
    with pytest.raises(SourceError, match=r"list.parquet cannot be read as Parquet: 'utf-8' codec"):
        Parquet(path, "n", MOST)


def test_a_list_that_breaks_off_says_so_after_what_could_be_read(folder):
    path = listed(folder, "path\npictures/a.png\n" + "x" * 200_000 + "\n")
    assert told(Csv(path, "path", MOST)) == [("pictures/a.png", b"a.png"), ("list.csv", "undecodable")]


def test_a_column_of_bytes_holds_the_pictures_themselves(folder, monkeypatch):
    monkeypatch.setattr(lists, "ROWS", 2)
    source = Parquet(packed(folder, [b"1", None, b"3" * (MOST + 1), b"4"], "image"), "image", MOST)
    assert told(source) == [("row 1", b"1"), ("row 2", "not_found"), ("row 3", "too_large"), ("row 4", b"4")]
    assert told(source, 3) == [("row 4", b"4")]


def test_pictures_as_hugging_face_has_them(folder):
    values = [{"bytes": b"1", "path": "one.png"}, {"bytes": b"2", "path": None}, {"bytes": None, "path": "pictures/b"}]
    found = told(Parquet(packed(folder, [*values, None], "image"), "image", MOST))
    assert found == [("one.png", b"1"), ("row 2", b"2"), ("pictures/b", b"b"), ("row 4", "not_found")]
    found = told(Parquet(packed(folder, values[2:], "image"), "image", MOST))
    assert found == [("pictures/b", b"b")], "bytes of which all are null have a type of their own"
    held = pyarrow.array([b"1", b"2", b"1"]).dictionary_encode()
    assert [one for _, one in told(Parquet(packed(folder, held, "image"), "image", MOST))] == [b"1", b"2", b"1"]


def test_columns_of_another_type_and_damaged_files_are_told(folder):
    with pytest.raises(SourceError, match=r"'n' of .* is of type int64; it should hold strings"):
        Parquet(packed(folder, ["a"]), "n", MOST)
    for wrong in ([["a"]], [{"path": "a"}], [{"bytes": 7}], [None]):
        with pytest.raises(SourceError, match="it should hold strings"):
            Parquet(packed(folder, wrong), "path", MOST)
    path = packed(folder, ["pictures/a.png"] * 100, compression="none", use_dictionary=False)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    with pytest.raises(SourceError, match="cannot be read as Parquet"):
        Parquet(path, "path", MOST)


def test_pages_that_are_damaged_end_the_list_with_an_error(folder):
    path = packed(folder, [f"{n}.png" for n in range(1000)], compression="zstd", use_dictionary=False)
    data = io.BytesIO(path.read_bytes())
    at = data.getvalue().rindex(b"\x28\xb5\x2f\xfd")  # how zstd's frames begin
    data.seek(at)
    data.write(b"\0" * 64)
    path.write_bytes(data.getvalue())
    assert told(Parquet(path, "path", MOST))[-1] == ("list.parquet", "undecodable")
