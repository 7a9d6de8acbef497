"""What every command needs: its settings, and words for a wrong one."""

import difflib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.cli.output import complain

if TYPE_CHECKING:
    from app.settings import Settings

# Read by models.compiled and by docker-compose.yml.
ELSEWHERE = ("LINEUP_CACHE_DIR", "LINEUP_BIND", "LINEUP_STOP_GRACE")


class WrongUsage(ValueError):
    """What was asked for cannot be; the message names the wrong value and the right ones."""


def settings_of(**given: object) -> "Settings":
    """The settings of the environment, and over them those that the command line gives."""
    from pydantic import ValidationError

    from app.settings import Settings

    for sentence in misspelt(os.environ):
        complain(sentence)
    told = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**told)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        source = f"--{name}" if name in told else f"LINEUP_{name.upper()}"
        right = Settings.model_fields[name].description
        value = repr(wrong["input"])
        if name.endswith("_key"):  # keys are told to nobody
            value = "wrong" if wrong["input"] else "empty"
        why = wrong["msg"].removeprefix("Value error, ")  # how pydantic begins what a check of ours says
        raise WrongUsage(f"{source} is {value}: {why}. {right}") from None


def misspelt(environment: Iterable[str]) -> list[str]:
    """A sentence for each name in the environment that looks like a setting and is none."""
    from app.settings import PREFIX, Settings

    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields] + [*ELSEWHERE]
    wrong = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    return [f"{name} is no setting, and is ignored; {_nearest(name.upper(), known)}" for name in wrong]


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"do you mean {near[0]}?" if near else "docs/operation.md lists those that there are"
