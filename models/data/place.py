"""Where the datasets' own files are looked for; needs nothing, so that every command can ask."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_data_dir(parser: argparse.ArgumentParser, otherwise: str = "data") -> None:
    """The option --data-dir. Its default is the service's LINEUP_DATA_DIR: what the service tells to run then fetches
    where it looks; ``otherwise``: the folder where that is not set.
    """
    default = Path(os.environ.get("LINEUP_DATA_DIR") or otherwise)
    told = f"holds MNIST/raw and FashionMNIST/raw (default: LINEUP_DATA_DIR, else {otherwise})"
    parser.add_argument("--data-dir", type=Path, default=default, help=told)
