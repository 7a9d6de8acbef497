"""Others' browser code: what lies in the repository is what was recorded, and nothing else is taken for it."""

import base64
import copy
import hashlib
import io
import json
import os
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tools import vendor

FILES = {"LICENSE": b"do as you like", "one.js": b"export const one = 1;\n//# sourceMappingURL=one.js.map\n"}


def packed(files: dict[str, bytes]) -> bytes:
    """An archive as `npm pack` makes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def package() -> dict[str, Any]:
    """A package that was never fetched."""
    names = dict.fromkeys(FILES, "")
    return {"package": "one", "name": "one", "version": "1.0.0", "sha512": "", "to": "page/vendor", "files": names}


def test_what_lies_in_the_repository_is_what_was_recorded() -> None:
    packages = vendor.read()
    assert {package["package"] for package in packages} >= {"lit-html", "swagger-ui-dist", "axe-core"}
    assert vendor.problems(packages) == []
    for package in packages:
        assert "LICENSE" in package["files"]
        assert len(base64.b64decode(package["sha512"])) == 64


def test_no_map_is_promised_that_is_not_there_and_modules_find_each_other() -> None:
    """A browser with its tools open asks for the map; a module that is missing stops the page."""
    (lit,) = [package for package in vendor.read() if package["package"] == "lit-html"]
    scripts = list(vendor.folder(lit).rglob("*.js"))
    assert len(scripts) >= 5
    for script in scripts:
        text = script.read_text("utf-8")
        assert "sourceMappingURL" not in text
        for name in re.findall(r'(?:from|import)"([^"]+)"', text):
            assert (script.parent / name).is_file(), f"{script} imports {name}"


def test_an_archive_is_unpacked_and_its_checksums_recorded(tmp_path: Path, package: dict[str, Any]) -> None:
    data = packed(FILES | {"more.js": b"not asked for"})
    vendor.unpack(package, data, tmp_path)
    there = tmp_path / "page/vendor/one-1.0.0"
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        "LICENSE": b"do as you like",
        "one.js": b"export const one = 1;\n",
    }
    assert package["sha512"] == base64.b64encode(hashlib.sha512(data).digest()).decode()
    assert vendor.problems([package], tmp_path) == []


def test_another_archive_of_the_same_version_changes_nothing(tmp_path: Path, package: dict[str, Any]) -> None:
    vendor.unpack(package, packed(FILES), tmp_path)
    before = copy.deepcopy(package)
    with pytest.raises(vendor.Mismatch, match=r"one 1\.0\.0 has the sha512"):
        vendor.unpack(package, packed(FILES | {"one.js": b"steal()"}), tmp_path)
    assert package == before
    assert vendor.problems([package], tmp_path) == []


def test_a_file_that_the_archive_lacks_is_named(tmp_path: Path, package: dict[str, Any]) -> None:
    with pytest.raises(vendor.Mismatch, match=r"package/one\.js"):
        vendor.unpack(package, packed({"LICENSE": b""}), tmp_path)


def test_what_differs_is_told(tmp_path: Path, package: dict[str, Any]) -> None:
    vendor.unpack(package, packed(FILES), tmp_path)
    there = tmp_path / "page/vendor/one-1.0.0"
    (there / "LICENSE").unlink()
    (there / "one.js").write_text("export const one = 2;\n")
    (there / "two.js").write_text("")
    (there.parent / "one-0.9.0").mkdir()
    told = "\n".join(vendor.problems([package], tmp_path))
    for expected in (
        "LICENSE is missing",
        "one.js has the sha256",
        "two.js is not in the record",
        "one-0.9.0 is of anot",
    ):
        assert expected in told
    assert len(told.splitlines()) == 4


@pytest.mark.parametrize("broken", ["write_bytes", "rename"])
def test_what_lay_there_stays_where_its_replacement_cannot_be_written(
    broken: str, tmp_path: Path, package: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = getattr(Path, broken)

    def full(path: Path, *given: object) -> None:
        if path.name in ("new", "one.js"):  # the folder that is made beside the old one, and the last file in it
            raise OSError(28, "No space left on device")
        done(path, *given)

    data = packed(FILES)
    vendor.unpack(package, data, tmp_path)
    before = copy.deepcopy(package)
    monkeypatch.setattr(Path, broken, full)
    with pytest.raises(OSError, match="No space left"):
        vendor.unpack(package, data, tmp_path)
    assert package == before
    assert vendor.problems([package], tmp_path) == []
    assert [path.name for path in (tmp_path / "page/vendor").iterdir()] == ["one-1.0.0"]


@pytest.fixture
def record(tmp_path: Path, package: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of two packages that were never fetched, and an npm that gives the archives in tmp_path/registry."""
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(
        f"#!{sys.executable}\nimport shutil, sys\nshutil.copy('{tmp_path}/registry/' + sys.argv[-1], 'p.tgz')\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent), prepend=os.pathsep)
    (tmp_path / "registry").mkdir()
    for name in ("one@1.0.0", "two@1.0.0"):
        (tmp_path / "registry" / name).write_bytes(packed(FILES))
    place = tmp_path / "vendored.json"
    place.write_text(json.dumps([package, package | {"package": "two", "name": "two"}]))
    return place


def test_everything_recorded_is_fetched_and_its_checksums_kept(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vendor.main([], record, tmp_path) == 0
    assert "2 packages are as recorded" in capsys.readouterr().out
    for package in vendor.read(record):
        assert package["sha512"]
        assert all(package["files"].values())
    assert vendor.main(["--check"], record, tmp_path) == 0
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_the_alarm_is_one_line_and_ends_with_1_and_what_came_before_it_is_recorded(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert vendor.main([], record, tmp_path) == 0
    one, two = vendor.read(record)
    record.write_text(json.dumps([one | {"sha512": ""}, two]))
    (tmp_path / "registry" / "two@1.0.0").write_bytes(packed(FILES | {"one.js": b"steal()"}))
    capsys.readouterr()
    assert vendor.main([], record, tmp_path) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("two 1.0.0 has the sha512 ")
    assert two["sha512"] in err
    assert "nothing was taken" in err
    assert vendor.read(record) == [one, two]
    assert vendor.main(["--check"], record, tmp_path) == 0
