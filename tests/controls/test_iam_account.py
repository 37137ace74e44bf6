"""What the controls on password policy, server certificates and federation say, case by case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control
from orgaudit.controls.iam.certificates import iam_server_certificate_valid
from orgaudit.controls.iam.federation import iam_identity_federation_configured
from orgaudit.controls.iam.passwords import (
    iam_password_policy_expires_90_days,
    iam_password_policy_lowercase_required,
    iam_password_policy_min_length_14,
    iam_password_policy_number_required,
    iam_password_policy_reuse_24_blocked,
    iam_password_policy_symbol_required,
    iam_password_policy_uppercase_required,
)
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.credential_report import KeySlot
from orgaudit.facts.iam.federation import FederationProtocol, IdentityCenter, IdentityProvider
from orgaudit.facts.shard import DetailGap
from orgaudit.model import Status
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    NOW,
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
    a_certificate,
    a_password_policy,
    a_provider,
    a_user,
    an_identity_center,
    credentials_of,
    iam_facts,
    slots,
)

UNSET = a_password_policy(exists=False)


def rule(name: str, holds: Any, breaks: Any, says: str) -> tuple[Case, ...]:
    """The cases of one rule by the field that it reads."""
    return (
        passing("holds", a_password_policy(**{name: holds})),
        failing("breaks", a_password_policy(**{name: breaks}), says=says),
        failing("no policy at all", UNSET, says="no password policy is set"),
    )


LENGTH = (
    *rule("min_length", 14, 13, "13 characters"),
    passing("longer", a_password_policy(min_length=20)),
)
REUSE = (
    *rule("remembered", 24, 23, "cannot be reused: 23"),
    failing("not blocked", a_password_policy(remembered=None), says="cannot be reused: 0"),
)
EXPIRY = (
    *rule("max_age_days", 90, 91, "after 91 days"),
    passing("after a day", a_password_policy(max_age_days=1)),
    failing("never", a_password_policy(max_age_days=None), says="never expire"),
)

FACTS = iam_facts()
CERTIFICATE = (
    passing("years left", a_certificate(NOW + timedelta(days=900)), FACTS, says="valid until 2028"),
    passing("a second left", a_certificate(NOW + timedelta(seconds=1)), FACTS),
    failing("ends now", a_certificate(NOW), FACTS, says="expired on 2025-11-21"),
    failing("ended", a_certificate(NOW - timedelta(days=1)), FACTS, says="expired on 2025-11-20"),
)

ALICE, ROBOT = a_user(), a_user("robot")
SIGNS_IN = (ALICE, credentials_of(ALICE))
NO_PASSWORD: dict[str, Any] = {"password_enabled": False}
KEY, KEY_OFF = KeySlot(1, active=True), KeySlot(1, active=False)
SECOND_KEY = NO_PASSWORD | {"keys": slots(None, KeySlot(2, active=True))}
KEYED = (ROBOT, credentials_of(ROBOT, **NO_PASSWORD, keys=slots(KEY)))
NO_SSO = denied("sso:ListInstances")
LOCAL = (*SIGNS_IN, ROBOT, credentials_of(ROBOT, password_enabled=False))
ALONE = Organization([], management_account_id=None, load=lambda _: None)
CENTRAL = organization_of(iam_facts(an_identity_center(), account_id=MANAGEMENT))
CENTRAL_UNKNOWN = organization_of(iam_facts(an_identity_center(status=NO_SSO), account_id=MANAGEMENT))
EMPTY = organization_of(iam_facts(account_id=MANAGEMENT))
OWN_CENTER = an_identity_center(account_id=MEMBER)


def people(*lines: Any, organization: Organization = EMPTY, **more: Any) -> tuple[Any, ...]:
    return iam_facts(*lines, **more), organization


FEDERATION = (
    passing("no users", *people(), says="no IAM user has a password"),
    passing("nothing to sign in with", *people(ROBOT, credentials_of(ROBOT, **NO_PASSWORD)), says="active access key"),
    passing("keys that do not work", *people(ROBOT, credentials_of(ROBOT, **NO_PASSWORD, keys=slots(KEY_OFF)))),
    passing(
        "keys and SAML", *people(*KEYED, a_provider()), says="no IAM user has a password, and an identity provider"
    ),
    passing("keys and the organization's Identity Center", *people(*KEYED, organization=CENTRAL), says="identity prov"),
    asking(
        "keys and OIDC", *people(*KEYED, a_provider(FederationProtocol.OIDC)), says="only OIDC providers are configured"
    ),
    asking("keys and an instance of the account's own", *people(*KEYED, OWN_CENTER), says="no identity provider"),
    failing("people and an instance of the account's own", *people(*LOCAL, OWN_CENTER), says="no identity provider"),
    failing(
        "people and an instance outside an organization",
        *people(*LOCAL, OWN_CENTER, organization=ALONE),
        says="no identity provider",
    ),
    asking("keys and no provider", *people(*KEYED), says="IAM users with access keys: 1; no identity provider"),
    asking("keys in the second slot", *people(ROBOT, credentials_of(ROBOT, **SECOND_KEY)), says="access keys"),
    asking("keys, outside an organization", *people(*KEYED, organization=ALONE), says="a person must confirm"),
    failing("keys, and people beside them", *people(*SIGNS_IN, *KEYED), says="IAM users with a password: 1; no"),
    unseen("keys, the instance's status not seen", *people(*KEYED, organization=CENTRAL_UNKNOWN), says="is denied"),
    unseen("keys, instances denied", *people(*KEYED, gaps={IdentityCenter: NO_SSO})),
    failing("people and no provider", *people(*LOCAL), says="IAM users with a password: 1; no identity provider"),
    failing("outside an organization", *people(*LOCAL, organization=ALONE), says="no identity provider"),
    asking("people and SAML", *people(*LOCAL, a_provider()), says="a person must confirm"),
    asking("people and the organization's Identity Center", *people(*LOCAL, organization=CENTRAL), says="a person"),
    asking("it shows in the account itself", *people(*LOCAL, an_identity_center()), says="a person must confirm"),
    asking(
        "a gap in another region hides nothing that matters",
        *people(*LOCAL, an_identity_center(), gaps={IdentityCenter: denied("sso:ListInstances", region="us-east-1")}),
        says="a person must confirm",
    ),
    failing(
        "an instance on its way out", *people(*LOCAL, an_identity_center(status="DELETE_IN_PROGRESS")), says="no id"
    ),
    unseen("instances denied", *people(*LOCAL, gaps={IdentityCenter: NO_SSO})),
    unseen("the management account was not collected", *people(*LOCAL, organization=organization_of())),
    unseen(
        "a user's row is not seen",
        *people(ALICE, DetailGap("UserCredentials", ALICE.arn, denied("iam:GetCredentialReport"))),
    ),
    unseen("users denied", *people(gaps={User: denied()})),
    unseen("providers denied", *people(*LOCAL, gaps={IdentityProvider: denied("iam:ListSAMLProviders")})),
)

CASES: dict[Control, tuple[Case, ...]] = {
    iam_password_policy_uppercase_required: rule("uppercase", True, False, "do not require an uppercase letter"),
    iam_password_policy_lowercase_required: rule("lowercase", True, False, "do not require a lowercase letter"),
    iam_password_policy_symbol_required: rule("symbols", True, False, "do not require a symbol"),
    iam_password_policy_number_required: rule("numbers", True, False, "do not require a number"),
    iam_password_policy_min_length_14: LENGTH,
    iam_password_policy_reuse_24_blocked: REUSE,
    iam_password_policy_expires_90_days: EXPIRY,
    iam_server_certificate_valid: CERTIFICATE,
    iam_identity_federation_configured: FEDERATION,
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_evidence_for_a_person_to_judge_federation() -> None:
    verdict = iam_identity_federation_configured(*people(*LOCAL, a_provider(), organization=CENTRAL))
    assert verdict.evidence == {
        "console_users": ["alice"],
        "key_users": [],
        "identity_providers": {a_provider().arn: "SAML"},
        "identity_center": [an_identity_center(region=HOME).arn],
    }
