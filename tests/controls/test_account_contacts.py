"""What the controls on an account's contacts say, case by case."""

from __future__ import annotations

import pytest

from orgaudit.controls.account import account_contact_information_present as present
from orgaudit.controls.account import account_security_contact_registered as registered
from orgaudit.controls.declare import Control
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    Case,
    asking,
    every,
    failing,
    name_of,
    passing,
)
from tests.factories_iam import a_contact, a_security_contact

USUAL = Thresholds()
DECLARED = Thresholds(
    account_contact_phones=("+1 (206) 555-0100", "+442079460000"),
    security_contact_emails=("SOC@example.com",),
)


CONTACT = (
    asking("filled in", a_contact(), USUAL, says="a person must confirm"),
    passing(
        "a declared number, written otherwise",
        a_contact(),
        DECLARED,
        says="+44 20 7946 0000 is declared in [thresholds]",
    ),
    failing("another number", a_contact(phone="+44 20 7946 0009"), DECLARED, says="is not declared in [thresholds]"),
    failing("blank", a_contact(phone=" "), USUAL, says="missing contact information: phone number"),
    failing("blank and declared", a_contact(full_name=""), DECLARED, says="missing contact information: name"),
    failing(
        "none", a_contact(full_name="", phone="", address="", city="", country=""), USUAL, says="name, phone number,"
    ),
)
SECURITY = (
    asking("registered", a_security_contact(), USUAL, says="soc@example.com is set; a person must confirm"),
    passing("a declared address in another case", a_security_contact(), DECLARED, says="is declared in [thresholds]"),
    failing(
        "another address", a_security_contact(email="bob@example.com"), DECLARED, says="is not declared in [thresholds]"
    ),
    failing("not registered", a_security_contact(exists=False), USUAL, says="no security contact"),
    failing("without a phone number", a_security_contact(phone=""), DECLARED, says="has no email address or no phone"),
    failing("without an address", a_security_contact(email=""), USUAL, says="has no email address or no phone"),
)
CASES: dict[Control, tuple[Case, ...]] = {present: CONTACT, registered: SECURITY}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert verdict.gap is None


def test_evidence_is_what_a_person_needs_to_confirm() -> None:
    assert present(a_contact(), USUAL).evidence == {
        "name": "Cloud team",
        "company": "Example",
        "phone": "+44 20 7946 0000",
        "city": "London",
        "country": "GB",
    }
    assert registered(a_security_contact(), USUAL).evidence["email"] == "soc@example.com"
