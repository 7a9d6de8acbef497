"""schemathesis, all checks, against `/openapi.json` of a real server: ``python -m tests.judges.contract``.

It sends what the document allows and what it forbids, and judges every answer by the document: its status, headers,
media type and schema. What was run is written to RECORD.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.judges.process import ROOT, serve

RECORD = Path(__file__).with_name("contract.json")
CONFIG = Path(__file__).with_name("schemathesis.toml")
NETWORKS = "lenet,resnet18"
ALL = "examples,coverage,fuzzing,stateful"
MOST_EXAMPLES = 1000  # of an operation in one run; those of a few values have no more than a few


def judge(url: str, cases: int, examples: int = MOST_EXAMPLES) -> dict[str, Any]:
    """Run until so many cases are through, each time with other ones; what was found."""
    found: Counter[str] = Counter()
    done, runs, said = 0, 0, ""
    while done < cases:
        runs += 1
        report, told = _run(url, seed=runs, examples=examples)
        done += report["test_cases"]["generated"]
        for failure in report["failures"]:
            found[f"{failure['type']} in {', '.join(failure['operations'])}"] += failure["count"]
        for error in report["errors"]:
            found[json.dumps(error)] += 1
        said += told if report["exit_code"] else ""
    return {"version": report["schemathesis_version"], "cases": done, "runs": runs, "found": dict(found), "said": said}


def _run(url: str, *, seed: int, examples: int) -> tuple[dict[str, Any], str]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{url}/openapi.json"]
        command += ["--checks", "all", "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all"]
        command += ["--phases", ALL if seed == 1 else "fuzzing,stateful"]  # others: the same
        command += ["--seed", str(seed), "-n", str(examples), "--report", "json", "--report-json-path", str(report)]
        env = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.judges.hooks", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert report.exists(), done.stdout + done.stderr
        told: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return told, done.stdout


def main() -> int:
    """Run, write the record, tell what was found; 1 where that is anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args()
    with serve(networks=NETWORKS, device="cpu") as served:
        told = judge(served.url, options.cases)
        traceback = "Traceback" in served.log()
    print(told.pop("said"))
    told = {
        "what": f"schemathesis {told.pop('version')}, all checks, on /openapi.json of a server with {NETWORKS}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        **told,
        "traceback_in_log": traceback,
    }
    options.record.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))
    return int(bool(told["found"]) or traceback)


if __name__ == "__main__":
    sys.exit(main())
