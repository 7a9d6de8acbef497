"""Write deploy/serve.yaml and deploy/rayservice.yaml, with default settings: `python -m tools.deployments`."""

import argparse
from pathlib import Path

from app.cli import deploy_options, deploying
from app.settings import Settings
from models.checkpoints import atomic

FOLDER = Path(__file__).resolve().parents[1] / "deploy"
KINDS = {"serve.yaml": "serve", "rayservice.yaml": "kuberay"}


def text(kind: str) -> str:
    """The file of that kind as it is committed, whatever the environment says."""
    parser = argparse.ArgumentParser()
    deploy_options.add_to(parser)
    return deploying.text(parser.parse_args(["--print", kind]), Settings.model_construct())


def main() -> None:
    """Write both."""
    for name, kind in KINDS.items():
        atomic.write(FOLDER / name, text(kind).encode())


if __name__ == "__main__":
    main()
