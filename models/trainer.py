"""The training loop: one run of one network through the phases of its recipe, interruptible at any step."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models import features, run_log, run_state, sparse
from models.augment import AUGMENTATIONS, augment
from models.classifier import Classifier
from models.learning import PooledHead, any_of, cycle, faster_in_bfloat16, make_optimizer
from models.pool import pool
from models.recipes import Phase, Recipe
from models.sent import SentSet

SAVE_EVERY = 120  # seconds
FEATURE_TIME = 0.55  # of a phase on computed features, at most, goes into computing them


class Interrupted(Exception):
    """The run was asked to stop and has saved its state."""


@dataclass
class Position:
    """How far a run is. ``seen``, ``seconds`` and ``epoch`` count within the phase, the totals over the run."""

    phase: int = 0
    epoch: int = 0
    batch: int = 0
    seen: int = 0
    seconds: float = 0.0
    step: int = 0
    total_seen: int = 0
    total_seconds: float = 0.0

    def spend(self, seconds: float, pictures: int) -> None:
        """Count time and pictures."""
        self.seconds, self.total_seconds = self.seconds + seconds, self.total_seconds + seconds
        self.total_seen += pictures

    def next_phase(self) -> Position:
        """The beginning of the phase after this."""
        return replace(self, phase=self.phase + 1, epoch=0, batch=0, seen=0, seconds=0.0)


class Trainer:
    """Trains ``classifier`` in place. ``learn`` and ``watch`` are pictures uint8 [N, 28, 28] and labels int64 [N];
    ``sent``, of which each epoch takes the recipe's share beside all of ``learn``, has its classes as bool [N, 10].
    All live on ``device`` whole.

    The state is saved into ``folder`` every two minutes and when ``should_stop`` says so (then ``Interrupted`` is
    raised); after ``resume`` the run repeats at most that. Batches, augmentation and dropout depend on the seed and
    the step alone, so a resumed run goes the way that it would have gone.
    """

    def __init__(
        self,
        classifier: Classifier,
        recipe: Recipe,
        learn: tuple[Tensor, Tensor],
        watch: tuple[Tensor, Tensor],
        *,
        sent: SentSet | None = None,
        device: torch.device,
        folder: Path,
        seed: int = 0,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.classifier, self.recipe, self.seed, self.device = classifier, recipe, seed, device
        self.pool = pool(learn, sent, recipe.sent, device)
        self.watch = watch[0].to(device), watch[1].to(device)
        self.folder, self.should_stop = folder, should_stop
        self.at = Position()
        self.bfloat16 = recipe.autocast and faster_in_bfloat16(device)
        torch.manual_seed(seed)
        if recipe.density:
            sparse.mask(classifier.network, recipe.density, seed)
        classifier.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._saved_at = time.monotonic()

    # ---- the run

    @property
    def _state(self) -> Path:
        return self.folder / "state.safetensors"

    @property
    def name(self) -> str:
        """Of what is trained, for people."""
        return f"{self.classifier.architecture}, {self.classifier.dataset}"

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a run to be resumed."""
        names = {"architecture": self.classifier.architecture, "dataset": self.classifier.dataset}
        return json.loads(json.dumps({**names, "recipe": asdict(self.recipe), "seed": self.seed}))  # type: ignore[no-any-return]

    def resume(self) -> None:
        """Go on where the saved state ends. ValueError, with both sides, if it is of a run with other options."""
        progress = run_state.load_progress(self._state)
        if progress["identity"] != self.identity:
            both = f"it was begun as {progress['identity']}, now it would be {self.identity}"
            raise ValueError(f"cannot resume {self.folder}: {both}")
        self.at = Position(**progress["position"])
        self._start_phase()
        run_state.load(self._state, self._modules(), self.optimizer)
        self._load_features()

    def run(self) -> Classifier:
        """Train to the end of the last phase; returns the classifier, unmasked and at its own size."""
        if not self.at.step:
            self._begin_phase()
        while True:
            while self._phase_progress() < 1:
                self._epoch()
            if self.at.phase + 1 == len(self.recipe.phases):
                break
            self.at = self.at.next_phase()
            self._begin_phase()
        self.classifier.resize(self.own_size)
        sparse.unmask(self.classifier.network)
        return self.classifier.eval()

    def try_phases(self) -> Iterator[str]:
        """Take two steps in each phase and tell what the second costs; for a look before a run."""
        for number, phase in enumerate(self.recipe.phases):
            self.at = Position(number)
            self._start_phase()
            if phase.head == "features":
                self.at.seconds = math.inf  # two chunks and no more
                self._load_features()
                self.at.seconds = 0.0
            index = torch.arange(self.recipe.batch_size, device=self.device)
            self._step(index)
            start = time.monotonic()
            self._step(index)
            spent = (time.monotonic() - start) / len(index)
            yield f"{phase}: {1000 * spent:.2f} ms a picture"

    def _begin_phase(self) -> None:
        self._start_phase()
        self.save()  # before features are computed: they belong to exactly these weights
        self._load_features()

    def _start_phase(self) -> None:
        phase, network = self.phase, self.classifier.network
        if not hasattr(self, "own_size"):
            self.own_size = self.classifier.input_size
        size = phase.size or self.own_size
        self.model: Classifier = self.classifier
        if phase.head == "pooled":
            if not hasattr(self, "pooled"):
                self.pooled = PooledHead(network.conv, size).to(self.device)  # type: ignore[arg-type]
            whole = self.classifier
            self.model = Classifier(self.pooled, architecture=whole.architecture, dataset=whole.dataset)
        self.model.resize(size)
        trained = network.fc if phase.head == "features" else self.model.network
        self.optimizer = make_optimizer(self.recipe, trained, phase.lr)  # type: ignore[arg-type]

    @property
    def phase(self) -> Phase:
        return self.recipe.phases[self.at.phase]

    def _phase_progress(self) -> float:
        if self.recipe.minutes is not None:
            return self.at.seconds / (60 * self.recipe.minutes * self.phase.share)
        return self.at.seen / ((self.recipe.epochs or 0) * self.pool.epoch_size * self.phase.share)

    def _modules(self) -> dict[str, nn.Module]:
        return {"network": self.classifier.network} | (
            {"pooled": self.pooled.linear} if hasattr(self, "pooled") else {}
        )

    def save(self) -> None:
        """Write the state now."""
        run_state.save(
            self._state, self._modules(), self.optimizer, {"identity": self.identity, "position": asdict(self.at)}
        )
        self._saved_at = time.monotonic()

    # ---- an epoch

    def _epoch(self) -> None:
        seed = self.seed * 1_000_003 + self.at.step - self.at.batch
        if self.phase.head == "features":
            order = torch.randperm(len(self.features), generator=torch.Generator().manual_seed(seed))
        else:
            order = self.pool.order(seed)
        batches = order.split(self.recipe.batch_size)[self.at.batch :]
        totals = torch.zeros(3, dtype=torch.double)  # loss, right, pictures
        started = time.monotonic()
        with run_log.bar(f"{self.name} phase {self.at.phase + 1} epoch {self.at.epoch + 1}") as bar:
            task = bar.add_task("", total=len(order), completed=self.at.batch * self.recipe.batch_size, told="")
            for index in batches:
                totals += self._timed_step(index.to(self.device))
                rate = totals[2].item() / (time.monotonic() - started)
                bar.update(task, advance=len(index), told=run_log.told(totals, rate))
                if self.should_stop():
                    self.save()
                    raise Interrupted(f"stopped at step {self.at.step}; --resume goes on from there")
                if time.monotonic() - self._saved_at > SAVE_EVERY:
                    self.save()
                if self._phase_progress() >= 1:
                    break
        self.at.epoch, self.at.batch = self.at.epoch + 1, 0
        if totals[2]:  # a run that was interrupted after an epoch's last batch has nothing to tell of it
            self._log(totals, totals[2].item() / (time.monotonic() - started))

    def _timed_step(self, index: Tensor) -> Tensor:
        start = time.monotonic()
        figures = self._step(index)
        self.at.spend(time.monotonic() - start, len(index))
        self.at.seen += len(index)
        self.at.batch, self.at.step = self.at.batch + 1, self.at.step + 1
        return figures

    def _step(self, index: Tensor) -> Tensor:
        torch.manual_seed(self.seed * 7_919 + self.at.step)
        for group in self.optimizer.param_groups:
            group["lr"] = self.phase.lr * cycle(self._phase_progress(), self.recipe.warmup)
        self.model.train()
        with self._autocast():
            if self.phase.head == "features":
                allowed = self.feature_allowed[index]
                logits = self.classifier.network.fc(self.features[index].float()).float()  # type: ignore[operator]
            else:
                allowed = self.pool.allowed[index]
                logits = self.model(augment(self.pool.pictures[index], AUGMENTATIONS[self.classifier.dataset]))
        loss = any_of(logits, allowed, self.recipe.label_smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.optimizer.param_groups[0]["params"], self.recipe.clip)
        self.optimizer.step()
        right = allowed.gather(1, logits.argmax(1, keepdim=True)).sum()
        return torch.tensor([loss.item() * len(index), right.item(), len(index)], dtype=torch.double)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _log(self, totals: Tensor, rate: float) -> None:
        """A line of the history, and of the terminal, for the epoch that ended."""
        loss, right, count = totals.tolist()
        line = {
            "phase": self.at.phase,
            "epoch": self.at.epoch,
            "pictures": self.at.total_seen,
            "minutes": round(self.at.total_seconds / 60, 2),
            "loss": round(loss / count, 4),
            "accuracy": round(right / count, 4),
            "held_out_accuracy": round(self._watched_accuracy(), 4),
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "pictures_per_second": round(rate, 1),
        }
        run_log.write(self.folder, self.name, line)

    @torch.inference_mode()
    def _watched_accuracy(self) -> float:
        self.model.eval()
        with self._autocast():
            if self.phase.head == "features":
                answers, labels = self.classifier.network.fc(self.watch_features.float()).argmax(1), self.watch_labels  # type: ignore[operator]
            else:
                pictures, labels = self.watch[0], self.watch[1]
                if (self.phase.size or self.own_size) > 112:  # dear ones: fewer
                    pictures, labels = pictures[:400], labels[:400]
                answers = torch.cat([self.model(part).argmax(1) for part in pictures.split(100)])
        return float((answers == labels).double().mean())

    def _load_features(self) -> None:
        """Features of held-out and then training pictures, as many as the phase's time allows, one chunk of each at
        least.
        """
        if self.phase.head != "features":
            return
        size = features.CHUNK
        watched = (self.watch[0][:size], self.watch[1][:size])
        learned = (
            (self.pool.pictures[index], self.pool.allowed[index]) for index in self.pool.order(self.seed).split(size)
        )
        parts: list[tuple[Tensor, Tensor]] = []
        last = time.monotonic()
        with self._autocast():
            for part in features.compute(
                self.classifier,
                [watched, *learned],
                self.folder / "features",
                may_compute=lambda: len(parts) < 2 or self._phase_progress() < FEATURE_TIME,
            ):
                parts.append(part)
                now = time.monotonic()
                self.at.spend(now - last, 0)
                last = now
                if self.should_stop():
                    self.save()
                    raise Interrupted("stopped while computing features; --resume goes on from there")
        (self.watch_features, self.watch_labels), *rest = parts
        self.features = torch.cat([part for part, _ in rest])
        self.feature_allowed = torch.cat([allowed for _, allowed in rest])
