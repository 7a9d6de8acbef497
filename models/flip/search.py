"""The search: a beam over dabs, as wide and as thorough as there is time for.

Each step tries dabs on the best pictures so far, and settles on those with the greatest margin (log p(to) less the
greatest other log p). A quick network sees every dab at the first step, and later the most promising on each of WIDTH
pictures; a slow one sees a few on one picture: those that a quick network (the guide) would gain most by, or a coarse
grid where there is none, and then the neighbours of the best. The first picture that says `to` ends it; dabs that it
can do without are taken back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.flip.brush import Indices, Palette, UInt8
from models.flip.ranking import Ranking, grid, near

Float = npt.NDArray[np.float32]

WIDTH = 8  # pictures that are gone on with, at most: 32 spare 3 of 88 dabs and take three times as long
SHORTLIST = 400  # dabs that are tried on each of several, most promising first
STEPS = 6  # over so many steps what is left of the time is spread, at any moment
ROUNDS = 3  # in which a slow network's dabs are tried: each learns from the one before
FEW = 4  # dabs a step at least, however little time there is
SURE = 0.01  # the margin that is enough: what changes in another batch is a ten-thousandth of it
SMALLEST = 1e-38  # a probability below it is taken for it: its logarithm is finite


class Look(NamedTuple):
    """What the search wants to know: what the network, or the guide, says of pictures uint8 [N, 28, 28]."""

    pictures: UInt8
    guide: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """A picture uint8 [28, 28], the numbers of the dabs that made it, what the network says of it, float32 [10], and
    its margin.
    """

    picture: UInt8
    dabs: tuple[int, ...]
    row: Float
    margin: float

    @property
    def flipped(self) -> bool:
        """Whether the answer is the wanted one, and would be in any batch."""
        return self.margin >= SURE or (not self.dabs and self.margin > 0)


Search = Generator[Look | State, Float | None, bool]


def margins(rows: Float, to: int) -> npt.NDArray[np.float64]:
    """float32 [N, 10] -> float64 [N]: log p(to) less the greatest of the other log p."""
    logs = np.log(np.maximum(rows, SMALLEST, dtype=np.float64))
    others = np.delete(logs, to, axis=1)
    told: npt.NDArray[np.float64] = logs[:, to] - others.max(1)
    return told


def search(picture: UInt8, to: int, left: Callable[[], int], *, guided: bool = False) -> Search:
    """Yield each Look that is wanted, to be sent what the network says, float32 [N, 10]; and each State that is settled
    on, the first without a dab. The last is the best. Returns whether the search came to its end: it flipped; or not:
    no dab helps any more. `left()`: how many pictures may still be looked at.
    """
    return (yield from _Searching(to, left, guided, picture).run())


Asking = Generator[Look | State, Float | None, list[State]]


@dataclass
class _Searching:
    to: int
    left: Callable[[], int]
    guided: bool
    base: UInt8
    palette: Palette = field(default_factory=Palette)
    ranking: Ranking = field(default_factory=Ranking)

    def run(self) -> Search:
        beam = yield from self._states(self.base[None], [()])
        yield beam[0]
        while not beam[0].flipped:
            found = yield from self._step(beam)
            if not found or found[0].margin <= beam[0].margin:
                return False
            beam = found
            yield beam[0]
        shorter = yield from self._without_needless(beam[0])
        if len(shorter.dabs) < len(beam[0].dabs):
            yield shorter
        return True

    def _step(self, beam: list[State]) -> Asking:
        """The best pictures with one dab more than these, the very best first."""
        count = max(FEW, self.left() // STEPS)
        wide = max(1, min(len(beam), count // SHORTLIST))
        found: dict[bytes, State] = {}
        for state in beam[:wide]:
            tried = yield from self._tried(state, min(count, SHORTLIST) if state.dabs and wide > 1 else count)
            found.update((one.picture.tobytes(), one) for one in tried)
        return _various(sorted(found.values(), key=lambda one: -one.margin))

    def _tried(self, state: State, count: int) -> Asking:
        """A picture with each of `count` dabs more, or until one flips; and if none is better, with others."""
        rest = self.palette.useful(state.picture)
        if count < len(rest) and self.guided:
            yield from self._guide(state, rest)
        found: list[State] = []
        while len(rest) and (len(found) < count or max(one.margin for one in found) <= state.margin):
            chosen = self._chosen(rest, count)
            told = yield from self._states(
                self.palette.each(state.picture, chosen), [(*state.dabs, int(number)) for number in chosen]
            )
            self.ranking.saw(chosen, np.array([one.margin for one in told]) - state.margin)
            found += told
            if any(one.flipped for one in told):
                break
            rest = np.setdiff1d(rest, chosen)
        return found

    def _chosen(self, rest: Indices, count: int) -> Indices:
        if count >= len(rest):
            return rest
        if self.ranking.knows_nothing():
            return grid(rest, count)
        if count >= SHORTLIST:
            return self.ranking.best(rest, count)
        return self.ranking.apart(rest, math.ceil(count / ROUNDS))

    def _guide(self, state: State, numbers: Indices) -> Generator[Look | State, Float | None, None]:
        """Let the ranking know what a quick network would gain by each dab."""
        pictures = np.concatenate([state.picture[None], self.palette.each(state.picture, numbers)])
        rows = yield Look(pictures, guide=True)
        assert rows is not None
        told = margins(rows, self.to)
        self.ranking.drift[:] = 0
        self.ranking.drift[numbers] = told[1:] - told[0]

    def _without_needless(self, state: State) -> Generator[Look | State, Float | None, State]:
        """The same with fewer dabs, as long as it flips."""
        while len(state.dabs) > 1:
            fewer = [state.dabs[:i] + state.dabs[i + 1 :] for i in range(len(state.dabs))]
            pictures = np.stack([self.palette.all(self.base, dabs) for dabs in fewer])
            told = yield from self._states(pictures, fewer)
            best = max(told, key=lambda one: one.margin)
            if not best.flipped:
                break
            state = best
        return state

    def _states(self, pictures: UInt8, dabs: list[tuple[int, ...]]) -> Asking:
        rows = yield Look(pictures)
        assert rows is not None
        each = zip(pictures, dabs, rows, margins(rows, self.to).tolist(), strict=True)
        return [State(*one) for one in each]


def _various(states: list[State]) -> list[State]:
    """Of states, the best first, WIDTH of which no two differ by a dab alone that is a neighbour's: else the beam would
    be one picture, eight times nearly the same.
    """
    chosen: list[State] = []
    for state in states:
        if not any(one.dabs[:-1] == state.dabs[:-1] and near(one.dabs[-1], state.dabs[-1]) for one in chosen):
            chosen.append(state)
        if len(chosen) == WIDTH:
            break
    return chosen
