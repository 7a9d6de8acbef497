"""What a command of training takes where it is not told."""

import pytest

from models.training import train


@pytest.mark.parametrize(
    ("arguments", "recipe"),
    [
        ([], "full"),
        (["--device", "cuda:0"], "full"),
        (["--device", "cpu"], "quick"),
        (["--device", "cpu", "--recipe", "long"], "long"),
    ],
)
def test_the_recipe_is_by_where_it_runs_and_not_by_what_is_there(monkeypatch, arguments, recipe):
    monkeypatch.delenv("LINEUP_DEVICE", raising=False)
    monkeypatch.setattr("models.devices.gpus", lambda: 1)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    assert train._parse(["--model", "lenet", *arguments]).recipe == recipe
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    if "cuda:0" not in arguments and "long" not in arguments:
        assert train._parse(["--model", "lenet", *arguments]).recipe == "quick"
