"""What a run learns from: the dataset's pictures, and beside them those of ``models.sent``, in the recipe's share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.sent import SentSet


@dataclass(frozen=True)
class Pool:
    """``pictures`` uint8 [N, 28, 28] and the classes that are right for each, ``allowed`` bool [N, 10]; the first
    ``own`` are the dataset's.
    """

    pictures: Tensor
    allowed: Tensor
    own: int
    share: float

    @property
    def epoch_size(self) -> int:
        """How many pictures an epoch has: all of the dataset's, and so many others that they are ``share`` of it."""
        return round(self.own / (1 - self.share))

    def order(self, seed: int) -> Tensor:
        """Indices int64 [epoch_size] of an epoch's pictures, mixed."""
        draw = torch.Generator().manual_seed(seed)
        others = torch.randint(max(len(self.pictures) - self.own, 1), (self.epoch_size - self.own,), generator=draw)
        index = torch.cat([torch.arange(self.own), others + self.own])
        return index[torch.randperm(len(index), generator=draw)]


def pool(
    own: tuple[Tensor, Tensor], sent: SentSet | None = None, share: float = 0.0, device: torch.device | None = None
) -> Pool:
    """Of the dataset's pictures uint8 [N, 28, 28] and labels int64 [N], and others, of which a ``share`` below 1 is
    wanted; on ``device`` whole.
    """
    pictures, allowed = own[0], functional.one_hot(own[1], 10).bool()
    if sent is None:
        share = 0.0
    else:
        pictures, allowed = torch.cat([pictures, sent.pictures]), torch.cat([allowed, sent.allowed])
    return Pool(pictures.to(device), allowed.to(device), len(own[0]), share)
