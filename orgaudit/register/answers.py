"""What attestations answer: the requirement, the account, and who says so until when, on a date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date

from orgaudit.model import Account, EntryState
from orgaudit.register.attestations import Attestation, Attestations, state_of
from orgaudit.register.patterns import is_exact
from orgaudit.store.register_result import Answer, AttestationRow, Attested


def apply(attestations: Attestations, accounts: Iterable[Account], as_of: date) -> Attested:
    """Return what the attestations in force say for each account.

    Where several speak, the one that names accounts exactly wins, then one with patterns, then one for units; among
    equals the one attested last, then the greater id.
    """
    everybody = tuple(accounts)
    days = attestations.policy.expiring_days
    states = {entry.id: state_of(entry, as_of, days) for entry in attestations.entries}
    answers: dict[str, dict[str, Answer]] = {}
    spoken: dict[str, list[str]] = defaultdict(list)
    for entry in sorted(attestations.entries, key=_precedence):
        if states[entry.id].covers:
            said = answers.setdefault(entry.requirement, {})
            for account in filter(entry.answers, everybody):
                said[account.id] = _answer(entry, account)
                spoken[entry.id].append(account.id)
    rows = [_row(entry, states[entry.id], as_of, answers, spoken[entry.id]) for entry in attestations.entries]
    broken = [
        AttestationRow(id=it.id, requirement=it.requirement, state=EntryState.INVALID, attested_by=it.attested_by)
        for it in attestations.invalid
    ]
    return Attested(tuple(sorted((*rows, *broken), key=lambda row: row.id)), answers)


def _precedence(entry: Attestation) -> tuple[int, date, str]:
    """Return a key by which the attestation that wins comes last."""
    narrow = 0 if entry.accounts is None else 2 if all(map(is_exact, entry.accounts)) else 1
    return narrow, entry.attested_on, entry.id


def _answer(entry: Attestation, account: Account) -> Answer:
    return Answer(
        id=entry.id,
        requirement=entry.requirement,
        account_id=account.id,
        status=entry.status,
        attested_by=entry.attested_by,
        attested_on=entry.attested_on,
        expires_on=entry.expires_on,
    )


def _row(
    entry: Attestation,
    state: EntryState,
    as_of: date,
    answers: Mapping[str, Mapping[str, Answer]],
    spoken: Iterable[str],
) -> AttestationRow:
    winners = {account: answers[entry.requirement][account].id for account in spoken}
    return AttestationRow(
        id=entry.id,
        requirement=entry.requirement,
        state=state,
        status=entry.status.value,
        subject=entry.subject,
        attested_by=entry.attested_by,
        attested_on=entry.attested_on,
        expires_on=entry.expires_on,
        days_left=(entry.expires_on - as_of).days,
        evidence=entry.evidence,
        accounts=tuple(sorted(account for account, winner in winners.items() if winner == entry.id)),
        instead=tuple(sorted({winner for winner in winners.values() if winner != entry.id})),
    )
