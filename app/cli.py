"""The command `lineup`: serve, train, evaluate, predict, compare, models. Exit codes: 0 fine, 1 something failed, 2
wrong usage.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}
# `import torch` takes seconds: everything that needs it is imported by the command that does, so that --help is
# quick.


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments and arguments[0] in ("train", "evaluate"):  # these have parsers of their own
        return _hand_over(arguments[0], arguments[1:])
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except FileNotFoundError as error:
        print(f"lineup: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `lineup models | head`
        sys.stderr.close()
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lineup", description="Seven classic CNNs side by side.")
    commands = parser.add_subparsers(required=True, metavar="command")

    serve = commands.add_parser("serve", help="start the service")
    serve.add_argument("--host", help="address to listen on (default: LINEUP_HOST, else 127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen on (default: LINEUP_PORT, else 8000)")
    serve.set_defaults(run=_serve)

    for name, run, told in (
        ("predict", _predict, "one network's answer for pictures"),
        ("compare", _compare, "the answers of all networks for pictures"),
    ):
        command = commands.add_parser(name, help=told)
        command.add_argument("pictures", nargs="+", type=Path, help="files, or folders of them")
        command.add_argument("--dataset", default="auto", help="auto (default), mnist or fashion-mnist")
        command.add_argument("--json", action="store_true", help="one JSON object a picture and line")
        command.set_defaults(run=run)
        if name == "predict":
            command.add_argument("--model", default="resnet18", help="default: resnet18")
            command.add_argument("--top-k", type=int, default=3, metavar="K", help="classes to show (default: 3)")
        else:
            command.add_argument("--models", help="networks, separated by commas (default: all seven)")

    models = commands.add_parser("models", help="the networks, their sizes and accuracies")
    models.set_defaults(run=_models)
    commands.add_parser("train", help="train networks; see `lineup train --help`", add_help=False)
    commands.add_parser("evaluate", help="measure checkpoints; see `lineup evaluate --help`", add_help=False)
    return parser


def _hand_over(command: str, arguments: list[str]) -> int:
    if command == "train":
        from models import train

        return train.main(arguments)
    from models import evaluate

    return evaluate.main(arguments)


def _serve(options: argparse.Namespace) -> int:
    import logging

    import uvicorn
    from pydantic import ValidationError

    from app.main import create_app
    from app.settings import Settings

    given = {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
    try:
        settings = Settings(**given)
        application = create_app(settings)
    except (ValidationError, ValueError, RuntimeError) as error:
        print(f"lineup: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(name)s: %(message)s")
    print(
        f"Lineup: http://{settings.host}:{settings.port}/docs once the networks are loaded (/readyz tells)", flush=True
    )
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        access_log=False,  # the metrics count requests; a line each would cost more than LeNet
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.deadline_s) + 5,
    )
    return 0


def _predict(options: argparse.Namespace) -> int:
    from app import local, terminal
    from app.errors import ApiError

    if not 1 <= options.top_k <= 10:
        return _usage(f"--top-k is {options.top_k}; wanted 1 to 10")
    if wrong := local.wrong_names(options.dataset, [options.model]):
        return _usage(wrong)
    failed = False
    for path in _pictures(options.pictures):
        outcome = local.predict(path, options.model, options.dataset, options.top_k)
        failed |= isinstance(outcome, ApiError)
        show = _json if options.json else terminal.show_prediction
        show(path, outcome)
    return int(failed)


def _compare(options: argparse.Namespace) -> int:
    from app import local, terminal
    from app.errors import ApiError

    names = [name.strip() for name in options.models.split(",")] if options.models else local.all_names()
    if wrong := local.wrong_names(options.dataset, names):
        return _usage(wrong)
    failed = False
    for path in _pictures(options.pictures):
        outcome = local.compare(path, names, options.dataset)
        failed |= isinstance(outcome, ApiError)
        if options.json:
            _json(path, outcome[0] if isinstance(outcome, tuple) else outcome)
        else:
            terminal.show_comparison(path, outcome)
    return int(failed)


def _models(options: argparse.Namespace) -> int:
    from app import terminal

    terminal.show_models()
    return 0


def _pictures(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and of each folder those that are pictures by their ending, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        else:
            yield path


def _json(path: Path, outcome: object) -> None:
    from pydantic import BaseModel

    from app.errors import ApiError, body

    if isinstance(outcome, ApiError):
        told: dict[str, object] = {**body(outcome.code, outcome.message)}
    else:
        assert isinstance(outcome, BaseModel)
        told = outcome.model_dump()
    print(json.dumps({"picture": str(path), **told}, ensure_ascii=False), flush=True)


def _usage(message: str) -> int:
    print(f"lineup: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
