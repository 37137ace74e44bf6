"""What an exception covers: the selection of controls, accounts, regions and resources that its scope writes down."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orgaudit.model import Account
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.settings.identifiers import account_id
from orgaudit.settings.sections import Section, Text


def _pattern(text: str) -> str:
    Patterns([text])
    return text


def _account_pattern(value: object) -> object:
    is_pattern = isinstance(value, str) and (value.startswith("regex:") or set(value) & set("*?["))
    return value if is_pattern else account_id(value)


Pattern: TypeAlias = Annotated[Text, AfterValidator(_pattern)]
PatternList: TypeAlias = Annotated[tuple[Pattern, ...], Field(min_length=1)]
AccountPatterns: TypeAlias = Annotated[
    tuple[Annotated[Pattern, BeforeValidator(_account_pattern)], ...], Field(min_length=1)
]
TagPatterns: TypeAlias = Annotated[dict[str, Pattern], Field(min_length=1)]


class Selection(Section):
    """What must hold of a finding: every key that is given, by any one of its patterns (tags: by all of them)."""

    controls: PatternList | None = None
    accounts: AccountPatterns | None = None
    ous: PatternList | None = None
    account_tags: TagPatterns | None = None
    regions: PatternList | None = None
    resources: PatternList | None = None
    resource_tags: TagPatterns | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                "is empty; name controls, accounts, ous, account_tags, regions, resources or resource_tags"
            )
        return self

    @property
    def all_controls(self) -> bool:
        """Whether no control is left out."""
        return self.controls is None or any(_match_all(self.controls, samples) for samples in _CONTROLS)

    @property
    def all_accounts(self) -> bool:
        """Whether no account is left out; the organization's root as a unit leaves none out."""
        named = self.accounts is not None and not _match_all(self.accounts, _ACCOUNTS)
        in_units = self.ous is not None and not any(map(_is_root, self.ous))
        return not (named or in_units or self.account_tags is not None)

    def __str__(self) -> str:
        return "; ".join(
            f"{key}: {_listed(value)}" for key, value in self if value is not None and not isinstance(value, Selection)
        )


class ExceptionScope(Selection):
    """What an exception covers: a selection, and what is left out of it again."""

    exclusion: Selection | None = Field(default=None, alias="except")

    def __str__(self) -> str:
        return super().__str__() + ("" if self.exclusion is None else f"; except ({self.exclusion})")


def units_of(account: Account) -> tuple[str, ...]:
    """Return the ids of the units that hold an account, and the path of each: Root, Root/Workloads …"""
    return _units(account.ou_ids, account.ou_path)


@lru_cache(maxsize=4096)
def _units(ids: tuple[str, ...], path: str) -> tuple[str, ...]:
    parts = path.split("/") if path else []
    return (*ids, *("/".join(parts[: depth + 1]) for depth in range(len(parts))))


# Whether a pattern matches everything is judged by values as unlike each other as their kind allows.
_CONTROLS = (
    ("iam_user_mfa_enabled", "s3_bucket_versioned", "z_z"),
    ("cis_2.0:3.4", "nist_800_53_r5:AU-2(b)", "zz:1"),
    ("EC2.7", "CloudTrail.10", "Zz.1"),
)
_ACCOUNTS = ("000000000000", "123456789012", "999999999999")
_ROOTS = ("Root", "r-0000", "r-a1b2c3")


def _match_all(patterns: tuple[str, ...], samples: tuple[str, ...]) -> bool:
    return all(map(Patterns(pattern for pattern in patterns if not is_exact(pattern)).match, samples))


def _is_root(pattern: str) -> bool:
    return Patterns([pattern]).match_any(_ROOTS) or re.fullmatch(r"r-[0-9a-z]{4,32}", pattern) is not None


def _listed(value: tuple[str, ...] | dict[str, str]) -> str:
    return ", ".join(f"{key}={text}" for key, text in value.items()) if isinstance(value, dict) else ", ".join(value)
