"""The options of `lineup bench`, apart from what does it, so that `lineup --help` stays quick."""

import argparse
from pathlib import Path


def add_to(parser: argparse.ArgumentParser) -> None:
    """Address, request and load."""
    parser.add_argument("url", help="of the service: http://127.0.0.1:8000")
    parser.add_argument("--path", default="/predict", help="what is asked (default: /predict); may have a query")
    parser.add_argument("--model", help="network (default: the service's)")
    parser.add_argument("--dataset", help="auto, mnist or fashion-mnist (default: the service's)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="what is sent (default: a digit of 28x28 as PNG)")
    parser.add_argument("--field", default="file", help="field of the form that holds the picture (default: file)")
    parser.add_argument("--raw", action="store_true", help="send the picture as the body, without a form")
    # Not the key itself, which every user of the machine would see among its processes.
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="file with the key, where the service wants one")
    _add_load_to(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def _add_load_to(parser: argparse.ArgumentParser) -> None:
    clients = "clients that ask again once answered (default: 16); with --rate: most connections (default: 128)"
    rate = "requests a second that are due whatever the answers; milliseconds count from then, so that a queue shows"
    parser.add_argument("--clients", type=int, metavar="N", help=clients)
    parser.add_argument("--rate", type=float, metavar="R", help=rate)
    arrivals = ("poisson", "even")
    parser.add_argument("--arrivals", choices=arrivals, default="poisson", help="with --rate (default: poisson)")
    parser.add_argument("--seconds", type=float, default=10, help="that are measured (default: 10)")
    parser.add_argument("--warm-up", type=float, default=2, metavar="S", help="seconds before them (default: 2)")
    parser.add_argument("--timeout", type=float, default=10, metavar="S", help="from due to failed (default: 10)")
