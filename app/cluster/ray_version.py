"""Which Ray the service runs on, and one line for whoever has another."""

from importlib.metadata import PackageNotFoundError, version

SERIES = "2.60"  # as in pyproject.toml, extra `ray`; Serve's options and behaviour change between series
INSTALL = "install it: python -m pip install -e '.[ray]'"


def check() -> None:
    """RuntimeError, in one line, where Ray is missing, or of a series that the service was not tried with."""
    try:
        found = version("ray")
    except PackageNotFoundError:
        raise RuntimeError(f"Ray is not installed; wanted {SERIES}; {INSTALL}") from None
    if found.split(".")[:2] != SERIES.split("."):
        raise RuntimeError(f"Ray is {found}; wanted {SERIES}, on every node; {INSTALL}")
