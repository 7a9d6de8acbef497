"""The training loop: one run of one network through the phases of its recipe, interruptible at any step."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.classifier import Classifier
from models.data.scene_sets import SceneSet
from models.training import features, mixing, run_log, run_state, sparse
from models.training.material import Material, of_pictures
from models.training.objective import Objective
from models.training.optimisation import check_number, check_weights, cycle
from models.training.pool import pool
from models.training.precision import autocast, faster_in_bfloat16
from models.training.recipes import Phase, Recipe
from models.training.run_state import Position
from models.training.stage import PooledHead, Stage, stage_of
from models.training.stopping import Interrupted
from models.training.stopwatch import Stopwatch
from models.training.world import ALONE, World

SAVE_EVERY = 120  # seconds


class Trainer:
    """Trains ``classifier`` in place. ``learn`` and ``watch`` are pictures uint8 [N, 28, 28] and labels int64 [N];
    ``scenes``, of which each epoch takes the recipe's share beside all of ``learn``, has its classes as bool [N, 10].
    All live on ``device`` whole. ``teachers`` are those that the recipe names.

    The state is saved into ``folder`` every two minutes and when ``should_stop`` says so (then ``Interrupted`` is
    raised); after ``resume`` the run repeats at most that. Batches, augmentation and dropout depend on the seed and
    the step alone (and on the checkpoint that it goes on from), so a resumed run goes the way that it would have gone;
    where minutes are counted, but for what the clock decides.
    """

    def __init__(
        self,
        classifier: Classifier,
        recipe: Recipe,
        learn: tuple[Tensor, Tensor],
        watch: tuple[Tensor, Tensor],
        *,
        scenes: SceneSet | None = None,
        teachers: Sequence[Classifier] = (),
        device: torch.device,
        folder: Path,
        seed: int = 0,
        should_stop: Callable[[], bool] = lambda: False,
        world: World = ALONE,
    ) -> None:
        self.classifier, self.recipe, self.device, self.world = classifier, recipe, device, world
        world.check(recipe)
        self.pool = pool(learn, scenes, device)
        self.watch = watch[0].to(device), watch[1].to(device)
        self.objective = Objective(recipe, teachers, device)
        self.identity = run_state.identity(classifier, recipe, self.pool, self.objective.teaching, seed)
        self.draws = run_state.draws(self.identity)
        self.folder, self._state, self.should_stop = folder, folder / "state.safetensors", should_stop
        self.at = Position(bfloat16=world.told(recipe.autocast and faster_in_bfloat16(device)))
        self.own_size, self._saved_at = classifier.input_size, time.monotonic()
        self.began = mixing.weights_of(classifier.network) if recipe.mixed and classifier.metadata else None
        torch.manual_seed(seed)
        if recipe.density:
            sparse.mask(classifier.network, recipe.density, self.draws)
        classifier.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        pooled = any(phase.head == "pooled" for phase in recipe.phases)
        self.pooled = PooledHead(classifier.network.conv, self.own_size).to(device) if pooled else None  # type: ignore[arg-type]
        self.stage = self._stage()

    # ---- the run

    @property
    def name(self) -> str:
        """Of what is trained, for people."""
        return f"{self.classifier.architecture}, {self.classifier.dataset}"

    @property
    def phase(self) -> Phase:
        return self.recipe.phases[self.at.phase]

    def resume(self) -> None:
        """Go on where the saved state ends. ResumeError if it is damaged, or of a run with other options."""
        self.at = run_state.position(self._state, self.identity)
        self.stage = self._stage()
        run_state.load(self._state, self._modules(), self.stage.optimizer)

    def save(self) -> None:
        """Write the state now; of several processes the first does."""
        if self.world.first:
            run_state.save(self._state, self._modules(), self.stage.optimizer, self.identity, self.at)
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
            check_weights(self.stage.model, self.name, self.at.step, self.stage.rate)
            if self.at.phase + 1 == len(self.recipe.phases):
                self.save()  # before layers are unmasked: a run that ends while it is measured goes on from here
                break
            self.at = self.at.next_phase()
            self.stage = self._stage()
        self.classifier.resize(self.own_size)
        sparse.unmask(self.classifier.network)
        mixing.mix(self.classifier.network, self.began, self.recipe.mixed)
        return self.classifier.eval()

    def try_phases(self) -> Iterator[str]:
        """Take two steps in each phase and tell what the second costs; for a look before a run."""
        for number, phase in enumerate(self.recipe.phases):
            # As if its time were over: of features two chunks and no more.
            self.at = replace(self.at, phase=number, seconds=math.inf, seen=sys.maxsize)
            self.stage = self._stage()
            material = self._material()
            self.at.seconds, self.at.seen = 0.0, 0
            index = torch.arange(min(self.recipe.batch_size, len(material.inputs)), device=self.device)
            self._step(material, index)
            start = time.monotonic()
            self._step(material, index)
            spent = (time.monotonic() - start) / len(index)
            yield f"{phase}: {1000 * spent:.2f} ms a picture"

    def _progress(self) -> float:
        return self._share(self.at.seconds, self.at.seen)

    def _share(self, seconds: float, seen: int) -> float:
        if self.recipe.minutes is not None:
            return seconds / (60 * self.recipe.minutes * self.phase.share)
        epoch = self.pool.epoch_size(self.recipe.share_of_scenes(self.phase))
        return seen / ((self.recipe.epochs or 0) * epoch * self.phase.share)

    # ---- a phase

    def _stage(self) -> Stage:
        size = self.phase.size or self.own_size
        return stage_of(self.classifier, self.pooled, self.recipe, self.phase, size, self.world)

    def _material(self) -> Material:
        if self.phase.head == "features":
            return self._features()
        share, augmentation = self.recipe.share_of_scenes(self.phase), self.recipe.augmentation(self.classifier.dataset)
        return of_pictures(self.pool, self.watch, share, self.classifier.input_size, augmentation)

    def _features(self) -> Material:
        """Of as many pictures as the phase's time allows; of an epoch's, where passes are counted."""
        stopwatch = Stopwatch()

        def count() -> None:
            self.at.spend(stopwatch.lap())
            self._stop_if_asked("stopped while computing features")

        with self._autocast():
            material = features.material_of(
                self.classifier,
                self.pool,
                self.watch,
                self.recipe.share_of_scenes(self.phase),
                self.folder / "features",
                seed=self.draws,
                augmentation=self.recipe.augmentation(self.classifier.dataset),
                may_compute=lambda: self._progress() < features.TIME,
                after_each=count,
            )
        if not self.at.seen:  # else the state told, of a run that was resumed after its first step
            self.at.computing = self.at.seconds
        return material

    # ---- an epoch

    def _epoch(self, material: Material) -> None:
        order = material.order(self.draws * 1_000_003 + self.at.step - self.at.batch)
        batches = order.split(self.recipe.batch_size)[self.at.batch :]
        totals = torch.zeros(3, dtype=torch.double)  # loss, right, pictures
        began = self.at.total_seconds
        with run_log.bar(f"{self.name} phase {self.at.phase + 1} epoch {self.at.epoch + 1}") as bar:
            task = bar.add_task("", total=len(order), completed=self.at.batch * self.recipe.batch_size, told="")
            for index in batches:
                totals += self._counted_step(material, index.to(self.device))
                rate = totals[2].item() / (self.at.total_seconds - began)
                bar.update(task, advance=len(index), told=run_log.told(totals, rate))
                if time.monotonic() - self._saved_at > SAVE_EVERY:
                    self.save()
                if self._progress() >= 1 or index is batches[-1]:
                    break  # whoever stops here stops below, when the epoch's line is written
                self._stop_if_asked(f"stopped at step {self.at.step}")
        self.at.epoch, self.at.batch = self.at.epoch + 1, 0
        # A run that was killed after an epoch's last batch has nothing to tell of it.
        if totals[2] and self.world.first:
            with self._autocast():
                share = material.watched_accuracy(self.stage.watched.eval())
            check_number(share, f"{self.name}: the held-out accuracy", self.at.step, self.stage.rate)
            now = {"learning_rate": self.stage.rate, "pictures_per_second": round(rate, 1)}
            run_log.write(self.folder, self.name, run_log.line(self.at, totals, share, len(material.watched[1])) | now)
        self._stop_if_asked(f"stopped at step {self.at.step}")

    def _stop_if_asked(self, told: str) -> None:
        if self.world.any(self.should_stop()):
            self.save()
            raise Interrupted(f"{told}; --resume goes on from there")

    def _counted_step(self, material: Material, index: Tensor) -> Tensor:
        stopwatch = Stopwatch()
        figures = self._step(material, index)
        self.at.take_step(self.world.mean(stopwatch.lap()), len(index))
        return figures

    def _step(self, material: Material, index: Tensor) -> Tensor:
        """One step; its loss, right answers and pictures. DivergedError if the loss is not a number."""
        torch.manual_seed(self.draws * 7_919 + self.at.step)
        stage, start = self.stage, self._share(self.at.computing, 0)
        stage.set_rate(rate := self.phase.lr * cycle(self._progress(), self.recipe.warmup, start))
        stage.model.train()
        inputs, allowed = material.batch(index)  # all of them, so that each is moved as one process would move it
        part, weight = self.world.share(len(index))
        if not self.world.first:
            torch.manual_seed(torch.initial_seed() + (self.world.rank << 40))  # other units drop out
        with self._autocast():
            logits = stage.learner(inputs[part]).float()
            loss = weight * self.objective(inputs[part], logits, allowed[part], index[part] >= self.pool.own)
        right = weight and allowed[part].gather(1, logits.argmax(1, keepdim=True)).sum().item()
        n = len(index) / self.world.size
        figures = self.world.total(torch.tensor([loss.item() * n, right, weight * n], dtype=torch.double))
        check_number(figures[0].item(), f"{self.name}: the loss", self.at.step, rate)
        stage.optimizer.zero_grad()
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(stage.optimizer.param_groups[0]["params"], self.recipe.clip)
        stage.step()
        return figures

    def _autocast(self) -> AbstractContextManager[Any]:
        return autocast(self.device, self.at.bfloat16)
