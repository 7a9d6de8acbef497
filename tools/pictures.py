"""What was recorded of real pictures (`weights/pictures.json`), as tables of docs/measured.md."""

import json
from pathlib import Path
from typing import Any

from models import catalog
from models.datasets import DATASETS
from tools import unchanged
from tools.markdown import table


def sets(weights: Path) -> str:
    """How right each network, and their vote, is on pictures as people send them."""
    measured = _record(weights)
    same = unchanged.names(measured, weights)
    rows = []
    for name, found in measured["sets"].items():
        networks = [_share(found, network, same) for network in catalog.ARCHITECTURES]
        right = f"{found['auto']:.2%}" if "auto" in same else "-"
        ms = [f"{found['ms']['prepare'][part]:.1f}" for part in ("median", "p95", "most")]
        rows.append([name, *networks, *_together(found, same), right, ", ".join(ms)])
    headings = [*catalog.ARCHITECTURES, "vote", "ECE of the seven", "`auto` right", "`prepare`, ms: median, 95 %, most"]
    return unchanged.with_note(table(["pictures", *headings], rows), measured)


def _share(found: dict[str, Any], network: str, same: set[str]) -> str:
    figures = found["networks"].get(network)
    return "-" if figures is None or f"{found['dataset']}/{network}" not in same else f"{figures['accuracy']:.1%}"


def _together(found: dict[str, Any], same: set[str]) -> list[str]:
    """The vote, and how far the networks' errors of calibration are apart; dashes where one of them is another now."""
    if not {f"{found['dataset']}/{network}" for network in found["networks"]} <= same:
        return ["-", "-"]
    wrong, of = found["vote"]["wrong"], found["vote"]["n"]
    errors = [figures["ece"] for figures in found["networks"].values()]
    return [f"{found['vote']['accuracy']:.1%} ({wrong} of {of:,} wrong)", f"{min(errors):.1%} to {max(errors):.1%}"]


def strangers(weights: Path) -> str:
    """How well the gate tells pictures of each dataset's kind from others, on real ones where there are any."""
    measured = _record(weights)
    same = unchanged.names(measured, weights)
    rows = []
    for dataset, found in measured["gate"].items():
        if "gate" not in same:
            rows.append([DATASETS[dataset].title, *"----"])
            continue
        against = ", ".join(f"{kind} {figures['auroc']:.3f}" for kind, figures in found["others"].items())
        let_in = ", ".join(f"{kind} {figures['let_in']:.0%}" for kind, figures in found["own"].items())
        rows.append([DATASETS[dataset].title, f"{found['auroc']:.3f}", against, let_in, f"{found['n']:,}"])
    headings = ["own kind", "AUROC", "against each", "let in of its own", "n"]
    return unchanged.with_note(table(headings, rows), measured)


def _record(weights: Path) -> Any:
    return json.loads((weights / "pictures.json").read_text(encoding="utf-8"))
