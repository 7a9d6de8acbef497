"""The stages of the networks, as they were recorded from their code."""

from app.errors import ApiError, one_of
from app.insides import Layer, Stage, Stages
from app.serving import mosaic
from models import catalog
from models.compiled import stages
from models.compiled.stages import Table


class Insides:
    """Tells what the parts of a network are; reads each network's table once."""

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    def stages(self, model: str) -> Stages:
        """The stages of a network. Raises ApiError where none were recorded."""
        table = self.table(model)
        told = [_stage(stage) for stage in table.stages]
        size = catalog.find(model).input_size
        return Stages(model=model, input_size=size, stages=told, parameters=table.parameters, macs=table.macs)

    def check(self, model: str, stage: str, scale: int) -> None:
        """Raise ApiError for a part that the network has not, or whose picture would be too large."""
        table = self.table(model)
        part = table.find(stage)
        if part is None:
            raise ApiError("invalid_parameter", one_of(f"stage of {model}", stage, table.names()))
        height, width = mosaic.size(part.shape, scale)
        if height * width > mosaic.MOST_PIXELS:
            told = f"'scale' is '{scale}', with which {stage} of {model} makes a picture of {width}x{height} pixels"
            raise ApiError("invalid_parameter", f"{told}; at most {mosaic.MOST_PIXELS} are drawn")

    def table(self, model: str) -> Table:
        """What was recorded of a network. Raises ApiError where nothing was."""
        if model not in self._tables:
            try:
                self._tables[model] = stages.load(model)
            except FileNotFoundError:
                told = f"the stages of {model} were not recorded; `make skeletons` does"
                raise ApiError("model_unavailable", told) from None
        return self._tables[model]


def _stage(stage: stages.Stage) -> Stage:
    layers = [
        Layer(name=row.name, kind=row.kind, shape=list(row.shape), parameters=row.parameters, macs=row.macs)
        for row in stage.layers
    ]
    sums = {"parameters": stage.parameters, "macs": stage.macs}
    return Stage(name=stage.name, shape=list(stage.shape), layers=layers, **sums)
