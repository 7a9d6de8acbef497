"""A line of JSON for every request, where LINEUP_LOG_REQUESTS asks for it: never with pictures, paths, or keys."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("lineup.requests")


def open_log() -> logging.Logger:
    """The log, whose lines go to stdout as they are, unless somebody has given it another handler."""
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(handler)
        LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)
    return LOGGER


def line(**fields: Any) -> str:
    """One request as JSON on one line, with the time of day now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, **fields}, separators=(",", ":"))
