"""The headings of the README's tables in Chinese; what stands below them is the same in both languages."""

import json
import re
from pathlib import Path

# An English heading, as a regular expression of the whole, to the Chinese; \1 is what its group found.
HEADINGS = Path(__file__).with_suffix(".json")


def with_headings(table: str) -> str:
    """A Markdown table with its headings in Chinese. Names, as of networks and measures, stay as they are; so does what
    stands in the place of a table that was not measured yet.
    """
    if not table.startswith("|"):
        return table
    known = json.loads(HEADINGS.read_text("utf-8"))
    first, rest = table.split("\n", 1)
    return "|".join(f" {_heading(cell.strip(), known)} " if cell else "" for cell in first.split("|")) + "\n" + rest


def _heading(cell: str, known: dict[str, str]) -> str:
    for english, chinese in known.items():
        if found := re.fullmatch(english, cell):
            return found.expand(chinese)
    return cell
