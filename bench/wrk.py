"""A closed loop by wrk, which costs the service's cores the least."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

MISSING = "wrk is not installed; on Debian and Ubuntu: apt install wrk"
MARK = "figures: "
TIMEOUT_S = 30
ENOUGH = 64  # answers that a loop waits for where a server is slow
# Times its clients: of each a request may be in flight at the end, which took processor time and is not counted. So the
# rate, and the time of a request, are off by a tenth at most.
IN_FLIGHT = 10
LONGEST = 20  # times as long as it was to last
SCRIPT = """
init = function(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local body = file:read("*a")
  file:close()
  if #body > 0 then
    wrk.method, wrk.body = "POST", body
    wrk.headers["Content-Type"] = arguments[2]
  end
end

done = function(summary, latency, requests)
  local errors = summary.errors
  local told = '{"requests": %d, "seconds": %.6f, "p50": %.1f, "p95": %.1f, "p99": %.1f, "max": %.1f, '
  told = told .. '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}'
  io.write("figures: ", string.format(told, summary.requests, summary.duration / 1e6, latency:percentile(50),
    latency:percentile(95), latency:percentile(99), latency.max, errors.connect, errors.read, errors.write,
    errors.status, errors.timeout), "\\n")
end
"""


def version() -> str | None:
    """What wrk calls itself; None where it is not installed."""
    if shutil.which("wrk") is None:
        return None
    told = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return " ".join(told.split()[:2])


def lasts(seconds: float) -> int:
    """The seconds of a loop that is to last so long: wrk counts in whole ones, and one at least."""
    return max(1, math.ceil(seconds))


def long_enough(seconds: float, rate: float, clients: int) -> float:
    """Seconds of a loop that is to last so long: more where that many clients would get too few answers, by the `rate`
    of a warm-up, which is rather too low as it counts none that was in flight at its end; but LONGEST times at most.
    """
    wanted = max(ENOUGH, IN_FLIGHT * clients)
    return min(max(seconds, wanted / rate if rate else math.inf), LONGEST * seconds)


def closed_loop(url: str, content_type: str, body: bytes, clients: int, seconds: float) -> dict[str, Any]:
    """Requests, requests a second, milliseconds and the number of errors; GET where there is no body. RuntimeError if
    wrk fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        script, sent = Path(folder, "post.lua"), Path(folder, "body")
        script.write_text(SCRIPT, encoding="utf-8")
        sent.write_bytes(body)
        command = ["wrk", "-t1", f"-c{clients}", f"-d{lasts(seconds)}s", f"--timeout={TIMEOUT_S}s"]
        command += ["-s", str(script), url, "--", str(sent), content_type]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or MARK not in done.stdout:
        raise RuntimeError(f"wrk failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return figures(done.stdout)


def best(found: dict[str, Any]) -> dict[str, Any]:
    """Of a server's closed loops, ``many`` clients and a ``lone`` one, the one that got more a second: so much it can
    do at least.
    """
    loops: list[dict[str, Any]] = [found["many"], found["lone"]]
    return max(loops, key=lambda loop: float(loop["per_second"]))


def figures(told: str) -> dict[str, Any]:
    """From what wrk printed."""
    found = json.loads(told.split(MARK, 1)[1].splitlines()[0])
    errors = sum(found[kind] for kind in ("connect", "read", "write", "status", "timeout"))
    milliseconds = {f"{name}_ms": round(found[name] / 1e3, 3) for name in ("p50", "p95", "p99", "max")}
    answered = found["requests"] - found["status"]
    return {"n": answered, "per_second": round(answered / found["seconds"], 2), **milliseconds, "errors": errors}
