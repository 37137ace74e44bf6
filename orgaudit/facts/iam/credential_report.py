"""The credential report, read once in an account: the state of each user's password, MFA and access keys."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from orgaudit.facts.declare import Aws, Detail, detail
from orgaudit.facts.iam.authorization import User
from orgaudit.facts.iam.root import Root
from orgaudit.model import Gap, GapReason, NotSeenError

ACTIONS = ("iam:GenerateCredentialReport", "iam:GetCredentialReport")
PAUSES = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 10.0, 10.0, 0.0)
"""Seconds to wait after each time that the report is not ready."""
NOT_READY = ("ReportNotPresent", "ReportInProgress", "ReportExpired")
NO_VALUE = frozenset({"", "n/a", "no_information", "not_supported"})
"""What the report holds in place of a value, in lower case.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html"""
ROOT_USER = "<root_account>"
SLOTS = (1, 2)


class KeySlot(msgspec.Struct, frozen=True):
    """One of a user's two places for an access key; the times are None where the key was never set or used."""

    slot: int
    active: bool
    rotated_at: datetime | None = None
    used_at: datetime | None = None


class CredentialRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the report. `password_enabled` is None where the report does not show it."""

    user: str
    arn: str
    created_at: datetime
    password_enabled: bool | None
    password_used_at: datetime | None = None
    password_changed_at: datetime | None = None
    mfa: bool
    keys: tuple[KeySlot, ...]

    @property
    def has_active_key(self) -> bool:
        """Whether one of the access keys works."""
        return any(key.active for key in self.keys)

    @property
    def last_used(self) -> dict[str, datetime]:
        """When each credential was used, by its name, for those that ever were."""
        used = {"password": self.password_used_at} | {f"access key {key.slot}": key.used_at for key in self.keys}
        return {name: at for name, at in used.items() if at is not None}

    @property
    def idle_since(self) -> dict[str, datetime]:
        """When each active credential was last used, or else set, by its name."""
        found = {
            f"access key {key.slot}": key.used_at or key.rotated_at or self.created_at
            for key in self.keys
            if key.active
        }
        if self.password_enabled:
            found["password"] = self.password_used_at or self.password_changed_at or self.created_at
        return dict(sorted(found.items()))


class CredentialReport(msgspec.Struct, frozen=True):
    """The whole report, up to four hours old, by the users' ARNs and for the root user by its name there.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateCredentialReport.html
    """

    generated_at: datetime
    rows: dict[str, CredentialRow]


class UserCredentials(Detail, frozen=True, kw_only=True):
    """A user's row of the credential report."""

    generated_at: datetime
    row: CredentialRow


class RootCredentials(Detail, frozen=True, kw_only=True):
    """The root user's row of the credential report."""

    generated_at: datetime
    row: CredentialRow


@detail(actions=ACTIONS)
async def user_credentials(aws: Aws, user: User) -> UserCredentials:
    """Return the user's row; a user who is newer than the report is a gap, as is a row without the password's state."""
    report = await aws.once(credential_report)
    row = report.rows.get(user.arn)
    if row is None:
        raise _missing(aws, f"the credential report of {report.generated_at:%Y-%m-%d %H:%M} has no row for this user")
    # The report shows TRUE or FALSE for every user; anything else is no evidence that there is no password:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
    if row.password_enabled is None:
        raise _missing(aws, "the credential report does not show whether this user has a password")
    return UserCredentials(arn=user.arn, generated_at=report.generated_at, row=row)


@detail(actions=ACTIONS)
async def root_credentials(aws: Aws, root: Root) -> RootCredentials:
    """Return the root user's row."""
    report = await aws.once(credential_report)
    row = report.rows.get(ROOT_USER)
    if row is None:
        raise _missing(aws, "the credential report has no row for the root user")
    return RootCredentials(arn=root.arn, generated_at=report.generated_at, row=row)


async def credential_report(aws: Aws) -> CredentialReport:
    """Return the report once AWS has generated it; raises NotSeenError after a minute."""
    for pause in PAUSES:
        state = (await aws.call("iam", "GenerateCredentialReport"))["State"]
        if state == "COMPLETE":
            answer = await aws.find("iam", "GetCredentialReport", NOT_READY)
            if answer is not None:
                found = {ROOT_USER if row.user == ROOT_USER else row.arn: row for row in report_rows(answer["Content"])}
                return CredentialReport(answer["GeneratedTime"], found)
        await asyncio.sleep(pause)
    message = f"AWS had not generated the credential report after {sum(PAUSES):.0f} seconds"
    raise NotSeenError(Gap(aws.account_id, aws.region, ACTIONS[1], GapReason.THROTTLED, message))


def _missing(aws: Aws, message: str) -> NotSeenError:
    return NotSeenError(Gap(aws.account_id, aws.region, ACTIONS[1], GapReason.MALFORMED, message))


def report_rows(content: bytes) -> Iterator[CredentialRow]:
    """Yield each row of the report, whichever other columns it has; raises ValueError or KeyError."""
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"))):
        created_at = _time(row["user_creation_time"])
        if created_at is None:
            raise ValueError(f"the report does not show when {row['user']} was created")
        yield CredentialRow(
            user=row["user"],
            arn=row["arn"],
            created_at=created_at,
            password_enabled=_flag(row["password_enabled"]),
            password_used_at=_time(row["password_last_used"]),
            password_changed_at=_time(row["password_last_changed"]),
            mfa=_flag(row["mfa_active"]) or False,
            keys=tuple(_key(row, slot) for slot in SLOTS),
        )


def _key(row: Mapping[str, str], slot: int) -> KeySlot:
    return KeySlot(
        slot=slot,
        active=_flag(row[f"access_key_{slot}_active"]) or False,
        rotated_at=_time(row[f"access_key_{slot}_last_rotated"]),
        used_at=_time(row[f"access_key_{slot}_last_used_date"]),
    )


def _flag(text: str) -> bool | None:
    """Return a truth value in any case, or None for one that is not shown; raises ValueError for other text."""
    folded = text.strip().lower()
    if folded in NO_VALUE:
        return None
    if folded not in {"true", "false"}:
        raise ValueError(f"{text!r} is not a truth value")
    return folded == "true"


def _time(text: str) -> datetime | None:
    """Return a time with its zone, or None for one that is not shown; raises ValueError for other text."""
    if text.strip().lower() in NO_VALUE:
        return None
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)
