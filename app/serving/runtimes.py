"""Which runtime a service has."""

from app.serving.backends import Runtime
from app.serving.compiled import Compiled
from app.settings import Settings
from models.devices import choose_device


def choose(settings: Settings) -> Runtime:
    """The runtime for the settings' device and backend. RuntimeError, in one line, where that cannot be."""
    if settings.backend == "onnxruntime":
        if settings.device not in ("auto", "cpu"):
            told = f"LINEUP_BACKEND is 'onnxruntime', which runs on the CPU, but the device is {settings.device!r}"
            raise RuntimeError(f"{told}; use 'cpu', or LINEUP_BACKEND=torch")
        return Compiled(settings)
    device = choose_device(settings.device)
    if settings.backend == "auto" and device == "cpu":
        return Compiled(settings)
    try:
        if device != "cpu":
            from app.serving.gpu import Gpu  # torch, as the other

            return Gpu(settings, device)
        from app.serving.eager import Eager
    except ImportError as error:
        right = "install it: python -m pip install -e '.[torch]'; or use 'onnxruntime'"
        raise RuntimeError(f"LINEUP_BACKEND is 'torch', which cannot be imported ({error}); {right}") from error
    return Eager(settings)
