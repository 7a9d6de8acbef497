"""Which runtime a service has."""

from app.serving.backends import Runtime
from app.serving.compiled import Compiled
from app.settings import Settings
from models.devices import choose_device


def choose(settings: Settings) -> Runtime:
    """The runtime for the settings' device and backend. RuntimeError, in one line, where that cannot be."""
    device = choose_device(settings.device)
    wanted = settings.backend if settings.backend != "auto" else "onnxruntime" if device == "cpu" else "torch"
    if wanted == "onnxruntime":
        if device != "cpu":
            raise RuntimeError(f"LINEUP_BACKEND is 'onnxruntime', which runs on the CPU, but the device is {device!r}")
        return Compiled(settings)
    try:
        from app.serving.eager import Eager  # torch
    except ImportError as error:
        install = "python -m pip install -e '.[torch]'"
        raise RuntimeError(f"LINEUP_BACKEND is 'torch', which is not installed; install it: {install}") from error
    return Eager(settings, device)
