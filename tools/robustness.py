"""What is left of accuracy on spoiled pictures (`NAME.robustness.json`), as a table of docs/measured.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models import catalog, checkpoints
from models.checkpoints import reports
from models.datasets import DATASETS
from models.evaluation.corruptions import CORRUPTIONS
from tools.markdown import table
from tools.unchanged import digest_of


def told(weights: Path) -> str:
    """The table, and below it how its networks were measured."""
    return "\n\n".join(filter(None, [table(*rows(weights)), circumstances(weights)]))


def rows(weights: Path) -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each checkpoint: its accuracy on the pictures as they are; and of each corruption the
    mean over the strengths, and that of the strength that hurts it most.
    """
    told = []
    for network, record in _records(weights):
        clean = "-" if record is None else f"{record['clean']:.1%} of {record['n']:,}"
        cells = [_cell(record and record["corruptions"].get(one)) for one in CORRUPTIONS]
        told.append([network, clean, *cells])
    return ["network", "as they are", *(f"{name}: mean, worst" for name in CORRUPTIONS)], told


def circumstances(weights: Path) -> str:
    """In which form each network ran, on a processor with which instructions, and with which versions; empty where none
    was measured. A network's figures depend on all three, if little.
    """
    ran: dict[tuple[str, str], list[str]] = {}
    versions: dict[str, None] = {}
    for network, record in _records(weights):
        if record is not None:
            ran.setdefault((record["form"], record["instructions"]), []).append(network)
            versions[", ".join(f"{name} {version}" for name, version in record["versions"].items())] = None
    each = (f"{form} on {on}: {', '.join(networks)}" for (form, on), networks in sorted(ran.items()))
    return f"Measured in {'; in '.join(each)}. {'; '.join(versions)}." if ran else ""


def _records(weights: Path) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Every network of each dataset, and what was measured of the checkpoint that is there."""
    for dataset in DATASETS:
        for name in catalog.ARCHITECTURES:
            yield f"{dataset}/{name}", _record(checkpoints.path_for(dataset, name, weights))


def _record(path: Path) -> dict[str, Any] | None:
    return reports.of(path, digest_of(path) if path.is_file() else None, reports.ROBUSTNESS)


def _cell(told: dict[str, Any] | None) -> str:
    if not told:
        return "-"
    shares = told["accuracy"]
    return f"{sum(shares) / len(shares):.1%}, {min(shares):.1%}"
