"""AWS's identifiers as types that pydantic checks in files, and msgspec in AWS's answers."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

import msgspec
from pydantic import AfterValidator, BeforeValidator

from orgaudit.model import parse_arn


def account_id(value: object) -> object:
    """Return a 12-digit account id; one that a file holds as a number gets its leading zeros back."""
    text = f"{value:012d}" if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and not re.fullmatch(r"\d{12}", text, re.ASCII):
        raise ValueError(f"{text!r} is not an account id; write its 12 digits")
    return text


def _role_arn(arn: str) -> str:
    if parse_arn(arn)[1] != "iam" or not parse_arn(arn)[4].startswith("role/"):
        raise ValueError(f"{arn!r} is not the ARN of a role; write one such as arn:aws:iam::111122223333:role/Name")
    return arn


def _account_or_arn(text: str) -> str:
    if text.startswith("arn:"):
        parse_arn(text)
    else:
        account_id(text)
    return text


AnsweredAccountId: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12}$")]
AccountId: TypeAlias = Annotated[str, BeforeValidator(account_id)]
RoleArn: TypeAlias = Annotated[str, AfterValidator(_role_arn)]
AccountOrArn: TypeAlias = Annotated[str, AfterValidator(_account_or_arn)]
