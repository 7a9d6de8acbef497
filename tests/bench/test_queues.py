"""What queueing theory says, against cases that can be worked out by hand."""

import math

import pytest

from bench.capacity import queues


def test_the_shares_of_erlang_by_hand() -> None:
    assert queues.erlang_b(1, 1) == pytest.approx(1 / 2)
    assert queues.erlang_b(2, 1) == pytest.approx(1 / 5)  # (1/2) / (1 + 1 + 1/2)
    assert queues.erlang_c(1, 0.3) == pytest.approx(0.3)  # M/M/1: the server is busy
    assert queues.erlang_c(2, 1) == pytest.approx(1 / 3)
    assert queues.erlang_c(2, 2) == 1
    assert queues.erlang_c(3, 0) == 0


def test_one_server_waits_as_mm1_and_md1_do() -> None:
    """M/M/1: rho s / (1 - rho); M/D/1, by Pollaczek and Khinchine: half of it."""
    assert queues.mean_wait_s(1, 0.8, 0.01, 1) == pytest.approx(0.8 * 0.01 / 0.2)
    assert queues.mean_wait_s(1, 0.8, 0.01, 0) == pytest.approx(0.8 * 0.01 / 0.2 / 2)
    assert queues.mean_wait_s(2, 2.5, 0.01, 1) == math.inf


def test_what_99_of_100_wait_at_most() -> None:
    """M/M/1: P(W > t) = rho exp(-(1 - rho) t / s)."""
    wait_s = queues.wait_s(0.99, 1, 0.8, 0.01, 1)
    assert 0.8 * math.exp(-0.2 * wait_s / 0.01) == pytest.approx(0.01)
    assert queues.wait_s(0.5, 4, 0.1, 0.01, 1) == 0  # hardly anybody waits
    assert queues.wait_s(0.99, 2, 3, 0.01, 1) == math.inf


def test_small_stages_are_ruled_by_the_queue_and_large_ones_by_utilisation() -> None:
    for load in (0.5, 3.0, 40.0, 700.0):
        servers = queues.staffed(load, 0.7, 0.2)
        assert load / servers <= 0.7
        assert queues.erlang_c(servers, load) <= 0.2
        fewer = servers - 1
        assert fewer <= load or load / fewer > 0.7 or queues.erlang_c(fewer, load) > 0.2
    assert queues.staffed(700, 0.7, 0.2) == 1000
    assert queues.staffed(1, 0.7, 0.2) == 3 > 1 / 0.7


def test_what_is_to_be_spare_grows_as_the_square_root() -> None:
    """With hardly any limit of utilisation, a hundred times the load wants ten times the spare servers; where a fifth
    waits, Halfin and Whitt's beta is 1.06: 1 / (1 + beta Phi(beta) / phi(beta)).
    """
    beta = [(queues.staffed(load, 0.9999, 0.2) - load) / math.sqrt(load) for load in (1_000, 100_000)]
    normal = (1 + math.erf(1.06 / math.sqrt(2))) / 2, math.exp(-(1.06**2) / 2) / math.sqrt(2 * math.pi)
    assert 1 / (1 + 1.06 * normal[0] / normal[1]) == pytest.approx(0.2, abs=0.005)
    assert beta == pytest.approx([1.06, 1.06], abs=0.04)


@pytest.mark.parametrize("utilisation", [0, 1, 1.5, -1])
def test_a_utilisation_that_cannot_be_is_named(utilisation: float) -> None:
    with pytest.raises(ValueError, match=f"{utilisation:g} cannot be aimed at; wanted more than 0 and less than 1"):
        queues.staffed(1, utilisation, 0.2)


@pytest.mark.parametrize("waiting", [0, -0.1, 1.5, math.nan])
def test_a_share_that_cannot_be_what_waits_is_named(waiting: float) -> None:
    with pytest.raises(
        ValueError, match=f"a share of {waiting:g} cannot be what waits; wanted more than 0 and at most 1"
    ):
        queues.staffed(10, 0.7, waiting)
