"""What people attest of the requirements that the run leaves to them, and where it does not fit what the run found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

import duckdb
import msgspec

from orgaudit.store.register_result import Answer, AttestationRow, Attested, AttestedStatus


class Standing(msgspec.Struct, frozen=True):
    """What the answers make of a requirement: its status, and the accounts by answer."""

    status: str
    failing: int
    passing: int
    not_applicable: int


class ManualReview(msgspec.Struct, frozen=True):
    """The attestations of the register with what each does in the run, and the answers for single accounts."""

    attestations: tuple[AttestationScore, ...] = ()
    answers: tuple[Answer, ...] = ()


class AttestationScore(msgspec.Struct, frozen=True):
    """One attestation and what it does; `contradicted` are accounts that it calls passing while findings fail there."""

    entry: AttestationRow
    effect: str
    contradicted: tuple[str, ...]


class Judged(Protocol):
    """A requirement as the run alone judges it."""

    @property
    def framework(self) -> str:
        """Return the framework's id."""

    @property
    def id(self) -> str:
        """Return its id in the framework."""

    @property
    def status(self) -> str:
        """Return what the run says of it."""


_FAILING = """
    SELECT DISTINCT framework || ':' || id, account_id
    FROM (SELECT framework, id, unnest(controls) AS control FROM requirements) JOIN coverage USING (control)
    WHERE failed > 0
"""


def standing(answers: Mapping[str, Answer], accounts: int) -> Standing:
    """Return what answers for some of so many accounts make of a requirement.

    It fails where any account fails. An account without an answer leaves it MANUAL.
    """
    counts = Counter(answer.status for answer in answers.values())
    if counts[AttestedStatus.FAIL]:
        status = "FAIL"
    elif counts.total() < accounts:
        status = "MANUAL"
    else:
        status = "PASS" if counts[AttestedStatus.PASS] else "NOT_APPLICABLE"
    return Standing(
        status, counts[AttestedStatus.FAIL], counts[AttestedStatus.PASS], counts[AttestedStatus.NOT_APPLICABLE]
    )


def failing_accounts(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the accounts with findings that fail a control of a requirement, by framework:requirement."""
    found: dict[str, set[str]] = {}
    for requirement, account in connection.execute(_FAILING).fetchall():
        found.setdefault(requirement, set()).add(account)
    return found


def review(judged: Iterable[Judged], attested: Attested, failing: Mapping[str, set[str]]) -> ManualReview:
    """Return what every attestation does to the requirements as the run alone judged them."""
    statuses = {f"{score.framework}:{score.id}": str(score.status) for score in judged}
    scores = tuple(_score(row, statuses.get(row.requirement), failing) for row in attested.rows)
    answers = tuple(
        answer
        for requirement in sorted(attested.answers)
        if statuses.get(requirement) == "MANUAL"
        for _, answer in sorted(attested.answers[requirement].items())
    )
    return ManualReview(scores, answers)


def _score(row: AttestationRow, status: str | None, failing: Mapping[str, set[str]]) -> AttestationScore:
    passing = row.status == AttestedStatus.PASS and status == "MANUAL"
    contradicted = sorted(failing.get(row.requirement, set()) & set(row.accounts)) if passing else []
    return AttestationScore(row, _effect(row, status, contradicted), tuple(contradicted))


def _effect(row: AttestationRow, status: str | None, contradicted: list[str]) -> str:
    if not row.state.covers:
        return f"Answers nothing: it is {row.state}."
    if status is None:
        return "Answers nothing: the run does not ask for this requirement."
    if status != "MANUAL":
        return f"Answers nothing: the run itself says {status}."
    if not row.accounts:
        other = f"{', '.join(row.instead)} is more specific or later" if row.instead else "none of its accounts is here"
        return f"Answers nothing: {other}."
    if contradicted:
        return f"Says pass, but findings fail in {len(contradicted)} of {len(row.accounts)} accounts: review it."
    return f"Answers for {len(row.accounts)} accounts."
