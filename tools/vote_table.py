"""The table of the vote's rules against each other, of what ``models.evaluation.vote_rules`` recorded."""

import json
from pathlib import Path
from typing import Any

from tools import unchanged
from tools.markdown import table


def rules(weights: Path) -> str:
    """A row a rule: how right it is on each set, and what it gains over one voice each on all of them; dashes where a
    network is another now.
    """
    path = weights / "vote.json"
    if not path.is_file():
        return "Not measured yet: `python -m models.evaluation.vote_rules`."
    measured = json.loads(path.read_text(encoding="utf-8"))
    same = unchanged.whole(measured, weights)
    rows = [
        [_name(rule, measured["best"]), *(_figures(told) if same else "-" * (len(measured["n"]) + 3))]
        for rule, told in measured["rules"].items()
    ]
    sets = [f"{name} ({n:,})" for name, n in measured["n"].items()]
    headings = ["what is summed, and by which weights", *sets, "turned right", "turned wrong", "p, held out alone"]
    return unchanged.with_note(table(headings, rows), measured)


def _name(rule: str, best: str) -> str:
    return f"**{rule}**" if rule == best else rule


def _figures(told: dict[str, Any]) -> list[str]:
    shares = [f"{share:.2%}" for share in told["accuracy"].values()]
    p = f"{told['p_held_out']:.2g}" if "p_held_out" in told else "-"  # older records have one of scenes too
    return [*shares, str(told["right"]), str(told["wrong"]), p]
