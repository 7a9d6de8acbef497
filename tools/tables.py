"""The tables of README.md, docs/ and weights/README.md, in both languages, and the figures of the page
(`tools.figures`), made from what was recorded: `python -m tools.tables`, or `make tables`.

Each table stands between `<!-- table: NAME -->` (or `NAME zh`: with Chinese headings) and `<!-- end -->`; everything
else in the files is left as it is.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from app.settings import Settings
from bench.page import sizes
from models import catalog, checkpoints
from models.checkpoints import atomic
from models.counts import short
from models.datasets import DATASETS
from models.training import lineage
from tools import bulk, capacity, chinese, figures, pictures, robustness, speed, studies, vote_table
from tools.markdown import table

ROOT = Path(__file__).resolve().parent.parent
WITH_TABLES = ("README", "docs/measured", "docs/speed", "docs/operation")  # each also in Chinese: NAME.zh.md
FILES = (*(ROOT / f"{name}{end}" for name in WITH_TABLES for end in (".md", ".zh.md")), ROOT / "weights" / "README.md")


def results() -> str:
    """Every network with its size and the test accuracy of the shipped checkpoints."""
    rows = []
    for name, known in catalog.ARCHITECTURES.items():
        row = [f"`{name}`", str(known.year), short(known.parameters), short(known.macs)]
        rows.append(row + [_accuracy(_header(dataset, name)) for dataset in DATASETS])
    headings = ["network", "year", "parameters", "multiply-adds"]
    headings += [f"{d.title}, test accuracy" for d in DATASETS.values()]
    return table(headings, rows)


def training() -> str:
    """How every shipped checkpoint was made."""
    rows = []
    for dataset in DATASETS:
        for name in catalog.ARCHITECTURES:
            header = _header(dataset, name)
            if header is None:
                rows.append([f"{dataset}/{name}", *"-------"])
                continue
            training, measured = header["training"], header["metrics"]
            mib = checkpoints.path_for(dataset, name).stat().st_size / 2**20
            rows.append(
                [
                    f"{dataset}/{name}",
                    f"{mib:.2f}",
                    _recipe(header["recipe"]),
                    f"{_chain(training, 'minutes')} min on {training['device']}, {training['precision']}",
                    _chain(training, "pictures"),
                    _accuracy(header) + (f" of {measured['n']:,}" if measured["n"] == 10_000 else ""),
                    f"{measured['ece']:.2%} (T = {header['temperature']:.2f})",
                    _of_sent(header),
                ]
            )
    headings = ["file", "MiB", "recipe", "training", "pictures seen", "test accuracy", "ECE", "sent: right, ECE"]
    return table(headings, rows)


def _recipe(recipe: dict[str, Any]) -> str:
    """Its kind, and what was learned from beside the dataset; older checkpoints call scenes "sent"."""
    scenes = ", scenes" if recipe.get("scenes", recipe.get("sent", 0)) else ""
    taught = " and ".join(recipe.get("teachers", ()))
    return str(recipe["kind"]) + scenes + (f", taught by {taught}" if taught else "")


def _of_sent(header: dict[str, Any]) -> str:
    measured = header["metrics"]
    if "sent_accuracy" not in measured:
        return "-"
    calibration = f"{measured['sent_ece']:.2%} (T = {header['temperature_sent']:.2f})"
    return f"{measured['sent_accuracy']:.2%} of {measured['sent_n']:,}, {calibration}"


def auto() -> str:
    """How right the network is that tells digits from clothing."""
    measured = _metrics("auto")
    rows = [[name, f"{figures['accuracy']:.2%}", f"{figures['n']:,}"] for name, figures in measured.items()]
    return table(["pictures", "right", "n"], rows or [["-"] * 3])


def gate() -> str:
    """How well the gate tells pictures of each dataset's kind from others."""
    measured = _metrics("gate")
    rows = []
    for dataset, known in DATASETS.items():
        if (figures := measured.get(dataset)) is None:
            rows.append([known.title, *"------"])
            continue
        against = ", ".join(f"{name} {value:.3f}" for name, value in figures["auroc_against"].items())
        shares = [f"{figures[key]:.1%}" for key in ("own_let_in", "others_let_in", "ece")]
        rows.append([known.title, f"{figures['auroc']:.3f}", against, *shares, f"{figures['n']:,}"])
    return table(["own kind", "AUROC", "against each", "own let in", "others let in", "ECE", "n"], rows)


def _metrics(name: str) -> dict[str, Any]:
    """What the file of auto or the gate says was measured of it; empty where it is not there, or not measured yet."""
    path = checkpoints.root() / f"{name}{checkpoints.SUFFIX}"
    found: dict[str, Any] = checkpoints.read_header(path).get("metrics", {}) if path.is_file() else {}
    return found


def intake() -> str:
    """What the steps before the networks cost."""
    measured = json.loads((ROOT / "bench" / "intake.json").read_text(encoding="utf-8"))
    rows = [
        [part, name + (f" ({ms['megabytes']:g} MB)" if "megabytes" in ms else ""), _ms(ms["median"]), _ms(ms["most"])]
        for part, figures in measured["ms"].items()
        for name, ms in figures.items()
    ]
    return table(["step", "of what", f"ms, median of {measured['runs']}", "most"], rows)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def serving() -> str:
    """Lineup's speed as multiples of that of others, and under what circumstances."""
    measured = _serving_record()
    return f"{table(*speed.ratios(measured))}\n\n{speed.circumstances(measured)}"


def serving_costs() -> str:
    """What serving costs, Lineup's and others'."""
    return table(*speed.costs(_serving_record()))


def _serving_record() -> Any:
    return json.loads((ROOT / "bench" / "serving.json").read_text(encoding="utf-8"))


def overload() -> str:
    """What a flood costs, and on what machine."""
    measured = json.loads((ROOT / "bench" / "overload.json").read_text(encoding="utf-8"))
    on = f"{measured['date']}, {measured['cores']} cores of an {measured['processor']} ({', '.join(measured['flags'])})"
    return f"{table(*speed.overload(measured))}\n\n{on}."


def page() -> str:
    """How soon the page was there and answered when measured, and on what machine; how large it is now."""
    path = ROOT / "bench" / "page.json"
    if not path.is_file():
        return "Not measured yet: `make bench-page`."
    measured = json.loads(path.read_text(encoding="utf-8")) | {"gzip": sizes()}  # to weigh it takes no browser
    return f"{table(*speed.page(measured))}\n\n{speed.page_circumstances(measured)}"


def settings() -> str:
    """Every setting with its default."""
    rows = [
        [f"`LINEUP_{name.upper()}`", _default(field.default), field.description or ""]
        for name, field in Settings.model_fields.items()
    ]
    return table(["variable", "default", "what"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "results": results,
    "training": training,
    "auto": auto,
    "gate": gate,
    "pictures": lambda: pictures.sets(checkpoints.root()),
    "strangers": lambda: pictures.strangers(checkpoints.root()),
    "intake": intake,
    "serving": serving,
    "overload": overload,
    "page": page,
    "forms": lambda: table(*speed.forms(checkpoints.root())),
    "batch": lambda: table(*bulk.rows()),
    "robustness": lambda: table(*robustness.rows(checkpoints.root())),
    "serving_costs": serving_costs,
    "settings": settings,
    "vote": lambda: vote_table.rules(checkpoints.root()),
    "studies": studies.told,
    "studies_found": studies.found,
    **capacity.TABLES,
}


def fill(text: str) -> str:
    """The text with its tables made anew. KeyError for a table of an unknown name."""
    pattern = re.compile(r"(<!-- table: (\w+)( zh)? -->\n).*?(<!-- end -->)", re.DOTALL)
    in_language: dict[str | None, Callable[[str], str]] = {None: str, " zh": chinese.with_headings}
    return pattern.sub(lambda found: f"{found[1]}{in_language[found[3]](TABLES[found[2]]())}\n{found[4]}", text)


def main() -> None:
    """Make the tables of every file anew, and the figures of the page."""
    for path in FILES:
        atomic.write(path, fill(path.read_text(encoding="utf-8")).encode())
    figures.main()


def _header(dataset: str, name: str) -> dict[str, Any] | None:
    path = checkpoints.path_for(dataset, name)
    return checkpoints.read_header(path) if path.is_file() else None


def _chain(training: dict[str, Any], figure: str) -> str:
    """A figure of the training, after those of the trainings which it refined; "?" where one is not told."""
    told = [one.get("training", {}).get(figure) for one in lineage.trainings({"training": training})]
    return " + ".join("?" if value is None else f"{value:,}" for value in told)


def _accuracy(header: dict[str, Any] | None) -> str:
    if header is None:
        return "-"
    measured = header["metrics"]
    return f"{measured['accuracy']:.2%}" + ("" if measured["n"] == 10_000 else f" of {measured['n']:,}")


def _default(value: object) -> str:
    return "" if value in (None, PydanticUndefined, "") else f"`{value}`"


if __name__ == "__main__":
    main()
