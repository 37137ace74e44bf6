"""What a refused call says about its cause, and what to do about it, in one sentence."""

from __future__ import annotations

from orgaudit.model import Caller, Gap, GapReason
from orgaudit.settings.sections import AccessSettings

ENTRY_MENDS = (
    # What AWS appends to "is not authorized to perform": IAM User Guide, "Troubleshoot access denied error messages".
    ("service control policy", "Exempt {caller} or the role in the service control policy that denies sts:AssumeRole."),
    ("resource control policy", "Exempt {caller} in the resource control policy that denies sts:AssumeRole."),
    ("role trust policy", "Let the trust policy of {role} name {caller}{with_id}."),
    ("identity-based policy", "Allow {caller} to do sts:AssumeRole; `orgaudit policy --for caller` prints the policy."),
    ("permissions boundary", "Allow sts:AssumeRole in the permissions boundary of {caller}."),
    ("session policy", "Call from a session whose policy allows sts:AssumeRole."),
    ("RegionDisabledException", "Set [access] sts_region to a region that the account has enabled."),
    ("PackedPolicyTooLarge", "Audit with fewer controls, or set [access] narrow_sessions to false."),
    (
        "rejects the session's keys",
        "Audit again; if it stays, look at the endpoint and the proxy between here and AWS.",
    ),
    ("MaxSessionDuration", "Raise the role's MaxSessionDuration, or lower [access] session_minutes."),
    ("is this machine's clock right?", "Set this machine's clock."),
)
"""What a refusal to enter may say, and what then to do; the first that fits."""

CREATE = (
    "Create {role} in the account with {means} of `orgaudit policy --format cloudformation`, or, where it is there, "
    "let it trust {caller}{with_id}; AWS does not say which is missing."
)


def mend_entry(gap: Gap, access: AccessSettings, caller: Caller, *, is_management: bool = False) -> str:
    """Return what to do about an account that could not be entered; the management account takes no StackSet."""
    if gap.reason is not GapReason.ACCOUNT_UNAVAILABLE:
        return gap.reason.mend(gap.action)
    with_id = " with the external id that was given" if access.external_id else ", or pass the --external-id it wants"
    means = "a stack of its own (a StackSet leaves the management account out)" if is_management else "a StackSet"
    found = next((mend for sign, mend in ENTRY_MENDS if sign.lower() in gap.message.lower()), CREATE)
    return found.format(role=access.role_name, caller=caller.arn, with_id=with_id, means=means)


def mend_reading(gap: Gap, reader: str, *, is_role: bool) -> str:
    """Return what to do so that `reader`, a role that was named for it or the caller, can read the organization."""
    if gap.reason not in {GapReason.DENIED, GapReason.SCP_DENIED, GapReason.ACCOUNT_UNAVAILABLE}:
        return gap.reason.mend(gap.action)
    if gap.action == "sts:AssumeRole":
        return f"Let {reader} trust the caller, and allow the caller to assume it, or name another role_arn."
    if is_role:
        return f"Allow {gap.action} to {reader}; `orgaudit policy --for organization` prints the policy."
    return (
        f"Allow {gap.action} to {reader}, audit from the management account or a delegated administrator's, or name a "
        "role there in [organization] role_arn."
    )
