"""The garbage collector and what stays for as long as the service."""

import gc


def settle() -> None:
    """Take what is loaded out of the garbage collector's sight: to look it all through stopped every request 130 ms."""
    gc.unfreeze()  # what was loaded before may be garbage by now
    gc.collect()
    gc.freeze()
