"""The trainings that a checkpoint went through, as its header tells them; torch nowhere.

``refined_from`` of a header's training is a list of those before it. In older files it holds the one before alone, and
that its own: two levels deeper with each, until a header was nested too deep to be written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from models.checkpoints.file_format import nested_at_most

KINDS = {"digest": str, "recipe": dict, "training": dict}  # what is told of a checkpoint, where its header has it
DEEPEST = 8  # levels of one of these; recipes have three
MOST = 1 << 20  # characters of JSON, some thousand trainings, of the 4 MiB that a header may have


def trainings(header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a checkpoint's header, and before it of each that it was refined from, oldest first: digest, recipe and
    training, without those that it went on from. What is not told, or is of another kind, is left out.
    """
    found: list[dict[str, Any]] = []
    one: object = header
    while isinstance(one, Mapping):
        found.append(_told(one))
        training = one.get("training")
        one = training.get("refined_from") if isinstance(training, dict) else None
    older = [_told(each) for each in one if isinstance(each, dict)] if isinstance(one, list) else []
    return [*older, *reversed(found)]


def refined_from(header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a checkpoint tells that was refined from the one with this header: its ``trainings``, without the oldest
    where the new header might become too long to be written.
    """
    kept, room = [], MOST
    for one in reversed(trainings(header)):
        room -= len(json.dumps(one))
        if room < 0:
            break
        kept.append(one)
    return kept[::-1]


def _told(header: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: header[key] for key, kind in KINDS.items() if isinstance(header.get(key), kind)}
    if "training" in told:
        told["training"] = {key: value for key, value in told["training"].items() if key != "refined_from"}
    return {key: value for key, value in told.items() if nested_at_most(value, DEEPEST)}
