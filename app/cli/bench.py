"""`lineup bench URL`: how fast a running service is, measured honestly, and told so."""

import io
import json
import math
import mimetypes
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlunsplit

from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from app.cli.clients import run
from app.cli.load import MOST_CLIENTS, Load, Tally, multipart, split, target
from app.cli.output import complain
from app.client import Call, Client, LineupError
from app.client.sending import headers_of

CLIENT_BUSY = 0.8  # of a core; from there on the client waits for itself
LATE_MS = 5.0
KEPT_UP = 0.95  # of what was offered
STEADY = 500  # answers that a p99 should rest on


@dataclass(frozen=True)
class Asked:
    """One POST, and the load that it is to be sent with; `headers` say who asks, and are shown to nobody."""

    url: str
    content_type: str
    body: bytes
    load: Load
    headers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Report:
    """What a load showed. Milliseconds are of answers with 2xx, by nearest rank; null where there were none."""

    url: str
    loop: str  # "closed" or "open"
    clients: int
    rate: float | None  # requests a second that an open loop was to offer
    seconds: float
    offered: int
    completed: int
    per_second: float  # answers with 2xx that came within these seconds
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    errors: dict[str, int]
    client_cpu: float  # of one core
    sent_late_p99_ms: float | None
    remarks: list[str]


def measure(asked: Asked, *, as_json: bool) -> int:
    """Put the load on the service and tell what it showed; 1 if that failed, or a request did."""
    if refusal := probe(asked):
        complain(refusal)
        return 1
    report = report_of(asked, _watched(asked))
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        _show(report)
    return int(bool(report.errors) or not report.completed)


def asked_by(options: Namespace) -> Asked:
    """What the options of the command line ask for. ValueError names the wrong one."""
    for name, least, most in (
        ("clients", 1, MOST_CLIENTS),
        ("rate", 0.01, 100_000),
        ("seconds", 0.1, 86_400),
        ("warm_up", 0, 3_600),
        ("timeout", 0.01, 3_600),
    ):
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            raise ValueError(f"--{name.replace('_', '-')} is {value:g}; wanted {least:g} to {most:g}")
    picture, media_type = _picture(options.picture)
    content_type, body = (media_type, picture) if options.raw else multipart(picture, media_type, options.field)
    clients = options.clients or (MOST_CLIENTS // 4 if options.rate else 16)
    load = Load(clients, options.seconds, options.rate, options.arrivals, options.warm_up, options.timeout)
    url = address(options.url, options.path, model=options.model, dataset=options.dataset)
    target(url, content_type, body)  # says what is wrong with the address
    return Asked(url, content_type, body, load, _identified(options.key_file))


def address(url: str, path: str, **query: str | None) -> str:
    """`url` with `path` after it, and those parts of the query that are given. ValueError."""
    parts = split(f"{url.rstrip('/')}/{path.lstrip('/')}")
    told = urlencode({name: value for name, value in query.items() if value is not None})
    return urlunsplit(parts._replace(query="&".join(part for part in (parts.query, told) if part)))


def drawn() -> bytes:
    """A 7 of MNIST's kind as PNG: 28x28, grey, bright on black."""
    image = Image.new("L", (112, 112))
    ImageDraw.Draw(image).line([(30, 30), (80, 30), (52, 88)], fill=255, width=11, joint="curve")
    file = io.BytesIO()
    image.resize((28, 28), Image.Resampling.BOX).save(file, "PNG")
    return file.getvalue()


def probe(asked: Asked) -> str | None:
    """Ask once, as slowly as it likes; what is wrong, in words, unless the answer is 2xx."""
    sent = {"content": asked.body, "headers": {"Content-Type": asked.content_type, **asked.headers}}
    # No proxy: it would be measured.
    with Client("", deadline_s=max(asked.load.timeout_s, 30), trust_env=False) as client:
        try:
            client.ask(Call("POST", asked.url, bytes, sent))
        except LineupError as error:
            answers = "" if error.status is None else f"{asked.url} answers {error.status}: "
            return answers + error.message
    return None


def report_of(asked: Asked, tally: Tally) -> Report:
    """What the tally of this load says."""
    load, taken = asked.load, sorted(tally.latencies)
    late = sorted(tally.sent_late)
    report = Report(
        url=asked.url,
        loop="closed" if load.rate is None else "open",
        clients=load.clients,
        rate=load.rate,
        seconds=load.seconds,
        offered=tally.offered,
        completed=len(taken),
        per_second=round(tally.answered_meanwhile / load.seconds, 2),
        p50_ms=quantile_ms(taken, 0.5),
        p95_ms=quantile_ms(taken, 0.95),
        p99_ms=quantile_ms(taken, 0.99),
        max_ms=quantile_ms(taken, 1),
        errors=dict(tally.errors.most_common()),
        client_cpu=round(tally.cpu, 3),
        sent_late_p99_ms=quantile_ms(late, 0.99),
        remarks=[],
    )
    report.remarks.extend(_remarks(report))
    return report


def quantile_ms(taken: list[float], share: float) -> float | None:
    """Of sorted seconds, in milliseconds: the least that so large a share does not exceed; None of nothing."""
    return round(1e3 * taken[max(0, math.ceil(share * len(taken)) - 1)], 3) if taken else None


def _remarks(report: Report) -> Iterable[str]:
    offered = report.offered / report.seconds
    if report.errors:
        failed = sum(report.errors.values())
        yield f"{failed:,} of {report.offered:,} requests failed; the milliseconds are of the others"
    if report.client_cpu >= CLIENT_BUSY:
        yield (
            f"the client itself was the bottleneck ({report.client_cpu:.0%} of a core): "
            "the service may be faster than this"
        )
    if report.sent_late_p99_ms is not None and report.sent_late_p99_ms > LATE_MS:
        yield (
            f"one request in a hundred was sent {report.sent_late_p99_ms:.1f} ms late or more, since this machine was "
            "busy; the milliseconds include that"
        )
    if report.rate is not None and report.per_second < KEPT_UP * offered:
        yield f"the service did not keep up: {offered:,.1f} requests/s offered, {report.per_second:,.1f} answered"
    if 0 < report.completed < STEADY:
        rests = max(1, report.completed // 100)
        yield f"p99 rests on {rests} of {report.completed} answers; a longer run would give a steadier one"


def _picture(path: Path | None) -> tuple[bytes, str]:
    """A picture and its media type: a file's, or one that is drawn."""
    if path is None:
        return drawn(), "image/png"
    return _bytes_of("--picture", path), mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _identified(path: Path | None) -> dict[str, str]:
    """What identifies the client, by the key in a file, and nothing without one. ValueError."""
    if path is None:
        return {}
    key = _bytes_of("--key-file", path).decode(errors="replace")
    try:
        return headers_of(key)
    except ValueError as error:
        raise ValueError(f"--key-file is {path}: {error}") from None  # nothing that holds the key is told with it


def _bytes_of(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{option} is {path}, which cannot be read: {error.strerror}") from error


def _watched(asked: Asked) -> Tally:
    """Run the load beside a progress bar, which is drawn seldom, for it costs the service's cores too."""
    load = asked.load
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}")
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, auto_refresh=False, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("warm-up", total=load.warm_up_s + load.seconds, told="")

        def tick(tally: Tally, now: float) -> None:
            failed = f", {tally.errors.total():,} failed" if tally.errors else ""
            bar.update(
                task,
                completed=now - tally.start + load.warm_up_s,
                description="warm-up" if now < tally.start else "measuring" if now < tally.end else "last answers",
                told=f"{len(tally.latencies):,} answered{failed}",
            )
            bar.refresh()

        return run(target(asked.url, asked.content_type, asked.body, asked.headers), load, tick)


def _show(report: Report) -> None:
    """The report as a table, and what has to be said about it."""
    table = Table(show_header=False)
    how = f"{report.clients} clients, each asks when it is answered"
    if report.rate is not None:
        how = f"{report.rate:g} requests/s are due, whatever the answers; over at most {report.clients} connections"
    table.add_row("load", f"{report.loop} loop: {how}; {report.seconds:g} s")
    table.add_row("requests", f"{report.offered:,} offered, {report.completed:,} completed")
    table.add_row("requests/s", f"{report.per_second:,.1f}")
    if report.p50_ms is not None:
        of = zip(("p50", "p95", "p99", "max"), _milliseconds(report), strict=True)
        table.add_row("ms", ", ".join(f"{name} {ms:,.2f}" for name, ms in of))
    errors = ", ".join(f"{count:,} x {what}" for what, count in report.errors.items())
    table.add_row("errors", errors or "none")
    table.add_row("client", f"{report.client_cpu:.0%} of a core")
    console = Console()
    console.print(report.url, highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    for remark in report.remarks:
        console.print(f"- {remark}", highlight=False, markup=False)


def _milliseconds(report: Report) -> tuple[float | None, ...]:
    return report.p50_ms, report.p95_ms, report.p99_ms, report.max_ms
