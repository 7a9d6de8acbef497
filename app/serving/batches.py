"""How many pictures one forward pass takes at most: the engine needs it, and whoever sizes what is in front of it."""

from app.settings import Settings


def longest(settings: Settings, macs: int, device: str) -> int:
    """Most pictures in one pass of a network of `macs` multiply-adds a picture. On a CPU a heavy network gains nothing
    from a long one: keep it short.
    """
    if device != "cpu":
        return settings.max_batch_size
    fitting = int(settings.max_batch_gmacs * 1e9 / macs)
    return max(1, min(settings.max_batch_size, fitting))
