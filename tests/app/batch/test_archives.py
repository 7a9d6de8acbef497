"""Zip and tar files, whole and hostile: every picture is a row, nothing is unpacked, nothing grows."""

import io
import struct
import tarfile
import zipfile

import pytest

from app.batch.archives import Tar, Zip
from app.batch.pictures import SourceError
from tests import allocated
from tests.sources import told

MOST = 10_000
OTHERS = ("notes.txt", ".hidden.png", ".git/x.png", "__MACOSX/a.png", "no-ending")


def zipped(path, *members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return path


def tarred(path, *members, mode="w"):
    """A tar file of names with bytes, or TarInfos."""
    with tarfile.open(path, mode) as packed:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


@pytest.mark.parametrize("start", [0, 2])
def test_a_zip_gives_its_pictures_in_its_own_order(tmp_path, start):
    others = [(name, b"?") for name in OTHERS]
    pictures = [("b.png", b"1"), ("a/c.JPG", b"2"), ("b.heic", b"3")]
    path = zipped(tmp_path / "x.zip", ("a/", b""), *others, *pictures)
    source = Zip(path, MOST)
    assert told(source, start) == pictures[start:]
    assert source.share() == 1


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_a_zip_with_one_name_are_two_pictures(tmp_path):
    pictures = [("a.png", b"1"), ("a.png", b"2")]
    assert told(Zip(zipped(tmp_path / "x.zip", *pictures), MOST)) == pictures


@pytest.mark.parametrize("name", ["../../out.png", "/tmp/out.png", "C:\\out.png"])
def test_names_that_lead_elsewhere_are_only_told(tmp_path, name):
    inside = tmp_path / "one" / "two"
    inside.mkdir(parents=True)
    assert told(Zip(zipped(inside / "x.zip", (name, b"1")), MOST)) == [(name, b"1")]
    assert told(Tar(tarred(inside / "x.tar", (name, b"1")), MOST)) == [(name, b"1")]
    assert {path.name for path in tmp_path.rglob("*")} == {"one", "two", "x.zip", "x.tar"}


def test_a_bomb_costs_no_more_than_a_picture_may(tmp_path):
    bomb = b"\0" * 50_000_000
    path, packed = zipped(tmp_path / "x.zip", ("bomb.png", bomb), ("a.png", b"1")), tmp_path / "x.tar.gz"
    tarred(packed, ("bomb.png", bomb), ("a.png", b"1"), mode="w:gz")
    del bomb
    for source in (Zip(path, MOST), Tar(packed, MOST)):
        with allocated.at_most(5_000_000):
            assert told(source) == [("bomb.png", "too_large"), ("a.png", b"1")]


def patched(path, offset, value):
    """A zip file with other bytes at an offset of its only member's two headers."""
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\1\2")
    data[offset : offset + len(value)] = data[central + offset + 2 : central + offset + 2 + len(value)] = value
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("offset", "value"), [(6, b"\1\0"), (8, b"\x63\0"), (14, b"????")])
def test_a_member_that_is_encrypted_packed_strangely_or_damaged_is_an_error_of_its_own(tmp_path, offset, value):
    path = patched(zipped(tmp_path / "x.zip", ("a.png", b"1" * 100)), offset, value)
    assert told(Zip(path, MOST)) == [("a.png", "undecodable")]


def test_links_are_told_and_not_followed(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr(link, str(secret))
    assert told(Zip(tmp_path / "x.zip", MOST)) == [("link.png", "unsupported_type")]
    kinds = {"soft.png": tarfile.SYMTYPE, "hard.png": tarfile.LNKTYPE, "pipe.png": tarfile.FIFOTYPE}
    members = [special(name, kind, str(secret)) for name, kind in kinds.items()]
    packed = tarred(tmp_path / "x.tar", *members, special("folder.png", tarfile.DIRTYPE), ("a.png", b"1"))
    assert told(Tar(packed, MOST)) == [*((name, "unsupported_type") for name in kinds), ("a.png", b"1")]


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize("kind", ["", ".gz", ".bz2", ".xz"])
def test_a_tar_gives_its_pictures_in_its_own_order_packed_or_not(tmp_path, kind, start):
    pictures = [("b.png", b"1"), ("a/c.JPG", b"2"), ("b.png", b"3"), ("七" * 60 + "/4.png", b"4")]
    path = tmp_path / f"x.tar{kind}"
    tarred(path, *((name, b"?") for name in OTHERS), *pictures, mode=f"w:{kind[1:]}")
    source = Tar(path, MOST)
    assert told(source, start) == pictures[start:]
    assert source.share() == 1


@pytest.mark.parametrize("kind", ["", ".gz", ".xz"])
@pytest.mark.parametrize("left", [0.45, 0.75])
def test_a_tar_that_is_cut_off_says_so_after_what_was_whole(tmp_path, kind, left):
    path = tmp_path / f"x.tar{kind}"
    content = bytes(range(256)) * 3
    tarred(path, *((f"{n}.png", content) for n in range(20)), mode=f"w:{kind[1:]}")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * left)])
    found = told(Tar(path, MOST))
    assert all(name == f"{n}.png" for n, (name, _) in enumerate(found[:-1]))
    assert found[-1] == (path.name, "undecodable")


def test_what_follows_a_member_and_is_none_is_told(tmp_path):
    path = tarred(tmp_path / "x.tar", ("a.png", b"1"))
    path.write_bytes(path.read_bytes()[:1024] + b"garbage!" * 200)
    assert told(Tar(path, MOST)) == [("a.png", b"1"), ("x.tar", "undecodable")]


@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\3\4 cut", b"\x1f\x8bxxxx", b"BZhxx", struct.pack("600x")])
def test_what_is_no_archive_is_told_at_the_start_or_is_empty(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="cannot be read as a zip file"):
        Zip(path, MOST)
    if data.strip(b"\0"):
        with pytest.raises(SourceError, match="cannot be read as a tar file"):
            Tar(path, MOST)


def test_a_file_that_changes_is_another_source(tmp_path):
    path = zipped(tmp_path / "x.zip", ("a.png", b"1"))
    before = Zip(path, MOST).identity
    assert before == Zip(path, MOST).identity
    assert before != Zip(zipped(path, ("a.png", b"22")), MOST).identity
