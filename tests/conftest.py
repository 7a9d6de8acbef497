"""What every test needs: threads set on purpose, and the real data where it is there."""

from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """torch's pool of threads collapses when another process wants a core."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """../shared/data: the official datasets and photographs; the test is skipped on machines without them."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return SHARED
