"""What a run learns from: the dataset's pictures, and beside them scenes, in a phase's share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.data.scene_sets import SceneSet


@dataclass(frozen=True)
class Pool:
    """``pictures`` uint8 [N, 28, 28] and the classes that are right for each, ``allowed`` bool [N, 10]; the first
    ``own`` are the dataset's.
    """

    pictures: Tensor
    allowed: Tensor
    own: int

    def epoch_size(self, share: float) -> int:
        """How many pictures an epoch has: all of the dataset's, and so many others, if there are any, that they are a
        ``share`` below 1 of it.
        """
        return round(self.own / (1 - share)) if len(self.pictures) > self.own else self.own

    def order(self, seed: int, share: float) -> Tensor:
        """Indices int64 [epoch_size] of an epoch's pictures, mixed."""
        draw = torch.Generator().manual_seed(seed)
        wanted = self.epoch_size(share) - self.own
        others = torch.randint(max(len(self.pictures) - self.own, 1), (wanted,), generator=draw)
        index = torch.cat([torch.arange(self.own), others + self.own])
        return index[torch.randperm(len(index), generator=draw)]


def pool(own: tuple[Tensor, Tensor], scenes: SceneSet | None = None, device: torch.device | None = None) -> Pool:
    """Of the dataset's pictures uint8 [N, 28, 28] and labels int64 [N], and others; on ``device`` whole."""
    pictures, allowed = own[0], functional.one_hot(own[1], 10).bool()
    if scenes is not None:
        pictures, allowed = torch.cat([pictures, scenes.pictures]), torch.cat([allowed, scenes.allowed])
    return Pool(pictures.to(device), allowed.to(device), len(own[0]))
