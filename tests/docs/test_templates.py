"""The templates of docs/templates: cfn-lint accepts them, they allow nothing wide, and run orgaudit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orgaudit.aws.actions import is_read
from orgaudit.organization.discovery import ACTIONS

TEMPLATES = Path(__file__).parents[2] / "docs" / "templates"
NAMES = ("fargate-dask", "batch-array", "distributed-map")
ANY = {
    *("ecr:GetAuthorizationToken", "ec2:DescribeNetworkInterfaces", "ecs:ListAccountSettings"),
    *("ecs:RegisterTaskDefinition", "ecs:DeregisterTaskDefinition"),
    *ACTIONS,
}
"""Actions that no resource can be named for, or only with an id that nobody knows before."""


class Loader(yaml.SafeLoader):
    """A loader that keeps CloudFormation's functions as tables of one key."""


def function(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    kinds = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
    build: Any = kinds.get(type(node), loader.construct_mapping)
    return {suffix: build(node)}


Loader.add_multi_constructor("!", function)


def template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((TEMPLATES / f"{name}.yaml").read_text(), Loader=Loader)  # noqa: S506 - safe
    return found


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every table in a template, however deep."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from parts(each)


def allowed(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements that allow something, but for the policies of trust."""
    statements = [each for each in parts(found["Resources"]) if each.get("Effect") == "Allow"]
    return [each for each in statements if "Principal" not in each]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize("name", NAMES)
def test_cfn_lint_accepts_it(name: str) -> None:
    program = shutil.which("cfn-lint", path=str(Path(sys.executable).parent))
    assert program
    command = [program, "--include-checks", "I", "--regions", "us-east-1", "eu-central-1", "--"]
    done = subprocess.run([*command, str(TEMPLATES / f"{name}.yaml")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_template_is_tested() -> None:
    assert {path.stem for path in TEMPLATES.glob("*")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_wide_is_allowed(name: str) -> None:
    for statement in allowed(template(name)):
        for action in listed(statement["Action"]):
            assert "*" not in action
            if statement["Resource"] == "*":
                assert action in ANY, action
            if action == "sts:AssumeRole":
                assert statement["Condition"] == {"StringEquals": {"aws:ResourceOrgID": {"Ref": "OrganizationId"}}}
            if action == "iam:PassRole":
                assert statement["Condition"]["StringEquals"] == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
            if action.startswith("s3:"):
                assert re.search(r"Runs", json.dumps(statement["Resource"]))


@pytest.mark.parametrize("name", NAMES)
def test_discovery_and_the_roles_of_members_are_allowed(name: str) -> None:
    actions = {action for each in allowed(template(name)) for action in listed(each["Action"])}
    assert {*ACTIONS, "sts:AssumeRole"} <= actions
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"} <= actions
    assert all(is_read(each) for each in actions if each.startswith("organizations:"))


@pytest.mark.parametrize("name", NAMES)
def test_the_bucket_of_runs_is_private_and_kept(name: str) -> None:
    runs = template(name)["Resources"]["Runs"]
    assert (runs["DeletionPolicy"], runs["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert set(runs["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert runs["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize("name", NAMES)
def test_tasks_can_be_started_by_ecs_alone(name: str) -> None:
    roles = {
        key: each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for key, each in template(name)["Resources"].items()
        if each["Type"] == "AWS::IAM::Role"
    }
    services = {key: statement["Principal"]["Service"] for key, (statement,) in roles.items()}
    assert services.pop("AuditRole", "states.amazonaws.com") == "states.amazonaws.com"
    assert set(services.values()) == {"ecs-tasks.amazonaws.com"}
    assert all("Condition" in statement for (statement,) in roles.values())


def test_a_child_of_the_array_collects_its_slice() -> None:
    jobs = template("batch-array")["Resources"]
    shell, flag, script, *values = jobs["CollectJob"]["Properties"]["ContainerProperties"]["Command"]
    assert (shell, flag, values[:2]) == ("sh", "-c", ["Ref::run", "Ref::slices"])
    for index, expected in ((0, "1/40"), (39, "40/40")):
        done = subprocess.run(
            ["/bin/sh", "-c", script.replace("exec orgaudit", "echo"), "q3", "40", "s3://bucket/runs"],
            env={"AWS_BATCH_JOB_ARRAY_INDEX": str(index)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["collect", "q3", "--slice", expected, "--out", "s3://bucket/runs"]


def test_a_task_of_the_map_collects_the_accounts_of_its_batch(tmp_path: Path) -> None:
    states = template("distributed-map")["Resources"]["Audit"]["Properties"]["Definition"]["States"]
    task = states["Accounts"]["ItemProcessor"]["States"]["Collect"]["Parameters"]["Overrides"]["ContainerOverrides"][0]
    stub = tmp_path / "orgaudit"
    stub.write_text('#!/bin/sh\necho "$@"\ncat\n')
    stub.chmod(0o700)
    done = subprocess.run(
        ["/bin/sh", "-c", task["Command"][2]],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "RUN": "q3",
            "OUT": "s3://bucket/runs",
            "AT_ONCE": "40",
            "ACCOUNTS": '["111111111111","222222222222"]',
        },
        capture_output=True,
        text=True,
        check=True,
    )
    command, *accounts = done.stdout.split("\n")
    assert command == "collect q3 --accounts-from - --at-once 40 --out s3://bucket/runs"
    assert [each for each in accounts if each] == ["111111111111", "222222222222"]
    assert {each.get("Name") for each in task["Environment"]} == {"RUN", "ACCOUNTS", "AT_ONCE", "OUT"}


def test_the_map_reads_the_list_that_the_plan_writes(tmp_path: Path) -> None:
    states = template("distributed-map")["Resources"]["Audit"]["Properties"]["Definition"]["States"]
    script = states["Plan"]["Parameters"]["Overrides"]["ContainerOverrides"][0]["Command"][2]
    (tmp_path / "runs" / "q3").mkdir(parents=True)
    (tmp_path / "plans").mkdir()
    (tmp_path / "runs" / "q3" / "run.json").write_text('{"accounts":[{"id":"1"},{"id":"2"}]}')
    (tmp_path / "orgaudit").write_text("#!/bin/sh\n")
    (tmp_path / "orgaudit").chmod(0o700)
    script = script.replace('filesystem("s3")', 'filesystem("file")').replace("python -c", f"{sys.executable} -c")
    subprocess.run(
        ["/bin/sh", "-c", script],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "RUN": "q3",
            "OUT": f"{tmp_path}/runs",
            "PLANS": f"{tmp_path}/plans",
        },
        check=True,
    )
    assert json.loads((tmp_path / "plans" / "q3.json").read_text()) == ["1", "2"]
    assert states["Accounts"]["ItemReader"]["Parameters"]["Key.$"] == "States.Format('plans/{}.json', $.run)"
