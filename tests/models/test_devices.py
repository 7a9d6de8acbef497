"""Which device is meant, and that there is one of that number."""

import pytest
import torch

from models.devices import choose_device


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7"])
def test_a_gpu_where_there_is_none_is_named(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(RuntimeError, match=rf"the device is '{wanted}', but PyTorch finds no GPU here; use 'auto' or"):
        choose_device(wanted)
    assert choose_device("auto") == torch.device("cpu")


def test_a_number_that_no_gpu_has_is_named_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("auto") == choose_device("cuda")
    with pytest.raises(RuntimeError, match=r"'cuda:7', but the GPUs here are 'cuda:0', 'cuda:1'; use one of them"):
        choose_device("cuda:7")
