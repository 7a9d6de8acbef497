"""The studies by name, in the order in which the networks' story is told. To add one: a module beside this, a row
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from models.datasets import UnknownName
from models.studies import (
    activation,
    connectivity,
    depth,
    head,
    normalisation,
    paths,
    regularisation,
    shortcut,
)
from models.studies.study import Study

_ROWS = (activation, regularisation, depth, head, paths, normalisation, shortcut, connectivity)
STUDIES: Mapping[str, Study] = MappingProxyType({row.STUDY.name: row.STUDY for row in _ROWS})


def choose(names: Iterable[str]) -> list[Study]:
    """Studies by name, each once and in their order; all where none is named. UnknownName, which lists them, if one is
    unknown.
    """
    wanted = set(names)
    if unknown := wanted - STUDIES.keys():
        raise UnknownName(f"no study {min(unknown)[:64]!r}; there are: {', '.join(STUDIES)}")
    return [study for name, study in STUDIES.items() if not wanted or name in wanted]
