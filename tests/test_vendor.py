"""Others' browser code: what lies in the repository is what was recorded, and nothing else is taken for it."""

import base64
import copy
import hashlib
import io
import re
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
