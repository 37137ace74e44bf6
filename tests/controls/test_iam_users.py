"""What the controls on IAM users say, case by case."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.iam.users import (
    iam_user_access_key_rotated_90_days,
    iam_user_console_mfa_enabled,
    iam_user_credentials_unused_45_days_disabled,
    iam_user_credentials_unused_90_days_disabled,
    iam_user_initial_access_key_absent,
    iam_user_permissions_through_groups,
    iam_user_single_active_access_key,
)
from orgaudit.facts.iam.access_keys import AccessKey
from orgaudit.facts.iam.credential_report import KeySlot
from orgaudit.model import Seen, Status
from tests.factories import NASTY, NOW, Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_iam import a_key, a_user, ago, aws_policy_arn, credentials_of, iam_facts, keys_of, named, slots

USER = a_user()
FACTS = iam_facts()
NO_REPORT = denied("iam:GenerateCredentialReport")
NO_KEYS = denied("iam:ListAccessKeys")
SECOND = timedelta(seconds=1)


def has(**changes: Any) -> tuple[Any, ...]:
    return USER, Seen(credentials_of(USER, **changes))


MFA = (
    passing("password and MFA", *has(), says="password and MFA"),
    failing("password alone", *has(mfa=False), says="no MFA device"),
    idle("no password", *has(password_enabled=False, mfa=False), says="no password"),
    idle("AWS does not tell of a password", *has(password_enabled=None, mfa=False), says="no password"),
    unseen("report denied", USER, NO_REPORT),
)


def key(slot: int = 1, *, made: float = 500, used: float | None = None, active: bool = True) -> KeySlot:
    return KeySlot(slot, active, ago(made), None if used is None else ago(used))


NOTHING = {"password_enabled": False, "password_used_at": None}


def idles(**changes: Any) -> tuple[Any, ...]:
    return (*has(**changes), FACTS)


def unused_cases(days: int) -> tuple[Case, ...]:
    """The cases of the control with this limit: each fails at the limit and passes a second before it."""
    over = f"{days} days; {days} days or more are not allowed"
    just = days - SECOND / timedelta(days=1)
    return (
        passing("used today", *idles()),
        failing("password idle for as many days", *idles(password_used_at=ago(days)), says=f"password for {over}"),
        passing("password idle for a second less", *idles(password_used_at=ago(just))),
        failing("key idle for as many days", *idles(keys=slots(key(used=days))), says=f"access key 1 for {over}"),
        passing("key idle for a second less", *idles(keys=slots(key(used=just)))),
        failing("the second key", *idles(keys=slots(key(used=0), key(2, used=days))), says="access key 2"),
        failing(
            "password set and never used",
            *idles(password_used_at=None, password_changed_at=ago(days)),
            says=f"password for {over}",
        ),
        passing("password set yesterday", *idles(password_used_at=None, password_changed_at=ago(1))),
        failing("key made and never used", *idles(keys=slots(key(made=days))), says=f"access key 1 for {over}"),
        passing("key made yesterday", *idles(keys=slots(key(made=1)))),
        failing(
            "a password that was set again is still idle",
            *idles(password_used_at=ago(days), password_changed_at=ago(1)),
            says="password",
        ),
        failing("nobody knows when it was set", *idles(password_used_at=None, password_changed_at=None), says="1000"),
        failing("a key alone", *idles(**NOTHING, keys=slots(key(used=days))), says="access key 1"),
        passing("an inactive key", *idles(keys=slots(key(used=days, active=False)))),
        idle("nothing works", *idles(**NOTHING, keys=slots(key(active=False))), says="no password and no active"),
        unseen("report denied", USER, NO_REPORT, FACTS),
    )


BETWEEN = (
    passing("45 days are not too many for 1.2 and 1.3", *idles(password_used_at=ago(45))),
    passing("89 days neither", *idles(password_used_at=ago(89))),
)


def ages(*keys: AccessKey) -> tuple[Any, ...]:
    return USER, Seen(keys_of(USER, *keys)), FACTS


def over_90(seconds: int) -> AccessKey:
    return AccessKey("AKIAFIRST", True, ago(91) + timedelta(seconds=seconds))


ROTATED = (
    passing("new", *ages(a_key(0)), says="0 days old"),
    passing("exactly 90 days", *ages(a_key(90)), says="90 days old"),
    passing("a second less than 91 days", *ages(over_90(1)), says="90 days old"),
    failing("91 days", *ages(over_90(0)), says="AKIAFIRST is 91 days old; at most 90"),
    failing("the second", *ages(a_key(1), a_key(200, "AKIASECOND")), says="access key AKIASECOND is 200 days"),
    failing("both", *ages(a_key(95), a_key(200, "AKIASECOND")), says="95 days old and AKIASECOND"),
    passing("an old inactive key", *ages(a_key(1), a_key(200, "AKIASECOND", active=False)), says="is 1 day old"),
    idle("no keys", *ages(), says="no active access key"),
    idle("inactive keys only", *ages(a_key(200, active=False)), says="no active access key"),
    unseen("keys denied", USER, NO_KEYS, FACTS),
)
SINGLE = (
    passing("none", USER, Seen(keys_of(USER)), says="no access key"),
    passing("one", USER, Seen(keys_of(USER, a_key())), says="1 access key"),
    passing("a second inactive one", USER, Seen(keys_of(USER, a_key(), a_key(1, "AKIASECOND", active=False)))),
    failing("two", USER, Seen(keys_of(USER, a_key(), a_key(1, "AKIASECOND"))), says="2 access keys are active"),
    unseen("keys denied", USER, NO_KEYS),
)

BORN = ago(300)


def born_with(*, after: float = 2, **changes: Any) -> KeySlot:
    values: dict[str, Any] = {"slot": 1, "active": True, "rotated_at": BORN + timedelta(seconds=after)}
    return KeySlot(**values | changes)


def born(*keys: KeySlot, **changes: Any) -> tuple[Any, ...]:
    return has(created_at=BORN, keys=slots(*keys), **changes)


INITIAL = (
    passing("no keys", *born()),
    failing("made with the user and never used", *born(born_with()), says="access key 1 was created with the user"),
    failing("the second slot", *born(key(used=1), born_with(slot=2)), says="access key 2"),
    failing("both slots", *born(born_with(), born_with(slot=2)), says="access key 1 and 2"),
    failing("ten seconds after", *born(born_with(after=10)), says="access key 1"),
    passing("eleven seconds after", *born(born_with(after=11))),
    passing("made with the user and used", *born(born_with(used_at=NOW))),
    passing("made later and never used", *born(key(made=10))),
    passing("inactive", *born(born_with(active=False))),
    unseen("AWS does not show when it was made", *born(born_with(rotated_at=None)), says="key 1 was created"),
    unseen("one known, one not", *born(key(made=10), born_with(slot=2, rotated_at=None)), says="key 2 was created"),
    failing("one known to be, one not", *born(born_with(), born_with(slot=2, rotated_at=None)), says="key 1 was"),
    passing("unknown and used", *born(born_with(rotated_at=None, used_at=NOW))),
    passing("unknown and inactive", *born(born_with(rotated_at=None, active=False))),
    idle("no password", *born(born_with(), password_enabled=False), says="no password"),
    unseen("report denied", USER, NO_REPORT),
)
READ_ONLY = aws_policy_arn("ReadOnlyAccess")
GROUPS = (
    passing("in a group", USER, says="groups: staff"),
    passing("in no group and without rights", a_user(groups=()), says="groups: none"),
    failing("attached", a_user(attached=(READ_ONLY,)), says=f"policies attached to the user directly: {READ_ONLY}"),
    failing("inline", a_user(inline=("extra",)), says="inline policy extra"),
    failing(
        "both kinds",
        a_user(inline=("extra",), attached=(READ_ONLY,)),
        says=f"attached to the user directly: {READ_ONLY}, inline policy extra",
    ),
)

CASES: dict[Control, tuple[Case, ...]] = {
    iam_user_console_mfa_enabled: MFA,
    iam_user_credentials_unused_45_days_disabled: unused_cases(45),
    iam_user_credentials_unused_90_days_disabled: (*unused_cases(90), *BETWEEN),
    iam_user_access_key_rotated_90_days: ROTATED,
    iam_user_single_active_access_key: SINGLE,
    iam_user_initial_access_key_absent: INITIAL,
    iam_user_permissions_through_groups: GROUPS,
}


NASTY_RESOURCES = tuple(named(NASTY).values())


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_versions_differ_in_the_days() -> None:
    """1.2 and 1.3 allow 90 days of idleness, later versions 45 (differences.md 38)."""
    arguments = idles(password_used_at=ago(60))
    assert (
        iam_user_credentials_unused_45_days_disabled(*arguments).status,
        iam_user_credentials_unused_90_days_disabled(*arguments).status,
    ) == (Status.FAIL, Status.PASS)


def test_the_older_of_two_keys_is_to_be_switched_off() -> None:
    nasty = a_user("a; rm -rf /")
    verdict = iam_user_single_active_access_key(nasty, Seen(keys_of(nasty, a_key(1), a_key(9, "AKIA…LDER"))))
    assert verdict.command is not None
    assert "LDER" in verdict.command
    assert "; rm" not in verdict.command


AWS = """
import json, sys
from pathlib import Path

import jmespath

given = dict(zip(sys.argv[3::2], sys.argv[4::2]))
with Path("calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[2], given]) + "\\n")
if sys.argv[2] == "list-access-keys":
    keys = [{"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}, {"AccessKeyId": "AKIAI44QH8DHBEXAMXYZ"}]
    print("\\t".join(jmespath.search(given["--query"], {"AccessKeyMetadata": keys})))
"""
"""What of the AWS CLI the command needs."""


@pytest.mark.parametrize("name", ["alice", "it's $HOME"])
def test_the_command_finds_the_whole_id_of_the_key(tmp_path: Path, name: str) -> None:
    (tmp_path / "aws.py").write_text(AWS)
    (tmp_path / "aws").write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/aws.py "$@"\n')
    (tmp_path / "aws").chmod(0o755)
    user = a_user(name)
    verdict = iam_user_single_active_access_key(user, Seen(keys_of(user, a_key(1), a_key(9, "AKIA…MXYZ"))))
    assert verdict.command is not None
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", verdict.command], check=True, cwd=tmp_path, env=environment)
    listed, switched = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert listed[1]["--user-name"] == name
    assert switched == [
        "update-access-key",
        {"--user-name": name, "--status": "Inactive", "--access-key-id": "AKIAI44QH8DHBEXAMXYZ"},
    ]


def test_keys_whose_hints_are_the_same_are_all_judged() -> None:
    verdict = iam_user_access_key_rotated_90_days(*ages(a_key(200), a_key(1)))
    assert verdict.status is Status.FAIL
