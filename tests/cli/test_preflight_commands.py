"""plan, doctor and policy as a user calls them: what they print, where, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ruamel.yaml import YAML

from orgaudit.demo import Demo
from orgaudit.demo.accounts import ACCOUNTS, MANAGEMENT, account_named
from orgaudit.languages import iam_policy as policies
from tests import commands

Done: TypeAlias = subprocess.CompletedProcess[str]
Orgaudit: TypeAlias = Callable[..., Done]
ROOT = Path(__file__).parents[2]
SOUND = account_named("Log Archive").id
WITHOUT_ROLE = account_named("Northgate Acquisition").id
LOGGING = ("--control", "cloudtrail_trail_logging")
PRINCIPAL = f"arn:aws:iam::{MANAGEMENT.id}:role/Auditor"


@pytest.fixture
def orgaudit(demo: Demo, tmp_path: Path) -> Orgaudit:
    """Run orgaudit in an empty directory with the demo's environment; keywords are more of that."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_"))}
    environment = {**kept, **demo.environment, "PYTHONPATH": str(ROOT)}

    def run(*arguments: str, **more: str) -> Done:
        return commands.run(arguments, environment | more, tmp_path)

    return run


def fits(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


def test_plan_prints_a_table_that_fits(orgaudit: Orgaudit, tmp_path: Path) -> None:
    done = orgaudit("plan", *LOGGING)
    assert done.returncode == 0, done.stderr
    assert fits(done.stdout)
    rows = [line.split() for line in done.stdout.splitlines() if line[:12].isdigit()]
    assert {row[0] for row in rows} == {account.id for account in ACCOUNTS}
    assert {row[-1] for row in rows} == {"4"}
    assert f"Cells     {4 * len(ACCOUNTS)}: {len(ACCOUNTS)} accounts x (1 controls x 4 regions + 0" in done.stdout
    assert "1 of each kind of resource" in done.stdout
    assert "plan: 15 accounts" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_plan_as_json(orgaudit: Orgaudit) -> None:
    done = orgaudit("plan", "--json", "--resources", "7", *LOGGING, "--account", SOUND, "--account", WITHOUT_ROLE)
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    accounts = {account["id"]: account for account in plan["accounts"]}
    assert accounts[SOUND]["regions"] == plan["regions"] == plan["controls"][0]["places"]
    assert accounts[SOUND]["gap"] is None
    assert accounts[WITHOUT_ROLE]["gap"]["reason"] == "ACCOUNT_UNAVAILABLE"
    assert plan["cells"] == sum(account["cells"] for account in plan["accounts"]) == 8
    assert plan["accounts_out_of_scope"] == len(ACCOUNTS) - 2
    assert (plan["estimate"]["listing_calls"], plan["estimate"]["detail_calls"]) == (4, 7)


@pytest.mark.parametrize(
    ("arguments", "environment", "ending"),
    [
        (("--account", "999999999999"), {}, (2, "not in the organization")),
        (("--control", "nothing"), {}, (2, "orgaudit controls")),
        (("--out", "taken/below"), {}, (5, "cannot write")),
        ((), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, (4, "the caller cannot be identified")),
    ],
    ids=["scope", "control", "output", "endpoint"],
)
def test_plan_ends_as_the_audit_would(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    ending: tuple[int, str],
    orgaudit: Orgaudit,
    tmp_path: Path,
) -> None:
    (tmp_path / "taken").write_text("")
    done = orgaudit("plan", *arguments, **environment)
    assert (done.returncode, done.stdout) == (ending[0], "")
    assert ending[1] in done.stderr


WRONG_DIGIT = f"{SOUND[:-1]}{9 - int(SOUND[-1])}"
MISSPELT = {
    "a region": (("--region", "eu-wst-1"), "scope.regions: no region is 'eu-wst-1'; did you mean eu-west-1?"),
    "a region of another partition": (("--region", "us-gov-west-1"), "scope.regions: no region is 'us-gov-west-1'"),
    "a glob of regions": (("--region", "us-*", "--region", "eux-*"), "scope.regions: no region is 'eux-*'"),
    "an account": (("--account", WRONG_DIGIT), "is not in the organization; did you mean " + SOUND),
    "a unit in another case": (("--ou", "root/WORKLOADS"), "no account is in 'root/WORKLOADS'; did you mean Root/Work"),
    "a framework": (("--framework", "CIS_4"), "scope.frameworks: no framework 'CIS_4'; did you mean cis_4.0?"),
    "a control": (
        ("--control", "cloudtrail_trail_loging"),
        "scope.controls: no control 'cloudtrail_trail_loging'; did",
    ),
}


@pytest.mark.parametrize("command", ["plan", "doctor", "audit"])
@pytest.mark.parametrize("misspelt", MISSPELT)
def test_name_that_matches_nothing_ends_with_a_suggestion(
    command: str, misspelt: str, orgaudit: Orgaudit, tmp_path: Path
) -> None:
    arguments, says = MISSPELT[misspelt]
    done = orgaudit(command, *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert says in done.stderr
    assert not list(tmp_path.glob("reports/*/run.json"))


IN_THE_FILE = {
    'exclude_regions = ["us-eastt-1"]': "scope.exclude_regions: no region is 'us-eastt-1'; did you mean us-east-1?",
    'accept_blocked_regions = ["us-*", "mars-*"]': "scope.accept_blocked_regions: no region is 'mars-*'",
    'exclude_accounts = ["999999999999"]': "scope.exclude_accounts: account '999999999999' is not in the organization",
    'exclude_ous = ["Root/Wrkloads"]': "scope.exclude_ous: no account is in 'Root/Wrkloads'; did you mean Root/Work",
    'tags = { Owner = "*" }': "scope.tags: no account has the tag 'Owner'; did you mean owner?",
    'exclude_tags = { owner = "nobody" }': "scope.exclude_tags: no account has 'nobody' in the tag 'owner'",
    'controls = ["s3"]': "scope.controls: no control 's3'; `orgaudit controls` lists them",
}


@pytest.mark.parametrize("setting", IN_THE_FILE)
def test_setting_that_matches_nothing_is_named_with_its_line(setting: str, orgaudit: Orgaudit, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"\n[scope]\n{setting}\n")
    done = orgaudit("plan", "--config", "own.toml")
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    assert f"own.toml:3: {IN_THE_FILE[setting]}" in done.stderr


def test_scope_without_a_region_is_refused(orgaudit: Orgaudit, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('[scope]\nregions = ["eu-*"]\nexclude_regions = ["eu-*"]\n')
    done = orgaudit("plan", "--config", "own.toml")
    assert done.returncode == 2
    assert "regions and exclude_regions leave no region to audit" in done.stderr


def test_doctor_does_not_end_well_where_no_region_is_enabled(orgaudit: Orgaudit) -> None:
    done = orgaudit("doctor", "--account", SOUND, "--region", "me-south-1", *LOGGING)
    assert done.returncode == 3, done.stdout
    assert "no region in scope is enabled in any account" in " ".join(done.stdout.split())


def test_audit_that_assesses_nothing_is_incomplete(orgaudit: Orgaudit) -> None:
    done = orgaudit("audit", "--account", SOUND, "--region", "me-south-1", *LOGGING)
    assert done.returncode == 3, done.stderr
    assert "INCOMPLETE: nothing was assessed" in done.stdout


def test_doctor_prints_a_line_for_each_check(orgaudit: Orgaudit) -> None:
    done = orgaudit("doctor", *LOGGING)
    assert done.returncode == 3, done.stderr
    assert fits(done.stdout)
    states = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("OK ", "FAIL ", "SKIPPED "))]
    assert f"{states.count('OK')} OK, {states.count('FAIL')} FAIL, {states.count('SKIPPED')} SKIPPED" in done.stdout
    assert states.count("FAIL") == done.stdout.count("-> ") == 2
    assert f"FAIL     {WITHOUT_ROLE}  role" in done.stdout
    assert f"OK       {SOUND}  regions       4 enabled, as listed by account:ListRegions" in done.stdout


def test_doctor_ends_well_where_all_is_well(orgaudit: Orgaudit) -> None:
    done = orgaudit("doctor", "--account", SOUND, *LOGGING)
    assert done.returncode == 0, done.stdout
    assert "0 FAIL" in done.stdout


def test_doctor_as_json(orgaudit: Orgaudit) -> None:
    done = orgaudit("doctor", "--json", "--sample", "3", *LOGGING)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["readable"] is True
    assert {check["status"] for check in found["checks"]} <= {"OK", "FAIL", "SKIPPED"}
    assert len({check["account_id"] for check in found["checks"]} - {""}) == 3
    assert all(check.keys() == {"status", "account_id", "name", "message", "remediation"} for check in found["checks"])


@pytest.mark.parametrize(
    ("arguments", "environment", "code"),
    [
        ((), {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, 4),
        ((), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 4),
        (("--role-name", "Nobody"), {}, 3),
        (("--account", "999999999999"), {}, 2),
        (("--sample", "0"), {}, 2),
    ],
    ids=["endpoint", "credentials", "role", "scope", "usage"],
)
def test_doctor_ends_by_the_contract(
    arguments: tuple[str, ...], environment: dict[str, str], code: int, orgaudit: Orgaudit
) -> None:
    done = orgaudit("doctor", *LOGGING, *arguments, **environment)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_policy_prints_a_document_without_a_call(orgaudit: Orgaudit) -> None:
    done = orgaudit("policy", *LOGGING, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (0, "")
    (statement,) = json.loads(done.stdout)["Statement"]
    assert statement["Action"] == [
        "account:ListRegions",
        "cloudtrail:DescribeTrails",
        "cloudtrail:GetTrailStatus",
        "ec2:DescribeRegions",
    ]
    assert policies.parse_policy(done.stdout).statements


def test_policy_for_the_caller_takes_partition_and_role(orgaudit: Orgaudit) -> None:
    principal = PRINCIPAL.replace("arn:aws:", "arn:aws-us-gov:")
    done = orgaudit("policy", "--for", "caller", "--role-name", "Reader", "--principal", principal)
    by_sid = {statement["Sid"]: statement for statement in json.loads(done.stdout)["Statement"]}
    assert by_sid["EnterAccounts"]["Resource"] == ["arn:aws-us-gov:iam::*:role/Reader"]
    assert "organizations:ListAccounts" in by_sid["ReadOrganization"]["Action"]


def test_policy_as_a_template(orgaudit: Orgaudit) -> None:
    done = orgaudit(
        "policy", "--format", "cloudformation", "--principal", PRINCIPAL, "--external-id", "quarter:4", *LOGGING
    )
    assert done.returncode == 0, done.stderr
    template = YAML(typ="safe").load(done.stdout)
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template["Parameters"]["AuditPrincipalArn"]["Default"] == PRINCIPAL
    assert template["Parameters"]["ExternalId"]["Default"] == "quarter:4"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--principal", "arn:aws:sts::214365870912:assumed-role/Auditor/me"),
        ("--principal", "214365870912"),
        ("--role-name", "no spaces"),
        ("--control", "nothing"),
        ("--format", "terraform"),
    ],
)
def test_policy_refuses_what_aws_would(arguments: tuple[str, ...], orgaudit: Orgaudit) -> None:
    done = orgaudit("policy", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[1] in done.stderr or "role" in done.stderr


@pytest.mark.parametrize("command", ["plan", "doctor", "policy"])
def test_each_command_explains_itself(command: str, orgaudit: Orgaudit) -> None:
    done = orgaudit(command, "--help")
    assert done.returncode == 0
    assert f"orgaudit {command}" in done.stdout.replace("python -m ", "")
