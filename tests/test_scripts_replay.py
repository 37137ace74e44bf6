"""The calls that a benchmark notes of a run, and makes again, are the run's own."""

import json
import subprocess
import sys
from pathlib import Path

from scripts.bench_calls import ROOT, audit, environment
from scripts.simulator.server import serve

REPLAY = str(ROOT / "scripts" / "replay.py")


def test_the_same_calls_are_made_again(tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    with serve(accounts=3, regions=2) as served:
        variables = environment(served.url)
        command = audit(tmp_path, "noted", ["--control", "cloudtrail_trail_logging", "--format", "json"])
        noted = subprocess.run([sys.executable, REPLAY, "note", str(file), *command], env=variables, check=False)
        once = served.calls()
        sent = [sys.executable, REPLAY, "send", str(file)]
        took = subprocess.run(sent, env=variables, check=True, capture_output=True, text=True).stdout
        twice = served.calls()
    assert noted.returncode in {0, 1}
    assert len(file.read_text().splitlines()) == once["total"] > 10
    assert twice["accounts"] == {
        account: {action: 2 * count for action, count in actions.items()}
        for account, actions in once["accounts"].items()
    }
    assert float(took) > 0
    assert json.loads(file.read_text().splitlines()[0])["operation"] == "GetCallerIdentity"
