"""Write the OpenAPI document of the service with its default settings: `python -m tools.openapi > openapi.json`."""

import json
import sys

from app.main import create_app
from app.settings import Settings


def text() -> str:
    """The document as it is committed."""
    return json.dumps(create_app(Settings(device="cpu", networks="")).openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
