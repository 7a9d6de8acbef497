"""Recorded speed, and accuracy on real pictures, as the page's charts want them: `python -m tools.figures`, or
`make tables`.

The service tells itself what was measured of its checkpoints; these figures are of a named machine, and the page says
which.
"""

import json
from pathlib import Path
from typing import Any

from bench import wrk
from models import checkpoints
from models.checkpoints import atomic
from tools import unchanged

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "app" / "static" / "page" / "figures.json"
OURS = "lineup"


def figures() -> dict[str, Any]:
    """Of each network milliseconds and requests a second, and accuracy on each set of real pictures, with when and on
    what they were measured; a part that is not recorded is null.
    """
    speed, pictures = _read(ROOT / "bench" / "serving.json"), _read(checkpoints.root() / "pictures.json")
    return {"speed": speed and _speed(speed), "pictures": pictures and _pictures(pictures)}


def _read(path: Path) -> dict[str, Any] | None:
    record: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return record


def _speed(record: dict[str, Any]) -> dict[str, Any]:
    networks = record["servers"].get(OURS, {"networks": {}})["networks"]
    return {
        "date": record["date"][:10],
        "hardware": record["hardware"],
        "versions": {name: record["versions"][name] for name in ("python", "onnxruntime", "fastapi", "uvicorn")},
        "picture": record["load"]["picture"],
        "networks": {name: _of_network(told) for name, told in networks.items() if "error" not in told},
    }


def _of_network(told: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of a request that comes alone, and how many a second are answered of so many clients'."""
    best = wrk.best(told)
    return {"lone_ms": told["lone"]["p50_ms"], "per_second": best["per_second"], "clients": best["clients"]}


def _pictures(record: dict[str, Any]) -> dict[str, Any]:
    """Of the networks that are still those that were measured, with their checkpoints' digests: the page may be that of
    a service with others.
    """
    same = unchanged.names(record, checkpoints.root())
    sets = {
        name: {
            "dataset": found["dataset"],
            "n": found["n"],
            "networks": {
                network: {"accuracy": told["accuracy"], "digest": record["of"][f"{found['dataset']}/{network}"]}
                for network, told in found["networks"].items()
                if f"{found['dataset']}/{network}" in same
            },
        }
        for name, found in record["sets"].items()
        if not name.endswith(" test")  # the datasets' own
    }
    return {"date": record["date"][:10], "sets": sets}


def main() -> None:
    """Write them where the page finds them."""
    atomic.write_json(PLACE, figures())


if __name__ == "__main__":
    main()
