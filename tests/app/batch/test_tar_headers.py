"""Tar files whose headers lie: they end what can be read, and neither the program nor the machine's memory."""

import gzip
import tarfile
from itertools import islice

import pytest

from app.batch.archives import MOST_HEADERS, Tar
from app.batch.pictures import SourceError
from app.errors import ApiError
from tests import allocated
from tests.sources import read, told

MOST = 10_000


def header(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


LONG_NAME = header("././@LongLink", 6, b"L") + b"b.png\0".ljust(512, b"\0")
ONE = header("a.png", 1) + b"1".ljust(512, b"\0")


def why_after_one(path, data, pack=bytes):
    """Why nothing is read of what follows a member."""
    path.write_bytes(pack(ONE + data))
    pictures = Tar(path, MOST).pictures()
    assert next(pictures).read() == b"1"
    with pytest.raises(ApiError, match="after 1 members: ") as caught:
        next(pictures).read()
    return str(caught.value)


def test_a_forged_header_is_not_held_in_memory(tmp_path):
    """A pax header, which tarfile would read whole, that claims gigabytes."""
    why = why_after_one(tmp_path / "x.tar", header("head", 6 << 30, tarfile.XHDTYPE) + bytes(4096))
    assert why.endswith(f": headers of more than {MOST_HEADERS} bytes")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
@pytest.mark.parametrize(
    "forged",
    [header("b.png", -1000), LONG_NAME + header("b.png", -1000), header("b.png", 2**70), LONG_NAME * 1500],
    ids=["negative", "negative with a long name", "endless", "headers without end"],
)
def test_a_forged_header_ends_the_archive_and_not_the_program(tmp_path, forged, pack):
    path = tmp_path / "x.tar"
    path.write_bytes(pack(ONE + forged + ONE + b"\0" * 1024))
    found = [(picture.name, read(picture)) for picture in islice(Tar(path, MOST).pictures(), 10)]
    assert [name for name, _ in found if name != "b.png"] == ["a.png", "x.tar"]
    assert (found[0][1], found[-1][1]) == (b"1", "undecodable")


def test_a_forged_header_at_the_start_is_no_archive(tmp_path):
    path = tmp_path / "x.tar"
    for forged in (header("b.png", -1000), LONG_NAME * 1500):
        path.write_bytes(forged + b"\0" * 1024)
        with pytest.raises(SourceError, match="cannot be read as a tar file"):
            Tar(path, MOST)


def sparse(size=0, whole=0):
    """The header of a member with holes, whose map goes on behind it."""
    made = bytearray(header("b.png", size, tarfile.GNUTYPE_SPARSE))
    made[482:495] = b"\1%011o\0" % whole
    made[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(made))[0]
    return bytes(made)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
def test_a_sparse_member_whose_map_has_no_end_is_not_held_in_memory(tmp_path, pack):
    """Each 512 bytes of it tell of 21 pieces, and that there are more; tarfile makes kilobytes of them."""
    more = (b"00000000001\0" * 42 + b"\1").ljust(512, b"\0")
    why = why_after_one(tmp_path / "x.tar", sparse() + more * (MOST_HEADERS // 512), pack)
    assert why.endswith(f": headers of more than {MOST_HEADERS} bytes")


def test_a_sparse_member_whose_map_is_cut_off_is_told(tmp_path):
    assert why_after_one(tmp_path / "x.tar", sparse()).endswith(": a member's headers are cut off")
    (tmp_path / "y.tar").write_bytes(sparse())
    with pytest.raises(SourceError, match="cannot be read as a tar file: a member's headers are cut off"):
        Tar(tmp_path / "y.tar", MOST)


def test_a_member_that_ends_before_it_begins_is_told_by_what_it_says(tmp_path):
    by_tarfile = ": what follows is no member"  # as later versions of Python take it
    why = why_after_one(tmp_path / "x.tar", header("b.png", -1000))
    assert why.endswith((": the member 'b.png' has -1000 bytes", by_tarfile))
    why = why_after_one(tmp_path / "x.tar", sparse(-2000, 100) + bytes(1024))
    assert why.endswith((": the member 'b.png' ends before it begins", by_tarfile))


def pax(body, kind=tarfile.XHDTYPE):
    return header("pax", len(body), kind) + body + bytes(-len(body) % 512)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"2 " * 4000 + b"=\n", "says that it has '2' bytes; it has 8002 at least"),
        (b"900 path=x.png\n", "says that it has '900' bytes; it has 10 at least, and 512 are left"),
        (b"312 a=" + b"1" * 305 + b"\n", "more than 255 digits in a row"),
    ],
    ids=["shorter than its keyword", "longer than the header", "digits"],
)
def test_a_pax_header_costs_no_more_than_its_length(tmp_path, kind, body, told):
    with allocated.at_most(5_000_000):
        assert told in why_after_one(tmp_path / "x.tar", pax(body, kind) + header("b.png", 0))


def test_pax_headers_for_all_members_are_not_kept_for_each(tmp_path):
    many = pax(b"".join(b"8 %04x=\n" % number for number in range(5000)), tarfile.XGLTYPE)
    (tmp_path / "x.tar").write_bytes(many + 100 * pax(b"14 path=c.png\n") + header("b.png", 0) + bytes(1024))
    with allocated.at_most(5_000_000):
        assert told(Tar(tmp_path / "x.tar", MOST)) == [("c.png", b"")]
