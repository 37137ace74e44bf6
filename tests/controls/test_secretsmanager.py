"""What the controls on secrets say of rotation and use, case by case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.secretsmanager import (
    secretsmanager_secret_rotated_90_days,
    secretsmanager_secret_rotated_on_schedule,
    secretsmanager_secret_rotation_enabled,
    secretsmanager_secret_used_90_days,
)
from orgaudit.model import Status
from tests.factories import MEMBER, NOW, Case, denied, every, facts_of, failing, idle, name_of, passing, unseen
from tests.factories_iam import ago
from tests.factories_resource_policies import a_secret

ACCOUNT = facts_of(MEMBER)
HIDDEN = denied("secretsmanager:ListSecrets")
LONG_AGO = NOW - timedelta(days=1000)


def at(**changes: Any) -> tuple[Any, ...]:
    return a_secret(**changes), ACCOUNT


def spared(*further: Any) -> tuple[Case, ...]:
    return (
        idle("of a service", a_secret(owner="rds"), *further, says="rds manages"),
        idle("a replica", a_secret(primary_region="us-east-1"), *further, says="a replica of the secret in us-east-1"),
        unseen("owner not seen", a_secret(owner=HIDDEN), *further),
        unseen("primary region not seen", a_secret(primary_region=HIDDEN), *further),
    )


ROTATES = (
    passing("rotates", a_secret()),
    failing("never rotated", a_secret(rotates=False, rotated_at=None), says="is not enabled"),
    failing("rotation was cancelled", a_secret(rotates=False), says="is not enabled"),
    unseen("not seen", a_secret(rotates=HIDDEN)),
    *spared(),
)
ON_SCHEDULE = (
    passing("due later", *at(due_at=NOW + timedelta(days=3)), says="due on 2025-11-24"),
    passing("due a day ago", *at(due_at=ago(1))),
    failing("due a day and a second ago", *at(due_at=ago(1, seconds=1)), says="overdue since 2025-11-20"),
    idle("does not rotate", *at(rotates=False, due_at=None), says="does not rotate"),
    unseen("not seen", *at(due_at=HIDDEN)),
    *spared(ACCOUNT),
)
USED = (
    passing("today", *at(created_at=LONG_AGO), says="0 days ago"),
    passing("90 days ago", *at(used_at=ago(90), created_at=LONG_AGO), says="90 days ago"),
    failing("91 days ago", *at(used_at=ago(91), created_at=LONG_AGO), says="last read 91 days ago; at most 90"),
    passing("never, and created 90 days ago", *at(used_at=None, created_at=ago(90)), says="never read"),
    failing("never, and created 91 days ago", *at(used_at=None, created_at=ago(91)), says="never read since"),
    unseen("not seen", *at(used_at=HIDDEN)),
    *spared(ACCOUNT),
)
ROTATED = (
    passing("90 days ago", *at(rotated_at=ago(90), created_at=LONG_AGO), says="last rotated 90 days ago"),
    failing("91 days ago", *at(rotated_at=ago(91), created_at=LONG_AGO), says="last rotated 91 days ago; at most 90"),
    passing("never, and created 90 days ago", *at(rotated_at=None, created_at=ago(90)), says="no rotation"),
    failing("never, and created 91 days ago", *at(rotated_at=None, created_at=ago(91)), says="no rotation since"),
    unseen("not seen", *at(rotated_at=HIDDEN)),
    unseen("creation not seen", *at(created_at=HIDDEN)),
    *spared(ACCOUNT),
)
CASES: dict[Control, tuple[Case, ...]] = {
    secretsmanager_secret_rotation_enabled: ROTATES,
    secretsmanager_secret_rotated_on_schedule: ON_SCHEDULE,
    secretsmanager_secret_used_90_days: USED,
    secretsmanager_secret_rotated_90_days: ROTATED,
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
