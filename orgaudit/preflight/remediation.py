"""What to do about a refused call, from the cause that its message names."""

from __future__ import annotations

from orgaudit.model import Caller, Gap, GapReason
from orgaudit.settings.sections import AccessSettings

BY_CAUSE = (
    # The policy types are named by AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    ("service control policy", "Exempt {caller} or the role in the service control policy that denies sts:AssumeRole."),
    ("resource control policy", "Exempt {caller} in the resource control policy that denies sts:AssumeRole."),
    ("role trust policy", "Name {caller} in the trust policy of {role}{with_id}."),
    ("identity-based policy", "Allow sts:AssumeRole to {caller}; `orgaudit policy --for caller` prints the policy."),
    ("permissions boundary", "Allow sts:AssumeRole in the permissions boundary of {caller}."),
    ("session policy", "Call from a session whose policy allows sts:AssumeRole."),
    ("RegionDisabledException", "Set [access] sts_region to a region that the account has enabled."),
    ("PackedPolicyTooLarge", "Audit with fewer controls, or set [access] narrow_sessions to false."),
    ("rejects the session's keys", "Audit again; if the error persists, check the endpoint and the proxy."),
    ("MaxSessionDuration", "Raise the role's MaxSessionDuration, or lower [access] session_minutes."),
    ("clock may be wrong", "Set this machine's clock."),
    (
        ", so the role cannot be assumed",
        "Exclude the account with [scope] exclude_accounts, or have AWS Support reactivate it.",
    ),
)
"""A part of the message, and what to do about an account whose role could not be assumed; the first match counts."""

CREATE = (
    "Create {role} in the account with {means} of `orgaudit policy --format cloudformation`, or, if the role exists, "
    "name {caller} in its trust policy{with_id}; AWS does not report which of the two is missing."
)


def role_remediation(gap: Gap, access: AccessSettings, caller: Caller, *, is_management: bool = False) -> str:
    """Return what to do about a role that could not be assumed; StackSets do not deploy to the management account."""
    if gap.reason is not GapReason.ACCOUNT_UNAVAILABLE:
        return gap.reason.remediation(gap.action)
    with_id = " with the external id that was given" if access.external_id else ", or pass its --external-id"
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
    means = "a separate stack (a StackSet does not deploy to the management account)" if is_management else "a StackSet"
    found = next((text for sign, text in BY_CAUSE if sign.lower() in gap.message.lower()), CREATE)
    return found.format(role=access.role_name, caller=caller.arn, with_id=with_id, means=means)


def reading_remediation(gap: Gap, reader: str, *, is_role: bool) -> str:
    """Return what to do so that `reader`, a role that was named for it or the caller, can read the organization."""
    if gap.reason not in {GapReason.DENIED, GapReason.SCP_DENIED, GapReason.ACCOUNT_UNAVAILABLE}:
        return gap.reason.remediation(gap.action)
    if gap.action == "sts:AssumeRole":
        return f"Name the caller in the trust policy of {reader} and allow it sts:AssumeRole, or name another role_arn."
    if is_role:
        return f"Allow {gap.action} to {reader}; `orgaudit policy --for organization` prints the policy."
    return (
        f"Allow {gap.action} to {reader}, audit from the management account or a delegated administrator account, or "
        "name a role there in [organization] role_arn."
    )
