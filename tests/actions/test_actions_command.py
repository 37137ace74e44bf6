"""`orgaudit actions`: the table at both widths, owners, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orgaudit import cli
from orgaudit.cli import actions
from orgaudit.errors import ConfigError
from orgaudit.model import Severity
from tests.actions.action_runs import control, finding, run_of
from tests.synthetic_run import account_id

EBS = control("ec2_ebs_default", Severity.HIGH, per_resource=False)
BUCKETS = control("s3_bucket_versioned", Severity.MEDIUM)
FINDINGS = (
    *(finding(EBS, account, f"defaults-{account}", owner="ana@example.com") for account in (0, 1)),
    *(finding(BUCKETS, 2, f"arn:aws:s3:::{n}-{'long' * 12}", owner="bo@example.com") for n in range(11)),
    finding(BUCKETS, 3, "arn:aws:s3:::=cmd|x"),
)
POINTS = 2 * 5 + 12 * 2

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Runs the command on a run of these findings."""
    run = run_of(tmp_path_factory.mktemp("reports") / "q1", FINDINGS, (EBS, BUCKETS))

    def called(*options: str) -> Result:
        return CliRunner().invoke(cli.orgaudit, ["actions", str(run.path), *options])

    return called


@pytest.mark.parametrize(("columns", "heads"), [(80, 6), (160, 7)])
def test_the_table_fits_and_says_what_share_its_actions_remove(
    call: Call, columns: int, heads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "width", lambda: columns)
    done = call()
    table, said, commands = done.stdout.split("\n\n")
    assert max(map(len, table.splitlines())) <= columns
    assert len(table.splitlines()[0].split()) == heads
    assert [line.split()[0] for line in table.splitlines() if line[:2].strip()] == ["#", *map(str, range(1, 11))]
    first = next(line.split() for line in table.splitlines() if line.startswith(" 1"))
    assert first[1:5] == ["29.4", "%", "10", "2"]
    assert said == f"10 actions of 13 remove {100 * 28 / POINTS:.1f} % of the risk: 28 of 34 points, 11 of 14 issues"
    assert commands.splitlines()[1] == (f"  1  aws s3 fix --name defaults-0 --account {account_id(0)}   # and 1 more")


def test_all_but_one_point_is_never_shown_as_all(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "13 actions of 13 remove 100.0 % of the risk: 34 of 34 points" in call("--top", "99").stdout
    monkeypatch.setenv("ORGAUDIT_ACTIONS_POINTS", "high=1000,medium=1")
    assert "12 actions of 13 remove 99.9 % of the risk: 2,011 of 2,012 points" in call("--top", "12").stdout


def test_the_json_has_every_action_with_what_it_closes(call: Call) -> None:
    found: dict[str, Any] = json.loads(call("--json").stdout)
    assert (found["run"], found["count"], len(found["actions"])) == ("q1", 13, 13)
    assert found["open"] == {"issues": 14, "findings": 14, "resources": 14, "accounts": 4, "points": POINTS}
    assert found["numbers"]["points"] == {"critical": 10, "high": 5, "medium": 2, "low": 1}
    closed = [name for action in found["actions"] for name in action["fingerprints"]]
    assert sorted(closed) == sorted(each.fingerprint for each in FINDINGS)
    first = found["actions"][0]
    assert (first["kind"], first["effort"], first["share_so_far"]) == ("setting", "S", 10 / POINTS)
    assert [each["account_id"] for each in first["commands"]] == [account_id(0), account_id(1)]
    assert found["actions"][-1]["share_so_far"] == 1
    assert len(json.loads(call("--json", "--top", "2").stdout)["actions"]) == 2


def test_the_csv_has_the_commands_as_a_script(call: Call) -> None:
    rows = list(csv.DictReader(io.StringIO(call("--csv").stdout)))
    assert len(rows) == 13
    assert rows[0]["commands"].splitlines() == [
        line
        for account in (0, 1)
        for line in (
            f"# account {account_id(account)} account {account}",
            f"aws s3 fix --name defaults-{account} --account {account_id(account)}",
        )
    ]
    assert (rows[0]["owners"], rows[0]["points"], rows[-1]["share_so_far"]) == ("ana@example.com (2)", "10", "1.0")


def test_an_owner_gets_the_actions_for_what_is_theirs(call: Call) -> None:
    found = json.loads(call("--json", "--owner", "ANA@example.com").stdout)
    assert (found["open"]["points"], found["count"]) == (10, 1)
    both = json.loads(call("--json", "--owner", "ana@example.com", "--owner", "unassigned").stdout)
    assert (both["open"]["points"], both["count"]) == (12, 2)


def test_an_unknown_owner_is_an_error_with_a_suggestion(call: Call) -> None:
    done = call("--owner", "anna@example.com")
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == (
        "--owner: no open finding is owned by 'anna@example.com'; did you mean ana@example.com?"
    )
    assert not done.stdout


def test_a_run_without_open_findings_says_so(tmp_path: Path) -> None:
    run = run_of(tmp_path / "clean", [], (EBS,))
    done = CliRunner().invoke(cli.orgaudit, ["actions", str(run.path)])
    assert (done.exit_code, done.stdout) == (0, "nothing is open\n")
    assert json.loads(CliRunner().invoke(cli.orgaudit, ["actions", str(run.path), "--json"]).stdout)["actions"] == []
