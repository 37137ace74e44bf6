"""What stops an audit before it begins, with file, line and key: broken files, wrong options, and no way in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orgaudit.demo import Demo
from orgaudit.demo.exception_entries import write_register
from orgaudit.errors import ExitCode
from orgaudit.model import GapReason, Status
from tests.audit_runs import (
    CHOSEN,
    LOG_ARCHIVE,
    MANAGEMENT,
    TOOLING,
    Caller,
    Outcome,
    assert_honest,
    assert_same,
    client,
    environment_for,
)
from tests.faults import Deny, Fail, FaultProxy, Hang

BROKEN_SETTINGS = {
    "an unknown key": ("[run]\nattemps = 2\n", 2, "run.attemps"),
    "a value of another type": ("[access]\n\nsession_minutes = 'long'\n", 3, "access.session_minutes"),
    "a value out of bounds": ("[run]\nconnect_timeout = -1\n", 2, "run.connect_timeout"),
    "an account id with 11 digits": ("[scope]\naccounts = ['12345678901']\n", 2, "scope.accounts"),
    "an unknown table": ("[runn]\nattempts = 2\n", 1, "runn"),
}


@pytest.mark.parametrize("broken", BROKEN_SETTINGS)
def test_broken_settings(caller: Caller, proxy: FaultProxy, broken: str) -> None:
    text, line, key = BROKEN_SETTINGS[broken]
    config = caller.configured()
    config.write_text(text)
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.USAGE
    assert f"{config}:{line}: {key}" in outcome.stderr
    assert proxy.calls == []
    assert not outcome.run.path.exists()


def test_a_format_that_there_is_not(caller: Caller, proxy: FaultProxy) -> None:
    config = caller.configured()
    config.write_text(config.read_text().replace('formats = ["json"]', 'formats = ["pdf"]'))
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.USAGE
    assert "run.formats: unknown format 'pdf'; known: asff, csv," in outcome.stderr
    assert proxy.calls == []


def test_a_logo_that_there_is_not(caller: Caller, proxy: FaultProxy) -> None:
    config = caller.configured()
    config.write_text(f'{config.read_text()}\n[report]\nlogo = "none.png"\n')
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.USAGE
    assert f"{config.parent / 'none.png'}: report.logo: cannot be read" in outcome.stderr
    assert proxy.calls == []
    assert not outcome.run.path.exists()


def test_settings_that_are_no_toml(caller: Caller, proxy: FaultProxy) -> None:
    config = caller.configured()
    config.write_text("[run]\nattempts = = 2\n")
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.USAGE
    assert f"{config}:2" in outcome.stderr
    assert proxy.calls == []


BROKEN_FILES = {
    "limits": ("limits.toml", '[limits]\n"iam" = { rate = 0, burst = 1, per = "account" }\n', 2, "limits.iam.rate"),
    "a framework": (
        "frameworks/own.yaml",
        "id: own\ntitle: Ours\nversion: '1'\nrequirements:\n"
        "  - {id: '1', title: One, assessment: automated, controls: [no_such_control]}\n",
        5,
        "requirements[0].controls[0]",
    ),
    "a framework without a title": ("frameworks/own.yaml", "id: own\nversion: '1'\nrequirements: []\n", 1, "title"),
    "a framework that is no YAML": ("frameworks/own.yaml", "id: own\ntitle: [\n", 3, ""),
    "the register": ("exceptions.yaml", "exceptions: []\nexcptions: []\n", 2, "excptions"),
    "a register that is no YAML": ("exceptions.yaml", "exceptions:\n  - {id: EXC-2026-0001\n", 3, ""),
}


@pytest.mark.parametrize("broken", BROKEN_FILES)
def test_broken_file(caller: Caller, proxy: FaultProxy, broken: str) -> None:
    name, text, line, key = BROKEN_FILES[broken]
    config = caller.configured()
    file = config.parent / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    outcome = caller.audit(config=config)
    assert outcome.code == ExitCode.USAGE
    assert f"{file}:{line}" in outcome.stderr
    assert key in outcome.stderr
    assert proxy.calls == [], "nothing is called before all files are known to be sound"


WRONG_OPTIONS = {
    "control": (("--control", "no_such_control"), "no_such_control"),
    "framework": (("--framework", "cis_99"), "cis_99"),
    "format": (("--format", "docx"), "docx"),
    "register that is not there": (("--register", "nowhere.yaml"), "nowhere.yaml"),
    "resume of nothing": (("--resume", "nothing"), "nothing"),
}


@pytest.mark.parametrize("wrong", WRONG_OPTIONS)
def test_wrong_option(caller: Caller, proxy: FaultProxy, wrong: str) -> None:
    options, named = WRONG_OPTIONS[wrong]
    outcome = caller.audit(*options)
    assert outcome.code == ExitCode.USAGE
    assert named in outcome.stderr
    assert proxy.calls == []


@pytest.mark.parametrize(("option", "value"), [("--account", "999999999999"), ("--ou", "Root/Nowhere")])
def test_scope_that_does_not_exist(caller: Caller, option: str, value: str) -> None:
    outcome = caller.audit(option, value)
    assert outcome.code == ExitCode.USAGE
    assert value in outcome.stderr


def test_one_broken_register_entry_leaves_the_others(caller: Caller, clean: Outcome) -> None:
    config = caller.configured()
    register = write_register(config.parent / "exceptions.yaml")
    outcome = caller.audit("--fail-on", "never", config=config)
    assert outcome.code == ExitCode.CLEAN
    assert {finding.fingerprint: finding.status for finding in outcome.findings} == {
        finding.fingerprint: finding.status for finding in clean.findings
    }
    states = {entry["id"]: entry["state"] for entry in outcome.report["exceptions"]["entries"]}
    assert states["EXC-2026-0005"] == "invalid"
    assert set(states.values()) > {"invalid"}
    (problem,) = outcome.report["exceptions"]["problems"]
    assert problem["place"].startswith(f"{register}:")
    assert problem["place"] in outcome.stdout


def test_units_that_cannot_be_read_leave_all_accounts(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Deny(action="ListRoots"))
    outcome = caller.audit()
    assert {account.id for account in outcome.manifest.accounts} == set(CHOSEN)
    assert {cell.status for cell in outcome.cells} == {cell.status for cell in clean.cells}
    assert [gap.action for gap in outcome.manifest.discovery_gaps] == ["organizations:ListRoots"]


def test_scope_by_units_that_cannot_be_read_is_no_scope(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Deny(action="ListRoots"))
    outcome = caller.audit("--ou", "Root/Security")
    assert outcome.code == ExitCode.NO_ACCESS
    assert "organizations:ListRoots" in outcome.stderr


NO_WAY_IN = {
    "ListAccounts denied": (Deny(action="ListAccounts"), "organizations:ListAccounts"),
    "DescribeOrganization denied": (Deny(action="DescribeOrganization"), "organizations:DescribeOrganization"),
    "the caller's token expired": (Fail(code="ExpiredToken", status=403, service="sts"), "ExpiredToken"),
    "nobody answers": (Hang(action="GetCallerIdentity"), "the caller cannot be identified"),
}


@pytest.mark.parametrize("fault", NO_WAY_IN)
def test_no_way_into_the_organization(caller: Caller, proxy: FaultProxy, fault: str) -> None:
    rule, named = NO_WAY_IN[fault]
    proxy.rules.append(rule)
    outcome = caller.audit(config=caller.configured("connect_timeout = 1\nread_timeout = 1"))
    assert outcome.code == ExitCode.NO_ACCESS
    assert named in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not any(call.action == "AssumeRole" for call in proxy.calls)


def test_no_credentials(caller: Caller, proxy: FaultProxy) -> None:
    environment = {name: value for name, value in caller.environment.items() if "KEY" not in name}
    outcome = Caller(environment, caller.directory).audit()
    assert outcome.code == ExitCode.NO_ACCESS
    assert "AWS_PROFILE" in outcome.stderr
    assert proxy.calls == []


def keys_of(demo: Demo, account: str) -> dict[str, str]:
    """Return the environment of a session in an account of the demo."""
    answer = client(demo, "sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{demo.role_name}", RoleSessionName="somebody"
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer["SessionToken"],
    }


@pytest.fixture
def reader(demo: Demo) -> Iterator[str]:
    """The ARN of an audit role that the management account has for the time of a test."""
    iam = client(demo, "iam")
    allow = '{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}'
    trust = f'{{"Version": "2012-10-17", "Statement": [{allow}]}}'
    made = iam.create_role(RoleName=demo.role_name, AssumeRolePolicyDocument=trust)
    yield made["Role"]["Arn"]
    iam.delete_role(RoleName=demo.role_name)


def test_plain_member_account_is_told_what_to_do(proxy: FaultProxy, demo: Demo, caller: Caller) -> None:
    member = Caller(environment_for(proxy.url, demo, **keys_of(demo, LOG_ARCHIVE)), caller.directory)
    outcome = member.audit()
    assert outcome.code == ExitCode.NO_ACCESS
    for word in ("management account", "delegated administrator", "role_arn", "organizations:ListAccounts"):
        assert word in outcome.stderr


def test_delegated_administrator_audits_all_but_what_has_no_role(
    proxy: FaultProxy, demo: Demo, caller: Caller, clean: Outcome
) -> None:
    outcome = Caller(environment_for(proxy.url, demo, **keys_of(demo, TOOLING)), caller.directory).audit()
    assert_honest(outcome, clean)
    own = [cell for cell in outcome.cells if cell.account_id == MANAGEMENT]
    assert {(cell.status, cell.reason) for cell in own} == {(Status.NOT_ASSESSED, GapReason.ACCOUNT_UNAVAILABLE)}
    assert TOOLING not in {call.target for call in proxy.calls}


@pytest.mark.usefixtures("reader")
def test_delegated_administrator_sees_what_management_sees(
    proxy: FaultProxy, demo: Demo, caller: Caller, clean: Outcome
) -> None:
    assert_same(Caller(environment_for(proxy.url, demo, **keys_of(demo, TOOLING)), caller.directory).audit(), clean)


def test_audit_account_reads_the_organization_by_a_role(
    proxy: FaultProxy, demo: Demo, caller: Caller, clean: Outcome, reader: str
) -> None:
    member = Caller(environment_for(proxy.url, demo, **keys_of(demo, LOG_ARCHIVE)), caller.directory)
    config = member.configured(organization=f'role_arn = "{reader}"')
    assert_same(member.audit(config=config), clean)
    assert {call.account for call in proxy.calls if call.service == "organizations"} == {MANAGEMENT}


def test_role_that_reads_the_organization_and_cannot_be_assumed(proxy: FaultProxy, demo: Demo, caller: Caller) -> None:
    member = Caller(environment_for(proxy.url, demo, **keys_of(demo, LOG_ARCHIVE)), caller.directory)
    role = f"arn:aws:iam::{MANAGEMENT}:role/Absent"
    outcome = member.audit(config=member.configured(organization=f'role_arn = "{role}"'))
    assert outcome.code == ExitCode.NO_ACCESS
    assert role in outcome.stderr
