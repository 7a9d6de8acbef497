"""What is told of a network: from the catalog, and from its checkpoints."""

from collections.abc import Mapping
from typing import Any

from app.serving.backends import Loaded
from app.serving.state import State
from models import catalog


def network(name: str, checkpoints: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A network with its `checkpoints` by dataset. UnknownName if there is no such network."""
    architecture = catalog.find(name)
    return {
        "name": name,
        "title": architecture.title,
        "year": architecture.year,
        "paper": architecture.paper,
        "idea": architecture.idea,
        "input_size": architecture.input_size,
        "parameters": architecture.parameters,
        "macs": architecture.macs,
        "checkpoints": dict(checkpoints),
    }


def checkpoint(state: State, loaded: Loaded | None) -> dict[str, Any]:
    """A checkpoint by where it stands, and what it is if it is loaded."""
    metrics = loaded.header.get("metrics", {}) if loaded else {}
    return {
        "state": state.state,
        "reason": state.reason,
        "accuracy": metrics.get("accuracy"),
        "n": metrics.get("n"),
        "temperature": loaded.temperature if loaded else None,
        "temperature_sent": loaded.temperature_sent if loaded else None,
        "digest": loaded.header.get("digest") if loaded else None,
        "form": loaded.form if loaded else None,
        "graph": loaded.graph if loaded else None,
    }
