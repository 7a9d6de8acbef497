"""What Linux tells of a processor, and what is told where nothing does."""

import platform

import pytest

from models import processor
from models.processor import Processor


def test_of_several_it_is_the_first(tmp_path):
    parts = [
        "processor\t: 0\nmodel name\t: AMD EPYC: a\nflags\t\t: avx2 avx512_vnni\nbugs\t: x\n\n",
        "processor\t: 1\nmodel name\t: another\nflags\t\t: sse2\n\n",
    ]
    (tmp_path / "cpuinfo").write_text("".join(parts))
    assert processor.read(tmp_path / "cpuinfo") == Processor("AMD EPYC: a", frozenset({"avx2", "avx512_vnni"}))


@pytest.mark.parametrize("text", [None, "", "Features\t: fp asimd\n", "flags\n"])
def test_where_nothing_is_told_it_is_the_kind_of_machine(text, tmp_path):
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    assert processor.read(tmp_path / "cpuinfo") == Processor(platform.machine(), frozenset())
