"""What a processor's flags decide."""

import pytest

from models.compiled import forms

EPYC = "fpu sse sse2 avx2 avx512f avx512dq avx512bw avx512_bf16 avx512_vnni vaes"
ALDER = "fpu sse2 avx2 avx_vnni"
OLD = "fpu sse2 ssse3 sse4_2 avx"


def cpuinfo(path, *flags: str):
    """As Linux writes it on x86, a part for each core."""
    part = "processor\t: {}\nvendor_id\t: x\nvmx flags\t: vnmi avx512_vnni\nflags\t\t: {}\nbugs\t\t: avx2\n\n"
    path.write_text("".join(part.format(core, each) for core, each in enumerate(flags)))
    return path


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (EPYC, "x86_64 avx2 avx512f avx512bw avx512_vnni"),
        (ALDER, "x86_64 avx2 avx_vnni"),
        (OLD, "x86_64"),
        ("xavx2 avx2x", "x86_64"),
    ],
)
def test_the_instruction_set_is_what_decides(flags, told, tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert forms.instruction_set(cpuinfo(tmp_path / "cpuinfo", flags, OLD)) == told


@pytest.mark.parametrize("text", ["", "flags\n", "flags\t:", "Features\t: fp asimd\n", "\ufffd\0"])
def test_a_file_that_tells_nothing(text, tmp_path, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "ARM64")
    (tmp_path / "cpuinfo").write_text(text)
    assert forms.instruction_set(tmp_path / "cpuinfo") == "arm64"
    assert forms.instruction_set(tmp_path / "none") == "arm64"
    monkeypatch.setattr("platform.machine", lambda: "")
    assert forms.instruction_set(tmp_path / "none") == "unknown"


@pytest.mark.parametrize(
    ("instructions", "narrow"),
    [
        ("x86_64 avx2 avx512f avx512bw avx512_vnni", False),
        ("x86_64 avx2 avx_vnni", False),
        ("x86_64 avx2 avx512f avx512bw", True),
        ("x86_64", True),
        ("amd64", True),  # Windows, of whose flags nothing is known
        ("aarch64", False),
        ("arm64", False),
        ("unknown", False),
    ],
)
def test_narrow_weights_where_sums_of_sixteen_bits_would_overflow(instructions, narrow):
    assert forms.usable(instructions) == ("float32", "int8-narrow" if narrow else "int8")


def test_this_machine_has_forms():
    first, second = forms.usable(forms.instruction_set())
    assert first == "float32"
    assert second in set(forms.FORMS) - {"float32"}
