"""Others' browser code in the repository, as tools/vendored.json records it: `python -m tools.vendor`, `make vendor`.

Fetches every package with `npm pack`, from the registry that npm is set to, compares it with the sha512 recorded, and
puts the files named, with their licence, where the record says, in place of what lay there. `--check` fetches nothing
and compares what lies there with the sha256 recorded. A new version: change `version`, empty its checksums (""), run.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tools" / "vendored.json"
SOURCE_MAP = re.compile(
    rb"\n(//|/\*)# sourceMappingURL=\S+?\s*(\*/)?\s*$"
)  # maps are not vendored: each would be a 404


class Mismatch(Exception):
    """What was fetched is not what was recorded."""


def read(record: Path = RECORD) -> list[dict[str, Any]]:
    """The packages recorded: `package`, `version`, `sha512` of npm's archive, the folder they lie in (`to`), and their
    `files`: path in the package -> sha256 of what lies there.
    """
    packages: list[dict[str, Any]] = json.loads(record.read_text("utf-8"))
    return packages


def folder(package: dict[str, Any], root: Path = ROOT) -> Path:
    """Where a package's files lie; its name ends in the version, so that no browser takes an old one from its cache."""
    return root / str(package["to"]) / f"{package['name']}-{package['version']}"


def problems(packages: list[dict[str, Any]], root: Path = ROOT) -> list[str]:
    """How what lies below `root` differs from the record, in words."""
    found: list[str] = []
    for package in packages:
        there = folder(package, root)
        others = [path for path in there.parent.glob(f"{package['name']}-*") if path != there]
        found += [f"{path} is of another version than {package['version']}" for path in sorted(others)]
        lying = {path.relative_to(there).as_posix() for path in there.rglob("*") if path.is_file()}
        found += [f"{there / name} is not in the record" for name in sorted(lying - package["files"].keys())]
        for name, expected in package["files"].items():
            if name not in lying:
                found.append(f"{there / name} is missing")
            elif (actual := hashlib.sha256((there / name).read_bytes()).hexdigest()) != expected:
                found.append(f"{there / name} has the sha256 {actual}; recorded is {expected or 'none'}")
    return found


def archive(package: dict[str, Any], into: Path) -> bytes:
    """npm's archive of a package, as its registry gives it."""
    wanted = f"{package['package']}@{package['version']}"
    try:
        subprocess.run(["npm", "pack", "--silent", wanted], cwd=into, check=True, stdout=subprocess.PIPE)
    except FileNotFoundError:
        raise SystemExit("npm is not here, which fetches the packages; on Debian and Ubuntu: apt install npm") from None
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"npm pack {wanted} ended with {error.returncode}") from None
    (found,) = into.glob("*.tgz")
    return found.read_bytes()


def unpack(package: dict[str, Any], data: bytes, root: Path = ROOT) -> None:
    """Put the files wanted of an archive where they belong; checksums that the record leaves empty are filled in.
    Raises Mismatch, and leaves everything as it was, where the archive is not the one recorded.
    """
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if package["sha512"] not in ("", digest):
        raise Mismatch(f"{package['package']} {package['version']} has the sha512 {digest}, not {package['sha512']}")
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        files = {name: _file(packed, package, f"package/{name}") for name in package["files"]}
    _replace(folder(package, root), files)
    package["sha512"] = digest
    package["files"] = {
        name: expected or hashlib.sha256(files[name]).hexdigest() for name, expected in package["files"].items()
    }


def _file(packed: tarfile.TarFile, package: dict[str, Any], name: str) -> bytes:
    """A file of a package's archive, without the comment that names its source map."""
    try:
        found = packed.extractfile(name)
    except KeyError:
        found = None
    if found is None:
        wanted = f"{package['package']}@{package['version']}"
        raise Mismatch(f"the archive has no file {name}; those that it has: npm pack --dry-run {wanted}")
    return SOURCE_MAP.sub(b"\n", found.read())


def _replace(there: Path, files: dict[str, bytes]) -> None:
    """Put a folder of those files in the place of one that may be there, which stays after an error."""
    there.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent, prefix=f".{there.name}.") as made:
        new, old = Path(made, "new"), Path(made, "old")
        for name, content in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        try:
            if there.exists():
                there.rename(old)
            new.rename(there)
        except BaseException:
            if old.exists() and not there.exists():
                old.rename(there)
            raise


def _keep(packages: list[dict[str, Any]], record: Path) -> None:
    """Put the record of those packages in the place of what it was, whole. Not by models.checkpoints.atomic: `make
    vendor` runs in any Python, and that wants numpy.
    """
    with tempfile.TemporaryDirectory(dir=record.parent, prefix=f".{record.name}.") as made:
        new = Path(made, "new")
        new.write_text(json.dumps(packages, indent=2) + "\n", "utf-8")
        new.replace(record)


def fetch(packages: list[dict[str, Any]], record: Path, root: Path) -> None:
    """Fetch every package, put its files where they belong and keep its checksums, one package after the other."""
    for package in packages:
        with tempfile.TemporaryDirectory() as made:
            unpack(package, archive(package, Path(made)), root)
        _keep(packages, record)


def main(argv: Sequence[str] | None = None, record: Path = RECORD, root: Path = ROOT) -> int:
    """Fetch, or check, everything recorded; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fetch nothing, compare what lies there with the record")
    check, packages = parser.parse_args(argv).check, read(record)
    try:
        if not check:
            fetch(packages, record, root)
    except Mismatch as error:
        print(f"{error}\nof this archive nothing was taken", file=sys.stderr)
        return 1
    found = problems(packages, root)
    print("\n".join(found) or f"{len(packages)} packages are as recorded")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
