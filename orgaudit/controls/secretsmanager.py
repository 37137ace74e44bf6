"""Controls on Secrets Manager secrets."""

from __future__ import annotations

from datetime import timedelta

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.secretsmanager import Secret, SecretPolicy
from orgaudit.model import (
    Disruption,
    Effort,
    Observed,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
    shown,
)


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Share secrets with named roles only, and set policies with --block-public-policy.",
        asset="Name the permitted principals in the policy of secret {resource.name}, and rotate the secret.",
        command="aws secretsmanager put-resource-policy --region {region} --secret-id {resource.arn} "
        "--resource-policy file://secret-policy.json --block-public-policy",
        preventive="Deny secretsmanager:PutResourcePolicy where secretsmanager:BlockPublicPolicy is false.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def secretsmanager_secret_policy_restricted(_secret: Secret, policy: Observed[SecretPolicy]) -> Verdict:
    """Secrets Manager secret policies do not allow public access.

    A secret that external principals may read is compromised. Where they may write it, they can also choose its next
    value.
    """
    return judge_policy(policy.value)


DAY = timedelta(days=1)
LONGEST_IDLE, LONGEST_UNCHANGED = 90, 90
"""Days after which a secret counts as unused, and after which its value has to change."""
ROTATE = (
    "aws secretsmanager rotate-secret --region {region} --secret-id {resource.arn} --rotation-lambda-arn FUNCTION_ARN "
    "--rotation-rules AutomaticallyAfterDays=30"
)
ROTATION = Fix(
    service_wide="Rotate all secrets with functions from one template, or let the service that uses them manage them.",
    asset="Enable rotation of secret {resource.name}, after a test that its clients read the value each time.",
    command=ROTATE,
    preventive="Create secrets only from a template that schedules their rotation.",
    effort=Effort.M,
    per_resource=True,
    disruption=Disruption.RESTART,
    reversible=True,
)


def _spared(secret: Secret) -> Verdict | None:
    """Return the verdict on a secret that is not the account's own to manage, None for any other."""
    if owner := secret.owner.value:
        return not_applicable(f"{owner} manages the secret", owner=owner)
    if primary := secret.primary_region.value:
        return not_applicable(f"a replica of the secret in {primary}, which is judged there", primary_region=primary)
    return None


@control(Severity.MEDIUM, fix=ROTATION)
def secretsmanager_secret_rotation_enabled(secret: Secret) -> Verdict:
    """Secrets rotate automatically.

    A secret that was copied is valid until it changes, and people seldom change one that works. Secrets that a service
    manages are not judged, and a replica has the value of its primary secret.
    """
    return _spared(secret) or require(
        secret.rotates.value,
        then="automatic rotation is enabled",
        otherwise="automatic rotation is not enabled",
        rotated_at=shown(secret.rotated_at),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Alarm on failed rotations with an EventBridge rule in every account.",
        asset="Correct the rotation function of secret {resource.name}, as its log shows, and rotate the secret.",
        command="aws secretsmanager rotate-secret --region {region} --secret-id {resource.arn}",
        preventive="Test rotation functions in the pipeline, with the network and the permissions that they have.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.RESTART,
        reversible=True,
    ),
)
def secretsmanager_secret_rotated_on_schedule(secret: Secret, account: AccountFacts) -> Verdict:
    """Rotation of secrets succeeds on schedule.

    Rotation fails without notice where its function has lost a permission or a network path; the secret then stays the
    same. A day is allowed beyond the date, because a rotation window may take as long.
    """
    if spared := _spared(secret):
        return spared
    due = secret.due_at.value
    if due is None:
        return not_applicable("the secret does not rotate")
    evidence = {"due_at": due, "rotated_at": shown(secret.rotated_at)}
    if account.now <= due + DAY:
        return passed(f"the next rotation is due on {due:%Y-%m-%d}", **evidence)
    return failed(f"rotation has been overdue since {due:%Y-%m-%d}", **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Review idle secrets each quarter, and delete those without an owner.",
        asset="Delete secret {resource.name}, which can be restored for 30 days, and revoke what it gives access to.",
        command="aws secretsmanager delete-secret --region {region} --secret-id {resource.arn} "
        "--recovery-window-in-days 30",
        preventive="Create secrets in the stack of the application that reads them, so that they are deleted with it.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def secretsmanager_secret_used_90_days(secret: Secret, account: AccountFacts) -> Verdict:
    """Secrets that were not read for 90 days are deleted.

    An unused secret still gives access to something, and nobody notices its theft. One that was never read counts from
    its creation; reads by a rotation function count as well.
    """
    if spared := _spared(secret):
        return spared
    used, created = secret.used_at.value, secret.created_at.value
    days = (account.now - (used or created)) // DAY
    said = f"last read {days} days ago" if used else f"never read since its creation {days} days ago"
    return require(
        days <= LONGEST_IDLE,
        then=said,
        otherwise=f"{said}; at most {LONGEST_IDLE} are allowed",
        used_at=used,
        created_at=created,
    )


@control(Severity.MEDIUM, fix=ROTATION)
def secretsmanager_secret_rotated_90_days(secret: Secret, account: AccountFacts) -> Verdict:
    """Secrets rotate at least every 90 days.

    The longer a value stays the same, the more copies of it exist. A secret without a rotation counts from its
    creation, because the date of its last change moves with its description and tags as well.
    """
    if spared := _spared(secret):
        return spared
    rotated, created = secret.rotated_at.value, secret.created_at.value
    days = (account.now - (rotated or created)) // DAY
    said = f"last rotated {days} days ago" if rotated else f"no rotation since its creation {days} days ago"
    return require(
        days <= LONGEST_UNCHANGED,
        then=said,
        otherwise=f"{said}; at most {LONGEST_UNCHANGED} are allowed",
        rotated_at=rotated,
        created_at=created,
    )
