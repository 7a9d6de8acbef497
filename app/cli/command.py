"""The command `lineup`: serve, compile, train, evaluate, predict, compare, batch, models, bench, deploy.

Exit codes: 0 fine, 1 something failed, 2 wrong usage, 130 interrupted.
"""

import argparse
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import batching, bench_options, deploy_options, output
from app.cli.usage import WrongUsage, settings_of

if TYPE_CHECKING:
    from app.cli.local import Local

# `import torch` takes seconds: everything that needs it is imported by the command that does, so that --help is
# quick.


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    output.take_any_text()
    try:
        code = _run(arguments)
        output.flush()
    except (FileNotFoundError, WrongUsage) as error:
        output.complain(str(error))
        return 2 if isinstance(error, WrongUsage) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `lineup models | head`
        sys.stderr.close()
        return 1
    except OSError as error:  # `lineup models > /dev/full`
        if not output.has_failed(error):
            raise
        output.complain(f"standard output cannot be written ({error.strerror}); send it elsewhere")
        return 1
    return code


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in ("train", "evaluate"):  # these have parsers of their own
        return _hand_over(arguments[0], arguments[1:])
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineup", description="Classic CNNs side by side.")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser("serve", help="start the service")
    serve.add_argument("--host", help="address to listen on (default: LINEUP_HOST, else 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: LINEUP_PORT, else 8000)")
    serve.add_argument("--workers", type=int, metavar="N", help="processes (default: LINEUP_WORKERS, else 1)")
    serve.set_defaults(run=_serve)

    for name, run, told in (
        ("predict", _predict, "one network's answer for pictures"),
        ("compare", _compare, "the answers of all networks for pictures"),
    ):
        command = commands.add_parser(name, help=told)
        command.add_argument("pictures", nargs="+", type=Path, help="files, or folders of them")
        command.add_argument("--dataset", default="auto", help="auto (default), mnist or fashion-mnist")
        command.add_argument("--device", help="auto, cpu, cuda or cuda:1 (default: LINEUP_DEVICE, else auto)")
        command.add_argument("--json", action="store_true", help="one JSON object a picture and line")
        command.set_defaults(run=run)
        if name == "predict":
            command.add_argument("--model", default="resnet18", help="default: resnet18")
            command.add_argument("--top-k", type=int, default=3, metavar="K", help="classes to show (default: 3)")
        else:
            command.add_argument("--models", help="networks, between commas (default: all that `lineup models` lists)")

    batch = commands.add_parser("batch", help="the answers for many pictures, as a table")
    batching.add_to(batch)
    batch.set_defaults(run=batching.run)
    models = commands.add_parser("models", help="the networks, their sizes and accuracies")
    models.set_defaults(run=_models)
    compiled = commands.add_parser(
        "compile", help="make the graphs that the service runs on a CPU, where they are missing"
    )
    compiled.add_argument("--weights", type=Path, help="folder of checkpoints (default: LINEUP_WEIGHTS, else weights/)")
    compiled.add_argument(
        "--features", action="store_true", help="those of /features too, which are else made when they are asked for"
    )
    compiled.set_defaults(run=_compile)
    bench = commands.add_parser("bench", help="how fast a running service is")
    bench_options.add_to(bench)
    bench.set_defaults(run=_bench)
    deploy = commands.add_parser("deploy", help="print the files for a Ray cluster, from the settings")
    deploy_options.add_to(deploy)
    deploy.set_defaults(run=_deploy)
    commands.add_parser("train", help="train networks; see `lineup train --help`", add_help=False)
    commands.add_parser("evaluate", help="measure checkpoints; see `lineup evaluate --help`", add_help=False)
    return parser


def _bench(options: argparse.Namespace) -> int:
    from app.cli import bench

    try:
        asked = bench.asked_by(options)
    except ValueError as error:
        raise WrongUsage(error) from error
    return bench.measure(asked, as_json=options.json)


def _deploy(options: argparse.Namespace) -> int:
    from app.cli import deploying

    settings = settings_of(host=options.host, port=options.port)
    try:
        print(deploying.text(options, settings), end="")
    except ValueError as error:
        raise WrongUsage(error) from error
    return 0


def _hand_over(command: str, arguments: list[str]) -> int:
    try:
        if command == "train":
            from models.training.train import main as run
        else:
            from models.evaluation.evaluate import main as run
    except ImportError as error:  # where the service was installed without the extra
        install = "python -m pip install -e '.[torch]'"
        missing = str(error.name).partition(".")[0]
        output.complain(f"{command} needs {missing}; install it: {install}")
        return 1
    return run(arguments)


def _serve(options: argparse.Namespace) -> int:
    from app.cli import serving

    settings = settings_of(host=options.host, port=options.port, workers=options.workers)
    try:
        serve = serving.prepare(settings)
    except (ValueError, RuntimeError) as error:
        raise WrongUsage(error) from error
    except OSError as error:
        output.complain(str(error))
        return 1
    return serve()


def _predict(options: argparse.Namespace) -> int:
    from app.cli import terminal
    from app.errors import ApiError

    if not 1 <= options.top_k <= 10:
        raise WrongUsage(f"--top-k is {options.top_k}; wanted 1 to 10")
    answers = _local(options, [options.model])
    failed = False
    for path in _pictures(options.pictures):
        outcome = answers.predict(path, options.model, options.dataset, options.top_k)
        failed |= isinstance(outcome, ApiError)
        show = output.show_json if options.json else terminal.show_prediction
        show(path, outcome)
    return int(failed)


def _compare(options: argparse.Namespace) -> int:
    from app.cli import local, terminal
    from app.errors import ApiError

    names = [name.strip() for name in options.models.split(",")] if options.models else local.all_names()
    answers = _local(options, names)
    failed = False
    for path in _pictures(options.pictures):
        outcome = answers.compare(path, names, options.dataset)
        failed |= isinstance(outcome, ApiError)
        if options.json:
            output.show_json(path, outcome[0] if isinstance(outcome, tuple) else outcome)
        else:
            terminal.show_comparison(path, outcome)
    return int(failed)


def _compile(options: argparse.Namespace) -> int:
    from app.cli import compiling
    from models import checkpoints

    return compiling.compile_all(checkpoints.root(options.weights), options.features)


def _models(options: argparse.Namespace) -> int:
    from app.cli import terminal

    terminal.show_models()
    return 0


def _local(options: argparse.Namespace, names: Sequence[str]) -> "Local":
    """What answers a command by itself, after a look whether it can."""
    from app.cli import local

    if wrong := local.wrong_names(options.dataset, names):
        raise WrongUsage(wrong)
    settings = settings_of(device=options.device)
    try:
        return local.Local(settings)
    except RuntimeError as error:
        raise WrongUsage(error) from error


def _pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and of each folder what `lineup batch` would take, in the order of their names."""
    from app.batch.pictures import SUFFIXES, is_meant

    for path in paths:
        if stat.S_ISDIR(_mode(path)):
            meant = (p for p in path.rglob("*") if is_meant(p.relative_to(path).as_posix()))
            found = sorted(p for p in meant if stat.S_ISREG(_mode(p)))
            if not found:
                raise WrongUsage(f"no picture in the folder {path}; looked for {', '.join(sorted(SUFFIXES))}")
            yield from found
        else:
            yield path


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # it is not there, or may not be looked at, which opening it says
        return stat.S_IFREG


if __name__ == "__main__":
    raise SystemExit(main())
