"""Sets of scenes such as people send, prepared by the intake: networks learn from one part and are measured on another.

``models.training.scenes.make`` makes them: <folder>/<dataset>.safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from models.checkpoints import atomic
from models.data.code_digest import code_digest
from models.data.splits import DataError
from models.datasets import DATASETS

FOLDER = Path("data/scenes")
COMMAND = "python -m models.training.scenes.make"
DECIDING = "models.training.scenes.mixture"  # with all that it reaches, the intake too, it decides what is in a set


@dataclass(frozen=True)
class SceneSet:
    """Prepared pictures uint8 [N, 28, 28], and ``allowed`` bool [N, 10]: the classes that are right for each (a shoe
    may be 7 or 9).
    """

    pictures: Tensor
    allowed: Tensor

    def clear(self) -> tuple[Tensor, Tensor]:
        """The pictures for which one class alone is right, and their labels int64 [M]."""
        one = self.allowed.sum(1) == 1
        return self.pictures[one], self.allowed[one].float().argmax(1)


def path_for(folder: Path, dataset: str) -> Path:
    """Where the sets of a dataset lie, whether or not they are there."""
    return folder / f"{dataset}.safetensors"


def made_by() -> str:
    """The digest of the code that decides what a scene looks like and what the intake makes of it."""
    return code_digest(DECIDING)


def save(folder: Path, dataset: str, sets: Mapping[str, SceneSet], about: Mapping[str, Any]) -> Path:
    """Write the sets of a dataset by the names of their parts, "learn" and "held"; returns where. DataError without
    safetensors.
    """
    path = path_for(folder, dataset)
    need_safetensors(f"writing {path}")
    from safetensors.torch import save as save_tensors

    tensors = {f"{part}.{key}": tensor for part, scenes in sets.items() for key, tensor in vars(scenes).items()}
    atomic.write(path, save_tensors(tensors, {"about": json.dumps({**about, "made_by": made_by()})}))
    return path


def load(folder: Path, dataset: str, part: str) -> SceneSet:
    """The part "learn" or "held" of a dataset's sets. DataError, which says what to do, if it is not there, is damaged
    or cannot be read without safetensors.
    """
    with _opened(folder, dataset) as file:
        scenes = SceneSet(file.get_tensor(f"{part}.pictures"), file.get_tensor(f"{part}.allowed"))
        maker = _maker(file)
    if maker != made_by():
        path = path_for(folder, dataset)
        print(f"{path} was made by other code than this; {COMMAND} --dataset {dataset} makes it anew")
    return scenes


def makers(folder: Path) -> dict[str, str]:
    """The digest of the code that made each dataset's sets, as the files tell it. A dataset is left out whose file is
    not there, is damaged, does not tell it, or cannot be read without safetensors.
    """
    found: dict[str, str] = {}
    for dataset in DATASETS:
        with suppress(DataError), _opened(folder, dataset) as file:
            if (maker := _maker(file)) is not None:
                found[dataset] = maker
    return found


@contextmanager
def _opened(folder: Path, dataset: str) -> Iterator[Any]:
    """The file of a dataset's sets, as safetensors opens it; DataError, which says what to do, where that fails."""
    path, command = path_for(folder, dataset), f"{COMMAND} --dataset {dataset}"
    if not path.is_file():
        raise DataError(f"there is no {path}; make it: {command}")
    need_safetensors(f"reading {path}")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} is damaged: {error}; make it anew: {command}") from error


def _maker(file: Any) -> str | None:
    with suppress(ValueError):
        about = json.loads((file.metadata() or {}).get("about", "{}"))
        return about.get("made_by") if isinstance(about, dict) else None
    return None


def need_safetensors(what: str) -> None:
    """DataError, which says that ``what`` needs safetensors and how to install it, if it is not there."""
    try:
        import safetensors  # noqa: F401 - belongs to the extra `torch`
    except ImportError as error:
        raise DataError(f"{what} needs safetensors: pip install -e '.[torch]'") from error
