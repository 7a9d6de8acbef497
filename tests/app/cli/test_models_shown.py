"""`lineup models` on checkpoints whose headers say what is no figure."""

from app.cli import main
from models import checkpoints
from models.checkpoints import file_format
from tests import untrained


def test_models_shows_no_figures_that_are_none(weights, capsys):
    for dataset, metrics in (("mnist", None), ("fashion-mnist", {"accuracy": 0.1})):
        file_format.amend(checkpoints.path_for(dataset, "lenet", weights), {"metrics": metrics})
    assert main(["models"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "lenet" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")][-2:] == ["-", "not measured"]


def test_models_shows_no_figures_of_another_network(weights, capsys):
    untrained.write(weights, "lenet-bn", at=("mnist", "nin"))
    file_format.amend(checkpoints.path_for("mnist", "nin", weights), {"metrics": {"accuracy": 0.9, "n": 10}})
    assert main(["models"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "nin" in line)
    assert row.strip("│").split("│")[-2].strip() == "-"
