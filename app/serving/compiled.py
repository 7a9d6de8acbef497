"""ONNX Runtime as the service's runtime: checkpoints compiled without PyTorch, on the CPU."""

from pathlib import Path

from app.serving import threads
from app.serving.backends import Loaded
from app.settings import Settings
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import compiler, forms


class Compiled:
    """ONNX Runtime on a CPU: each pass computes on one thread, and as many run at once as there are cores."""

    device = "cpu"

    def __init__(self, settings: Settings) -> None:
        self.streams = threads.computing(settings)
        self._instructions = forms.instruction_set()

    def configure(self) -> None:
        """Nothing is global here."""

    def load(self, path: Path) -> Loaded:
        """See Runtime. Compiles the checkpoint where the cache does not have it."""
        source = described(file_format.open_file(path))
        runner, made = compiler.load(source, instructions=self._instructions)
        return Loaded(
            runner,
            source.architecture.name,
            source.dataset.name,
            source.temperature,
            source.temperature_sent,
            source.content.header,
            f"onnxruntime {made.header['form']}",
            made.digest,
        )
