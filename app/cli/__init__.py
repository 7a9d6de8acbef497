"""The command `lineup` and what it shows in a terminal."""

from app.cli.command import main

__all__ = ["main"]
