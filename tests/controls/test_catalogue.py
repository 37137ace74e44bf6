"""The catalogue as a whole: what every control has to have, whoever wrote it."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.aws.actions import IAM_ACTIONS, IAM_PREFIXES, iam_action, is_read
from orgaudit.controls.declare import Control, catalogue
from orgaudit.facts.declare import Detail, Resource
from orgaudit.model import Remedy, Severity, Status
from orgaudit.settings.framework_files import load as load_frameworks
from orgaudit.settings.frameworks import controls_of
from tests.factories import MEMBER, NASTY, Case, name_of
from tests.literal_aws import service_model
from tests.packaged import FRAMEWORKS

CONTROLS = list(catalogue().values())
PLACE = {"account": MEMBER, "region": "eu-west-1", "partition": "aws"}
every_control = pytest.mark.parametrize("control", CONTROLS, ids=name_of)


def offered(name: str, otherwise: Any) -> list[Any]:
    """What the test modules beside this one offer under a name."""
    paths = sorted(Path(__file__).parent.glob("test_*.py"))
    return [getattr(import_module(f"tests.controls.{path.stem}"), name, otherwise) for path in paths]


def tables() -> dict[str, list[Case]]:
    """The cases of every control by its id."""
    found: dict[str, list[Case]] = {}
    for cases in offered("CASES", {}):
        for control, table in cases.items():
            found.setdefault(control.id, []).extend(table)
    return found


TABLES = tables()
NEVER_FAIL = {"iam_root_use_reviewed"}
"""Controls that leave what is not plainly right to a person."""
RESOURCES: dict[str, Resource] = {type(each).__name__: each for part in offered("NASTY_RESOURCES", ()) for each in part}
"""A resource of every type that a control judges, with a name that a shell must not see."""


def test_ids_are_unique_and_sorted() -> None:
    assert list(catalogue()) == sorted({control.id for control in CONTROLS})
    assert CONTROLS


@every_control
def test_id(control: Control) -> None:
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", control.id)
    assert control.id.startswith(f"{control.service}_")
    assert control.judge.__module__.split(".")[2].rstrip("_") == control.service
    assert not {"no", "not", "ensure", "check"} & set(control.id.split("_"))


@every_control
def test_the_id_is_found_in_the_code_as_the_name_of_the_control(control: Control) -> None:
    module = import_module(control.judge.__module__)
    assert vars(module)[control.id] is control
    assert re.search(rf"\b{control.id}\b", inspect.getsource(module))


@every_control
def test_words(control: Control) -> None:
    assert re.fullmatch(r"[A-Z].*[^.]", control.title)
    assert "\n" not in control.title
    assert control.rationale.endswith(".")
    assert control.rationale != control.title
    for text in (control.fix.service_wide, control.fix.asset, control.fix.preventive):
        assert re.fullmatch(r"[A-Z].*\.", text)


def test_framework_references_resolve(tmp_path: Path) -> None:
    frameworks = load_frameworks(tmp_path, catalogue())
    assert frameworks
    assert set(controls_of(frameworks.values())) <= set(catalogue())


SUPPORTING = {
    "ec2_account_imdsv2_default_required",
    "ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet",
    "ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet",
    "ec2_security_group_all_traffic_closed_to_internet",
}
"""Controls that no framework file asks for yet: related evidence, for whoever chooses them by id."""


@every_control
def test_every_control_serves_a_requirement(control: Control) -> None:
    asked = control.id in controls_of(FRAMEWORKS.values())
    assert asked is (control.id not in SUPPORTING)


LIKE_SEVERE = (
    {"iam_aws_policy_full_admin_restricted", "iam_customer_policy_attached_limited"},
    {"kms_key_policy_restricted", "secretsmanager_secret_policy_restricted", "s3_bucket_private"},
    {"sns_topic_policy_restricted", "sqs_queue_policy_restricted", "eventbridge_bus_policy_restricted"},
    {"glacier_vault_policy_restricted", "backup_vault_policy_restricted"},
    {"rds_instance_storage_encrypted", "efs_file_system_encrypted", "ec2_ebs_default_encryption_enabled"},
    {"securityhub_account_enabled", "accessanalyzer_external_analyzer_enabled", "macie_account_enabled"},
    {"iam_root_access_keys_absent", "iam_root_mfa_enabled", "iam_root_console_mfa_enabled"},
    {"apigateway_stage_access_logging_enabled", "elbv2_load_balancer_access_logs_enabled"},
    {"iam_support_role_exists", "iam_support_policy_attached", "iam_server_certificate_valid"},
)
"""Controls whose failures harm alike."""


@pytest.mark.parametrize("ids", LIKE_SEVERE, ids=min)
def test_like_failures_have_one_severity(ids: set[str]) -> None:
    assert len({catalogue()[each].severity for each in ids}) == 1


def test_an_expired_certificate_that_nothing_has_to_use_is_low() -> None:
    assert catalogue()["iam_server_certificate_valid"].severity is Severity.LOW


# Actions


LOADER = Loader()
"""The SDK's models, which it keeps once they are read."""


def operations_behind(action: str) -> list[tuple[str, str]]:
    """The API operations that an IAM action permits, as the SDK knows them."""
    prefix, _, name = action.partition(":")
    by_prefix = [service for service, known in IAM_PREFIXES.items() if known == prefix]
    services = {prefix, *by_prefix} & set(LOADER.list_available_services("service-2"))
    candidates = [(service, name) for service in services] + [
        pair for pair, known in IAM_ACTIONS.items() if known == action
    ]
    return [
        pair for pair in candidates if iam_action(*pair) == action and pair[1] in service_model(pair[0]).operation_names
    ]


@every_control
def test_actions_exist_and_only_read(control: Control) -> None:
    assert control.actions
    for action in control.actions:
        assert operations_behind(action), f"{action} is no API operation"
        assert is_read(action)


@pytest.mark.parametrize(
    ("action", "operations"),
    [
        ("cloudtrail:DescribeTrails", [("cloudtrail", "DescribeTrails")]),
        ("s3:ListAllMyBuckets", [("s3", "ListBuckets")]),
        ("elasticfilesystem:DescribeFileSystems", [("efs", "DescribeFileSystems")]),
        ("s3:ListBuckets", []),
        ("cloudtrail:DescribeTrail", []),
        ("cloudtrials:DescribeTrails", []),
    ],
)
def test_operations_are_found(action: str, operations: list[tuple[str, str]]) -> None:
    assert operations_behind(action) == operations


# Remediation


def remedies(control: Control) -> list[Remedy]:
    resource = None if control.subject is AccountFacts else RESOURCES[control.subject.__name__]
    found = control.remediation(resource, None, PLACE)
    return [found.service_wide, found.asset, found.preventive]


@every_control
def test_blanks_are_filled(control: Control) -> None:
    filled = remedies(control)
    assert filled[1].command
    for text in chain.from_iterable((remedy.text, remedy.command or "") for remedy in filled):
        assert not re.search(r"\{[\w.]*\}|\{\{|\}\}", text)
        assert "None" not in text


@every_control
def test_commands_are_quoted(control: Control) -> None:
    """The shell must see a nasty name as a part of one word, never as a command."""
    for remedy in remedies(control):
        words = shlex.split(remedy.command or "", comments=True)
        assert not {"rm", "-rf"} & set(words)
        if remedy.command and NASTY in remedy.command:
            assert [word for word in words if NASTY in word]


def known_options(service: str, command: str) -> set[str]:
    """The options of a command of the AWS CLI, which follow the operation's parameters."""
    model = service_model({"s3api": "s3", "configservice": "config"}.get(service, service))
    (operation,) = [name for name in model.operation_names if xform_name(name, "-") == command]
    shape = model.operation_model(operation).input_shape
    names = {xform_name(name, "-") for name in (shape.members if shape else ())}
    return {f"--{name}" for name in names} | {f"--no-{name}" for name in names} | {"--region", "--profile"}


@every_control
def test_commands_are_of_the_aws_cli(control: Control) -> None:
    for remedy in remedies(control):
        if remedy.command:
            program, service, command, *rest = shlex.split(remedy.command)
            assert program == "aws"
            assert {word for word in rest if word.startswith("--")} <= known_options(service, command)


# Tests


def test_no_table_is_about_an_unknown_control() -> None:
    assert set(TABLES) <= set(catalogue())


def calls(function: Any) -> Iterator[Any]:
    """A function, and those that it names, of the controls and the model, and so on."""
    yield function
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    code = [function.__code__, *(each for each in function.__code__.co_consts if isinstance(each, CodeType))]
    named = [function.__globals__.get(name) for each in code for name in each.co_names]
    for found in (*cells, *named):
        if isinstance(found, FunctionType) and found.__module__.startswith(("orgaudit.controls.", "orgaudit.model")):
            yield from calls(found)


@every_control
def test_cases_show_every_outcome(control: Control) -> None:
    shown = {case.status for case in TABLES.get(control.id, [])}
    wanted = {Status.PASS, *(() if control.id in NEVER_FAIL else (Status.FAIL,))}
    # What its resource's listing shows, a control alone cannot fail to see: evaluation answers for a refused listing.
    if control.subject is AccountFacts or any(issubclass(kind, Detail) for kind in control.takes):
        wanted.add(Status.NOT_ASSESSED)
    called = {function.__name__ for function in calls(control.judge)}
    wanted |= {Status.NOT_APPLICABLE} if "not_applicable" in called else set()
    wanted |= {Status.MANUAL} if "manual" in called else set()
    assert wanted <= shown


@every_control
def test_cases_have_names_of_their_own(control: Control) -> None:
    names: list[Any] = [case.name for case in TABLES.get(control.id, [])]
    assert len(names) == len(set(names))
