"""A network with its input step: the one forward of training, evaluation, export and serving."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models import datasets


class Classifier(nn.Module):
    """``network`` behind the step that turns pictures into its input: scale to [0, 1], normalise, resize to its side.

    ``architecture`` and ``dataset`` are names of the catalog and of DATASETS; ``classes`` names the ten logits;
    ``temperature`` divides the logits where probabilities are wanted (Guo et al., On Calibration of Modern Neural
    Networks, 2017), ``temperature_sent`` those of pictures that were not of the dataset's own kind before
    ``intake.picture`` made them so, of which networks are too sure otherwise; ``metadata`` is what the checkpoint
    tells of the network: its recipe, metrics, versions and digest.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        architecture: str,
        dataset: str,
        temperature: float = 1.0,
        temperature_sent: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.architecture = architecture
        self.dataset = dataset
        self.temperature = temperature
        self.temperature_sent = temperature if temperature_sent is None else temperature_sent
        self.metadata: dict[str, Any] = dict(metadata or {})
        known = datasets.find(dataset)
        self.classes = known.classes
        self._mean, self._std = known.mean, known.std

    @property
    def input_size(self) -> int:
        """Side in pixels of the square that the network sees. Training may lower it for a while: ``resize``."""
        return int(self.network.input_size)  # type: ignore[arg-type]

    def resize(self, side: int) -> None:
        """Let the network see squares of ``side`` pixels from now on; only globally pooled networks keep their
        meaning.
        """
        self.network.input_size = side  # type: ignore[assignment]

    def network_input(self, pictures: Tensor) -> Tensor:
        """uint8 [N, 28, 28] -> float32 [N, 1, S, S], channels last, mean 0 and deviation 1 over the dataset.

        Raises ValueError for another dtype or shape.
        """
        if pictures.dtype != torch.uint8 or pictures.ndim != 3 or pictures.shape[1:] != (datasets.SIDE, datasets.SIDE):
            told = f"{pictures.dtype} {list(pictures.shape)}"
            raise ValueError(f"pictures are {told}; wanted torch.uint8 [N, 28, 28]")
        x = pictures.unsqueeze(1).float().div_(255).sub_(self._mean).div_(self._std)
        if self.input_size != datasets.SIDE:
            x = functional.interpolate(x, size=(self.input_size, self.input_size), mode="bilinear")
        return x.contiguous(memory_format=torch.channels_last)

    def forward(self, pictures: Tensor) -> Tensor:
        """uint8 [N, 28, 28] -> float32 logits [N, 10], not divided by the temperature."""
        logits: Tensor = self.network(self.network_input(pictures))
        return logits.float()

    @torch.inference_mode()
    def probabilities(self, pictures: Tensor, as_sent: Tensor | None = None) -> Tensor:
        """uint8 [N, 28, 28] -> float32 [N, 10], calibrated: softmax(logits / temperature). For a classifier in eval
        mode.

        ``as_sent``: bool [N], which of the pictures were not of the dataset's own kind as they were sent, and take
        ``temperature_sent``; None: none.
        """
        logits: Tensor = self(pictures)
        if as_sent is None:
            return functional.softmax(logits / self.temperature, dim=1)
        temperatures = torch.where(as_sent.to(logits.device), self.temperature_sent, self.temperature)
        return functional.softmax(logits / temperatures[:, None], dim=1)
