"""Which of several media types a client wants: RFC 9110, section 12.5.1."""

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type of `offered` that an Accept header rates highest; of equals one that it names, else the first, as
    where it allows none.
    """
    ratings = _ratings(accept)
    return max(offered, key=lambda media_type: _rating(media_type, ratings))


def _ratings(accept: str) -> dict[str, float]:
    """How much a client wants each range of media types that it names, 0 to 1."""
    ratings: dict[str, float] = {}
    for entry in accept.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            ratings[name] = min(1.0, max(0.0, float(weight)))
        except ValueError:
            ratings[name] = 0.0
    return ratings


def _rating(media_type: str, ratings: dict[str, float]) -> tuple[float, bool]:
    """By the narrowest range that holds the type (itself, its kind, or all), and whether that is itself."""
    kind = media_type.partition("/")[0]
    ranges = (media_type, f"{kind}/*", "*/*")
    rating, named = next(((ratings[name], name == media_type) for name in ranges if name in ratings), (0.0, False))
    return rating, named and rating > 0
