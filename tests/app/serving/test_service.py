"""What the service does beside answering: how it starts."""

from pathlib import Path

import pytest

from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio


async def test_the_threads_of_pytorch_are_set_before_any_thread_of_the_service_is_at_work() -> None:
    engine = FakeEngine()

    class Watching(FakeIntake):
        def load(self, root: Path) -> None:
            assert engine.configured
            super().load(root)

    async with serving(fake_service(engine, Watching())):
        assert engine.configured
