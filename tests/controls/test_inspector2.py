"""What the controls on Amazon Inspector say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import inspector2
from orgaudit.controls.declare import Control
from orgaudit.facts.inspector2 import InspectorAccount
from orgaudit.model import Status
from tests.factories import HOME, MEMBER, Case, denied, every, failing, name_of, passing, seen_all, unseen

KINDS = {
    inspector2.inspector2_account_ec2_scanned: "ec2",
    inspector2.inspector2_account_ecr_scanned: "ecr",
    inspector2.inspector2_account_lambda_scanned: "functions",
    inspector2.inspector2_account_lambda_code_scanned: "function_code",
}


def an_account(**changes: Any) -> InspectorAccount:
    values = dict.fromkeys(KINDS.values(), "ENABLED") | changes
    arn = f"arn:aws:inspector2:{HOME}:{MEMBER}:account"
    return seen_all(InspectorAccount, arn=arn, account_id=MEMBER, region=HOME, **values)


def cases(kind: str) -> tuple[Case, ...]:
    others = {each: "DISABLED" for each in KINDS.values() if each != kind}
    return (
        passing("enabled, others not", an_account(**others), says="Inspector scans"),
        *(
            failing(status, an_account(**{kind: status}), says=f"its status is {status}")
            for status in ("DISABLED", "DISABLING", "ENABLING", "SUSPENDED", "SUSPENDING")
        ),
        unseen("not shown", an_account(**{kind: denied("inspector2:BatchGetAccountStatus")})),
    )


CASES: dict[Control, tuple[Case, ...]] = {control: cases(kind) for control, kind in KINDS.items()}
NASTY_RESOURCES = (an_account(),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
