"""The chaos of `make chaos`, a short one."""

import pytest

from tests.judges import chaos
from tests.judges.process import Usage


@pytest.mark.slow
def test_every_request_is_answered_rightly_or_refused_in_words() -> None:
    seen, wrong, ended_s = chaos.run(40)
    assert not wrong
    assert sum(counted.total() for counted in seen.outcomes.values()) > 100
    assert ended_s < 30


def test_what_is_wrong_is_seen() -> None:
    usage = [Usage(500 + 5 * at, 60 + at, 0, 1) for at in range(60)]
    seen = chaos.Seen(60, [], usage=usage, faults=["a fault"], idle=0.02)
    seen.outcomes["read"] = chaos.Counter({"queue_full": 3})
    told = " | ".join(chaos.judged(seen, "fine\nTraceback (most recent call last)"))
    for part in ("a fault", "read: not one right answer", "memory grew", "descriptors grew", "2.0% of a core"):
        assert part in told
    assert "its log has a traceback" in told
    assert chaos.judged(chaos.Seen(60, [], usage=usage[:1] * 60), "fine") == []
