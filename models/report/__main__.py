"""Draw what was measured of all checkpoints: ``python -m models.report --data-dir ../shared/data``, or ``make report``.

Of each checkpoint its learning curve, confusion matrix and reliability diagram; of each dataset what accuracy costs,
and what is left of it on spoiled pictures; and an index of all of it, go to ``weights/report/``. Nothing is measured: a
part that nobody measured is drawn as the command that does. Where the datasets' test pictures are, the answers that
were wrong and most sure are drawn too, on sheets under ``runs/report/``, which nobody commits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from models import checkpoints
from models.checkpoints import atomic
from models.data.place import add_data_dir
from models.datasets import DATASETS
from models.report import checkpoint_chart, index, material, pareto, robustness_chart, worst
from models.report.material import Speed, SpeedError, Taken


def main(argv: Sequence[str] | None = None) -> int:
    """Draw everything; 1 where the folder of checkpoints or the figures of speed cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m models.report", description=__doc__)
    add_data_dir(parser)
    parser.add_argument("--weights", type=Path, help="folder of checkpoints (default: LINEUP_WEIGHTS, else weights/)")
    parser.add_argument(
        "--out", type=Path, help="where the drawings go (default: report/ in the folder of checkpoints)"
    )
    parser.add_argument("--sheets", type=Path, default=Path("runs/report"), help="where sheets of mistakes go")
    parser.add_argument(
        "--speed", type=Path, default=material.SPEED, help="recorded milliseconds, as the page has them"
    )
    options = parser.parse_args(argv)
    try:
        root, speed = checkpoints.root(options.weights), material.speed(options.speed)
    except (FileNotFoundError, SpeedError) as error:
        print(error)
        return 1
    taken = material.gather(root)
    out = options.out or root / "report"
    draw(taken, speed, out)
    print(f"{out / index.NAME}: {sum(one.digest is not None for one in taken)} checkpoints")
    for one in taken:
        print(worst.sheet(one, options.data_dir, options.sheets), flush=True)
    return 0


def draw(taken: Sequence[Taken], speed: Speed | None, out: Path) -> None:
    """All drawings, and their index."""
    for one in taken:
        checkpoint_chart.draw(one, out / index.of_checkpoint(one))
    for dataset in DATASETS:
        own = [one for one in taken if one.dataset.name == dataset]
        pareto.draw(own, speed, out / index.of_costs(dataset))
        robustness_chart.draw(own, out / index.of_robustness(dataset))
    atomic.write(out / index.NAME, index.text(taken, speed).encode())


if __name__ == "__main__":
    raise SystemExit(main())
