"""The nouns of a second opinion: one finding of another tool, and what became of it beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Tool(StrEnum):
    """Whose findings are compared with ours."""

    SECURITY_HUB = "Security Hub"
    PROWLER = "Prowler"


class TheirStatus(StrEnum):
    """What another tool says about one resource; UNDECIDED is anything but a pass or a failure."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    UNDECIDED = "UNDECIDED"


class Left(StrEnum):
    """Why a finding of an export takes no part in a comparison."""

    ARCHIVED = "archived"
    OTHER_PRODUCT = "of another product or provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirFinding:
    """One finding of another tool. What it says is safe to show; `resource_id` is as the export has it.

    `names` are ids by which a control of ours may be found, the best first, and `check` is the one that is shown.
    Two checks of one `standard` ask different questions. `said` is the status in the tool's own word. `excepted` is
    whether the tool was told to accept it.
    """

    check: str
    names: tuple[str, ...]
    standard: str
    account_id: str
    region: str
    resource_id: str
    resource_type: str = ""
    status: TheirStatus
    said: str
    excepted: bool = False
    reason: str = ""
    date: str = ""


class Why(StrEnum):
    """Why only one of the two sides has an answer, in words that follow a count."""

    ACCOUNT = "account is not in the run"
    NO_CONTROL = "check has no control of ours"
    NOT_RUN = "our control was not in the run"
    REGION = "region was not audited by us"
    NOT_ASSESSED = "not assessed by us"
    MANUAL = "left to a person by us"
    OTHER_UNIT = "judged by us per account or region, or the reverse"
    RESOURCE = "resource is not in our answer"
    NO_CHECK = "they have no check for our control"
    CHECK_ABSENT = "their check is not in the export"
    ACCOUNT_ABSENT = "account is not in the export"
    REGION_ABSENT = "region of the account is not in the export"
    UNDECIDED = "not decided by them"
    PART = "their checks in the export look at a part of it"
    RESOURCE_ABSENT = "resource is not in the export"


class Outcome(StrEnum):
    """What became of one question about one resource."""

    AGREEMENT = "agreement"
    DISAGREEMENT = "disagreement"
    CONTRADICTION = "contradiction"
    UNDECIDED = "undecided by both"
    THEIRS_ONLY = "only theirs"
    OURS_ONLY = "only ours"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the comparison: a control or several that together answer a check, on one resource.

    `ours` and `theirs` are statuses, empty where that side has none; theirs is CONTRADICTION where it has both.
    `evidence` is JSON. `known` is what is known of how the tools differ here.
    """

    outcome: Outcome
    why: Why | None = None
    controls: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    account_id: str
    region: str
    resource: str
    ours: str = ""
    our_reason: str = ""
    evidence: msgspec.Raw = msgspec.Raw(b"{}")
    our_exception: str = ""
    theirs: str = ""
    their_reason: str = ""
    their_exception: bool = False
    their_date: str = ""
    known: str = ""
