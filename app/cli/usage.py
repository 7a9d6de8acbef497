"""What every command needs: its settings, and words for a wrong one."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.settings import Settings


class WrongUsage(ValueError):
    """What was asked for cannot be; the message names the wrong value and the right ones."""


def settings_of(**given: object) -> "Settings":
    """The settings of the environment, and over them those that the command line gives."""
    from pydantic import ValidationError

    from app.settings import Settings, misspelt

    for sentence in misspelt(os.environ):
        print(f"lineup: {sentence}", file=sys.stderr)
    told = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**told)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = error.errors()[0]
        name = str(wrong["loc"][0])
        source = f"--{name}" if name in told else f"LINEUP_{name.upper()}"
        right = Settings.model_fields[name].description
        value = "wrong" if name.endswith("_key") else repr(wrong["input"])  # keys are told to nobody
        why = wrong["msg"].removeprefix("Value error, ")  # how pydantic begins what a check of ours says
        raise WrongUsage(f"{source} is {value}: {why}. {right}") from None
