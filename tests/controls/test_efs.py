"""What the controls on file systems say, case by case."""

from __future__ import annotations

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.efs import efs_file_system_encrypted as encrypted
from orgaudit.model import Status
from tests.factories import NASTY, Case, every, failing, name_of, passing
from tests.factories_efs import a_file_system

ENCRYPTED = (
    passing("encrypted", a_file_system(key_id="arn:aws:kms:eu-west-1:222222222222:key/1")),
    failing("plain", a_file_system(encrypted=False), says="is not encrypted"),
)
CASES: dict[Control, tuple[Case, ...]] = {encrypted: ENCRYPTED}


NASTY_RESOURCES = (a_file_system(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_the_key_is_in_the_evidence() -> None:
    assert encrypted(a_file_system(key_id="k")).evidence == {"kms_key": "k"}
