"""Who may know whom: one walk over the sources, no import needed."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from models.catalog import ARCHITECTURES, EXTRAS

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("app", "models")
WEB = {"fastapi", "starlette", "uvicorn", "httpx", "prometheus_client", "python_multipart"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def imports(module: str, *, everywhere: bool = True) -> frozenset[str]:
    """Dotted names that a module imports, each as far as it is a module of ours; with `everywhere` also those inside
    functions and for types alone.
    """
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return frozenset(_imported(module, ast.walk(tree) if everywhere else iter(tree.body)))


def _imported(module: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written out in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES or node.module not in MODULES else str(node.module)


def ours(module: str) -> set[str]:
    return {name for name in imports(module) if name in MODULES}


def tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)}


def below(*rooms: str) -> list[str]:
    """The modules of rooms, and the rooms themselves."""
    found = [name for name in MODULES if any(name == room or name.startswith(f"{room}.") for room in rooms)]
    assert len(found) >= len(rooms), f"no such rooms: {rooms}"
    return found


def knows(module: str, *rooms: str) -> set[str]:
    """What a module takes from rooms."""
    return {name for name in ours(module) for room in rooms if name == room or name.startswith(f"{room}.")}


def test_the_walk_sees_every_room() -> None:
    deep = {"models.intake.picture", "models.training.scenes.strokes", "app.web.form", "app.serving.batcher"}
    assert deep <= set(MODULES)


@pytest.mark.parametrize("module", below("models"))
def test_models_know_nothing_of_http(module: str) -> None:
    assert not tops(module) & {*WEB, "app"}


NETWORKS = {f"models.{row.network.partition('.')[0]}" for row in (*ARCHITECTURES.values(), *EXTRAS.values())}


@pytest.mark.parametrize("module", sorted(NETWORKS))
def test_a_network_imports_torch_alone(module: str) -> None:
    assert tops(module) - sys.stdlib_module_names == {"torch"}


QUEUES = tuple(f"app.serving.{part}" for part in ("lane", "turns", "pace", "breaker", "tickets"))


@pytest.mark.parametrize("module", ["app.answers", "app.errors", "app.settings", "app.uploads", *QUEUES])
def test_what_both_halves_speak_of_imports_nothing_of_ours(module: str) -> None:
    assert not ours(module)


def test_the_batcher_knows_what_queues_are_made_of_and_neither_torch_nor_web() -> None:
    assert ours("app.serving.batcher") == set(QUEUES)
    known = {top for module in ("app.serving.batcher", *QUEUES) for top in tops(module)}
    assert known - sys.stdlib_module_names <= {"app"}


@pytest.mark.parametrize("module", below("app.web"))
def test_the_web_knows_serving_and_not_models(module: str) -> None:
    assert not tops(module) & {"torch", "models"}


@pytest.mark.parametrize("module", below("app.serving"))
def test_serving_knows_no_http(module: str) -> None:
    assert not knows(module, "app.web", "app.cli")
    assert not tops(module) & (WEB - {"prometheus_client"})


def test_the_sizes_of_a_cluster_are_told_without_ray() -> None:
    assert ours("app.cluster.sizes") == {"app.cluster.nodes", "app.settings", "app.serving.batches", "models.catalog"}
    assert "ray" not in tops("app.cluster.sizes") | tops("app.serving.batches")


@pytest.mark.parametrize("module", below("app.cluster"))
def test_the_cluster_knows_serving_and_routes_only_as_the_whole_application(module: str) -> None:
    assert not knows(module, "app.web", "app.cli")
    assert "torch" not in tops(module)


def test_ray_is_known_where_its_handles_and_deployments_are_and_nowhere_else() -> None:
    with_ray = {module for module in MODULES if "ray" in tops(module)}
    serving = {f"app.cluster.{part}" for part in ("application", "handles", "ray_version")}
    assert with_ray <= {*serving, "app.batch.cluster", "app.batch.on_ray"}


@pytest.mark.parametrize("module", below("app.batch"))
def test_many_pictures_need_no_http_and_no_event_loop(module: str) -> None:
    assert not knows(module, "app.web", "app.cli", "app.client")
    assert not tops(module) & {*WEB, "asyncio", "torch"}
    if module not in ("app.batch.cluster", "app.batch.on_ray"):
        assert not {name for name in imports(module, everywhere=False) if name.startswith(("ray", "pyarrow"))}


@pytest.mark.parametrize("module", ["models.datasets", "models.catalog", "models.devices"])
def test_names_numbers_and_the_device_come_without_anything(module: str) -> None:
    at_the_top = imports(module, everywhere=False)
    assert {name for name in at_the_top if name.partition(".")[0] not in sys.stdlib_module_names} <= {"models.datasets"}
    assert not ours(module) & NETWORKS


@pytest.mark.parametrize("module", below("models.evaluation", "models.data"))
def test_evaluation_and_data_know_no_training(module: str) -> None:
    assert not knows(module, "models.training")


@pytest.mark.parametrize("module", below("models.evaluation", "models.data"))
def test_evaluation_imports_nothing_of_the_extra_torch_but_where_it_is_needed(module: str) -> None:
    at_the_top = {name.partition(".")[0] for name in imports(module, everywhere=False)}
    assert not at_the_top & {"torchvision", "safetensors"}


@pytest.mark.parametrize("module", below("models.training"))
def test_training_knows_no_labelled_pictures_and_their_reports(module: str) -> None:
    reports = ("evaluate_pictures", "measure", "measure_gate", "contact_sheet")
    assert not knows(module, *(f"models.evaluation.{name}" for name in reports))


@pytest.mark.parametrize("module", below("models.charts"))
def test_drawing_knows_nothing_of_ours_but_how_a_file_is_written_whole(module: str) -> None:
    assert ours(module) <= {"models.checkpoints.atomic"}


def test_what_draws_is_imported_by_charts_studies_and_reports_alone() -> None:
    with_it = {
        module for module in MODULES if tops(module) & {"matplotlib", "cycler"} or knows(module, "models.charts")
    }
    assert with_it <= set(below("models.charts", "models.report", "models.studies"))


@pytest.mark.parametrize("module", MODULES)
def test_nobody_knows_the_report_which_knows_no_training(module: str) -> None:
    if module in below("models.report"):
        assert not knows(module, "models.training")
    else:
        assert not knows(module, "models.report")


@pytest.mark.parametrize("module", below("models.studies"))
def test_studies_know_networks_data_and_training_and_no_checkpoint(module: str) -> None:
    rooms = ("models.studies", "models.charts", "models.training", "models.data")
    small = {"arguments", "classifier", "datasets", "processor", "checkpoints.atomic"}
    assert ours(module) - set(below(*rooms)) - NETWORKS <= {"models", *(f"models.{name}" for name in small)}


def test_nothing_of_models_knows_the_studies() -> None:
    others = set(below("models")) - set(below("models.studies"))
    assert not {module for module in others if knows(module, "models.studies")}


@pytest.mark.parametrize("module", below("app"))
def test_training_is_imported_by_the_command_line_alone_and_inside_the_command(module: str) -> None:
    rooms = ("models.training", "models.evaluation", "models.studies", "models.charts")
    if module.startswith("app.cli"):
        at_the_top = imports(module, everywhere=False)
        assert not {name for name in at_the_top if name.startswith(rooms)}
    else:
        assert not knows(module, *rooms)


@pytest.mark.parametrize("module", below("models.intake"))
def test_the_intake_knows_datasets_by_name_and_how_checkpoints_lie_and_nothing_of_networks(module: str) -> None:
    parts = ("file_format", "folder", "headers")
    allowed = {"models.datasets", "models.checkpoints", *(f"models.checkpoints.{part}" for part in parts)}
    if module == "models.intake.small_cnn":  # the half of auto and gate that needs torch
        allowed.add("models.checkpoints.networks")
    assert ours(module) - set(below("models.intake")) - {"models"} <= allowed


WITH_TORCH = {"models.checkpoints.classifiers", "models.checkpoints.networks"}


@pytest.mark.parametrize("module", sorted({*below("models.checkpoints")} - WITH_TORCH - {"models.checkpoints"}))
def test_format_folder_and_description_know_no_network(module: str) -> None:
    others = {*below("models.checkpoints")} - WITH_TORCH - {"models.checkpoints.described"}
    if module == "models.checkpoints.described":
        others |= {"models", "models.catalog", "models.datasets"}
    assert ours(module) <= others
    assert "torch" not in tops(module)


@pytest.mark.parametrize("module", below("models.flip"))
def test_the_search_for_a_flip_knows_pictures_and_no_network(module: str) -> None:
    assert ours(module) - set(below("models.flip")) <= {"models.datasets"}
    assert tops(module) - sys.stdlib_module_names <= {"numpy", "models"}


@pytest.mark.parametrize("module", ["models.datasets", "models.vote", *below("models.intake")])
def test_torch_is_imported_by_few(module: str) -> None:
    if module != "models.intake.small_cnn":
        assert "torch" not in tops(module)


# Of compiled graphs; what makes them may know catalog and `onnx`.
RUNNING = tuple(f"models.compiled.{part}" for part in ("runner", "cache", "forms", "record", "stages"))


def test_graphs_are_made_without_torch_and_run_without_the_catalog_too() -> None:
    compiled = [module for module in MODULES if module.startswith("models.compiled")]
    assert not [module for module in compiled if "torch" in tops(module) or ours(module) & WITH_TORCH]
    for module in (module for module in compiled if module in RUNNING):
        assert not knows(module, "models.catalog", "models.checkpoints.described")
        assert "onnx" not in tops(module)


def test_there_is_no_circle() -> None:
    """Imports inside functions and for types alone count too."""
    left = {module: ours(module) - {module} for module in MODULES}
    while ends := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in ends:
            del left[module]
    circles = {module: sorted(needs & left.keys()) for module, needs in left.items()}
    assert not circles, f"each of these leads round to itself or to a circle: {circles}"


@pytest.mark.parametrize("module", MODULES)
def test_no_pickle(module: str) -> None:
    assert not tops(module) & {"pickle", "shelve", "marshal", "dill", "joblib"}
