"""Controls on the password policy of an account's IAM users."""

from __future__ import annotations

from collections.abc import Callable

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.passwords import PasswordPolicy
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, require, shown
from orgaudit.words import counted

DEFAULT = "no password policy is set, so the AWS default applies: 8 characters, no reuse prevention, no expiry"
LENGTH, REMEMBERED, AGE = 14, 24, 90


def _rule(
    name: str,
    title: str,
    *,
    rationale: str,
    option: str,
    judged: Callable[[PasswordPolicy], tuple[bool, str]],
    severity: Severity = Severity.LOW,
) -> Control:
    """Return the control on one rule of the policy; `judged` returns whether it holds, and the reason."""

    def judge(policy: PasswordPolicy) -> Verdict:
        if not policy.exists:
            return failed(DEFAULT, exists=False)
        holds, said = judged(policy)
        evidence: dict[str, Json] = {
            "min_length": shown(policy.min_length),
            "remembered": policy.remembered,
            "max_age_days": shown(policy.max_age_days),
        }
        return require(holds, then=said, otherwise=said, **evidence)

    whole = (
        f"aws iam update-account-password-policy --minimum-password-length {LENGTH} --require-symbols "
        "--require-numbers --require-uppercase-characters --require-lowercase-characters "
        f"--max-password-age {AGE} "
    )
    fix = Fix(
        service_wide="Let people sign in through IAM Identity Center, and deploy one strict policy to every account "
        "from a template.",
        asset="Set the password policy of account {account}. The command replaces the whole policy: add the options "
        "that must be kept.",
        command=f"aws iam update-account-password-policy {option}",
        preventive="Deny iam:DeleteAccountPasswordPolicy and iam:UpdateAccountPasswordPolicy to all but the pipeline "
        "with a service control policy.",
        service_wide_command=f"{whole}--password-reuse-prevention {REMEMBERED}",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    )
    family = "iam_password_policy"
    return control(severity, fix=fix, id=name, title=title, rationale=rationale, family=family)(judge)


def _character(name: str, kind: str, option: str, holds: Callable[[PasswordPolicy], bool]) -> Control:
    return _rule(
        name,
        f"Passwords require {kind}",
        rationale="More types of characters increase the effort of guessing a password of the same length.",
        option=option,
        judged=lambda policy: (holds(policy), f"passwords {'require' if holds(policy) else 'do not require'} {kind}"),
    )


iam_password_policy_uppercase_required = _character(
    "iam_password_policy_uppercase_required",
    "an uppercase letter",
    "--require-uppercase-characters",
    lambda policy: policy.uppercase.value,
)
iam_password_policy_lowercase_required = _character(
    "iam_password_policy_lowercase_required",
    "a lowercase letter",
    "--require-lowercase-characters",
    lambda policy: policy.lowercase.value,
)
iam_password_policy_symbol_required = _character(
    "iam_password_policy_symbol_required", "a symbol", "--require-symbols", lambda policy: policy.symbols.value
)
iam_password_policy_number_required = _character(
    "iam_password_policy_number_required", "a number", "--require-numbers", lambda policy: policy.numbers.value
)
iam_password_policy_min_length_14 = _rule(
    "iam_password_policy_min_length_14",
    f"Passwords have at least {LENGTH} characters",
    rationale="Length protects a password best: each further character multiplies the effort of guessing it.",
    option=f"--minimum-password-length {LENGTH}",
    judged=lambda policy: (
        policy.min_length.value >= LENGTH,
        f"the minimum length is {policy.min_length.value} characters",
    ),
    severity=Severity.MEDIUM,
)
iam_password_policy_reuse_24_blocked = _rule(
    "iam_password_policy_reuse_24_blocked",
    f"The last {REMEMBERED} passwords cannot be reused",
    rationale="Reuse prevention stops users from returning to a password that was compromised.",
    option=f"--password-reuse-prevention {REMEMBERED}",
    judged=lambda policy: (
        (policy.remembered or 0) >= REMEMBERED,
        f"previous passwords that cannot be reused: {policy.remembered or 0}",
    ),
    severity=Severity.MEDIUM,
)
iam_password_policy_expires_90_days = _rule(
    "iam_password_policy_expires_90_days",
    f"Passwords expire within {AGE} days",
    rationale="Expiry limits the time in which a password that leaked unnoticed can be used.",
    option=f"--max-password-age {AGE}",
    judged=lambda policy: (
        0 < (policy.max_age_days.value or 0) <= AGE,
        f"passwords expire after {counted(policy.max_age_days.value, 'day')}"
        if policy.max_age_days.value
        else "passwords never expire",
    ),
)
