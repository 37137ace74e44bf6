"""Controls on the password policy of an account's IAM users."""

from __future__ import annotations

from collections.abc import Callable

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.iam.passwords import PasswordPolicy
from orgaudit.model import Json, Severity, Verdict, failed, require, shown

DEFAULT = "no password policy is set, so AWS's default applies: 8 characters, no reuse blocked, no expiry"
LENGTH, REMEMBERED, AGE = 14, 24, 90


def _rule(
    name: str,
    title: str,
    *,
    why: str,
    option: str,
    judged: Callable[[PasswordPolicy], tuple[bool, str]],
    severity: Severity = Severity.LOW,
) -> Control:
    """Return the control on one rule of the policy: `judged` tells whether it holds, and says what was seen."""

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

    judge.__name__ = f"iam_password_policy_{name}"
    judge.__doc__ = f"{title}.\n\n{why}"
    whole = "aws iam update-account-password-policy --minimum-password-length 14 --password-reuse-prevention 24"
    fix = Fix(
        service_wide="Let people sign in through IAM Identity Center, and set one strict policy in every account from "
        "a template.",
        asset="Set the password policy of account {account}. The command replaces the whole policy: add the options "
        "that are to stay.",
        command=f"aws iam update-account-password-policy {option}",
        preventive="Deny iam:DeleteAccountPasswordPolicy and iam:UpdateAccountPasswordPolicy to all but the pipeline "
        "with a service control policy.",
        service_wide_command=whole,
    )
    return control(severity, fix=fix)(judge)


def _character(word: str, name: str, holds: Callable[[PasswordPolicy], bool]) -> Control:
    return _rule(
        f"{name}_required",
        f"Passwords need {word}",
        why="More kinds of characters make a password of the same length longer to guess.",
        option=f"--require-{name}s" if name in {"symbol", "number"} else f"--require-{name}-characters",
        judged=lambda policy: (holds(policy), f"passwords {'need' if holds(policy) else 'do not need'} {word}"),
    )


uppercase = _character("an uppercase letter", "uppercase", lambda policy: policy.uppercase.value)
lowercase = _character("a lowercase letter", "lowercase", lambda policy: policy.lowercase.value)
symbol = _character("a symbol", "symbol", lambda policy: policy.symbols.value)
number = _character("a number", "number", lambda policy: policy.numbers.value)
min_length = _rule(
    f"min_length_{LENGTH}",
    f"Passwords have {LENGTH} characters or more",
    why="Length protects a password best: every character more makes guessing dozens of times dearer.",
    option=f"--minimum-password-length {LENGTH}",
    judged=lambda policy: (
        policy.min_length.value >= LENGTH,
        f"the shortest password has {policy.min_length.value} characters",
    ),
    severity=Severity.MEDIUM,
)
reuse = _rule(
    f"reuse_{REMEMBERED}_blocked",
    f"The last {REMEMBERED} passwords cannot be used again",
    why="A password that became known stays useless only if its owner cannot return to it.",
    option=f"--password-reuse-prevention {REMEMBERED}",
    judged=lambda policy: (
        (policy.remembered or 0) >= REMEMBERED,
        f"{policy.remembered or 0} old passwords are blocked",
    ),
    severity=Severity.MEDIUM,
)
expiry = _rule(
    f"expires_{AGE}_days",
    f"Passwords expire within {AGE} days",
    why="A password that leaked unnoticed opens the door until it is changed; an end bounds that time.",
    option=f"--max-password-age {AGE}",
    judged=lambda policy: (
        0 < (policy.max_age_days.value or 0) <= AGE,
        f"passwords expire after {policy.max_age_days.value} days"
        if policy.max_age_days.value
        else "passwords never expire",
    ),
)
