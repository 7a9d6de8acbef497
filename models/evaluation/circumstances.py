"""When, on what and with which versions figures were measured."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import Any

import cv2
import PIL
import torch

from models import processor


def circumstances(device: torch.device) -> dict[str, Any]:
    """JSON-able; ``device``: on which networks ran."""
    versions = {"python": platform.python_version(), "torch": torch.__version__, "opencv": cv2.__version__}
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": {"networks": named, "intake": processor.read().name},
        "versions": versions | {"pillow": PIL.__version__},
    }
