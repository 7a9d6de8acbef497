"""LitServe with batches: `python -m bench.rivals.litserve_server PORT NETWORK`."""

import io
import sys
from typing import Any

import litserve
import numpy as np
import torch
from fastapi import Request
from PIL import Image

from models import checkpoints


class Server(litserve.LitAPI):
    """One network on MNIST."""

    def __init__(self, network: str, **options: Any) -> None:
        super().__init__(**options)
        self.network = network

    def setup(self, device: str) -> None:
        classifier = checkpoints.load(checkpoints.path_for("mnist", self.network))
        self.classifier = classifier.to(device, memory_format=torch.channels_last)

    def decode_request(self, request: Request, **_: Any) -> torch.Tensor:  # what comes is the form of the request
        image = Image.open(io.BytesIO(request["file"].file.read())).convert("L").resize((28, 28))
        return torch.from_numpy(np.array(image))

    def predict(self, x: torch.Tensor, **_: Any) -> torch.Tensor:
        with torch.inference_mode():
            return self.classifier(x).softmax(1)

    def encode_response(self, output: torch.Tensor, **_: Any) -> dict[str, Any]:
        return {"label": self.classifier.classes[int(output.argmax())], "probabilities": output.tolist()}


if __name__ == "__main__":
    api = Server(sys.argv[2], max_batch_size=16, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu")
    # No log of accesses, as none of the others has one.
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, access_log=False)
