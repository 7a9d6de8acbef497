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

from models.classifier import Classifier
from models.training import features, run_log, run_state, sparse
from models.training.augment import AUGMENTATIONS
from models.training.learning import PooledHead, any_of, cycle, faster_in_bfloat16
from models.training.pool import pool
from models.training.recipes import Phase, Recipe
from models.training.scenes.sent import SentSet
from models.training.stage import Material, Stage

SAVE_EVERY = 120  # seconds
FEATURE_TIME = 0.55  # of a phase on computed features, at most, goes into computing them
DEAR = 112  # pixels: of pictures larger than this only so many are watched:
WATCHED_DEAR = 400


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
        self.pool = pool(learn, sent, device)
        self.watch = watch[0].to(device), watch[1].to(device)
        self.folder, self.should_stop = folder, should_stop
        self.at = Position()
        self.bfloat16 = recipe.autocast and faster_in_bfloat16(device)
        self.own_size = classifier.input_size
        torch.manual_seed(seed)
        if recipe.density:
            sparse.mask(classifier.network, recipe.density, seed)
        classifier.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        pooled = any(phase.head == "pooled" for phase in recipe.phases)
        self.pooled = PooledHead(classifier.network.conv, self.own_size).to(device) if pooled else None  # type: ignore[arg-type]
        self.stage = self._stage()
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
    def phase(self) -> Phase:
        return self.recipe.phases[self.at.phase]

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
        self.stage = self._stage()
        run_state.load(self._state, self._modules(), self.stage.optimizer)

    def save(self) -> None:
        """Write the state now."""
        run_state.save(
            self._state, self._modules(), self.stage.optimizer, {"identity": self.identity, "position": asdict(self.at)}
        )
        self._saved_at = time.monotonic()

    def _modules(self) -> dict[str, nn.Module]:
        head = {} if self.pooled is None else {"pooled": self.pooled.linear}
        return {"network": self.classifier.network, **head, **self.stage.modules}

    def run(self) -> Classifier:
        """Train to the end of the last phase; returns the classifier, unmasked and at its own size."""
        while True:
            self.save()  # before features are computed: they belong to exactly these weights
            material = self._material()
            while self._progress() < 1:
                self._epoch(material)
            self.stage.finish()
            if self.at.phase + 1 == len(self.recipe.phases):
                break
            self.at = self.at.next_phase()
            self.stage = self._stage()
        self.classifier.resize(self.own_size)
        sparse.unmask(self.classifier.network)
        return self.classifier.eval()

    def try_phases(self) -> Iterator[str]:
        """Take two steps in each phase and tell what the second costs; for a look before a run."""
        for number, phase in enumerate(self.recipe.phases):
            self.at = Position(number, seconds=math.inf)  # of features two chunks and no more
            self.stage = self._stage()
            material = self._material()
            self.at.seconds = 0.0
            index = torch.arange(min(self.recipe.batch_size, len(material.inputs)), device=self.device)
            self._step(material, index)
            start = time.monotonic()
            self._step(material, index)
            spent = (time.monotonic() - start) / len(index)
            yield f"{phase}: {1000 * spent:.2f} ms a picture"

    def _progress(self) -> float:
        """Share of the phase that is done."""
        if self.recipe.minutes is not None:
            return self.at.seconds / (60 * self.recipe.minutes * self.phase.share)
        epoch = self.pool.epoch_size(self.recipe.share_sent(self.phase))
        return self.at.seen / ((self.recipe.epochs or 0) * epoch * self.phase.share)

    # ---- a phase

    def _stage(self) -> Stage:
        phase, whole = self.phase, self.classifier
        size = phase.size or self.own_size
        whole.resize(size)
        if phase.head == "features":
            return Stage(whole.network.fc, self.recipe, phase)  # type: ignore[arg-type]
        if phase.head == "pooled":
            assert self.pooled is not None
            pooled = Classifier(self.pooled, architecture=whole.architecture, dataset=whole.dataset)
            pooled.resize(size)
            return Stage(pooled, self.recipe, phase)
        return Stage(whole, self.recipe, phase)

    def _material(self) -> Material:
        if self.phase.head == "features":
            return self._features()
        watched = self.watch
        if (self.phase.size or self.own_size) > DEAR:
            watched = watched[0][:WATCHED_DEAR], watched[1][:WATCHED_DEAR]
        share = self.recipe.share_sent(self.phase)
        return Material(
            self.pool.pictures,
            self.pool.allowed,
            watched,
            lambda seed: self.pool.order(seed, share),
            AUGMENTATIONS[self.classifier.dataset],
        )

    def _features(self) -> Material:
        """Features of held-out and then training pictures, as many as the phase's time allows, one chunk of each at
        least.
        """
        size, share = features.CHUNK, self.recipe.share_sent(self.phase)
        watched = (self.watch[0][:size], self.watch[1][:size])
        order = self.pool.order(self.seed, share)
        learned = ((self.pool.pictures[index], self.pool.allowed[index]) for index in order.split(size))
        parts: list[tuple[Tensor, Tensor]] = []
        last = time.monotonic()
        with self._autocast():
            for part in features.compute(
                self.classifier,
                [watched, *learned],
                self.folder / "features",
                may_compute=lambda: len(parts) < 2 or self._progress() < FEATURE_TIME,
            ):
                parts.append(part)
                now = time.monotonic()
                self.at.spend(now - last, 0)
                last = now
                if self.should_stop():
                    self.save()
                    raise Interrupted("stopped while computing features; --resume goes on from there")
        (watched_features, labels), *rest = parts
        inputs, allowed = (torch.cat(column) for column in zip(*rest, strict=True))

        def mixed(seed: int) -> Tensor:
            return torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))

        return Material(inputs, allowed, (watched_features.float(), labels), mixed)

    # ---- an epoch

    def _epoch(self, material: Material) -> None:
        order = material.order(self.seed * 1_000_003 + self.at.step - self.at.batch)
        batches = order.split(self.recipe.batch_size)[self.at.batch :]
        totals = torch.zeros(3, dtype=torch.double)  # loss, right, pictures
        started = time.monotonic()
        with run_log.bar(f"{self.name} phase {self.at.phase + 1} epoch {self.at.epoch + 1}") as bar:
            task = bar.add_task("", total=len(order), completed=self.at.batch * self.recipe.batch_size, told="")
            for index in batches:
                totals += self._counted_step(material, index.to(self.device))
                rate = totals[2].item() / (time.monotonic() - started)
                bar.update(task, advance=len(index), told=run_log.told(totals, rate))
                if self.should_stop():
                    self.save()
                    raise Interrupted(f"stopped at step {self.at.step}; --resume goes on from there")
                if time.monotonic() - self._saved_at > SAVE_EVERY:
                    self.save()
                if self._progress() >= 1:
                    break
        self.at.epoch, self.at.batch = self.at.epoch + 1, 0
        if totals[2]:  # a run that was interrupted after an epoch's last batch has nothing to tell of it
            self._log(material, totals, totals[2].item() / (time.monotonic() - started))

    def _counted_step(self, material: Material, index: Tensor) -> Tensor:
        start = time.monotonic()
        figures = self._step(material, index)
        self.at.spend(time.monotonic() - start, len(index))
        self.at.seen += len(index)
        self.at.batch, self.at.step = self.at.batch + 1, self.at.step + 1
        return figures

    def _step(self, material: Material, index: Tensor) -> Tensor:
        """One step; its loss, right answers and pictures. FloatingPointError if the loss is not a number."""
        torch.manual_seed(self.seed * 7_919 + self.at.step)
        stage, rate = self.stage, self.phase.lr * cycle(self._progress(), self.recipe.warmup)
        for group in stage.optimizer.param_groups:
            group["lr"] = rate
        stage.model.train()
        inputs, allowed = material.batch(index)
        with self._autocast():
            logits = stage.model(inputs).float()
        loss = any_of(logits, allowed, self.recipe.label_smoothing)
        if not loss.isfinite():
            raise FloatingPointError(f"{self.name}: the loss is {loss.item()} at step {self.at.step}, rate {rate:.3g}")
        stage.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(stage.optimizer.param_groups[0]["params"], self.recipe.clip)
        stage.step()
        right = allowed.gather(1, logits.argmax(1, keepdim=True)).sum()
        return torch.tensor([loss.item() * len(index), right.item(), len(index)], dtype=torch.double)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    def _log(self, material: Material, totals: Tensor, rate: float) -> None:
        """A line of the history, and of the terminal, for the epoch that ended."""
        loss, right, count = totals.tolist()
        line = {
            "phase": self.at.phase,
            "epoch": self.at.epoch,
            "pictures": self.at.total_seen,
            "minutes": round(self.at.total_seconds / 60, 2),
            "loss": round(loss / count, 4),
            "accuracy": round(right / count, 4),
            "held_out_accuracy": round(self._watched_accuracy(*material.watched), 4),
            "learning_rate": self.stage.optimizer.param_groups[0]["lr"],
            "pictures_per_second": round(rate, 1),
        }
        run_log.write(self.folder, self.name, line)

    @torch.inference_mode()
    def _watched_accuracy(self, inputs: Tensor, labels: Tensor) -> float:
        model = self.stage.watched.eval()
        with self._autocast():
            answers = torch.cat([model(part).argmax(1) for part in inputs.split(100)])
        return float((answers == labels).double().mean())
