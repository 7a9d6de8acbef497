"""Which device is meant, and that there is one of that number."""

import ctypes
import subprocess
import sys
from types import SimpleNamespace

import pytest

from models import devices
from models.devices import choose_device


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine whose driver and whose PyTorch know so many GPUs; None: PyTorch is not installed."""

    def has(driver: int, of_torch: int | None) -> None:
        monkeypatch.setattr(devices, "gpus", lambda: driver)
        if of_torch is None:
            monkeypatch.setitem(sys.modules, "torch", None)
        else:
            monkeypatch.setattr("torch.cuda.is_available", lambda: of_torch > 0)
            monkeypatch.setattr("torch.cuda.device_count", lambda: of_torch)

    return has


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("driver", "of_torch", "chosen"),
    [(0, 0, "cpu"), (0, None, "cpu"), (2, 2, "cuda:0"), (2, None, "cpu"), (2, 0, "cpu")],
)
def test_auto_is_a_gpu_where_there_is_one_that_can_be_used(machine, driver, of_torch, chosen) -> None:
    machine(driver, of_torch)
    assert choose_device("auto") == chosen


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7"])
@pytest.mark.parametrize(
    ("driver", "of_torch", "told"),
    [
        (0, 0, "but PyTorch finds no GPU here; use 'auto' or 'cpu'"),
        (1, 0, "but PyTorch finds no GPU here; use 'auto' or 'cpu'"),
        (0, None, "but there is no GPU here; use 'auto' or 'cpu'"),
        (1, None, "which needs PyTorch; install it: python -m pip install -e '.[torch]'; or use 'cpu'"),
    ],
)
def test_a_gpu_that_cannot_be_had_is_told_with_what_to_do(machine, wanted, driver, of_torch, told) -> None:
    machine(driver, of_torch)
    with pytest.raises(RuntimeError) as raised:
        choose_device(wanted)
    assert str(raised.value) == f"the device is '{wanted}', {told}"


def test_a_number_that_no_gpu_has_is_named_with_those_that_there_are(machine) -> None:
    machine(2, 2)
    assert choose_device("cuda:1") == "cuda:1"
    assert choose_device("cuda") == "cuda:0"
    with pytest.raises(RuntimeError, match=r"'cuda:7', but the GPUs here are 'cuda:0', 'cuda:1'; use one of them"):
        choose_device("cuda:7")


@pytest.mark.parametrize("wanted", ["tpu", "", "cpu:0", "cuda:", "cuda:-1", "cuda:one", "CUDA", "x" * 99])
def test_another_name_is_refused_with_the_right_ones(wanted, machine) -> None:
    machine(1, 1)
    with pytest.raises(RuntimeError, match=r"^the device is '.{0,64}'; wanted 'auto', 'cpu', 'cuda' or 'cuda:1'$"):
        choose_device(wanted)


@pytest.mark.parametrize(
    ("loaded", "count"),
    [
        (SimpleNamespace(cuInit=lambda _: 0, cuDeviceGetCount=lambda at: setattr(at._obj, "value", 3) or 0), 3),
        (SimpleNamespace(cuInit=lambda _: 100), 0),  # CUDA_ERROR_NO_DEVICE
        (SimpleNamespace(cuInit=lambda _: 0, cuDeviceGetCount=lambda _: 3), 0),
        (SimpleNamespace(), 0),
        (OSError("libcuda.so.1: cannot open shared object file"), 0),
    ],
    ids=["three", "none", "no answer", "not a driver", "no driver"],
)
def test_the_driver_is_asked_and_nothing_it_does_is_an_error(loaded, count, monkeypatch) -> None:
    def library(_: str) -> object:
        if isinstance(loaded, OSError):
            raise loaded
        return loaded

    monkeypatch.setattr(ctypes, "CDLL", library)
    assert devices.gpus() == count


def test_where_there_is_no_gpu_auto_needs_no_torch() -> None:
    if devices.gpus():
        pytest.skip("there is a GPU here")
    program = "import sys; from models import devices; print(devices.choose_device('auto'), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "cpu False\n"
