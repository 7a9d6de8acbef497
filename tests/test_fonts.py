"""What tools/fetch-fonts.sh does without npm, without a registry, and with one that has a single font."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "fetch-fonts.sh"
NEEDS = ("mkdir", "mktemp", "tar", "find", "sort", "cp", "rm", "wc", "gzip")
HAS_ONE = """#!/bin/sh
[ "$3" = @fontsource/caveat ] || exit 1
mkdir -p package/files && : > package/files/caveat-latin-400-normal.woff
tar czf caveat.tgz package && rm -r package && echo caveat.tgz
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the programs that the script runs, but no npm."""
    if missing := [name for name in (*NEEDS, "sh") if shutil.which(name) is None]:
        pytest.skip(f"not here: {', '.join(missing)}")
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDS:
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def fetch(programs: Path, fonts: Path) -> subprocess.CompletedProcess[str]:
    command = [str(shutil.which("sh")), str(SCRIPT), str(fonts)]
    return subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)


def with_npm(programs: Path, script: str) -> None:
    (programs / "npm").write_text(script)
    (programs / "npm").chmod(0o755)


def test_without_npm_it_says_so_and_makes_nothing(programs: Path, tmp_path: Path) -> None:
    done = fetch(programs, tmp_path / "fonts")
    assert done.returncode == 1
    assert "npm is not here" in done.stderr
    assert "apt install npm" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "fonts").exists()


def test_where_no_font_comes_it_fails_though_some_were_there(programs: Path, tmp_path: Path) -> None:
    with_npm(programs, "#!/bin/sh\nexit 1\n")
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts/old.woff").touch()
    done = fetch(programs, tmp_path / "fonts")
    assert done.returncode == 1
    assert "left out: @fontsource/caveat\n" in done.stdout
    assert "no font came; npm tells why: npm pack @fontsource/caveat" in done.stderr


def test_a_font_that_cannot_be_had_is_left_out(programs: Path, tmp_path: Path) -> None:
    with_npm(programs, HAS_ONE)
    done = fetch(programs, tmp_path / "fonts")
    assert (done.returncode, done.stderr) == (0, "")
    assert "left out: dseg\n" in done.stdout
    assert done.stdout.endswith(f"1 fonts in {(tmp_path / 'fonts').resolve()}\n")
    assert [path.name for path in (tmp_path / "fonts").iterdir()] == ["caveat-latin-400-normal.woff"]
