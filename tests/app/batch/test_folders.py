"""A folder's pictures, in an order that is the same again, whatever else is in it."""

import os

import pytest

from app.batch import folders
from app.batch.folders import Folder
from app.errors import ApiError

MOST = 1000


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "pictures"
    for name in ("b.png", "a/deep/c.jpg", "a/A.PNG", "notes.txt", ".hidden.png", ".git/x.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def open_folder(root):
    return Folder(root, MOST, root.parent / "listing")


def names(source, start=0):
    return [picture.name for picture in source.pictures(start)]


@pytest.mark.parametrize("run", [1, 2, 100])
def test_pictures_come_by_name_however_many_are_sorted_at_once(root, monkeypatch, run):
    monkeypatch.setattr(folders, "RUN", run)
    source = open_folder(root)
    assert names(source) == ["a/A.PNG", "a/deep/c.jpg", "b.png"]
    assert names(source, 2) == ["b.png"]
    assert [picture.read() for picture in source.pictures()] == [b"a/A.PNG", b"a/deep/c.jpg", b"b.png"]
    assert source.share() == 1
    assert {path.name for path in root.parent.iterdir()} == {"pictures", "listing"}


def test_strange_names_are_read(root):
    for name in (b"line\nbreak.png", b"latin-\xe9.png", "汉字.png".encode()):
        (root / os.fsdecode(name)).write_bytes(name)
    source = open_folder(root)
    found = {os.fsencode(picture.name): picture.read() for picture in source.pictures()}
    assert len(found) == 6
    assert all(data == name for name, data in found.items())


def test_links_are_read_but_folders_that_are_links_are_not_entered(root):
    (root / "linked.png").symlink_to(root / "b.png")
    (root / "round").symlink_to(root)
    (root / "gone.png").symlink_to(root / "nothing")
    found = {picture.name: picture for picture in open_folder(root).pictures()}
    assert set(found) == {"a/A.PNG", "a/deep/c.jpg", "b.png", "linked.png", "gone.png"}
    assert found["linked.png"].read() == b"b.png"
    with pytest.raises(ApiError, match="No such file") as error:
        found["gone.png"].read()
    assert error.value.code == "not_found"


def test_a_pipe_is_not_waited_for_and_a_large_file_not_read(root):
    os.mkfifo(root / "pipe.png")
    (root / "large.png").write_bytes(b"0" * (MOST + 1))
    found = {picture.name: picture for picture in open_folder(root).pictures()}
    codes = {}
    for name in ("pipe.png", "large.png"):
        with pytest.raises(ApiError) as error:
            found[name].read()
        codes[name] = error.value.code
    assert codes == {"pipe.png": "not_found", "large.png": "too_large"}


def test_a_folder_that_cannot_be_looked_into_is_told(root, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):  # root may look into every folder
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = {picture.name: picture for picture in open_folder(root).pictures()}
    assert set(found) == {"a/A.PNG", "a/deep", "b.png"}
    with pytest.raises(ApiError, match="cannot look into the folder: Permission denied"):
        found["a/deep"].read()


def test_a_listing_that_is_there_is_read_without_a_walk(root):
    before = open_folder(root)
    (root / "a" / "between.png").write_bytes(b"new")
    (root / "b.png").unlink()
    again = Folder(root, MOST, root.parent / "listing", walk=False)
    assert again.identity == before.identity
    assert names(again) == ["a/A.PNG", "a/deep/c.jpg", "b.png"]
    assert again.share() == 1


@pytest.mark.parametrize("change", ["more", "fewer", "other"])
def test_a_folder_that_changes_is_another_source(root, change):
    before = open_folder(root).identity
    assert open_folder(root).identity == before
    if change == "more":
        (root / "d.png").write_bytes(b"d")
    elif change == "fewer":
        (root / "b.png").unlink()
    else:
        (root / "b.png").write_bytes(b"other")
    assert open_folder(root).identity != before
