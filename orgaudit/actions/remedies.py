"""What to do for an action, in the words and commands that its findings carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern

import duckdb
import msgspec

from orgaudit.actions.groups import Kind, is_of_organization
from orgaudit.actions.issues import Issue


class Command(msgspec.Struct, frozen=True):
    """One command, and the account in which it is run; without one, an account that manages the organization."""

    account_id: str
    account_name: str
    command: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do for all issues of an action; the first command is of the first issue, the most severe.

    `preventive` is what keeps the issues from coming back. `title` is that of the first issue's control.
    """

    text: str
    commands: tuple[Command, ...]
    preventive: str
    preventive_command: str | None
    controls: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class _Paths:
    """The remediation that one finding carries: its text and command for each path."""

    control: str
    title: str
    wide: str
    wide_command: str | None
    asset: str
    asset_command: str | None
    preventive: str
    preventive_command: str | None


_PATHS = """
    SELECT fingerprint, control, title, coalesce(remediation.service_wide.text, ''), remediation.service_wide.command,
           coalesce(remediation.asset.text, ''), remediation.asset.command,
           coalesce(remediation.preventive.text, ''), remediation.preventive.command
    FROM findings WHERE open AND fingerprint IN (SELECT unnest($1))
"""
_AT_ONCE = 5000


class Remedies:
    """What the findings of actions carry, by fingerprint; `names` are those of the accounts by id."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, fingerprints: Iterable[str], names: Mapping[str, str]
    ) -> None:
        self._names = names
        self._paths: dict[str, _Paths] = {}
        rows = connection.execute(_PATHS, [list(fingerprints)])
        while chunk := rows.fetchmany(_AT_ONCE):
            for row in chunk:
                self._paths[row[0]] = _Paths(*(text and intern(text) for text in row[1:]))

    def of(self, kind: Kind, issues: Sequence[Issue]) -> Remedy:
        """Return what to do for these issues, the whole of what an action of this kind closes."""
        ordered = sorted(issues, key=lambda issue: -issue.severity.rank)
        paths = [(issue, self._paths[name]) for issue in ordered for name in issue.fingerprints]
        first = paths[0][1]
        command = _wide_command(kind, ordered[0], first)
        is_wide = command is not None or (kind is Kind.SETTING and len(issues) > 1)
        return Remedy(
            text=first.wide if is_wide else first.asset,
            commands=tuple(dict.fromkeys(self._commands(kind, paths))),
            preventive=first.preventive,
            preventive_command=first.preventive_command,
            controls=tuple(sorted({each.control for _, each in paths})),
            title=first.title,
        )

    def _commands(self, kind: Kind, paths: Iterable[tuple[Issue, _Paths]]) -> Iterator[Command]:
        """Yield each finding's command for a kind; those of the organization name no account."""
        for issue, path in paths:
            command = _wide_command(kind, issue, path) or path.asset_command
            if command and kind is Kind.ORGANIZATION:
                yield Command("", "", command)
            elif command:
                yield Command(issue.account_id, self._names.get(issue.account_id, ""), command)


def _wide_command(kind: Kind, issue: Issue, path: _Paths) -> str | None:
    """Return the service-wide command where an action of this kind is made by it."""
    of_organization = is_of_organization(path.wide_command, issue.account_id)
    return path.wide_command if kind is (Kind.ORGANIZATION if of_organization else Kind.SETTING) else None
