"""What a picture costs each stage, from what was measured: seconds of one core. Nothing here is assumed.

`bench/serving.json` has the processor time of a whole request to each network, lone and among 16 clients. LeNet itself
takes next to nothing, so its request is the way: HTTP, JSON and intake; what another takes more is the network's.
`bench/intake.json` has the steps of the intake. `bench/cluster.json` has what each kind of process of a Ray cluster
takes of a request; where that was measured on another machine, it is scaled by what LeNet's request cost on both.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.cluster.sizes import INTAKE
from app.serving import batches
from app.settings import Settings
from bench import wrk
from models import catalog

FOLDER = Path(__file__).resolve().parents[1]
RECORDS = {
    "serving.json": "make bench",
    "intake.json": "make bench-intake",
    "cluster.json": "python -m bench.cluster",
}
CLIENTS = 16  # of the measurement in serving.json
LATE_99 = 2.326  # standard deviations of a normal distribution to its 99th percentile
PLAIN, PROXIES = "lineup serve", ("Ray Serve", "Ray Serve, HAProxy")
RAYS = ("proxy", "rest", "controller")  # roles of processes that are not the service's
Record = dict[str, Any]


class MissingRecord(Exception):
    """A measurement has not been made yet, or failed; the message names the command that makes it."""


@dataclass(frozen=True)
class Work:
    """Seconds of a core that a batch takes: so many for each batch, so many for each picture in it."""

    fixed_s: float
    each_s: float

    def seconds(self, pictures: int) -> float:
        """For so many pictures at once."""
        return self.fixed_s + self.each_s * pictures

    def among(self, pictures: int) -> float:
        """For one of so many at once."""
        return self.seconds(pictures) / pictures


@dataclass(frozen=True)
class Hops:
    """What a request costs the processes of a Ray cluster, in seconds of a core; a network's own work apart.

    `call_s`: for each further network that the ingress asks. `transit_s`: time that passes on one hop and costs no
    core. `idle_cores`: what Ray takes on a node where nothing is asked. `one_proxy`: it is one process a node.
    """

    proxy_s: float
    ingress_s: float
    call_s: float
    intake_s: float
    network_s: float
    transit_s: float
    idle_cores: float
    one_proxy: bool


@dataclass(frozen=True)
class Costs:
    """`cv2`: the squared coefficient of variation of a service time. `scale`: seconds in serving.json over seconds of
    the same work in cluster.json.
    """

    way: Work
    networks: dict[str, Work]
    photograph_s: float
    hops: dict[str, Hops]
    cv2: float
    scale: float


def read(folder: Path = FOLDER) -> Costs:
    """The costs by the records in a folder. MissingRecord names what is not there; ValueError two records that are not
    of one machine and have to be.
    """
    serving, intake, cluster = (_record(folder / name) for name in RECORDS)
    _check_figures(folder, serving, cluster)
    _check_machine(serving, intake)
    ours = serving["servers"]["lineup"]["networks"]
    scale = _ms(ours["lenet"], "many") / _ms(cluster["ways"][PLAIN]["asked"]["lenet"], "many")
    return Costs(
        way=way_of(ours),
        networks=networks_of(ours, serving["hardware"]["cores"]),
        photograph_s=photograph_s(intake),
        hops={name: hops_of(cluster["ways"], name, scale) for name in PROXIES if "asked" in cluster["ways"][name]},
        cv2=max(_cv2(figures["lone"]) for figures in ours.values()),
        scale=scale,
    )


def _record(path: Path) -> Record:
    try:
        found: Record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingRecord(f"{path} is missing; `{RECORDS[path.name]}` makes it") from None
    return found


def _check_figures(folder: Path, serving: Record, cluster: Record) -> None:
    """MissingRecord for a row that is needed and says why it has no figures, or is not there."""
    ours, none = serving["servers"].get("lineup", {"networks": {}}), {"error": "was not measured"}
    rows = {("serving.json", f"lineup, {name}"): ours["networks"].get(name, none) for name in catalog.ARCHITECTURES}
    rows["serving.json", "lineup, all seven"] = ours.get("compare", none)
    rows["cluster.json", PLAIN] = cluster["ways"].get(PLAIN, none)
    ray = {name: cluster["ways"].get(name, none) for name in PROXIES}
    if all("error" in way for way in ray.values()):  # one of them is enough
        rows |= {("cluster.json", name): way for name, way in ray.items()}
    for (record, row), told in rows.items():
        if "error" in told:
            raise MissingRecord(
                f"{folder / record} has no figures of {row}: {told['error']}; `{RECORDS[record]}` again"
            )


def _check_machine(serving: Record, intake: Record) -> None:
    """The intake's milliseconds are taken as they are, beside those of serving.json. Its record is of one core, so
    their number may differ; an older one tells the processor's name alone, as "intake".
    """
    ours, told = serving["hardware"], intake["hardware"]
    theirs = {"processor": told["intake"]} if "intake" in told else told
    if any(name in theirs and theirs[name] != ours[name] for name in ("processor", "flags")):
        raise ValueError(
            f"serving.json is of {ours} and intake.json of {told}; measure both on one machine: "
            f"`{RECORDS['serving.json']}`, `{RECORDS['intake.json']}`"
        )


def way_of(networks: Record) -> Work:
    """What HTTP, JSON and the intake of a 28x28 take in one process."""
    return _work(_ms(networks["lenet"], "lone"), _ms(networks["lenet"], "many"), CLIENTS)


def networks_of(networks: Record, cores: int) -> dict[str, Work]:
    """What each network's own work takes, where as many batches at once as there are cores; LeNet's is in the way."""
    more = {
        name: [_ms(figures, part) - _ms(networks["lenet"], part) for part in ("lone", "many")]
        for name, figures in networks.items()
    }
    return {name: _work(*parts, min(max_batch(name), max(1, CLIENTS // cores))) for name, parts in more.items()}


def max_batch(network: str) -> int:
    """Most pictures in one forward pass on a CPU."""
    return batches.longest(Settings(), catalog.find(network).macs, "cpu")


def photograph_s(intake: Record) -> float:
    """What the intake of a JPEG of 12 megapixels with a digit on a sheet takes more than that of a 28x28."""
    ms = {part: {name: found["median"] for name, found in steps.items()} for part, steps in intake["ms"].items()}
    prepare = ms["prepare"]
    more = prepare["a digit on a sheet of 1000x750, on a desk"] - prepare["28x28 of the dataset's kind"]
    return float(ms["decode, 12 megapixels"]["JPEG, baseline"] + ms["judge"]["thumbnail"] + more) / 1e3


def hops_of(ways: Record, name: str, scale: float) -> Hops:
    """What the processes of a cluster take of a request to LeNet, times `scale`, less what they take of idle time. What
    is no stage's (Ray's own processes) counts where the front is. Of the loops, lone and many, the better one tells.
    """
    asked, idle = ways[name]["asked"], ways[name]["idle_cores_of"]
    roles = _of_one(wrk.best(asked["lenet"]), idle, scale)
    lone = asked["lenet"]["lone"]
    lone_s = sum(_of_one(lone, idle, scale).values())
    further_s = _ingress_s(_of_one(wrk.best(asked["compare"]), idle, scale)) - _ingress_s(roles)
    return Hops(
        proxy_s=sum(roles.get(role, 0.0) for role in RAYS),
        ingress_s=_ingress_s(roles),
        call_s=max(0.0, further_s) / (len(catalog.ARCHITECTURES) - 1),
        intake_s=roles.get(INTAKE, 0.0),
        network_s=roles.get("lenet", 0.0),
        transit_s=max(0.0, scale * lone["p50_ms"] / 1e3 - lone_s) / 3,
        idle_cores=scale * sum(idle.values()),
        one_proxy=name == PROXIES[0],
    )


def _of_one(figures: Record, idle: Record, scale: float) -> dict[str, float]:
    """Seconds of a core that one request took, by what the processes do."""
    ms = {
        role: taken - 1e3 * idle.get(role, 0.0) / figures["per_second"] for role, taken in figures["cpu_ms_of"].items()
    }
    return {role: scale * max(0.0, taken) / 1e3 for role, taken in ms.items()}


def _ingress_s(roles: dict[str, float]) -> float:
    return sum(seconds for role, seconds in roles.items() if role not in {INTAKE, *RAYS, *catalog.ARCHITECTURES})


def _ms(figures: Record, part: str) -> float:
    return float(figures[part]["cpu_ms"])


def _work(lone_ms: float, many_ms: float, batch: int) -> Work:
    """From what one picture takes alone, and what each takes in batches of about so many."""
    if batch == 1 or many_ms >= lone_ms:
        return Work(0.0, max(0.0, (lone_ms + many_ms) / 2 if batch == 1 else many_ms) / 1e3)
    fixed_ms = (lone_ms - many_ms) * batch / (batch - 1)
    return Work(fixed_ms / 1e3, max(0.0, lone_ms - fixed_ms) / 1e3)


def _cv2(lone: Record) -> float:
    """Of a lognormal distribution with this median and 99th percentile."""
    return math.expm1((math.log(lone["p99_ms"] / lone["p50_ms"]) / LATE_99) ** 2)
