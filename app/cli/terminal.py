"""What the command line shows: tables with bars."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.answers import Comparison, Prediction
from app.cli.output import printable
from app.errors import ApiError
from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.counts import short
from models.datasets import DATASETS
from models.intake.pipeline import Seen

WIDTH = 24  # characters of a full bar


def show_prediction(path: Path, outcome: Prediction | ApiError) -> None:
    """One network's likeliest classes for a picture, with bars."""
    if isinstance(outcome, ApiError):
        _show_error(path, outcome)
        return
    table, console = Table(), _console()
    for heading in ("class", "probability", ""):
        table.add_column(heading)
    for scored in outcome.predictions:
        table.add_row(scored.label, f"{scored.probability:.2%}", _bar(scored.probability, console))
    console.print(_title(path, outcome.model, outcome), table, sep="\n")


def show_comparison(path: Path, outcome: tuple[Comparison, Seen] | ApiError) -> None:
    """A row for each network, what they agree on, and what they saw."""
    if isinstance(outcome, ApiError):
        _show_error(path, outcome)
        return
    comparison, seen = outcome
    table, console = Table(), _console()
    for heading in ("network", "year", "answer", "confidence", ""):
        table.add_column(heading)
    for answer in comparison.results:
        known = catalog.find(answer.model)
        bar = _bar(answer.confidence, console)
        table.add_row(known.title, str(known.year), answer.label, f"{answer.confidence:.2%}", bar)
    for missing in comparison.unavailable:
        known = catalog.find(missing)
        table.add_row(known.title, str(known.year), "-", "", Text(comparison.errors[missing].message, style="dim"))
    if console.is_terminal and not console.options.ascii_only:
        console.print(_half_blocks(seen.picture))
    console.print(_title(path, None, comparison), table, sep="\n")
    agreed = comparison.agreement
    if agreed is not None:
        dissent = f"; otherwise: {', '.join(agreed.dissent)}" if agreed.dissent else ""
        console.print(f"{agreed.votes} of {agreed.of} say {agreed.label}{dissent}")


def show_models() -> None:
    """Every network with its size, and the accuracy of its checkpoint on each dataset."""
    table = Table(title="Lineup's networks", title_justify="left")
    for heading in ("name", "year", "input", "parameters", "MACs", *DATASETS):
        table.add_column(heading, justify="left" if heading == "name" else "right")
    for name, known in catalog.ARCHITECTURES.items():
        row = [name, str(known.year), f"{known.input_size} px"]
        row += [short(known.parameters), short(known.macs)]
        table.add_row(*row, *(_accuracy(dataset, name) for dataset in DATASETS))
    _console().print(table)


def _accuracy(dataset: str, name: str) -> str:
    path = checkpoints.path_for(dataset, name)
    try:
        source = described(file_format.open_file(path))
        checkpoints.expect_network(path, source.content.header, name, dataset)
    except checkpoints.CheckpointError:
        return "-"
    measured = source.content.header.get("metrics", {})
    if not measured.keys() >= {"accuracy", "n"}:
        return "not measured"
    return f"{measured['accuracy']:.2%}" + ("" if measured["n"] == 10_000 else f" of {measured['n']:,}")


def _title(path: Path, model: str | None, answer: Prediction | Comparison) -> Text:
    """A line above the table, which may be too narrow for it; as Text, since a file's name may hold rich's markup."""
    who = f" by {model}" if model else ""
    sure = answer.dataset_confidence
    how = "as told" if sure is None else f"{sure:.1%} sure"
    doubt = f"; but {answer.reason}" if answer.in_distribution is False else ""
    return Text(f"{printable(path.name)}{who}: {DATASETS[answer.dataset].title} ({how}){doubt}")


def _show_error(path: Path, error: ApiError) -> None:
    told = printable(f"{path}: {error.code}: {error.message}")
    _console(stderr=True).print(told, style="red", highlight=False, markup=False, soft_wrap=True)


def _bar(share: float, console: Console) -> str:
    if console.options.ascii_only:  # as rich draws its tables there
        return "#" * round(WIDTH * share)
    eighths = round(8 * WIDTH * share)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def _half_blocks(picture: NDArray[np.uint8]) -> Text:
    """uint8 [28, 28] as 14 lines of 28 characters, two pixels each."""
    text = Text()
    for upper, lower in zip(picture[::2], picture[1::2], strict=True):
        for a, b in zip(upper.tolist(), lower.tolist(), strict=True):
            text.append("▀", style=f"rgb({a},{a},{a}) on rgb({b},{b},{b})")
        text.append("\n")
    return text


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr)
