"""What policies give of whole services and of decryption: held against a judge that tries every action on every key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from orgaudit.languages.iam_policy import Home, ServiceGrants, service_grants_of

OWN, OTHER = "111122223333", "444455556666"
HOME = Home("aws", OWN)
KEYS = [
    f"arn:aws:kms:{region}:{OWN}:key/{key}"
    for region in ("eu-west-1", "us-east-1", "me-central-1")
    for key in ("1a", "2b", "mrk-3c")
]
DECRYPTING = ("kms:decrypt", "kms:reencryptfrom")
SERVICES = {
    "kms": (*DECRYPTING, "kms:reencryptto", "kms:listkeys"),
    "s3": ("s3:getobject", "s3:listallmybuckets", "s3:putobject"),
    "iam": ("iam:getuser", "iam:passrole"),
    "sts": ("sts:assumerole", "sts:getcalleridentity"),
}
ACTIONS = (
    "*", "**", "*:*", "?*", "kms:*", "KMS:*", "kms:**", "kms:?*", "k?s:*", "*:Decrypt", "kms:Decrypt", "KMS:decrypt",
    "kms:Re*", "kms:ReEncrypt*", "kms:ReEncryptTo", "kms:ListKeys", "kms:De?rypt", "kms:D*t", "s3:*", "s3:Get*",
    "s3:GetObject", "iam:PassRole", "iam:*", "sts:Assume*",
)  # fmt: skip
RESOURCES = (
    "*", "**", "arn:*", "arn:aws:kms:*", f"arn:aws:kms:*:{OWN}:key/*", f"arn:aws:kms:*:{OWN}:*",
    "arn:aws:kms:*:*:key/*", f"arn:*:kms:*:{OWN}:key/*", f"arn:aws:kms:eu-west-1:{OWN}:key/*", KEYS[0],
    f"arn:aws:kms:us-*:{OWN}:key/*", f"arn:aws:kms:*:{OWN}:key/1a", f"arn:aws:kms:*:{OWN}:key/mrk-*",
    f"arn:aws:kms:*:{OTHER}:key/*", f"arn:aws:kms:*:{OWN}:alias/*", f"arn:aws-cn:kms:*:{OWN}:key/*", "arn:aws:s3:::*",
)  # fmt: skip
CONDITIONS: tuple[dict[str, Any], ...] = ({}, {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}})


def fits(pattern: str, text: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    """Whether a text is one that a pattern of a policy means."""
    meant = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(meant, text, flags) is not None


def allowed(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not any(fits(each, action, re.IGNORECASE) for each in statement["NotAction"])
    return any(fits(each, action, re.IGNORECASE) for each in statement["Action"])


def decrypts_with_every_key(statement: Mapping[str, Any]) -> bool:
    """Whether the statement is on each key; one with a NotResource is on every key that it does not name."""
    if statement["Effect"] == "Deny" or not any(allowed(statement, each) for each in DECRYPTING):
        return False
    if "NotResource" in statement:
        return any(not any(fits(each, key) for each in statement["NotResource"]) for key in KEYS)
    return all(any(fits(each, key) for each in statement["Resource"]) for key in KEYS)


def gives_a_service(statement: Mapping[str, Any]) -> bool:
    """Whether one value gives all actions of a service, or a NotAction leaves all actions of one."""
    if statement["Effect"] == "Deny":
        return False
    whole = SERVICES.values()
    if "NotAction" in statement:
        return any(all(allowed(statement, action) for action in actions) for actions in [*whole, ("zz:any", "zz:one")])
    return any(
        all(fits(value, action, re.IGNORECASE) for action in actions)
        for value in statement["Action"]
        for actions in whole
    )


def judged(found: Sequence[str]) -> set[int]:
    """The numbers of the statements that the clauses are on."""
    return {int(each.split()[1]) for each in found}


def values(options: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(options), min_size=1, max_size=3)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Deny"))),
        draw(st.sampled_from(("Action", "Action", "NotAction"))): draw(values(ACTIONS)),
        draw(st.sampled_from(("Resource", "Resource", "NotResource"))): draw(values(RESOURCES)),
        **draw(st.sampled_from(CONDITIONS)),
    }


def found_in(policy: list[dict[str, Any]]) -> ServiceGrants:
    return service_grants_of({"Version": "2012-10-17", "Statement": policy}, HOME)


@settings(max_examples=300)
@example([{"Effect": "Allow", "Action": ["kms:?*"], "Resource": ["*"]}])
@example([{"Effect": "Allow", "NotAction": ["*:*"], "Resource": ["*"]}])
@given(st.lists(statements(), min_size=1, max_size=3))
def test_each_statement_gives_what_the_judge_says(policy: list[dict[str, Any]]) -> None:
    found = found_in(policy)
    numbered = list(enumerate(policy, start=1))
    assert judged(found.decrypting) == {number for number, each in numbered if decrypts_with_every_key(each)}
    assert judged(found.services) == {number for number, each in numbered if gives_a_service(each)}
