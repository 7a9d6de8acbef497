"""What a study is: variants of a network that differ in one idea, how they are trained, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

Figures = Mapping[str, Any]  # a variant in a study's record
Panel = Callable[[Any, Mapping[str, Figures]], None]  # draws on matplotlib's Axes


Outcome = Literal["borne out", "in part", "not borne out", "cannot be told"]


@dataclass(frozen=True)
class Conclusion:
    """Whether what is told of an idea is seen at this scale, and the sentence that says what came out."""

    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Plan:
    """How every variant of a study is trained: SGD with Nesterov's momentum, one cycle of the rate, the same steps."""

    pictures: int  # learned from, of the 55,000; each seed draws its own
    passes: int
    rate: float  # where the search for a variant's own peak rate begins
    batch_size: int = 128
    weight_decay: float = 5e-4  # He et al., 2015, have 1e-4 on a hundred times as many pictures
    warmup: float = 0.15  # share of the steps
    watch_every: int = 40  # steps between two points of the curve

    @property
    def steps(self) -> int:
        """In all; the rest of a pass that fills no batch is left out."""
        return self.passes * (self.pictures // self.batch_size)


@dataclass(frozen=True)
class Variant:
    """One network of a study: ``build()`` makes it, with weights from torch's global generator."""

    title: str
    build: Callable[[], nn.Module]
    augmented: bool = False


@dataclass(frozen=True)
class Ladder:
    """Which peak rates are tried for the highest at which a variant still learns, in runs of so many ``steps``."""

    rates: tuple[float, ...]
    steps: int
    learns: float = 0.5  # held-out accuracy from which it does; chance is 0.1


@dataclass(frozen=True)
class Study:
    """``variants`` by name; ``conclude`` makes the sentence from their figures, ``panels`` draw them."""

    name: str
    title: str
    question: str
    plan: Plan
    variants: Mapping[str, Variant]
    conclude: Callable[[Mapping[str, Figures]], Conclusion]
    panels: tuple[Panel, ...]
    ladder: Ladder | None = field(default=None)
