"""What the studies found (weights/studies): the README's table of outcomes, and one with the figures."""

import json
from typing import Any

from models.studies import record as of_studies
from models.studies.registry import STUDIES
from tools.markdown import table

FOLDER = of_studies.FOLDER
HEADINGS = ["idea", "question", "confirmed", "chart"]
HEADINGS_FOUND = ["idea", "what came out (mean ± deviation over the seeds)"]
OUTCOMES = {"borne out": "yes", "in part": "in part", "not borne out": "no", "cannot be told": "cannot be told"}
MISSING = "not measured yet: `make studies`"


def told() -> str:
    """Of each study what it asked, whether that was confirmed, and its chart."""
    rows = [[study.title, study.question, *_outcome(_record(name))] for name, study in STUDIES.items()]
    return table(HEADINGS, rows)


def found() -> str:
    """The figures of each study in a sentence, and what they are of."""
    records = {name: _record(name) for name in STUDIES}
    rows = [[study.title, (records[name] or {"sentence": MISSING})["sentence"]] for name, study in STUDIES.items()]
    known = [record for record in records.values() if record]
    return "\n\n".join([table(HEADINGS_FOUND, rows), *([circumstances(known)] if known else [])])


def _record(name: str) -> dict[str, Any] | None:
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _outcome(record: dict[str, Any] | None) -> list[str]:
    if record is None:
        return [MISSING, "-"]
    return [OUTCOMES[record["outcome"]], f"[{record['study']}](weights/studies/{record['study']}.svg)"]


def circumstances(records: list[dict[str, Any]]) -> str:
    """When, on what, with which versions, how often and how long; of studies of several machines, each of them."""
    dates = sorted({record["date"] for record in records})
    on = {f"{_threads(record['hardware'])} of an {record['hardware']['processor']}" for record in records}
    versions = {f"PyTorch {record['versions']['torch']}, {record['training']['precision']}" for record in records}
    seeds = "/".join(map(str, sorted({len(record["seeds"]) for record in records})))
    tested = "/".join(f"{count:,}" for count in sorted({record["n"]["test"] for record in records}))
    minutes = sum(record["seconds"] for record in records) / 60
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    machine = f"{when}, {', '.join(sorted(on))}; {', '.join(sorted(versions))}"
    return f"{machine}; {seeds} seeds, {tested} test pictures; {minutes:.0f} minutes in all."


def _threads(hardware: dict[str, Any]) -> str:
    return "one thread" if hardware["threads"] == 1 else f"{hardware['threads']} threads"
