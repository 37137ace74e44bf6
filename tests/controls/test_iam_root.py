"""What the controls on the root user say, case by case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control
from orgaudit.controls.iam.root import (
    NO_CREDENTIALS,
    iam_root_access_keys_absent,
    iam_root_console_mfa_enabled,
    iam_root_hardware_mfa_enabled,
    iam_root_idle,
    iam_root_mfa_enabled,
    iam_root_use_reviewed,
)
from orgaudit.facts.iam.credential_report import KeySlot
from orgaudit.facts.iam.root import Root, RootFeatures
from orgaudit.model import Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    MANAGEMENT,
    MEMBER,
    Case,
    asking,
    denied,
    every,
    failing,
    name_of,
    organization_of,
    passing,
    unseen,
)
from tests.factories_iam import (
    a_root,
    ago,
    devices_of,
    features,
    iam_facts,
    no_root_credentials,
    root_used,
    slots,
)

CENTRAL = organization_of(
    iam_facts(features("RootCredentialsManagement", "RootSessions"), account_id=MANAGEMENT), iam_facts()
)
FACTS = iam_facts()
USUAL = Thresholds()
ROOT, BARE, NONE = a_root(), a_root(mfa=False), no_root_credentials()
KEY_ONLY = no_root_credentials(access_keys=1)
CERTIFICATE_ONLY = no_root_credentials(signing_certificates=1)
HIDDEN = denied("iam:GetCredentialReport")

MFA = (
    passing("MFA is on", ROOT, CENTRAL, says="MFA is enabled"),
    failing("MFA is off", BARE, CENTRAL, says="no MFA device"),
    passing("no root credentials", NONE, CENTRAL, says=NO_CREDENTIALS),
    failing("before 5.0 a root user with a key alone needs MFA", KEY_ONLY, CENTRAL, says="no MFA device"),
    failing("before 5.0 a root user with a certificate alone too", CERTIFICATE_ONLY, CENTRAL, says="no MFA"),
)
CONSOLE_MFA = (
    passing("MFA is on", ROOT, CENTRAL, says="MFA is enabled"),
    failing("password without MFA", BARE, CENTRAL, says="no MFA device"),
    passing("no root credentials", NONE, CENTRAL, says=NO_CREDENTIALS),
    passing("from 5.0 on a root user without a password is right", KEY_ONLY, CENTRAL, says="no password"),
)
VIRTUAL = f"arn:aws:iam::{MEMBER}:mfa/root-account-mfa-device"
HARDWARE = (
    passing("MFA and no virtual device", ROOT, Seen(devices_of(ROOT)), CENTRAL, says="without a virtual device"),
    failing("virtual device", ROOT, Seen(devices_of(ROOT, VIRTUAL)), CENTRAL, says=VIRTUAL),
    failing("no MFA", BARE, Seen(devices_of(BARE)), CENTRAL, says="no MFA device"),
    failing("no MFA, devices unseen", BARE, denied("iam:ListVirtualMFADevices"), CENTRAL, says="no MFA device"),
    passing("no root credentials", NONE, Seen(devices_of(NONE)), CENTRAL, says=NO_CREDENTIALS),
    passing("no root credentials, devices unseen", NONE, denied(), CENTRAL, says=NO_CREDENTIALS),
    unseen("devices denied", ROOT, denied("iam:ListVirtualMFADevices"), CENTRAL),
)
KEYS = (
    passing("none", ROOT, CENTRAL, says="no access keys"),
    failing("one", a_root(access_keys=1), CENTRAL, says="1 access key"),
    failing("two", a_root(access_keys=2), CENTRAL, says="2 access keys"),
    failing("one and no password", KEY_ONLY, CENTRAL, says="1 access key"),
    passing("no root credentials", NONE, CENTRAL, says=NO_CREDENTIALS),
)


def used(thresholds: Thresholds = USUAL, **changes: Any) -> tuple[Any, ...]:
    return ROOT, Seen(root_used(ROOT, **changes)), FACTS, thresholds


def key_used(slot: int, days: float) -> tuple[KeySlot, KeySlot]:
    key = KeySlot(slot, active=True, rotated_at=ago(500), used_at=ago(days))
    return slots(key, None) if slot == 1 else slots(None, key)


def idle_cases(recent: Any) -> tuple[Case, ...]:
    """The cases of both controls, of which `recent` makes those where root was used within the window."""
    return (
        passing("never used", *used(), says="never been used"),
        passing("exactly as long ago as asked", *used(password_used_at=ago(90)), says="90 days ago"),
        recent("a day less", *used(password_used_at=ago(89)), says="89 days ago"),
        recent("an instant less", *used(password_used_at=ago(90) + timedelta(seconds=1)), says="89 days ago"),
        recent("the first key today", *used(keys=key_used(1, 0)), says="access key 1 was last used 0 days ago"),
        recent("the second key", *used(keys=key_used(2, 5)), says="access key 2 was last used 5 days ago"),
        recent(
            "the newest of three dates counts",
            *used(password_used_at=ago(400), keys=key_used(2, 10)),
            says="access key 2 was last used 10 days ago",
        ),
        passing("an old use of a key", *used(keys=key_used(1, 400)), says="400 days ago"),
        passing("a shorter window", *used(Thresholds(root_idle_days=10), password_used_at=ago(10))),
        recent("a longer window", *used(Thresholds(root_idle_days=200), password_used_at=ago(199)), says="200 days"),
        unseen("report denied", ROOT, HIDDEN, FACTS, USUAL, says="iam:GetCredentialReport is denied"),
    )


CASES: dict[Control, tuple[Case, ...]] = {
    iam_root_mfa_enabled: MFA,
    iam_root_console_mfa_enabled: CONSOLE_MFA,
    iam_root_hardware_mfa_enabled: HARDWARE,
    iam_root_access_keys_absent: KEYS,
    iam_root_idle: idle_cases(failing),
    iam_root_use_reviewed: idle_cases(asking),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize(
    "control", [iam_root_mfa_enabled, iam_root_console_mfa_enabled, iam_root_access_keys_absent], ids=name_of
)
@pytest.mark.parametrize(
    ("organization", "said"),
    [
        (CENTRAL, ["RootCredentialsManagement", "RootSessions"]),
        (organization_of(iam_facts(account_id=MANAGEMENT)), []),
        (organization_of(), f"not assessed: account {MANAGEMENT} was not collected in this run"),
        (
            organization_of(iam_facts(account_id=MANAGEMENT, gaps={RootFeatures: denied("iam:ListX", MANAGEMENT)})),
            f"not assessed: iam:ListX is denied in {MANAGEMENT}",
        ),
        (Organization([], management_account_id=None, load=lambda _: None), "not in an organization"),
    ],
)
def test_evidence_says_how_root_access_is_managed(control: Control, organization: Organization, said: object) -> None:
    """A credential-less root passes whatever is known of the organization's features: they only explain it."""
    verdict = control(NONE, organization)
    assert verdict.status is Status.PASS
    assert verdict.evidence == {
        "mfa": False,
        "password": False,
        "access_keys": 0,
        "signing_certificates": 0,
        "central_root_management": said,
    }


@pytest.mark.parametrize(
    ("root", "has"), [(ROOT, True), (BARE, True), (NONE, False), (KEY_ONLY, True), (CERTIFICATE_ONLY, True)]
)
def test_root_credentials(root: Root, has: bool) -> None:
    assert root.has_credentials is has
