"""What was measured of the networks that are loaded: from the reports beside their checkpoints, and for the pictures
that they got wrong from the datasets' own files.
"""

import threading
from collections.abc import Mapping
from typing import Any

from app.errors import ApiError
from app.measurements import Mistake, Mistakes, Report
from app.serving import assemble
from app.serving.service import Service
from app.serving.state import State, problem
from models import checkpoints
from models.checkpoints import reports
from models.data import idx
from models.data.idx import DataError, UInt8

FROM_TEST = ("accuracy", "n", "per_class", "confusion", "temperature", "ece", "ece_at_temperature_1", "nll", "held_out")
PARTS = (*FROM_TEST, "reliability", "sent", "history")
SCENES = "python -m models.training.scenes.make --dataset"


class Measured:
    """Reads files: its methods block, and may be called from several threads. A dataset's test pictures, 8 MB, are kept
    once they were asked for.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._test_sets: dict[str, tuple[UInt8, UInt8]] = {}
        self._reading = threading.Lock()

    def report(self, dataset: str, name: str) -> Report:
        """What was measured of a loaded checkpoint. ApiError where none is loaded."""
        digest = self._digest(dataset, name)
        recorded = self._recorded(dataset, name, digest)
        mistakes = recorded.get("mistakes")
        told: dict[str, Any] = {part: recorded.get(part) for part in PARTS}
        told["robustness"] = self._recorded(dataset, name, digest, reports.ROBUSTNESS) or None
        told |= {"mistakes": None if mistakes is None else len(mistakes), "pictures": self._at_hand(dataset)}
        told |= {"model": name, "dataset": dataset, "digest": digest, "missing": _missing(dataset, name, told)}
        told["classes"] = self._service.engine.datasets[dataset].classes
        return Report.model_validate(told)

    def mistakes(self, dataset: str, name: str, true: int, said: int, offset: int, limit: int) -> Mistakes:
        """At most `limit` of the test pictures of class `true` that a loaded checkpoint takes for `said`, after the
        first `offset`. ApiError where they are not recorded, or the pictures are not at hand.
        """
        digest = self._digest(dataset, name)
        wrong = self._recorded(dataset, name, digest).get("mistakes")
        command = reports.command(dataset, name, "--mistakes")
        if wrong is None:
            raise ApiError("not_available", f"where {name} is wrong on {dataset} is not recorded; {command} records it")
        pictures, labels = self._test_set(dataset, command)
        places = [p for p, answer in wrong if answer == said and p < len(labels) and labels[p] == true]
        found = [Mistake(place=p, png=assemble.base64_png(pictures[p])) for p in places[offset : offset + limit]]
        return Mistakes(
            model=name,
            dataset=dataset,
            digest=digest,
            true=true,
            said=said,
            of=len(places),
            offset=offset,
            pictures=found,
        )

    def _digest(self, dataset: str, name: str) -> str:
        try:
            return self._service.engine.digest(dataset, name)
        except KeyError:
            loading = problem(dataset, name, State("loading"))
            error = self._service.networks.problem(dataset, name) or loading
            assert error is not None
            raise error.again() from None

    def _recorded(self, dataset: str, name: str, digest: str, kind: str = reports.REPORT) -> dict[str, Any]:
        """What is recorded of the checkpoint that answers, not of one that took its place in the folder since."""
        return reports.of(checkpoints.path_for(dataset, name, self._service.engine.root()), digest, kind) or {}

    def _at_hand(self, dataset: str) -> bool:
        known = self._service.engine.datasets[dataset]
        return dataset in self._test_sets or not idx.missing(known, "test", self._service.settings.data_dir)

    def _test_set(self, dataset: str, command: str) -> tuple[UInt8, UInt8]:
        """Pictures uint8 [N, 28, 28] and labels uint8 [N]. ApiError where they cannot be had."""
        known = self._service.engine.datasets[dataset]
        with self._reading:
            if dataset not in self._test_sets:
                try:
                    self._test_sets[dataset] = idx.read_split(known, "test", self._service.settings.data_dir)
                except FileNotFoundError as error:
                    told = f"the test pictures of {known.title} are not in LINEUP_DATA_DIR; {command} brings them"
                    raise ApiError("not_available", f"{told} there") from error
                except DataError as error:
                    told = f"the files of {known.title} in LINEUP_DATA_DIR are damaged"
                    raise ApiError("not_available", f"{told}; delete them, and {command} brings them anew") from error
            return self._test_sets[dataset]


def _missing(dataset: str, name: str, told: Mapping[str, Any]) -> dict[str, str]:
    """Each part that is not there, and the command that makes it."""
    evaluate, mistakes = reports.command(dataset, name), reports.command(dataset, name, "--mistakes")
    commands = dict.fromkeys(FROM_TEST, evaluate)
    commands["sent"] = f"{SCENES} {dataset} && {evaluate}"
    commands["history"] = f"lineup train --model {name} --dataset {dataset}"
    commands |= dict.fromkeys(("mistakes", "reliability"), evaluate if told["accuracy"] is None else mistakes)
    commands["robustness"] = reports.command(dataset, name, "--robustness")
    commands["pictures"] = mistakes  # it fetches what is not there
    return {part: command for part, command in commands.items() if told[part] is None or told[part] is False}
