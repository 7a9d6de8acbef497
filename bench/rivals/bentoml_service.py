"""BentoML with adaptive batching: `bentoml serve bench.rivals.bentoml_service:Service --port PORT`, the network in
BENCH_NETWORK.
"""

import os
from typing import Any

import bentoml
import numpy as np
import torch
from PIL.Image import Image

from models import checkpoints


@bentoml.service(logging={"access": {"enabled": False}})
class Service:
    """One network on MNIST."""

    def __init__(self) -> None:
        classifier = checkpoints.load(checkpoints.path_for("mnist", os.environ["BENCH_NETWORK"]))
        self.classifier = classifier.to(memory_format=torch.channels_last)

    @bentoml.api(batchable=True, max_batch_size=16)
    def predict(self, file: list[Image]) -> list[dict[str, Any]]:
        pictures = np.stack([np.array(image.convert("L").resize((28, 28))) for image in file])
        with torch.inference_mode():
            probabilities = self.classifier(torch.from_numpy(pictures)).softmax(1)
        labels = [self.classifier.classes[int(index)] for index in probabilities.argmax(1)]
        pairs = zip(labels, probabilities.tolist(), strict=True)
        return [{"label": label, "probabilities": given} for label, given in pairs]
