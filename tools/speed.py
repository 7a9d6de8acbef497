"""What `make bench` recorded, as rows of tables: who is how many times faster, and what it costs; and what was recorded
of compiled forms.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import wrk
from models import catalog, checkpoints
from models.compiled import record as forms_record
from models.compiled.forms import FORMS
from models.datasets import DATASETS

OURS, AUTO = "lineup", "lineup, dataset=auto"
RIVALS = {"tutorial": "tutorial", "litserve": "LitServe", "bentoml": "BentoML"}
AT = 0.75  # of its own capacity: the load at which p99 is told
ENOUGH = 100  # answers from which a p99 is told: of fewer it would be the slowest one
ALL_SEVEN = "all seven"
Rows = tuple[list[str], list[list[str]]]
BESIDE = ("lenet", "healthz")  # who is asked while a flood comes for VGG-11


def ratios(record: dict[str, Any]) -> Rows:
    """Lineup's requests a second and lone median, and both as multiples of each rival's."""
    headings = ["network", "Lineup, requests/s (lone, ms)", "`dataset=auto`"]
    headings += [f"times {title} (lone)" for title in RIVALS.values()]
    rows = []
    for network in _networks(record):
        ours = _figures(record, OURS, network)
        told = [_speed(ours), _speed(_figures(record, AUTO, network))]
        rows.append([network, *told, *(_times(ours, _figures(record, rival, network)) for rival in RIVALS)])
    return headings, rows


def costs(record: dict[str, Any]) -> Rows:
    """Of each server p99 in an open loop ("-" of fewer than ENOUGH answers), processor time and memory."""
    rows = [
        [network, *(_cost(_figures(record, name, network)) for name in (OURS, *RIVALS))]
        for network in _networks(record)
    ]
    return ["network", "Lineup", *RIVALS.values()], rows


def overload(record: dict[str, Any]) -> Rows:
    """What a flood for the slowest network costs it and others."""
    headings = ["asked", "answered", "refused (429)", "late (504)", "ms: median, 99 %"]
    flood = record["vgg11"]
    rows = [
        [f"vgg11, {record['flood']} at once", *_statuses(flood), f"of refusals {_pair(flood['refused_ms'])}"],
        *([f"{name} meanwhile, one by one", *_statuses(record[name]), _pair(record[name]["ms"])] for name in BESIDE),
    ]
    return headings, rows


def page(record: dict[str, Any]) -> Rows:
    """How soon the page is there and answers, in milliseconds."""
    titles = {
        "first paint": "first paint, nothing cached",
        "usable pad": "pad can be drawn on",
        "light networks": f"the pen's move to {', '.join(record['light'])} on the screen",
        "all seven": "the pen lifted to all seven on the screen",
    }
    rows = [
        [title, _short(record["ms"][name]["median"]), _short(record["ms"][name]["p95"]), str(record["ms"][name]["n"])]
        for name, title in titles.items()
    ]
    return ["the page", "ms, median", "95 %", "n"], rows


def page_circumstances(record: dict[str, Any]) -> str:
    """What the page's figures are of: machine and browser; and what it loads, in whole kB, which are the same whichever
    zlib packs it and after most changes of a script.
    """
    on = f"{record['date']}, browser and service on the same {record['cores']} cores of an {record['processor']}"
    on += f" ({', '.join(record['flags'])}), {record['busy_cores']:g} of them busy with other things"
    sizes = ", ".join(f"{kind} {size / 1000:.0f} kB" for kind, size in record["gzip"].items())
    return f"{on}; Chromium {record['chromium']}. The page as it is now, with gzip: {sizes}."


def _statuses(figures: dict[str, Any]) -> list[str]:
    return [f"{figures['statuses'].get(status, 0):,}" for status in ("200", "429", "504")]


def _pair(ms: dict[str, float]) -> str:
    return f"{_short(ms['p50'])}, {_short(ms['p99'])}"


def forms(weights: Path) -> Rows:
    """Of each network and dataset accuracy and calibration error in each form; struck out what may not run."""
    rows = []
    for dataset in DATASETS:
        for name in catalog.ARCHITECTURES:
            told = _forms_of(checkpoints.path_for(dataset, name, weights))
            rows.append([f"{dataset}/{name}", *(_form(told, form) for form in FORMS)])
    return ["accuracy (calibration error)", *FORMS], rows


def _forms_of(checkpoint: Path) -> dict[str, Any] | None:
    """What was measured of this very checkpoint."""
    path = forms_record.path_for(checkpoint)
    if not (path.is_file() and checkpoint.is_file()):
        return None
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told if told["checkpoint"] == checkpoints.read_header(checkpoint)["digest"] else None


def _form(told: dict[str, Any] | None, form: str) -> str:
    if told is None:
        return "-"
    figures = told["measured"][form]
    of = "" if figures["n"] == 10_000 else f" of {figures['n']:,}"
    text = f"{figures['accuracy']:.2%}{of} ({figures['ece']:.2%})"
    return text if form in told["allowed"] else f"~~{text}~~"


def circumstances(record: dict[str, Any]) -> str:
    """When, on what, with which versions and how often."""
    hardware, versions, load = record["hardware"], record["versions"], record["load"]
    flags = f" ({', '.join(hardware['flags'])})" if hardware["flags"] else ""
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    counts = sorted(n for figures in _all(record) if "many" in figures for n in _counts(figures))
    n = f"{counts[0]:,} to {counts[-1]:,} answers a figure" if counts else "no figures"
    return (
        f"{record['date'][:10]}, {hardware['cores']} cores of an {hardware['processor']}{flags}; {load['picture']}; "
        f"{load['closed']}; {n}. {told}."
    )


def _all(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for server in record["servers"].values():
        yield from server["networks"].values()
        if "compare" in server:
            yield server["compare"]


def _counts(figures: dict[str, Any]) -> list[int]:
    """How many answers stand behind each figure that is told of one network."""
    loops = [figures["lone"]["n"], figures["many"]["n"]]
    return [*loops, *(part["n"] for part in [_late(figures)] if part is not None)]


def _late(figures: dict[str, Any]) -> dict[str, Any] | None:
    """The open loop of which p99 is told; None where none was run, or too few were answered."""
    return next((part for part in figures["open"] if part["share"] == AT and part["n"] >= ENOUGH), None)


def _networks(record: dict[str, Any]) -> list[str]:
    ours = record["servers"][OURS]
    return [*ours["networks"], *([ALL_SEVEN] if "compare" in ours else [])]


def _figures(record: dict[str, Any], server: str, network: str) -> dict[str, Any] | None:
    """None where it was not asked for."""
    known = record["servers"].get(server, {"networks": {}})
    found: dict[str, Any] | None = known.get("compare") if network == ALL_SEVEN else known["networks"].get(network)
    return found


def _wrong(figures: dict[str, Any] | None) -> str | None:
    """What is to be told in place of figures, if something is."""
    if figures is None:
        return "-"
    if "error" in figures:
        return str(figures["error"]).partition(":")[0]
    return None


def _errors(figures: dict[str, Any]) -> str:
    """Requests that failed, as words to add; nothing where all were answered."""
    parts = [figures["lone"]["errors"], figures["many"]["errors"]]
    failed = sum(parts) + sum(sum(part["errors"].values()) for part in figures["open"])
    return f", {failed:,} failed" if failed else ""


def _speed(figures: dict[str, Any] | None) -> str:
    if wrong := _wrong(figures):
        return wrong
    assert figures is not None
    return f"{_short(wrk.best(figures)['per_second'])} ({figures['lone']['p50_ms']:.1f}){_errors(figures)}"


def _times(ours: dict[str, Any] | None, rival: dict[str, Any] | None) -> str:
    if wrong := _wrong(rival) or _wrong(ours):
        return wrong
    assert ours is not None
    assert rival is not None
    faster = wrk.best(ours)["per_second"] / wrk.best(rival)["per_second"]
    sooner = rival["lone"]["p50_ms"] / ours["lone"]["p50_ms"]
    return f"{faster:.1f} ({sooner:.1f}){_errors(rival)}"


def _cost(figures: dict[str, Any] | None) -> str:
    if wrong := _wrong(figures):
        return wrong
    assert figures is not None
    part = _late(figures)
    late = "-" if part is None else _short(part["p99_ms"])
    return f"{late}, {_short(wrk.best(figures)['cpu_ms'])}, {figures['peak_mb']:,}"


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
