"""Standard output as it is: it may know few characters, be full, or not be there."""

import io
import json
import os
import re
import sys
from pathlib import Path

# What a terminal obeys in place of showing it: control characters, ends of lines and paragraphs, directions of writing;
# and surrogates, which stand for bytes that are no text. Spaces of any width, and what joins emoji, are names' own.
OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def take_any_text() -> None:
    """Write by their numbers the characters that standard output does not know: a file's name need not even be text."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """A name as it is, but for what a terminal would obey in place of showing it: that by its number."""
    return OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def complain(sentence: str) -> None:
    """Say on standard error why something cannot be, or is not as it should be: in one line."""
    print(printable(f"lineup: {sentence}"), file=sys.stderr)


def flush() -> None:
    """Write out what was shown; OSError here, where it is told, and not from Python after the end."""
    if sys.stdout is not None:
        sys.stdout.flush()


def has_failed(error: OSError) -> bool:
    """Whether an error is of standard output, which then fails again. What it still holds is given up, or Python would
    try once more at its end and tell that too.
    """
    try:
        if error.filename is None:
            print(flush=True)  # an empty line: to write nothing would not fail
    except OSError as again:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return again.errno == error.errno
    return False


def show_json(path: Path, outcome: object) -> None:
    """What came of a picture, an answer or an ApiError, as a line of JSON."""
    from pydantic import BaseModel

    from app.errors import ApiError, body

    if isinstance(outcome, ApiError):
        told: dict[str, object] = {**body(outcome.code, outcome.message)}
    else:
        assert isinstance(outcome, BaseModel)
        told = outcome.model_dump()
    encoding = getattr(sys.stdout, "encoding", None) or ""
    escaped = not encoding.lower().startswith("utf")  # by JSON's own rule: what `take_any_text` writes need not be JSON
    text = json.dumps({"picture": str(path), **told}, ensure_ascii=escaped)
    print(OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text), flush=True)  # all of them in strings
